"""A small line under a number."""

from __future__ import annotations

from xml.etree import ElementTree

from pages._sparkline import HEIGHT, PAD, WIDTH, sparkline


def points(values: list[float]) -> list[tuple[float, ...]]:
    root = ElementTree.fromstring(sparkline(values))
    return [tuple(map(float, pair.split(","))) for pair in root.find("{*}polyline").get("points").split()]


def test_line_goes_from_edge_to_edge_and_from_the_least_to_the_most() -> None:
    assert points([1, 3, 2]) == [(PAD, HEIGHT - PAD), (WIDTH / 2, PAD), (WIDTH - PAD, HEIGHT / 2)]


def test_level_line_lies_in_the_middle() -> None:
    assert {y for _, y in points([4, 4, 4, 4])} == {HEIGHT / 2}
