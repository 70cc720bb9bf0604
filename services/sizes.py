"""Sizes of one mole in its photos, brought to units in which they can be compared. Plain numbers in, plain numbers out.

A photo with a scale of its own gives millimetres. One without takes the scale of a photo that it could be laid over
(core.registration). Where no photo of a group that lie over each other has a scale, sizes are relative to the first of them. What lies
over nothing is a share of its own frame, which says nothing beside another photo: the distance of the camera changes it.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from core.change import REGISTRATION_ERROR, Measured, together


class Unit(StrEnum):
    """What a size is told in. Sizes of different units are never compared, nor drawn in one line."""

    MM = "mm"
    FIRST = "first"
    """Relative to the first photo that this one lies over."""
    FRAME = "frame"
    """A share of the photo's own frame."""


@dataclass(frozen=True)
class Shot:
    """The photo that stands for a visit, in numbers."""

    upload_id: int
    visited_on: date
    measured: Measured


@dataclass(frozen=True)
class Link:
    """Two photos that lie over each other by the skin that both show."""

    first: int
    second: int
    scale: float
    """Pixels of the second photo a pixel of the first."""


@dataclass(frozen=True)
class PixelSize:
    """How large a photo's pixel is in `unit`."""

    unit: Unit
    value: float
    error: float
    """Relative standard error."""


def pixel_sizes(shots: Sequence[Shot], links: Iterable[Link]) -> dict[int, PixelSize]:
    """Upload -> size of its pixel; `shots` by date. Photos of the newest one's group share a unit, as far as there is one."""
    ways = _ways(links)
    scales = {shot.upload_id: shot.measured.scale for shot in shots if shot.measured.scale}
    in_mm = _spread({upload_id: (scale.mm_per_pixel, scale.relative_error) for upload_id, scale in scales.items()}, ways)
    found = {upload_id: PixelSize(Unit.MM, *size) for upload_id, size in in_mm.items()}
    if shots and shots[-1].upload_id not in found:
        group = _spread({shots[-1].upload_id: (1.0, 0.0)}, ways)
        together = [shot.upload_id for shot in shots if shot.upload_id in group]
        if len(together) > 1:
            found |= {upload_id: PixelSize(Unit.FIRST, *size) for upload_id, size in _spread({together[0]: (1.0, 0.0)}, ways).items()}
    return {shot.upload_id: found.get(shot.upload_id, PixelSize(Unit.FRAME, 1.0, 0.0)) for shot in shots}


def of_visit(photos: Sequence[Shot], links: Iterable[Link]) -> Shot:
    """The visit that its measured photos make, oldest first: its newest photo stands for it, and sizes are the means over all photos
    that can be brought to one unit with that one's.
    """
    *others, standing = photos
    if not others:
        return standing
    ways = list(links)
    with_scale = [(one.measured, relative_scale(standing.upload_id, one.upload_id, ways)) for one in others]
    return replace(standing, measured=together(standing.measured, with_scale))


def relative_scale(first: int, second: int, links: Iterable[Link]) -> float | None:
    """Pixels of the second photo a pixel of the first, by what lies over what; None where no way leads from one to the other."""
    found = _spread({first: (1.0, 0.0)}, _ways(links)).get(second)
    return 1 / found[0] if found else None


def _ways(links: Iterable[Link]) -> dict[int, list[tuple[int, float]]]:
    """Upload -> where one gets from it: the other upload, and the size of its pixel over this one's."""
    ways = defaultdict(list)
    for link in links:
        ways[link.first].append((link.second, 1 / link.scale))
        ways[link.second].append((link.first, link.scale))
    return ways


def _spread(known: Mapping[int, tuple[float, float]], ways: Mapping[int, list]) -> dict[int, tuple[float, float]]:
    """Carry pixel sizes with their errors along the surest ways (Dijkstra); what is known stays as it is."""
    found: dict[int, tuple[float, float]] = {}
    waiting = [(error, upload_id, value) for upload_id, (value, error) in known.items()]
    heapq.heapify(waiting)
    while waiting:
        error, upload_id, value = heapq.heappop(waiting)
        if upload_id in found:
            continue
        found[upload_id] = (value, error)
        for other, ratio in ways.get(upload_id, ()):
            if other not in found and other not in known:
                heapq.heappush(waiting, (math.hypot(error, REGISTRATION_ERROR), other, value * ratio))
    return found
