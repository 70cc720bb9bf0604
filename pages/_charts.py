"""Figures of one mole over its visits: plain data in, a Plotly figure out; nothing is drawn here.

Colours are the theme's own (.streamlit/config.toml), by the names that st.plotly_chart(theme="streamlit") fills in the
browser, so that one figure serves the light and the dark page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from html import escape
from itertools import groupby, pairwise

import plotly.graph_objects as go
from plotly.subplots import make_subplots
from streamlit.elements.lib import streamlit_plotly_theme as theme

from pages._parts import format_date, percent
from pages._words import area_words, said
from services.fields import today
from services.views import Finding, Timeline, VisitView

TEAL, VERMILION, BLUE, GREY, TEXT = theme.CATEGORY_0, theme.CATEGORY_3, theme.CATEGORY_4, theme.CATEGORY_5, theme.GRAY_90
CALL_COLORS = {"benign": TEAL, "malignant": VERMILION}
BAND_STRENGTH = {"low": 0.03, "medium": 0.09, "high": 0.18}
INTERVAL_STRENGTH = 0.25
FOOT = -0.035  # of the axis: below zero, where a cross cannot be read as a value

TEMPLATE = go.layout.Template(
    layout={
        "hovermode": "closest",
        "hoverdistance": 30,  # px: a thumb need not hit the point itself
        "showlegend": False,
        "margin": {"l": 0, "r": 16, "t": 24, "b": 0},
        "xaxis": {"showgrid": False, "fixedrange": True, "automargin": True, "ticks": "outside"},
        "yaxis": {"zeroline": False, "fixedrange": True, "automargin": True, "nticks": 6},
    }
)
CONFIG = {"displayModeBar": False}  # for st.plotly_chart
PANEL_HEIGHT = 320  # px


def area_over_visits(timeline: Timeline) -> go.Figure:
    """Lesion area by date: mm² where a photo carries a scale, % of the frame where not, each in a panel of its own."""
    findings = [visit.finding for visit in timeline.visits if visit.finding]
    panels: list[tuple[str, str, Callable[[Finding], float | None]]] = []
    if any(finding.area_mm2 is not None for finding in findings):
        panels.append(("Area, mm²", " mm²", lambda finding: finding.area_mm2))
    if not panels or any(finding.area_mm2 is None for finding in findings):
        panels.append(("Area, % of the frame", " %", lambda finding: 100 * finding.area_fraction if finding.area_mm2 is None else None))
    figure = make_subplots(rows=len(panels), shared_xaxes=True, vertical_spacing=0.08)
    for row, (title, unit, value_of) in enumerate(panels, start=1):
        values = [value_of(visit.finding) if visit.finding else None for visit in timeline.visits]
        top = 1.25 * max((value for value in values if value), default=1.0)
        for trace in (_line(timeline.visits, values, unit), *_marks(timeline.visits, top)):
            figure.add_trace(trace, row=row, col=1)
        figure.update_yaxes(title_text=title, range=[2 * FOOT * top, top], row=row, col=1)
    return _finish(figure, timeline, height=PANEL_HEIGHT * len(panels))


def probability_over_visits(timeline: Timeline, bands: Sequence[tuple[float, float, str, str]] = ()) -> go.Figure:
    """Malignancy probability by date in %, its interval as a soft band, over the quiet `bands` (low, high, call, confidence)."""
    values = [100 * visit.finding.malignant_probability if visit.finding else None for visit in timeline.visits]
    figure = go.Figure([*_intervals(timeline.visits), _line(timeline.visits, values, " %", ".0f"), *_marks(timeline.visits, 100)])
    for low, high, call, confidence in bands:
        figure.add_hrect(100 * low, 100 * high, fillcolor=CALL_COLORS[call], opacity=BAND_STRENGTH[confidence], line_width=0, layer="below")
        _beside(figure, confidence.capitalize(), 50 * (low + high))
    for call, group in groupby(bands, key=lambda band: band[2]):
        edges = [edge for band in group for edge in band[:2]]
        _beside(figure, call.capitalize(), 50 * (edges[0] + edges[-1]), xshift=46, textangle=90)
    edges = sorted({100 * edge for band in bands for edge in band[:2]}) or [0, 50, 100]
    figure.update_yaxes(title_text="Probability of malignancy, %", range=[200 * FOOT, 101], tickvals=edges, showgrid=False)
    return _finish(figure, timeline, height=PANEL_HEIGHT).update_layout(margin_r=66)


def selected_visit(selection: dict | None) -> int | None:
    """The visit whose point was tapped, from the `selection` that st.plotly_chart gives back; None where none was."""
    points = (selection or {}).get("points") or [{}]
    data = points[0].get("customdata")
    return int(data[0]) if data else None


def _line(visits: Sequence[VisitView], values: Sequence[float | None], unit: str, digits: str = ".3g") -> go.Scatter:
    """A point a visit, broken where a visit has no value; the newest says its number."""
    newest = max((i for i, value in enumerate(values) if value is not None), default=None)
    return _points(
        visits, values, _said, name="measured", mode="lines+markers+text", connectgaps=False,
        line={"color": TEAL, "width": 2}, marker={"color": TEAL, "size": 11 if len(visits) <= 40 else 5},
        text=[f"<b>{value:{digits}}{unit}</b>" if i == newest else "" for i, value in enumerate(values)], textposition="top center",
    )


def _marks(visits: Sequence[VisitView], top: float) -> Iterator[go.Scatter]:
    """Crosses under the axis where a visit gave no finding, flags along the top where a doctor wrote."""
    if gaps := [visit for visit in visits if visit.finding is None]:
        cross = {"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": GREY}}
        yield _points(gaps, [FOOT * top] * len(gaps), _said, name="gap", mode="markers", marker=cross)
    if noted := [visit for visit in visits if visit.notes]:
        flag = {"symbol": "triangle-right", "size": 12, "color": BLUE}
        yield _points(noted, [0.96 * top] * len(noted), _note, name="note", mode="markers", marker=flag)


def _points(visits: Sequence[VisitView], heights: Sequence[float | None], words: Callable[[VisitView], str], **look) -> go.Scatter:
    return go.Scatter(
        x=[visit.visited_on for visit in visits], y=list(heights), customdata=[[visit.id, words(visit)] for visit in visits],
        hovertemplate="%{customdata[1]}<extra></extra>", cliponaxis=False,
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}}, **look,
    )


def _intervals(visits: Sequence[VisitView]) -> Iterator[go.Scatter]:
    """A soft band through each unbroken run of visits; an upright stroke where a run is one visit."""
    for _, run in groupby(visits, key=lambda visit: visit.finding is not None):
        found = [(visit.visited_on, visit.finding.interval) for visit in run if visit.finding]
        days = [day for day, _ in found]
        edge = [100 * high for _, (_, high) in found] + [100 * low for _, (low, _) in reversed(found)]
        look = {"fill": "toself", "fillcolor": TEAL, "line_width": 0} if len(found) > 1 else {"line": {"width": 8, "color": TEAL}}
        if found:
            look |= {"mode": "lines", "hoverinfo": "skip", "name": "interval", "opacity": INTERVAL_STRENGTH}
            yield go.Scatter(x=days + days[::-1], y=edge, **look)


def _beside(figure: go.Figure, text: str, y: float, **place) -> None:
    """A band's name in the right margin, clear of the points."""
    figure.add_annotation(x=1, xref="paper", xanchor="left", y=y, text=text, showarrow=False, font_size=11, **place)


def _said(visit: VisitView) -> str:
    numbers = f"<br>{percent(visit.finding.malignant_probability)}, {area_words(visit.finding)}" if visit.finding else ""
    return f"<b>{format_date(visit.visited_on)}</b><br>{said(visit)}{numbers}"


def _note(visit: VisitView) -> str:
    return f"<b>{format_date(visit.visited_on)}</b><br>Note of {escape(visit.notes[-1].author)}"


def _finish(figure: go.Figure, timeline: Timeline, height: int) -> go.Figure:
    """Template, and a date axis where few visits are labelled by their own dates, many by months that fit on a phone."""
    days = [visit.visited_on for visit in timeline.visits] or [today()]
    span = (days[-1] - days[0]).days
    pad = timedelta(days=max(7, round(0.08 * span)))
    if all((after - before).days >= 0.3 * span for before, after in pairwise(days)):
        ticks = {"tickvals": days, "tickformat": "%-d %b\n%Y"}
    elif span < 75:
        ticks = {"dtick": 14 * 86_400_000, "tickformat": "%-d %b\n%Y"}  # two weeks, in ms
    else:
        ticks = {"dtick": f"M{next((months for months in (1, 2, 3, 6, 12, 24) if span <= 155 * months), 60)}", "tickformat": "%b\n%Y"}
    figure.update_xaxes(range=[days[0] - pad, days[-1] + pad], **ticks)
    text = {"tickfont_color": TEXT, "title_font_color": TEXT}
    return figure.update_xaxes(**text).update_yaxes(**text).update_layout(template=TEMPLATE, height=height, font_color=TEXT)
