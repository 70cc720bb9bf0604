"""The doctor's work list as a page: the heading that answers, the rows, the filters, and the walk from case to case."""

from __future__ import annotations

from datetime import date

import pytest

from services import lesions, photos, risk, sharing, worklist
from services.fields import today
from tests.helpers import photo_bytes
from tests.pages.app import open_app, open_page, words
from tests.services.test_worklist import review, set_due

PAGE = "doctor/work_list.py"


@pytest.fixture
def shared(patient, doctor):
    return sharing.share_with(patient, doctor_email=doctor.email)


@pytest.fixture
def add(patient, tiny):
    def add_mole(name: str, probability: float = 0.03, day: date = date(2024, 5, 1)) -> int:
        tiny.probability = probability
        lesion = lesions.add_lesion(patient, name=name, body_site="nape")
        photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=day)
        return lesion.id

    return add_mole


@pytest.fixture
def page(monkeypatch, doctor, token_of, tiny):
    app = open_app(monkeypatch, token_of(doctor))
    return lambda **query: open_page(app, PAGE, **query)


def click(app, key: str):
    app.button(key=key).click().run()
    assert not app.exception
    return app


def names(app) -> list[str]:
    """The moles of the rows in their order."""
    return [caption.value.split(",")[0] for caption in app.caption if "nape of the neck" in caption.value]


def test_it_is_where_a_doctor_starts(monkeypatch, doctor, token_of, tiny) -> None:
    assert open_app(monkeypatch, token_of(doctor)).title[0].value == "No case waits for you"


@pytest.mark.parametrize("role", ["patient", "admin"])
def test_it_is_not_shown_to_other_roles(role, monkeypatch, request, token_of) -> None:
    app = open_page(open_app(monkeypatch, token_of(request.getfixturevalue(role))), PAGE)
    assert app.title[0].value == "This page is not for your account"


def test_it_is_not_shown_to_the_logged_out(monkeypatch, moletrail) -> None:
    assert open_page(open_app(monkeypatch), PAGE).title[0].value == "Log in"


def test_empty_list_says_what_will_appear(page, doctor) -> None:
    assert "New photos, changes and overdue re-checks of patients who share with you appear here" in words(page())


def test_heading_is_the_answer_and_each_row_says_why(page, shared, add) -> None:
    add("Calm", day=today())
    add("Bad", 0.9)
    app = page()
    assert app.title[0].value == "2 cases wait for you"
    assert names(app) == ["Bad", "Calm"]
    seen = words(app)
    assert "**Ann Archer**" in seen
    assert "The newest photo looks malignant, high confidence. The re-check was due on" in seen
    assert "p 90 %" in seen
    assert "not a medical device" in seen


def test_filters_narrow_the_list_and_the_heading_says_so(page, shared, add) -> None:
    add("Calm", day=today())
    add("Bad", 0.9)
    app = page()
    app.button_group(key="kind").set_value("refer").run()
    assert (app.title[0].value, names(app)) == ("1 case matches", ["Bad"])
    app.text_input(key="search").input("nobody").run()
    assert app.title[0].value == "No case matches"
    assert "Nothing matches" in words(app)


def test_filters_stand_behind_a_button_that_counts_those_in_force(page, shared, add) -> None:
    add("Calm", day=today())
    assert [popover.proto.popover.label for popover in page().get("popover")] == ["Filters"]
    app = page(region="back", since=today().isoformat())
    assert [popover.proto.popover.label for popover in app.get("popover")] == ["Filters (2)"]


def test_who_is_at_raised_risk_is_said_so(page, patient, shared, add) -> None:
    add("Calm", day=today())
    risk.answer(patient, version=0, answers={"family": "One"})
    assert "No doctor has reviewed the newest photo. The patient is at raised risk." in words(page())


def test_reason_in_the_address_is_taken(page, shared, add) -> None:
    add("Calm", day=today())
    add("Bad", 0.9)
    assert names(page(kind="refer")) == ["Bad"]


@pytest.fixture
def walk(page, shared, add, doctor):
    """Opens the first of three cases from the list; walk(name, key) presses a button on the case of that mole."""
    cases = {name: add(name, probability) for name, probability in (("One", 0.95), ("Two", 0.9), ("Three", 0.8))}
    app = click(page(), "start")
    assert "Case 1 of 3" in words(app)
    # The way from page to page of one run is not known to the next one here, so each case is opened by its address.
    visits = {case.lesion_name: case.visit_id for case in worklist.work_list(doctor).cases.items}

    def press(name: str, key: str):
        return click(open_page(app, "doctor/visit.py", mole=cases[name], visit=visits[name]), key)

    return press


@pytest.mark.parametrize(
    ("start", "key", "place", "name"),
    [("One", "walk_next", 2, "Two"), ("Two", "walk_next", 3, "Three"), ("Three", "walk_before", 2, "Two")],
)
def test_next_walks_through_the_cases_without_the_list(walk, start, key, place, name) -> None:
    seen = words(walk(start, key))
    assert f"Case {place} of 3" in seen
    assert f"Ann Archer, {name}" in seen


def test_next_of_the_last_case_is_the_list(walk) -> None:
    assert walk("Three", "walk_next").title[0].value == "3 cases wait for you"


def test_walk_passes_over_what_waits_no_more(walk, doctor) -> None:
    (second,) = (case for case in worklist.work_list(doctor).cases.items if case.lesion_name == "Two")
    review(second.lesion_id, doctor)
    set_due(second.lesion_id, today())
    assert "Ann Archer, Three" in words(walk("One", "walk_next"))


def test_row_opened_from_a_filtered_list_walks_through_that_list(page, shared, add) -> None:
    calm = add("Calm", day=today())
    add("Bad", 0.9)
    app = page(kind="new")
    assert "Case 1 of 1" in words(click(app, f"open_{calm}"))


def test_share_revoked_during_the_walk_ends_it_at_the_list(page, patient, shared, add) -> None:
    add("One", 0.95)
    add("Two", 0.9)
    app = page()
    sharing.revoke(patient, grant_id=shared.id)
    app = click(app, "start")
    assert app.title[0].value == "No case waits for you"
    assert "Archer" not in words(app)
