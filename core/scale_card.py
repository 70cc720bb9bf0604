"""The printable scale card: what is on it, in millimetres, and the PDF that prints it at that size.

The card is an L, like the ABFO No. 2 scale of forensic photography (Hyzer, Krauss, "The bite mark standard reference scale", J. Forensic
Sci. 33, 1988): the mole lies in its inner corner, so that marks stand on two sides of it, on the skin's own plane. Coordinates are
millimetres from the L's outer corner, x along the upper arm, y down the other.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Paper = Literal["a4", "letter"]

SIDE_MM = 40.0
"""Length of both arms."""
ARM_MM = 14.0
"""Width of the arms."""
MARKER_MM = 10.0
MARKER_AT_MM = 2.0
"""Left and upper edge of the marker; as far from there to the card's edge, its white margin has more than the module it needs."""
MARKER_DICTIONARY = cv2.aruco.DICT_4X4_50
MARKER_ID = 23

GREYS = ((243, 243, 243), (200, 200, 200), (160, 160, 160), (122, 122, 122), (85, 85, 85), (52, 52, 52))
COLOURS = ((115, 82, 68), (194, 150, 130), (175, 54, 60), (70, 148, 73), (56, 61, 150), (231, 199, 31))
"""Patches as sRGB: the grey row, both skins and four of the strong colours of the ColorChecker (McCamy, Marcus, Davidson, 1976)."""

_CHECK_MM = 3.0
_CHECK_AT_MM = 1.0
_CHECKS = 8
_PATCH_MM = 4.0
_PATCH_AT_MM = 8.0
_TICKS = 25

Rectangle = tuple[float, float, float, float, tuple[int, int, int]]
"""x, y, width, height in mm and the sRGB it is filled with."""


def rectangles() -> list[Rectangle]:
    """Return everything that is printed on the card; what lies between is paper."""
    upper: list[Rectangle] = []
    for index in range(_CHECKS):
        upper.append((ARM_MM + index * _CHECK_MM, _CHECK_AT_MM + index % 2 * _CHECK_MM, _CHECK_MM, _CHECK_MM, (0, 0, 0)))
    for index in range(_TICKS):
        length = 1.4 if index % 5 == 0 else 0.8
        upper.append((ARM_MM + index - 0.1, ARM_MM - length, 0.2, length, (0, 0, 0)))
    lower = [(y, x, height, width, colour) for x, y, width, height, colour in upper]
    for row, mirrored in ((GREYS, False), (COLOURS, True)):
        for (x, y), colour in zip(_patch_places(mirrored), row, strict=True):
            lower.append((x, y, _PATCH_MM, _PATCH_MM, colour))
    return [*_marker(), *upper, *lower]


def corner_places() -> NDArray[np.float64]:
    """Return the marker's four corners (clockwise from the upper left one), then the points where four checks meet, n x 2 mm."""
    near, far = MARKER_AT_MM, MARKER_AT_MM + MARKER_MM
    meet = [ARM_MM + index * _CHECK_MM for index in range(1, _CHECKS)]
    across = _CHECK_AT_MM + _CHECK_MM
    return np.array([(near, near), (far, near), (far, far), (near, far), *((at, across) for at in meet), *((across, at) for at in meet)])


def patches() -> list[tuple[float, float, tuple[int, int, int]]]:
    """Return the middle (x, y in mm) and the sRGB of every patch, greys first."""
    half = _PATCH_MM / 2
    places = [*_patch_places(False), *_patch_places(True)]
    return [(x + half, y + half, colour) for (x, y), colour in zip(places, (*GREYS, *COLOURS), strict=True)]


def _patch_places(mirrored: bool) -> list[tuple[float, float]]:
    places = [(ARM_MM + index * _PATCH_MM, _PATCH_AT_MM) for index in range(len(GREYS))]
    return [(y, x) for x, y in places] if mirrored else places


def _marker() -> list[Rectangle]:
    """The black modules, row by row; neighbours joined, so that a printer leaves no hairline between them."""
    modules = cv2.aruco.generateImageMarker(cv2.aruco.getPredefinedDictionary(MARKER_DICTIONARY), MARKER_ID, 6) == 0
    module = MARKER_MM / len(modules)
    found: list[Rectangle] = []
    for row, line in enumerate(modules):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], line, [False]])))
        for start, end in edges.reshape(-1, 2):
            place = MARKER_AT_MM + start * module, MARKER_AT_MM + row * module
            found.append((*place, (end - start) * module, module, (0, 0, 0)))
    return found


def draw_card(pixels_per_mm: int) -> NDArray[np.uint8]:
    """Return the card's square, SIDE_MM on each side, as RGB; white where it is paper or cut away."""
    smaller = 16
    side = round(SIDE_MM * pixels_per_mm)
    drawn = np.full((side, side, 3), 255, np.uint8)
    for x, y, width, height, colour in rectangles():
        first = [round(value * pixels_per_mm * smaller) for value in (x - 0.5 / pixels_per_mm, y - 0.5 / pixels_per_mm)]
        last = [
            round(value * pixels_per_mm * smaller)
            for value in (x + width - 0.5 / pixels_per_mm, y + height - 0.5 / pixels_per_mm)
        ]
        outline = np.array([first, (last[0], first[1]), last, (first[0], last[1])], np.int32)
        cv2.fillConvexPoly(drawn, outline, colour, cv2.LINE_AA, 4)
    return drawn


def scale_card_pdf(paper: Paper) -> bytes:
    """Return a page with the card, a line to check the print by, and what to do with them. Raises KeyError for another paper."""
    from fpdf import FPDF, ViewerPreferences  # for this alone, and slow to import

    width, height = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}[paper]
    page = FPDF(unit="mm", format=(width, height))
    page.set_title("Moletrail scale card")
    page.viewer_preferences = ViewerPreferences(print_scaling="None", display_doc_title=True)
    page.set_margin(_MARGIN_MM)
    page.add_page()
    page.set_font("Helvetica", "B", 20)
    page.cell(text="Scale card", new_x="LMARGIN", new_y="NEXT")
    page.set_font("Helvetica", size=11)
    for line in _INSTRUCTIONS:
        page.ln(2)
        page.multi_cell(0, 5.5, line, align="L", new_x="LMARGIN", new_y="NEXT")
    top = page.get_y() + 12
    _draw_check_line(page, _MARGIN_MM, top)
    for left in (_MARGIN_MM, _MARGIN_MM + SIDE_MM + 20):
        _draw_on_page(page, left, top + 18)
    return bytes(page.output())


_MARGIN_MM = 22.0
_CHECK_LINE_MM = 100
_INSTRUCTIONS = (
    'Print this page at its actual size (100 %, not "fit to page"), in colour, on matt paper.',
    f"Measure the line below with a ruler. It must be {_CHECK_LINE_MM} mm long, to within half a millimetre. If it is not, the printer has "
    "changed the size: sizes in millimetres would then be wrong.",
    "Cut out one of the two L shapes along the dashed line. The other one is a spare.",
    "Lay the card flat on the skin, so that the mole is in the inner corner of the L and nothing covers the black marks. "
    "Do not press it into the skin or bend it.",
    "Take the photo from straight above, 10 to 20 cm away, in even light and without flash. The whole card and the mole must be in the "
    "photo, and both must be sharp.",
    "Use the same card each time, and print a new one when its colours fade.",
    "Moletrail is a reference and follow-up aid, not a medical device.",
)


def _draw_check_line(page, left: float, top: float) -> None:
    page.set_draw_color(0)
    page.set_line_width(0.2)
    page.line(left, top, left + _CHECK_LINE_MM, top)
    for end in (left, left + _CHECK_LINE_MM):
        page.line(end, top - 2, end, top + 2)
    page.set_font("Helvetica", size=9)
    page.text(left, top + 6, f"This line is {_CHECK_LINE_MM} mm long.")


def _draw_on_page(page, left: float, top: float) -> None:
    for x, y, width, height, colour in rectangles():
        page.set_fill_color(*colour)
        page.rect(left + x, top + y, width, height, style="F")
    page.set_draw_color(150)
    page.set_line_width(0.15)
    page.set_dash_pattern(dash=1.5, gap=1)
    corners = ((0, 0), (SIDE_MM, 0), (SIDE_MM, ARM_MM), (ARM_MM, ARM_MM), (ARM_MM, SIDE_MM), (0, SIDE_MM))
    page.polygon([(left + x, top + y) for x, y in corners])
    page.set_dash_pattern()
