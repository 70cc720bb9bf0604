"""Figures of one mole over its visits: plain data in, a Plotly figure out; nothing is drawn here.

Colours are the theme's own (.streamlit/config.toml), by the names that st.plotly_chart(theme="streamlit") fills in the
browser, so that one figure serves the light and the dark page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from html import escape
from itertools import groupby, pairwise

import pandas  # noqa: F401  whole before the first figure: Plotly asks for its types where another page has only begun to import it
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from streamlit.elements.lib import streamlit_plotly_theme as theme

from pages._parts import format_date, preferences
from pages._words import said, waits_for_reader
from services.evolution import Evolution, Line
from services.fields import today
from services.views import VisitView
from services.words import percent

TEAL, VERMILION, BLUE, GREY, TEXT = theme.CATEGORY_0, theme.CATEGORY_3, theme.CATEGORY_4, theme.CATEGORY_5, theme.GRAY_90
CALL_COLORS = {"benign": TEAL, "malignant": VERMILION}
BAND_STRENGTH = {"low": 0.03, "medium": 0.09, "high": 0.18}
ERROR_STRENGTH = 0.25
APART = 8  # %: numbers of the probability's axis
NAMED = 4  # %: a band that is less high has no room for its name
FOOT = -0.035  # of the axis: below zero, where a cross cannot be read as a value
HEADS = {"note": 0.96, "review": 0.90}  # of the axis: where flags stand
FLAGS = {"note": {"symbol": "triangle-right", "size": 12, "color": BLUE}, "review": {"symbol": "diamond", "size": 12, "color": BLUE}}

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
SMALL_HEIGHT = 190


def over_visits(evolution: Evolution, name: str) -> go.Figure:
    """A quantity by date with its error as a soft band; what has other units has panels of its own, never one line."""
    lines = evolution.lines_of(name)
    figure = make_subplots(rows=len(lines), shared_xaxes=True, vertical_spacing=0.08)
    for row, line in enumerate(lines, start=1):
        top = 1.2 * line.top
        for trace in (*_bands(evolution, line), _points_of(evolution, line), *_marks(evolution, top)):
            figure.add_trace(trace, row=row, col=1)
        title = f"{line.label}, {line.unit}" if line.unit else line.label
        figure.update_yaxes(title_text=title, range=[2 * FOOT * top, top], row=row, col=1)
    return _finish(figure, evolution, height=PANEL_HEIGHT * len(lines))


def probability_over_visits(evolution: Evolution, bands: Sequence[tuple[float, float, str, str]] = ()) -> go.Figure:
    """Malignancy probability by date in %, its interval as a soft band, over the quiet `bands` (low, high, call, confidence)."""
    (line,) = evolution.lines_of("probability")
    figure = go.Figure([*_bands(evolution, line), _points_of(evolution, line, ".0f"), *_marks(evolution, 100)])
    for low, high, call, confidence in bands:
        figure.add_hrect(100 * low, 100 * high, fillcolor=CALL_COLORS[call], opacity=BAND_STRENGTH[confidence], line_width=0, layer="below")
        if 100 * (high - low) >= NAMED:
            _beside(figure, confidence.capitalize(), 50 * (low + high))
    for call, group in groupby(bands, key=lambda band: band[2]):
        edges = [edge for band in group for edge in band[:2]]
        _beside(figure, call.capitalize(), 50 * (edges[0] + edges[-1]), xshift=46, textangle=90)
    edges = sorted({100 * edge for band in bands for edge in band[:2]}) or [0, 50, 100]
    # Numbers nearer to an end of the scale than its own would be written over it; the bands' names stand there too.
    told = [edge for edge in edges if edge in (0, 100) or APART <= edge <= 100 - APART]
    figure.update_yaxes(title_text="Probability of malignancy, %", range=[200 * FOOT, 101], tickvals=told, showgrid=False)
    return _finish(figure, evolution, height=PANEL_HEIGHT).update_layout(margin_r=66)


def small_multiple(evolution: Evolution, name: str) -> go.Figure:
    """One of the ABCD quantities, small, to stand beside the others: same dates, no marks."""
    line = evolution.lines_of(name)[-1]
    low, high = min(0.0, line.foot), line.top
    pad = 0.15 * (high - low) or 1.0
    figure = go.Figure([*_bands(evolution, line), _points_of(evolution, line)])
    figure.update_yaxes(range=[low - pad if low < 0 else 0, high + 2 * pad], nticks=4)
    figure.update_traces(textposition="top left", selector={"name": "measured"})  # to its right a small plot ends
    if all(value is None for value in line.values):
        place = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
        figure.add_annotation(text="cannot be compared", showarrow=False, font_color=TEXT, **place)
    return _finish(figure, evolution, height=SMALL_HEIGHT, labels=2)


def selected_visit(selection: dict | None) -> int | None:
    """The visit whose point was tapped, from the `selection` that st.plotly_chart gives back; None where none was."""
    points = (selection or {}).get("points") or [{}]
    data = points[0].get("customdata")
    return int(data[0]) if data else None


def _points_of(evolution: Evolution, line: Line, digits: str = ".3g") -> go.Scatter:
    """A point a visit, broken where a visit has no value; the newest says its number."""
    visits, values = evolution.visits, line.values
    newest = max((i for i, value in enumerate(values) if value is not None), default=None)
    unit = f" {line.unit.split()[0]}" if line.unit else ""
    return _points(
        visits, values, lambda visit: _said(evolution, visit), name="measured", mode="lines+markers+text", connectgaps=False,
        line={"color": TEAL, "width": 2}, marker={"color": TEAL, "size": 11 if len(visits) <= 40 else 5},
        text=[f"<b>{value:{digits}}{unit}</b>" if i == newest else "" for i, value in enumerate(values)], textposition="top center",
    )


def _marks(evolution: Evolution, top: float) -> Iterator[go.Scatter]:
    """Crosses under the axis where a visit gave no finding, open circles where the reader is to judge the photo before they see it, flags
    along the top where a doctor wrote or judged."""
    gaps = [visit for visit in evolution.visits if visit.finding is None]
    for name, symbol, waits in (("gap", "x-thin", False), ("waits", "circle-open", True)):
        if shown := [visit for visit in gaps if waits_for_reader(visit) is waits]:
            sign = {"symbol": symbol, "size": 9, "line": {"width": 2, "color": GREY}, "color": GREY}
            yield _points(shown, [FOOT * top] * len(shown), lambda visit: _said(evolution, visit), name=name, mode="markers", marker=sign)
    for kind, height in HEADS.items():
        words = {marker.visit_id: f"{escape(marker.words)} ({escape(marker.who)})" for marker in evolution.markers if marker.kind == kind}
        if marked := [visit for visit in evolution.visits if visit.id in words]:
            shown = {visit.id: f"<b>{format_date(visit.visited_on)}</b><br>{words[visit.id]}" for visit in marked}
            yield _points(
                marked, [height * top] * len(marked), lambda visit, shown=shown: shown[visit.id],
                name=kind, mode="markers", marker=FLAGS[kind],
            )


def _points(visits: Sequence[VisitView], heights: Sequence[float | None], words: Callable[[VisitView], str], **look) -> go.Scatter:
    return go.Scatter(
        x=[visit.visited_on for visit in visits], y=list(heights), customdata=[[visit.id, words(visit)] for visit in visits],
        hovertemplate="%{customdata[1]}<extra></extra>", cliponaxis=False,
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}}, **look,
    )


def _bands(evolution: Evolution, line: Line) -> Iterator[go.Scatter]:
    """The error as a soft band through each unbroken run of visits; an upright stroke where a run is one visit."""
    numbers = list(zip(evolution.visits, line.lows, line.highs, strict=True))
    for there, run in groupby(numbers, key=lambda number: number[1] is not None):
        if not there:
            continue
        found: list[tuple[date, float, float]] = [(visit.visited_on, low, high) for visit, low, high in run]
        days = [day for day, _, _ in found]
        edge = [high for _, _, high in found] + [low for _, low, _ in reversed(found)]
        look = {"fill": "toself", "fillcolor": TEAL, "line_width": 0} if len(found) > 1 else {"line": {"width": 8, "color": TEAL}}
        look |= {"mode": "lines", "hoverinfo": "skip", "name": "error", "opacity": ERROR_STRENGTH}
        yield go.Scatter(x=days + days[::-1], y=edge, **look)


def _beside(figure: go.Figure, text: str, y: float, **place) -> None:
    """A band's name in the right margin, clear of the points."""
    figure.add_annotation(x=1, xref="paper", xanchor="left", y=y, text=text, showarrow=False, font_size=11, **place)


def _said(evolution: Evolution, visit: VisitView) -> str:
    numbers = f"<br>{percent(visit.finding.malignant_probability)}, {evolution.words_of('area', visit.id)}" if visit.finding else ""
    return f"<b>{format_date(visit.visited_on)}</b><br>{said(visit)}{numbers}"


def _finish(figure: go.Figure, evolution: Evolution, height: int, labels: int = 5) -> go.Figure:
    """Template, and a date axis where few visits are labelled by their own dates, many by months that fit on a phone."""
    days = [visit.visited_on for visit in evolution.visits] or [today()]
    span = (days[-1] - days[0]).days
    pad = timedelta(days=max(7, round(0.08 * span)))
    words = preferences()
    if len(days) <= labels and all((after - before).days >= 0.3 * span for before, after in pairwise(days)):
        at, said_as = days, words.short_date
    elif labels < 5:
        at, said_as = [days[0], days[-1]], words.month
    elif span < 75:
        at, said_as = [days[0] + timedelta(weeks=2 * step) for step in range(span // 14 + 1)], words.short_date
    else:
        months = next((months for months in (1, 2, 3, 6, 12, 24) if span <= 155 * months), 60)
        at, said_as = _firsts(days[0] - pad, days[-1] + pad, months), words.month
    # The year on a line of its own: dates side by side stay narrow.
    texts = [_in_two_lines(said_as(day), str(day.year)) for day in at]
    figure.update_xaxes(range=[days[0] - pad, days[-1] + pad], tickvals=at, ticktext=texts)
    text = {"tickfont_color": TEXT, "title_font_color": TEXT}
    return figure.update_xaxes(**text).update_yaxes(**text).update_layout(template=TEMPLATE, height=height, font_color=TEXT)


def _firsts(first: date, last: date, months: int) -> list[date]:
    """The firsts of months between two days: those of January, and every so many months from there."""
    numbers = range(12 * first.year + first.month, 12 * last.year + last.month)  # of months, counted from 0; none of one begun already
    return [date(number // 12, number % 12 + 1, 1) for number in numbers if number % months == 0]


def _in_two_lines(words: str, year: str) -> str:
    """The year below the rest: "12 Mar<br>2026", "03-12<br>2026"."""
    return f"{words.replace(year, '').strip(' ,-').removesuffix(' de')}<br>{year}"
