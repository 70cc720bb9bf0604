"""The figure of the body map: its outline and zones seen from the front and from the back, and which zone a point lies in.

Drawn for Moletrail as one half, which is mirrored. A point is stored as shares of the width and height of the figure in its
own measure; each build is the same figure with every row stretched by its own amount, so a point stays where it is on the body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

WIDTH, HEIGHT = 200.0, 460.0
VIEWS: dict[str, str] = {"front": "Front", "back": "Back"}
SKINS: dict[str, str] = {"light": "Light", "dark": "Dark"}
BUILDS: dict[str, str] = {"slender": "Slender", "broad": "Broad"}

Point = tuple[float, float]

# y -> how much wider than the middle build a row is
STRETCH: dict[str, tuple[tuple[float, float], ...]] = {
    "slender": ((72, 1.0), (96, 0.9), (130, 0.9), (168, 0.86), (212, 1.02), (250, 1.0), (330, 0.97), (460, 0.97)),
    "broad": ((72, 1.0), (96, 1.06), (130, 1.07), (168, 1.1), (212, 1.0), (250, 1.03), (330, 1.04), (460, 1.03)),
}

# Half of the outline as (distance from the middle, y), from the crown by the ear, the arm and the foot to between the legs.
OUTLINE: tuple[Point, ...] = (
    (0, 8), (9, 9.5), (15.5, 15), (18.8, 24), (19.2, 32), (21.6, 33), (22.3, 39), (20.4, 46), (18.4, 48), (16.6, 56), (11.5, 64),
    (10, 68), (10.2, 75), (15, 81), (27, 86), (38, 89), (46, 94), (51, 103), (54, 116), (58, 136), (62, 156), (66, 172), (71, 190),
    (75, 208), (78, 224), (81.5, 233), (85.5, 245), (87, 256), (85, 265), (81, 268), (77, 265), (75, 258), (73, 252), (70.5, 253),
    (68, 246), (67.5, 238), (69, 226), (64, 208), (59, 191), (53.5, 175), (48, 158), (43, 138), (38.5, 123), (36, 119), (35, 128),
    (33, 144), (31, 162), (31.5, 176), (34, 192), (37, 206), (38.5, 222), (39, 240), (37.5, 262), (34.5, 286), (31, 308), (28.5, 322),
    (28, 334), (30, 350), (30.5, 364), (28, 388), (24, 410), (22, 424), (24, 434), (28, 444), (26, 450), (18, 451.5), (12, 449),
    (11.5, 440), (12.5, 426), (12, 410), (9.5, 386), (8.5, 364), (9.5, 346), (11, 334), (9.5, 318), (7, 296), (4.5, 270), (2.5, 246),
    (0, 236),
)  # fmt: skip
SOLE: tuple[Point, ...] = (
    (52, 396), (57, 398), (60, 406), (59, 418), (57.5, 430), (58, 442), (54, 449), (48, 448), (45.5, 440), (46, 428), (44.5, 414),
    (45.5, 401),
)  # fmt: skip
"""Nobody sees a sole from behind; it is drawn beside the foot."""

# Zones as corners of the same half. They overlap the outline generously, which cuts them off. A code of None is in both halves.
_LIMBS: dict[str, tuple[Point, ...]] = {
    "ear": ((19, 28), (30, 28), (30, 50), (18, 50), (18.4, 46)),
    "shoulder": ((12, 80), (30, 78), (62, 84), (60, 115), (36, 119.5), (34, 97), (15, 84)),
    "upper_arm": ((36, 119.5), (60, 115), (74, 166), (50, 173)),
    "forearm": ((50, 173), (74, 166), (86, 221), (64, 228)),
    "hand": ((64, 228), (86, 221), (96, 240), (94, 276), (60, 276), (62, 236)),
    "knee": ((0, 306), (44, 306), (44, 338), (0, 338)),
    "lower_leg": ((0, 338), (44, 338), (42, 418), (0, 418)),
    "foot": ((0, 418), (40, 418), (40, 456), (0, 456)),
}
_HALVES: dict[str, dict[str, tuple[Point, ...]]] = {
    "front": _LIMBS | {
        "temple": ((13, 18), (24, 16), (24, 28), (19, 28), (19, 34), (13, 34)),
        "cheek": ((4.5, 31), (13, 31), (13, 34), (19, 34), (18.4, 46), (18, 50), (20, 56), (14, 66), (9, 66), (9, 46), (4.5, 46)),
        "chest": ((0, 86), (15, 84), (34, 97), (36, 119.5), (42, 130), (40, 146), (0, 150)),
        "flank": ((21, 148.5), (40, 146), (46, 204), (24, 199)),
        "thigh": ((13, 212), (24, 199), (46, 204), (46, 306), (0, 306), (0, 238), (10, 232)),
    },
    "back": _LIMBS | {
        "upper_back": ((0, 86), (15, 84), (34, 97), (36, 119.5), (42, 130), (40, 148), (0, 152)),
        "flank": ((20, 150), (40, 148), (46, 200), (22, 196)),
        "buttock": ((0, 196), (22, 196), (46, 200), (46, 242), (0, 242)),
        "thigh": ((0, 242), (46, 242), (46, 306), (0, 306)),
        "sole": ((42, 392), (64, 392), (64, 454), (42, 454)),
    },
}
_MIDDLES: dict[str, dict[str, tuple[Point, ...]]] = {
    "front": {
        "scalp": ((0, 0), (26, 0), (24, 16), (13, 18), (0, 18)),
        "forehead": ((0, 18), (13, 18), (13, 31), (0, 31)),
        "nose": ((0, 31), (4.5, 31), (4.5, 46), (0, 46)),
        "lips": ((0, 46), (9, 46), (9, 55), (0, 55)),
        "chin": ((0, 55), (9, 55), (9, 66), (0, 67)),
        "neck_front": ((0, 67), (14, 66), (18, 70), (18, 81), (12, 80), (15, 84), (0, 86)),
        "abdomen": ((0, 150), (21, 148.5), (24, 199), (13, 212), (0, 212)),
        "genital_area": ((0, 212), (13, 212), (10, 232), (0, 238)),
    },
    "back": {
        "scalp": ((0, 0), (26, 0), (24, 28), (19, 28), (18.4, 46), (18, 52), (0, 52)),
        "nape": ((0, 52), (18, 52), (20, 56), (18, 70), (18, 81), (12, 80), (15, 84), (0, 86)),
        "lower_back": ((0, 152), (20, 150), (22, 196), (0, 196)),
    },
}
# What tells front from back, as lines of one half.
_MARKS: dict[str, tuple[tuple[Point, ...], ...]] = {
    "front": (
        ((5.5, 33), (8.5, 31.8), (11.5, 33)), ((0, 44.5), (2.6, 43.5)), ((0, 51), (6, 50)), ((4, 90), (20, 88), (34, 91)),
        ((2, 134), (14, 138), (27, 132)), ((0, 186), (0, 190)), ((14, 318), (19, 324), (24, 318)),
    ),
    "back": (
        ((0, 92), (0, 176)), ((12, 104), (22, 124), (17, 138)), ((0, 200), (0, 238)), ((2, 240), (16, 245), (30, 238)),
        ((13, 324), (19, 321), (25, 324)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class MapPoint:
    """A point on the body map."""

    view: str
    """front or back."""
    x: float
    """Share of the figure's width, from its left edge."""
    y: float
    """Share of its height, from the top."""


@dataclass(frozen=True)
class DrawnView:
    """One view of a build as paths of SVG, in a box of WIDTH x HEIGHT."""

    view: str
    outline: str
    marks: str
    zones: tuple[tuple[str, str], ...]
    """Code of the body site, path."""


def zone_at(point: MapPoint) -> str | None:
    """The code of the body site at a point; None beside the zones."""
    place = (point.x * WIDTH, point.y * HEIGHT)
    return next((code for code, corners in _zones(point.view) if _inside(place, corners)), None)


@cache
def centre_of(code: str) -> MapPoint | None:
    """Where a mole is drawn of which only the body site is known; None where the figure does not show the site."""
    for view in VIEWS:
        for name, corners in _zones(view):
            if name == code:
                x, y = _middle(corners, _outlines(view))
                return MapPoint(view, x / WIDTH, y / HEIGHT)
    return None


def stretched(point: MapPoint, build: str) -> MapPoint:
    """Where a stored point lies in the drawing of this build."""
    return MapPoint(point.view, 0.5 + (point.x - 0.5) * _stretch(point.y * HEIGHT, build), point.y)


def unstretched(point: MapPoint, build: str) -> MapPoint:
    """What is stored for a point of the drawing of this build."""
    return MapPoint(point.view, 0.5 + (point.x - 0.5) / _stretch(point.y * HEIGHT, build), point.y)


@cache
def drawn(view: str, build: str) -> DrawnView:
    def fitted(points: Sequence[Point]) -> list[Point]:
        return [(WIDTH / 2 + (x - WIDTH / 2) * _stretch(y, build), y) for x, y in points]

    return DrawnView(
        view=view,
        outline=" ".join(_curve(fitted(part), closed=True) for part in _outlines(view)),
        marks=" ".join(_curve(fitted(_placed(line, side)), closed=False) for line in _MARKS[view] for side in (-1, 1)),
        zones=tuple((code, _polygon(fitted(_rows(corners)))) for code, corners in _zones(view)),
    )


@cache
def _zones(view: str) -> tuple[tuple[str, tuple[Point, ...]], ...]:
    # From the front a person's left is on the right of the picture, from behind on the left.
    left = 1 if view == "front" else -1
    sided = [
        (f"{name}_{code}", tuple(_placed(corners, side)))
        for code, corners in _HALVES[view].items()
        for name, side in (("left", left), ("right", -left))
    ]
    middle = [(code, (*_placed(half, 1), *reversed(_placed(half, -1)))) for code, half in _MIDDLES[view].items()]
    return tuple(sided + middle)


@cache
def _outlines(view: str) -> tuple[tuple[Point, ...], ...]:
    body = (*_placed(OUTLINE, 1), *reversed(_placed(OUTLINE[1:-1], -1)))
    soles = [tuple(_placed(SOLE, side)) for side in (-1, 1)]
    return (body, *soles) if view == "back" else (body,)


def _placed(half: Sequence[Point], side: int) -> list[Point]:
    return [(WIDTH / 2 + side * x, y) for x, y in half]


def _middle(corners: Sequence[Point], outlines: Sequence[Sequence[Point]]) -> Point:
    """The point of a zone nearest its centre of gravity, of those that lie on the body."""
    (left, top), (right, bottom) = (map(edge, zip(*corners, strict=True)) for edge in (min, max))
    steps = 24
    grid = [
        (left + (right - left) * (column + 0.5) / steps, top + (bottom - top) * (row + 0.5) / steps)
        for row in range(steps) for column in range(steps)
    ]
    seen = [point for point in grid if _inside(point, corners) and any(_inside(point, outline) for outline in outlines)]
    x, y = (sum(side) / len(seen) for side in zip(*seen, strict=True))
    return min(seen, key=lambda point: (point[0] - x) ** 2 + (point[1] - y) ** 2)


def _stretch(y: float, build: str) -> float:
    steps = STRETCH[build]
    if y <= steps[0][0]:
        return steps[0][1]
    for (low, before), (high, after) in pairwise(steps):
        if y <= high:
            return before + (after - before) * (y - low) / (high - low)
    return steps[-1][1]


def _rows(corners: Sequence[Point]) -> list[Point]:
    """More points along each edge, as the stretch bends straight lines."""
    finer: list[Point] = []
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        parts = max(1, round(abs(y1 - y0) / 12))
        finer += [(x0 + (x1 - x0) * part / parts, y0 + (y1 - y0) * part / parts) for part in range(parts)]
    return finer


def _inside(place: Point, corners: Sequence[Point]) -> bool:
    """Whether a ray to the right crosses the border an odd number of times."""
    x, y = place
    inside = False
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
            inside = not inside
    return inside


def _polygon(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z"


def _curve(points: Sequence[Point], *, closed: bool) -> str:
    """A smooth line through the points: Catmull-Rom as cubic Bézier curves."""
    count = len(points)

    def at(place: int) -> Point:
        return points[place % count] if closed else points[min(max(place, 0), count - 1)]

    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for place in range(count if closed else count - 1):
        before, start, end, after = at(place - 1), at(place), at(place + 1), at(place + 2)
        first = (start[0] + (end[0] - before[0]) / 6, start[1] + (end[1] - before[1]) / 6)
        second = (end[0] - (after[0] - start[0]) / 6, end[1] - (after[1] - start[1]) / 6)
        path += "C" + " ".join(f"{x:.1f} {y:.1f}" for x, y in (first, second, end))
    return path + ("Z" if closed else "")
