"""Figures and words of how the networks' calls stand against what the moles are held for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from pages._charts import GREY, TEAL, TEMPLATE, TEXT, VERMILION
from services.performance import Bin, Group, Share

HEIGHT = 340  # px


def share_words(share: Share) -> str:
    """E.g. "90 % (70 to 97), 18 of 20"; "no such mole" where there is none to count."""
    if share.value is None:
        return "no such mole"
    low, high = share.interval
    return f"{100 * share.value:.0f} % ({100 * low:.0f} to {100 * high:.0f}), {share.count} of {share.n}"


def rows(groups: Sequence[Group], heading: str, name_of: Callable[[str], str] = str) -> list[dict[str, str]]:
    """A table's rows: each with its n, as a share of few means little."""
    return [
        {
            heading: name_of(group.name), "Moles": str(group.n), "Sensitivity": share_words(group.sensitivity),
            "Specificity": share_words(group.specificity),
        }
        for group in groups
    ]  # fmt: skip


def calibration(bins: Sequence[Bin]) -> go.Figure:
    """Probability against the share that turned out malignant, with intervals; on the line, the probabilities are right."""
    figure = go.Figure()
    figure.add_trace(go.Scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": GREY, "width": 1, "dash": "dot"}, hoverinfo="skip"))
    shares = [100 * bin.malignant.value for bin in bins]
    figure.add_trace(
        go.Scatter(
            x=[100 * bin.mean for bin in bins], y=shares, mode="markers", marker={"color": TEAL, "size": 11},
            error_y=_bars([bin.malignant for bin in bins], TEAL), customdata=[[share_words(bin.malignant)] for bin in bins],
            hovertemplate="probability %{x:.0f} %<br>malignant: %{customdata[0]}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="Probability of malignancy, %", range=[-3, 103])
    figure.update_yaxes(title_text="Held for malignant, %", range=[-3, 103])
    return _finish(figure)


def drift(months: Sequence[Group]) -> go.Figure:
    """Sensitivity and specificity of each month with their intervals; a month without such a mole is a gap."""
    figure = go.Figure()
    for name, color, shift, share_of in (
        ("sensitivity", VERMILION, "-12", lambda group: group.sensitivity), ("specificity", TEAL, "-18", lambda group: group.specificity)
    ):
        counted = [group for group in months if share_of(group).n]
        shares = [share_of(group) for group in counted]
        figure.add_trace(
            go.Scatter(
                x=[group.name + shift for group in counted], y=[100 * share.value for share in shares], name=name, mode="markers",
                marker={"color": color, "size": 11, "symbol": "diamond" if name == "sensitivity" else "circle"},
                error_y=_bars(shares, color), customdata=[[share_words(share)] for share in shares],
                hovertemplate=f"{name}: %{{customdata[0]}}<extra></extra>",
            )
        )
    figure.update_xaxes(type="date", tickformat="%b\n%Y", dtick="M1" if len(months) < 9 else "M3")
    figure.update_yaxes(title_text="%", range=[-3, 103])
    return _finish(figure).update_layout(showlegend=True, legend={"orientation": "h", "y": 1.12, "font_color": TEXT})


def _bars(shares: Sequence[Share], color: str) -> dict:
    return {
        "array": [100 * (share.interval[1] - share.value) for share in shares],
        "arrayminus": [100 * (share.value - share.interval[0]) for share in shares],
        "color": color, "thickness": 1.5, "width": 4,
    }  # fmt: skip


def _finish(figure: go.Figure) -> go.Figure:
    text = {"tickfont_color": TEXT, "title_font_color": TEXT}
    return figure.update_xaxes(**text).update_yaxes(**text).update_layout(template=TEMPLATE, height=HEIGHT, font_color=TEXT)
