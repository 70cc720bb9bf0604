"""One plot of a report, drawn as lines and areas, so that it prints sharp at any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from fpdf import FPDF

from services.words import digits

TEAL, BAND, GREY, RULE = (15, 98, 104), (207, 224, 225), (85, 100, 106), (201, 212, 213)
LEFT_MM, FOOT_MM, HEAD_MM, RIGHT_MM = 16, 8, 8, 8


@dataclass(frozen=True)
class Point:
    day: date
    value: float
    low: float | None = None
    """Its error, as the edges of a band."""
    high: float | None = None


def step(highest: float) -> float:
    """A fourth of the axis that holds it: 1, 2, 2.5 or 5 times a power of ten."""
    least = highest / 4 or 0.25
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least)


def draw(
    pdf: FPDF, points: Sequence[Point], *, title: str, x: float, y: float, width: float, height: float, top: float | None = None,
    date_words,
) -> None:
    """`points` by date; `top` is the axis' end (None: a round number above the largest). Sizes in mm from the page's upper left corner."""
    left, right, upper, lower = x + LEFT_MM, x + width - RIGHT_MM, y + HEAD_MM, y + height - FOOT_MM
    apart = top / 4 if top else step(max((point.high or point.value for point in points), default=1.0))
    largest = 4 * apart
    first, last = points[0].day, points[-1].day
    span = max((last - first).days, 1)

    def place(day: date, value: float) -> tuple[float, float]:
        part = (day - first).days / span if len(points) > 1 and last > first else 0.5
        return left + part * (right - left), lower - min(value / largest, 1.0) * (lower - upper)

    pdf.set_font("Sans", "B", 9)
    pdf.set_text_color(0)
    pdf.text(x, y + 4, title)
    pdf.set_font("Sans", "", 7)
    pdf.set_text_color(*GREY)
    pdf.set_line_width(0.15)
    for number in range(5):
        value = number * apart
        height_here = place(first, value)[1]
        pdf.set_draw_color(*RULE)
        pdf.line(left, height_here, right, height_here)
        words = digits(value)
        pdf.text(left - 2 - pdf.get_string_width(words), height_here + 1, words)
    for day in [first] if first == last else [first, last]:
        words = date_words(day)
        middle = place(day, 0)[0] - pdf.get_string_width(words) / 2
        pdf.text(min(max(middle, x), x + width - pdf.get_string_width(words)), lower + 5, words)
    banded = [point for point in points if point.low is not None and point.high is not None]
    if len(banded) > 1:
        edge = [place(point.day, point.high) for point in banded] + [place(point.day, point.low) for point in reversed(banded)]
        pdf.set_fill_color(*BAND)
        pdf.polygon(edge, style="F")
    elif banded:
        pdf.set_draw_color(*BAND)
        pdf.set_line_width(2)
        pdf.line(*place(banded[0].day, banded[0].low), *place(banded[0].day, banded[0].high))
    pdf.set_draw_color(*TEAL)
    pdf.set_fill_color(*TEAL)
    pdf.set_line_width(0.5)
    places = [place(point.day, point.value) for point in points]
    if len(places) > 1:
        pdf.polyline(places)
    for across, down in places:
        pdf.circle(x=across, y=down, radius=1, style="F")
    pdf.set_text_color(0)
    pdf.set_draw_color(0)
