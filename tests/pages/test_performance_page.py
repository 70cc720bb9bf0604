"""How the networks do at this clinic, as doctors and admins read it; its figures without a browser."""

from __future__ import annotations

from datetime import date

import pytest

from pages import _performance as parts
from services import performance
from services.performance import Bin, Group, Judged, Share
from tests.pages.app import open_app, open_page, tables, words

PAGE = "doctor/performance.py"


def judged(probability: float, malignant: bool, month: int = 3) -> Judged:
    call = "malignant" if probability > 0.6 else "benign"
    return Judged(probability, call, malignant, malignant, False, date(2026, month, 5), "II", "back")


@pytest.mark.parametrize("role", ["doctor", "admin"])
def test_few_reviews_are_said_to_be_too_few(role, monkeypatch, request, token_of) -> None:
    app = open_page(open_app(monkeypatch, token_of(request.getfixturevalue(role))), PAGE)
    assert app.title[0].value == "Too few reviews to say how the networks do"
    assert "0 of 10 moles" in words(app)
    assert not app.get("plotly_chart")


def test_patients_do_not_see_it(monkeypatch, patient, token_of) -> None:
    assert open_page(open_app(monkeypatch, token_of(patient)), PAGE).title[0].value == "This page is not for your account"


def test_heading_is_the_answer_with_n_and_every_share_has_its_interval(monkeypatch, doctor, token_of) -> None:
    found = performance.summed(
        [judged(0.9, True)] * 9 + [judged(0.1, True)] + [judged(0.1, False, 2)] * 17 + [judged(0.9, False)] * 3
    )
    monkeypatch.setattr(performance, "performance", lambda person: found)
    app = open_page(open_app(monkeypatch, token_of(doctor)), PAGE)
    assert app.title[0].value == "Sensitivity 90 %, specificity 85 %, over 30 moles"
    seen = words(app)
    assert "Sensitivity **90 % (60 to 98), 9 of 10**" in seen
    assert "by the laboratory where it said so (10 of 30)" in seen
    assert "not a medical device" in seen
    assert app.table[0].value.values.tolist() == [
        ["Malignant", "9", "3"], ["Uncertain", "0", "0"], ["Benign", "1", "17"], ["All", "10", "20"],
    ]  # fmt: skip
    assert len(app.get("plotly_chart")) == 2
    by_month, by_type, by_site = tables(app)
    assert [row["Moles"] for row in by_month] == ["13", "17"]
    assert [(row["Body site"], row["Moles"], row["Sensitivity"]) for row in by_site] == [("Back", "30", "90 % (60 to 98), 9 of 10")]
    assert [row["Fitzpatrick type"] for row in by_type] == ["II"]


def test_share_of_none_is_said_in_words() -> None:
    assert parts.share_words(Share(0, 0)) == "no such mole"


def test_month_without_such_a_mole_is_a_gap_and_bars_are_the_intervals() -> None:
    months = [Group("2026-01", 3, Share(0, 0), Share(2, 3)), Group("2026-02", 4, Share(1, 2), Share(2, 2))]
    sensitivity, specificity = parts.drift(months).data
    assert (len(sensitivity.x), len(specificity.x)) == (1, 2)
    low, high = Share(1, 2).interval
    assert (sensitivity.y[0] - sensitivity.error_y.arrayminus[0], sensitivity.y[0] + sensitivity.error_y.array[0]) == pytest.approx(
        (100 * low, 100 * high)
    )


def test_calibration_stands_at_the_mean_of_each_bin() -> None:
    points = parts.calibration([Bin(0.0, 0.1, 0.04, Share(1, 20)), Bin(0.9, 1.0, 0.95, Share(9, 10))]).data[1]
    assert list(points.x) == pytest.approx([4, 95])
    assert list(points.y) == pytest.approx([5, 90])
