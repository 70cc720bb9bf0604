"""What a headline says, in every case."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest

import core
from core import change
from core.change import Measured
from services import changes
from services.changes import NOT_COMPARABLE
from services.sizes import Link, Shot
from services.words import Preferences

DAYS = (date(2025, 3, 12), date(2025, 9, 1), date(2026, 5, 12))


@pytest.fixture(autouse=True)
def repeatability(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is fitted on the networks of the day, these tests stay about areas to 5 %."""
    monkeypatch.setitem(change.REPEATABILITY, "area", change.Repeatability(0.05, "relative", 0, "this test"))
    monkeypatch.setitem(change.REPEATABILITY, "asymmetry", change.Repeatability(0.03, "absolute", 0, "this test"))
    monkeypatch.setitem(change.REPEATABILITY, change.PROBABILITY, change.Repeatability(0.35, "logit", 0, "this test"))


def shot(number: int, area_px: float = 10_000.0, *, probability: float = 0.05, scale: bool = False) -> Shot:
    measurements = {"area_px": area_px, "area_fraction": area_px / 1e6}
    own = None
    if scale:
        own = core.Scale(0.05, "card", 0.01)
        measurements["area_mm2"] = area_px * 0.05**2
    return Shot(number, DAYS[number - 1], Measured(measurements, probability, own))


def in_register(*shots: Shot) -> list[Link]:
    return [Link(one.upload_id, other.upload_id, 1.0) for one, other in pairwise(shots)]


def said(*shots: Shot, links: list[Link] | None = None, words: Preferences = Preferences()) -> str:
    return changes.headline(shots, in_register(*shots) if links is None else links, words)


def test_nothing_measured_and_only_one() -> None:
    assert said() == "Not measured yet"
    assert said(shot(1)) == "First measured on 12 March 2025; changes show from the second photo on"


def test_dates_are_told_as_the_reader_reads_them() -> None:
    words = Preferences(date_style="en-US")
    assert said(shot(1), words=words) == "First measured on March 12, 2025; changes show from the second photo on"
    assert said(shot(1), shot(2, 10_300), words=words).endswith(" since March 12, 2025")
    assert said(shot(1), shot(2, 15_000), words=words).startswith("Grew 50 % since March 12, 2025, beyond the ±")
    assert " since March 12, 2025, " in said(shot(1), shot(2, probability=0.9), words=words)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize(("factor", "words"), [(1.5, "Grew 50 %"), (0.5, "Shrank 50 %")])
def test_change_of_area_beyond_error_is_told_with_that_error(scale: bool, factor: float, words: str) -> None:
    sentence = said(shot(1, scale=scale), shot(2, 10_000 * factor, scale=scale))
    assert sentence.startswith(f"{words} since 12 March 2025, beyond the ±")
    assert sentence.endswith(" % that re-photographing gives")


@pytest.mark.parametrize("scale", [True, False])
def test_change_within_error_is_no_change(scale: bool) -> None:
    assert said(shot(1, scale=scale), shot(2, 10_300, scale=scale)) == "Nothing changed beyond measurement error since 12 March 2025"


def test_share_of_the_frame_is_never_announced() -> None:
    assert said(shot(1), shot(2, 40_000), links=[]) == NOT_COMPARABLE


def test_millimetres_and_a_photo_without_scale_are_not_compared() -> None:
    assert said(shot(1, scale=True), shot(2, 40_000), links=[]) == NOT_COMPARABLE


def test_change_since_the_last_visit_is_told_where_the_first_was_as_large() -> None:
    assert said(shot(1, 15_000), shot(2, 10_000), shot(3, 15_000)).startswith("Grew 50 % since 1 September 2025")


def test_change_since_the_first_visit_goes_before_that_since_the_last() -> None:
    assert said(shot(1, 10_000), shot(2, 15_000), shot(3, 30_000)).startswith("Grew 200 % since 12 March 2025")


def test_slow_growth_shows_against_the_first_visit_though_not_against_the_last() -> None:
    first, second, third = shot(1, 10_000), shot(2, 11_800), shot(3, 12_900)
    assert said(second, third).startswith("Nothing changed")
    assert said(first, second, third).startswith("Grew 29 % since 12 March 2025")


@pytest.mark.parametrize(("after", "verb", "matters"), [(0.9, "rose", True), (0.001, "fell", False)])
def test_probability_beyond_error_is_told_and_matters_where_it_rose(after: float, verb: str, matters: bool) -> None:
    first, second = shot(1, probability=0.1), shot(2, probability=after)
    assert said(first, second).startswith(f"Probability of malignancy {verb} from 10 to ")
    assert changes.compared(first, second, in_register(first, second)).matters is matters


@pytest.mark.parametrize(("measurement", "value"), [("area", 12.0), ("asymmetry", 0.1), (change.PROBABILITY, 0.2)])
def test_edges_lie_about_the_value_and_widen_with_the_scale(measurement: str, value: float) -> None:
    low, high = changes.edges(measurement, value, 0.0)
    assert low < value < high
    if measurement == "area":
        wider = changes.edges(measurement, value, 0.2)
        assert wider[0] < low
        assert high < wider[1]


def test_measurement_that_nobody_fitted_has_no_band() -> None:
    assert changes.edges("something", 3.0, 0.0) == (3.0, 3.0)
