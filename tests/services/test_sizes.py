"""Sizes brought to units in which they can be compared."""

from __future__ import annotations

from datetime import date

import pytest

import core
from core.change import Measured
from services.sizes import Link, Shot, Unit, pixel_sizes, relative_scale


def shot(number: int, mm_per_pixel: float | None = None, error: float = 0.01) -> Shot:
    scale = core.Scale(mm_per_pixel, "card", error) if mm_per_pixel else None
    return Shot(number, date(2024, number, 1), Measured({"area_px": 1000.0}, 0.1, scale))


def units(shots: list[Shot], links: list[Link] = ()) -> list[Unit]:
    return [size.unit for size in pixel_sizes(shots, links).values()]


def test_photo_that_lies_over_nothing_is_told_as_a_share_of_its_frame() -> None:
    assert units([shot(1), shot(2)]) == [Unit.FRAME, Unit.FRAME]
    assert pixel_sizes([], []) == {}


def test_own_scale_gives_millimetres_and_its_own_error() -> None:
    found = pixel_sizes([shot(1, 0.05, 0.02)], [])[1]
    assert (found.unit, found.value, found.error) == (Unit.MM, 0.05, 0.02)


def test_photo_in_register_takes_the_scale_of_the_other_with_a_larger_error() -> None:
    found = pixel_sizes([shot(1, 0.05), shot(2)], [Link(1, 2, scale=2.0)])
    assert found[2].unit is Unit.MM
    assert found[2].value == pytest.approx(0.025), "twice the pixels for the same skin"
    assert found[2].error > found[1].error


def test_own_scale_stands_whatever_a_better_one_beside_it_says() -> None:
    found = pixel_sizes([shot(1, 0.05, 0.001), shot(2, 0.03, 0.05)], [Link(1, 2, scale=2.0)])
    assert (found[2].value, found[2].error) == (0.03, 0.05)


def test_without_any_scale_sizes_are_relative_to_the_first_photo_of_the_group() -> None:
    found = pixel_sizes([shot(1), shot(2), shot(3)], [Link(1, 2, scale=2.0), Link(2, 3, scale=0.5)])
    assert [size.unit for size in found.values()] == [Unit.FIRST] * 3
    assert [size.value for size in found.values()] == pytest.approx([1.0, 0.5, 1.0])
    assert found[1].error < found[2].error < found[3].error


def test_what_is_in_no_register_with_the_newest_keeps_to_its_frame() -> None:
    assert units([shot(1), shot(2), shot(3), shot(4)], [Link(1, 2, 1.0), Link(3, 4, 1.0)]) == [
        Unit.FRAME, Unit.FRAME, Unit.FIRST, Unit.FIRST,
    ]


def test_relative_scale_goes_through_photos_between_and_backwards() -> None:
    links = [Link(1, 2, scale=2.0), Link(3, 2, scale=4.0)]
    assert relative_scale(1, 3, links) == pytest.approx(0.5)
    assert relative_scale(3, 1, links) == pytest.approx(2.0)
    assert relative_scale(1, 4, links) is None
