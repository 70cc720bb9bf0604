"""Log-in, sign-up and one's own account."""

from __future__ import annotations

import pytest

from services import accounts
from tests.helpers import PASSWORD, SIGN_UP
from tests.pages.app import asked_of_the_browser, open_app, open_page, sentences_under, words


def press(app, label):
    next(button for button in app.button if button.label == label).click()
    return app.run()


def log_in(app, email, password=PASSWORD):
    app.text_input(key="log_in_email").input(email)
    app.text_input(key="log_in_password").input(password)
    return press(app, "Log in")


def fill_sign_up(app, **changes):
    typed = SIGN_UP | changes
    app.radio(key="sign_up_role").set_value(typed["role"])
    app.selectbox(key="sign_up_sex").set_value(typed["sex"])
    app.date_input(key="sign_up_birth_date").set_value(typed["birth_date"])
    for name, value in typed.items():
        if name not in ("role", "sex", "birth_date"):
            app.text_input(key=f"sign_up_{name}").input(value)
    return press(app, "Sign up")


@pytest.fixture
def sign_up_page(monkeypatch, moletrail):
    return open_page(open_app(monkeypatch), "account/sign_up.py")


# Log in


def test_log_in_hands_the_browser_a_ticket_that_opens_this_account(monkeypatch, patient):
    app = log_in(open_app(monkeypatch), patient.email)
    asked = asked_of_the_browser(app)
    assert (asked["address"], asked["stay"]) == ("/session", False)
    assert accounts.person_of(token=accounts.redeem_ticket(ticket=asked["ticket"])) == patient


@pytest.mark.parametrize(("email", "password"), [("ann@example.org", "not this one"), ("nobody@example.org", PASSWORD), ("", "")])
def test_wrong_log_in_is_one_and_the_same_sentence(monkeypatch, patient, email, password):
    app = log_in(open_app(monkeypatch), email, password)
    assert [error.value for error in app.error] == ["The e-mail address or the password is wrong."]
    assert asked_of_the_browser(app) is None
    assert app.text_input(key="log_in_email").value == email


def test_log_in_on_another_page_comes_back_to_it(monkeypatch, patient):
    app = log_in(open_page(open_app(monkeypatch), "patient/mole.py", id=3), patient.email)
    assert asked_of_the_browser(app)["stay"] is True


def test_browser_that_takes_no_cookie_is_told(monkeypatch, patient):
    app = open_app(monkeypatch)
    app.session_state["browser_refused"] = True
    assert "Allow cookies" in app.run().error[0].value


def test_log_in_page_tells_who_is_logged_in_already(monkeypatch, patient, token_of):
    app = open_page(open_app(monkeypatch, token_of(patient)), "account/log_in.py")
    assert app.title[0].value == f"You are logged in as {patient.full_name}"
    assert not app.text_input


# Sign up


def test_patient_who_signs_up_is_logged_in_at_once(sign_up_page):
    app = fill_sign_up(sign_up_page)
    person = accounts.person_of(token=accounts.redeem_ticket(ticket=asked_of_the_browser(app)["ticket"]))
    assert (person.role, person.email, person.birth_date) == ("patient", SIGN_UP["email"], SIGN_UP["birth_date"])


def test_doctor_who_signs_up_is_told_to_wait(sign_up_page):
    app = fill_sign_up(sign_up_page, role="doctor", email="new@example.org")
    assert app.title[0].value == "Your account waits for an admin"
    assert "new@example.org" in words(app).replace("\\", "")
    assert asked_of_the_browser(app) is None


def test_empty_sign_up_names_every_field_but_the_optional_one(sign_up_page):
    app = press(sign_up_page, "Sign up")
    told = {name: sentences_under(app, f"sign_up_{name}") for name in SIGN_UP}
    assert {name for name, sentences in told.items() if sentences} == SIGN_UP.keys() - {"role", "second_address"}
    assert all(len(sentences) <= 1 for sentences in told.values())
    assert "No account was made yet" in app.error[0].value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_name", "4nn"),
        ("surname", ""),
        ("email", "ann at example.org"),
        ("password", "short"),
        ("password", "password"),
        ("address", ""),
        ("city", "<b>"),
        ("state", ""),
        ("zip_code", "?"),
        ("sex", None),
        ("birth_date", None),
    ],
)
def test_mistake_is_told_under_its_field_and_what_was_typed_stays(sign_up_page, field, value):
    app = fill_sign_up(sign_up_page, **{field: value})
    assert len(sentences_under(app, f"sign_up_{field}")) == 1
    assert [name for name in SIGN_UP if name != field and sentences_under(app, f"sign_up_{name}")] == []
    kept = {name: app.text_input(key=f"sign_up_{name}").value for name in SIGN_UP if name not in ("role", "sex", "birth_date")}
    assert kept == {name: value for name, value in (SIGN_UP | {field: value}).items() if name in kept}
    assert asked_of_the_browser(app) is None


def test_mistake_put_right_leaves_no_sentence_behind(sign_up_page):
    app = fill_sign_up(sign_up_page, city="")
    app = fill_sign_up(app)
    assert asked_of_the_browser(app)["address"] == "/session"


def test_browser_that_takes_no_cookie_after_sign_up_is_told_on_the_log_in_page(sign_up_page):
    sign_up_page.session_state["browser_refused"] = True
    app = sign_up_page.run()
    assert app.title[0].value == "Log in"
    assert "Allow cookies" in app.error[0].value


def test_password_rules_are_said_before_anything_is_typed(sign_up_page):
    assert "8 to 128 characters" in words(sign_up_page)


def test_birth_date_reaches_back_120_years(sign_up_page):
    picker = sign_up_page.date_input(key="sign_up_birth_date")
    assert picker.max.year - picker.min.year == 120


def test_who_is_logged_in_cannot_sign_up_again(monkeypatch, patient, token_of):
    app = open_page(open_app(monkeypatch, token_of(patient)), "account/sign_up.py")
    assert not app.text_input
    assert "Log out first" in words(app)


# My account


@pytest.mark.parametrize("role", ["patient", "doctor", "admin"])
def test_account_page_shows_its_owner(role, monkeypatch, request, token_of):
    person = request.getfixturevalue(role)
    app = open_page(open_app(monkeypatch, token_of(person)), "account/profile.py")
    assert app.title[0].value == f"You are logged in as {person.full_name}"
    assert person.email in words(app)


def test_log_out_ends_the_session_on_the_server_before_the_browser_answers(monkeypatch, patient, token_of):
    token = token_of(patient)
    app = open_page(open_app(monkeypatch, token), "account/profile.py")
    app = press(app, "Log out")
    assert accounts.person_of(token=token) is None
    assert asked_of_the_browser(app)["address"] == "/session/end"
