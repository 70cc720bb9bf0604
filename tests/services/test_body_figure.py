"""The figure of the body map: every zone is on it, and a point stays where it is whatever the build."""

from __future__ import annotations

import pytest

from services.body_figure import BUILDS, VIEWS, MapPoint, centre_of, drawn, stretched, unstretched, zone_at
from services.body_sites import BODY_SITES


def test_figure_shows_every_body_site_but_the_unnamed_one_and_no_other() -> None:
    shown = {code for view in VIEWS for code, _path in drawn(view, next(iter(BUILDS))).zones}
    assert shown == set(BODY_SITES) - {"other"}
    assert centre_of("other") is None


@pytest.mark.parametrize("code", [code for code in BODY_SITES if code != "other"])
def test_middle_of_a_zone_lies_in_it(code: str) -> None:
    assert zone_at(centre_of(code)) == code


def test_left_is_the_persons_own() -> None:
    assert centre_of("left_hand").x > 0.5, "seen from the front"
    assert centre_of("left_buttock").x < 0.5, "seen from behind"


def test_beside_the_body_there_is_no_zone() -> None:
    assert [zone_at(MapPoint(view, *place)) for view in VIEWS for place in ((0.02, 0.02), (0.98, 0.4), (0.0, 0.99))] == [None] * 6


@pytest.mark.parametrize("build", BUILDS)
def test_builds_differ_and_a_tap_on_either_means_the_same_place(build: str) -> None:
    point = MapPoint("back", 0.31, 0.27)
    seen = stretched(point, build)
    assert abs(seen.x - point.x) > 0.005
    assert unstretched(seen, build).x == pytest.approx(point.x)
    other = next(name for name in BUILDS if name != build)
    assert drawn("front", build).outline != drawn("front", other).outline
