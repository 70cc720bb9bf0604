"""Changes within and beyond what re-photographing gives."""

from datetime import date, timedelta

import numpy as np
import pytest

from core import Scale, change
from core.change import Measured, Repeatability, Unit, comparable, compare, smallest_detectable_change, trend

CARD = Scale(0.05, "card", 0.01)


@pytest.fixture(autouse=True)
def known_errors(monkeypatch):
    table = {
        "area": Repeatability(0.03, "relative", 40, "test", (0.02, 0.4)),
        "longest_diameter": Repeatability(0.02, "relative", 40, "test"),
        "asymmetry": Repeatability(0.02, "absolute", 40, "test"),
        "malignant_probability": Repeatability(0.3, "logit", 40, "test"),
    }
    monkeypatch.setattr(change, "REPEATABILITY", table)


def visit(area: float, *, scale: Scale | None = CARD, probability: float = 0.1, dice: float | None = None) -> Measured:
    numbers = {"area_px": 100 * area, "area_fraction": area / 100, "asymmetry": 0.1}
    return Measured(numbers | ({"area_mm2": area} if scale else {}), probability, scale, (change.Outline(dice),))


def of(changes, name: str):
    return next(one for one in changes if one.name == name)


def test_the_smallest_detectable_change_is_that_of_two_measurements_and_two_scales():
    spread = np.sqrt(2 * 0.03**2 + 4 * (0.01**2 + 0.01**2))
    assert smallest_detectable_change("area_mm2", 20, 0.01, 0.01) == pytest.approx(20 * (np.exp(1.96 * spread) - 1))
    assert smallest_detectable_change("longest_diameter_mm", 5) == pytest.approx(5 * (np.exp(1.96 * np.sqrt(2) * 0.02) - 1))
    assert smallest_detectable_change("asymmetry", 0.1) == pytest.approx(1.96 * np.sqrt(2) * 0.02)


def test_growth_is_told_only_beyond_the_error():
    assert not of(compare(visit(20), visit(21)), "area_mm2").beyond
    grown = of(compare(visit(20), visit(24)), "area_mm2")
    assert grown.beyond
    assert grown.relative == pytest.approx(0.2)
    assert grown.relative_detectable == pytest.approx(grown.detectable / 20)
    assert of(compare(visit(20), visit(16)), "area_mm2").beyond


def test_an_unsure_outline_needs_a_larger_change():
    assert of(compare(visit(20, dice=0.95), visit(24, dice=0.95)), "area_mm2").beyond
    assert not of(compare(visit(20, dice=0.95), visit(24, dice=0.7)), "area_mm2").beyond


def test_error_of_an_outline_grows_with_the_dice_it_lacks():
    area = change.REPEATABILITY["area"]
    assert area.error_at(1.0) == pytest.approx(0.02)
    assert area.error_at(0.9) == pytest.approx(np.hypot(0.02, 0.04))
    assert area.error_at(None) == 0.03, "the overall one where nothing is known of the outline"


def test_two_photos_of_one_visit_err_less_and_the_surer_outline_counts_more():
    sure, unsure = visit(20, dice=0.95), visit(23, dice=0.8)
    both = change.together(unsure, [(sure, None)])
    weights = np.array([1 / (0.02**2 + (0.4 * lacking) ** 2) for lacking in (0.2, 0.05)])
    expected = np.exp(np.average(np.log([23, 20]), weights=weights))
    assert both.measurements["area_mm2"] == pytest.approx(expected)
    assert both.measurements["area_px"] == pytest.approx(100 * expected), "in every unit alike"
    assert both.measurements["area_fraction"] == pytest.approx(expected / 100)
    assert both.measurements["asymmetry"] == unsure.measurements["asymmetry"], "what is no size stays that of the photo that stands"
    area = change.REPEATABILITY["area"]
    assert area.error_of(both.outlines) == pytest.approx(weights.sum() ** -0.5)
    assert area.error_of(both.outlines) < area.error_of(sure.outlines) < area.error_of(unsure.outlines)
    assert change.REPEATABILITY["asymmetry"].error_of(both.outlines) == 0.02


def test_photos_of_a_visit_that_cannot_be_compared_do_not_count_together():
    standing, other = visit(20, scale=None, dice=0.8), visit(30, scale=None, dice=0.8)
    assert change.together(standing, [(other, None)]) == standing
    without_area = Measured({"asymmetry": 0.1}, 0.1, CARD, (change.Outline(0.9),))
    assert change.together(visit(20, dice=0.8), [(without_area, None)]) == visit(20, dice=0.8), "nor does its outline make the visit surer"
    nearer = visit(20 * 1.5**2, scale=None, dice=0.8)
    both = change.together(standing, [(nearer, 1.5)])
    assert both.measurements["area_px"] == pytest.approx(standing.measurements["area_px"])
    alone, registered = (change.REPEATABILITY["area"].error_of(one.outlines, 2) for one in (standing, both))
    assert alone / np.sqrt(2) < registered < alone, "registration adds its own error"


def test_photos_of_a_visit_that_contradict_each_other_are_no_surer_than_they_differ():
    area = change.REPEATABILITY["area"]
    one, other = visit(20, dice=0.95), visit(30, dice=0.95)
    both = change.together(one, [(other, None)])
    assert both.measurements["area_mm2"] == pytest.approx(np.sqrt(20 * 30))
    apart = np.log(30 / 20)
    # Two numbers: the variance between them is half their squared difference, and that of their mean half of it.
    assert area.error_of(both.outlines, 2) == pytest.approx(apart / 2, rel=0.01)
    assert not of(compare(visit(20, dice=0.95), both), "area_mm2").beyond
    agreeing = change.together(one, [(visit(20.5, dice=0.95), None)])
    assert area.error_of(agreeing.outlines, 2) == pytest.approx(area.error_of(one.outlines, 2) / np.sqrt(2))
    third = change.together(one, [(other, None), (visit(20.4, dice=0.95), None)])
    assert third.measurements["area_mm2"] < both.measurements["area_mm2"]
    assert area.error_of(third.outlines, 2) < area.error_of(both.outlines, 2)


def test_noise_is_told_no_more_often_over_two_photos_a_visit():
    rng = np.random.default_rng(0)

    def photo(dice: float) -> Measured:
        own = np.hypot(0.02, 0.4 * (1 - dice))
        return visit(20 * np.exp(rng.normal(0, np.hypot(own, 2 * 0.01))), dice=dice)

    def taken() -> Measured:
        return change.together(photo(0.8), [(photo(0.9), None)])

    told = [of(compare(taken(), taken()), "area_mm2").beyond for _ in range(600)]
    assert 0.005 < np.mean(told) < 0.07


def test_a_second_photo_is_wanted_only_where_the_outline_is_unsure():
    assert not change.wants_another_photo(visit(20, dice=0.95))
    unsure = visit(20, dice=0.85)
    assert change.wants_another_photo(unsure)
    both = change.together(unsure, [(visit(21, dice=0.9), None)])
    assert not change.wants_another_photo(both)
    grown = of(compare(unsure, visit(20 * (1 + change.detectable_growth(unsure)) + 0.1, dice=0.85)), "area_mm2")
    assert grown.beyond, "what the sentence tells is what the comparison goes by"
    assert not of(compare(unsure, visit(20 * (1 + change.detectable_growth(unsure)) - 0.1, dice=0.85)), "area_mm2").beyond


def test_millimetres_and_shares_of_the_frame_never_meet():
    with_scale, without = visit(20), visit(30, scale=None)
    assert comparable(with_scale, with_scale) is Unit.MILLIMETRES
    assert comparable(with_scale, without) is Unit.FRAME
    assert comparable(with_scale, without, 1.5) is Unit.PIXELS
    assert {one.name for one in compare(with_scale, without) if one.name.startswith("area")} == {"area_fraction"}


def test_registration_takes_a_nearer_camera_out():
    nearer = visit(20 * 1.5**2, scale=None)
    area = of(compare(visit(20, scale=None), nearer, 1.5), "area_px")
    assert area.after == pytest.approx(area.before)
    assert not area.beyond


def test_a_probability_is_compared_as_log_odds():
    assert not of(compare(visit(20, probability=0.45), visit(20, probability=0.6)), "malignant_probability").beyond
    assert of(compare(visit(20, probability=0.02), visit(20, probability=0.1)), "malignant_probability").beyond


def test_noise_is_told_as_change_about_once_in_twenty_times():
    rng = np.random.default_rng(0)
    told = []
    for _ in range(600):
        sizes = 20 * np.exp(rng.normal(0, np.hypot(0.03, 2 * 0.01), 2))
        told.append(of(compare(visit(sizes[0]), visit(sizes[1])), "area_mm2").beyond)
    assert np.mean(told) == pytest.approx(0.05, abs=0.03)


def days(count: int, apart: int = 120) -> list[date]:
    return [date(2024, 1, 1) + timedelta(days=apart * index) for index in range(count)]


def test_a_trend_needs_three_visits_and_two_days():
    assert trend("area_mm2", days(2), [20, 30]) is None
    assert trend("area_mm2", [date(2024, 1, 1)] * 3, [20, 21, 22]) is None


def test_steady_growth_is_a_trend_and_one_bad_photo_does_not_bend_it():
    when = days(6)
    years = np.array([(day - when[0]).days for day in when]) / 365.25
    values = 20 * 1.3**years
    found = trend("area_mm2", when, values, [0.06] * 6)
    assert found.beyond and found.relative
    assert found.per_year == pytest.approx(0.3, abs=0.01)
    assert found.interval[0] < 0.3 < found.interval[1]
    values[3] *= 3
    assert trend("area_mm2", when, values, [0.06] * 6).per_year == pytest.approx(0.3, abs=0.1)


def test_surer_visits_tell_a_slower_trend():
    when = days(4)
    years = np.array([(day - when[0]).days for day in when]) / 365.25
    values = 20 * 1.15**years
    sure, unsure = (trend("area_mm2", when, values, [error] * 4) for error in (0.02, 0.1))
    assert sure.beyond and not unsure.beyond
    assert sure.per_year == unsure.per_year
    reach = [np.log1p(found.interval[1]) - np.log1p(found.interval[0]) for found in (sure, unsure)]
    assert reach[1] == pytest.approx(5 * reach[0])


def test_no_growth_is_no_trend_and_two_hundred_visits_are_one():
    rng = np.random.default_rng(1)
    assert not trend("area_mm2", days(4), 20 * np.exp(rng.normal(0, 0.03, 4))).beyond
    when = days(200, 10)
    years = np.array([(day - when[0]).days for day in when]) / 365.25
    assert trend("malignant_probability", when, change.from_logit(-3 + 0.4 * years)).beyond


def test_the_table_beside_the_networks_holds_every_measurement_of_it():
    table = change._read(change.TABLE)
    assert set(table) == {*change.SIZES, *change.UNITLESS, change.PROBABILITY}
    assert all(one.error > 0 for one in table.values())
