"""Log-in, sign-up and one's own account."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select

from db.models import User
from services import accounts, email_links, mail, two_factor, unit_of_work
from services.unit_of_work import reading
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


@pytest.mark.parametrize(
    ("locale", "style", "typed"),
    [("en-US", "en-US", "MM/DD/YYYY"), ("en-GB", "en-GB", "DD/MM/YYYY"), (None, "en-GB", "DD/MM/YYYY")],
)
def test_dates_are_at_first_as_the_browser_writes_them(locale, style, typed, sign_up_page, monkeypatch):
    monkeypatch.setattr("pages._session.browser_locale", lambda: locale)
    assert sign_up_page.run().date_input(key="sign_up_birth_date").proto.format == typed
    fill_sign_up(sign_up_page)
    with reading() as session:
        assert session.scalars(select(User.date_style)).all() == [style]


def test_doctor_who_signs_up_is_told_to_wait(sign_up_page):
    app = fill_sign_up(sign_up_page, role="doctor", email="new@example.org")
    assert app.title[0].value == "Your account waits for an admin"
    assert "new@example.org" in words(app).replace("\\", "").replace("\u2060", "")
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


def other_sessions(app):
    return [button for button in app.button if button.label == "End"]


def test_account_page_lists_where_one_is_logged_in(monkeypatch, patient, token_of):
    here, there = token_of(patient), token_of(patient)
    app = open_page(open_app(monkeypatch, here), "account/profile.py")
    assert words(app).count("An unknown browser") == 2
    assert words(app).count("this one") == 1
    assert len(other_sessions(app)) == 1
    app = other_sessions(app)[0].click().run()
    assert accounts.person_of(token=there) is None
    assert accounts.person_of(token=here) == patient
    assert [toast.value for toast in app.toast] == ["An unknown browser is logged out."]
    assert not other_sessions(app)
    assert "End all others" not in [button.label for button in app.button]


def test_all_others_are_logged_out_with_one_click(monkeypatch, patient, token_of):
    here, *others = (token_of(patient) for _ in range(3))
    app = press(open_page(open_app(monkeypatch, here), "account/profile.py"), "End all others")
    assert [accounts.person_of(token=token) for token in others] == [None, None]
    assert not other_sessions(app)


def change_password(app, current, new):
    app.text_input(key="password_current").input(current)
    app.text_input(key="password_new").input(new)
    return press(app, "Change the password")


def test_new_password_gives_this_browser_a_fresh_session(monkeypatch, patient, token_of):
    here = token_of(patient)
    app = change_password(open_page(open_app(monkeypatch, here), "account/profile.py"), PASSWORD, "four green herons sing")
    asked = asked_of_the_browser(app)
    assert (asked["address"], asked["stay"]) == ("/session", True)
    assert accounts.person_of(token=here) is None
    fresh = accounts.redeem_ticket(ticket=asked["ticket"])
    assert accounts.person_of(token=fresh) == patient
    app = open_page(open_app(monkeypatch, fresh), "account/profile.py", changed="password")
    assert "Your password is changed." in app.success[0].value


@pytest.mark.parametrize(
    ("current", "new", "name"), [("not this one", "four green herons sing", "current"), (PASSWORD, "password", "new")]
)
def test_mistake_in_a_new_password_is_told_under_its_field(monkeypatch, patient, token_of, current, new, name):
    app = change_password(open_page(open_app(monkeypatch, token_of(patient)), "account/profile.py"), current, new)
    assert len(sentences_under(app, f"password_{name}")) == 1
    assert asked_of_the_browser(app) is None


# The second step


def code_now(secret, steps=0):
    """`steps` later than now: the last one taken does not work twice."""
    return pyotp.TOTP(secret.replace(" ", "")).at(datetime.now(UTC) + timedelta(seconds=30 * steps))


@pytest.fixture
def with_app(patient, token_of):
    """Session, secret and recovery codes of `patient`, who has set the second step up."""
    token = token_of(patient)
    secret = two_factor.set_up(patient).secret
    return token, secret, two_factor.enable(patient, code=code_now(secret, -1), token=token)


def test_second_step_is_set_up_on_the_account_page(monkeypatch, patient, token_of):
    token = token_of(patient)
    app = press(open_page(open_app(monkeypatch, token), "account/profile.py"), "Set it up")
    secret = app.code[0].value
    assert "Scan this picture" in words(app)
    app.text_input(key="enable_code").input("000000")
    app = press(app, "Switch it on")
    assert len(sentences_under(app, "enable_code")) == 1
    app.text_input(key="enable_code").input(code_now(secret))
    app = press(app, "Switch it on")
    codes = app.code[0].value.splitlines()
    assert len(codes) == 10
    app = press(app, "I have kept them")
    assert codes[0] not in words(app)
    assert accounts.person_of(token=token) is None, "what may do more has another token"
    renewed = accounts.redeem_ticket(ticket=asked_of_the_browser(app)["ticket"])
    app = open_page(open_app(monkeypatch, renewed), "account/profile.py")
    assert "10 recovery codes left" in words(app)


def test_log_in_asks_for_the_code_and_takes_it(monkeypatch, patient, with_app):
    _, secret, _ = with_app
    app = log_in(open_app(monkeypatch), patient.email)
    assert app.title[0].value == "Your code, please"
    assert asked_of_the_browser(app) is None
    app.text_input(key="second_step_code").input("000000")
    app = press(app, "Go on")
    assert "not right" in app.error[0].value
    app.text_input(key="second_step_code").input(code_now(secret))
    asked = asked_of_the_browser(press(app, "Go on"))
    assert accounts.person_of(token=accounts.redeem_ticket(ticket=asked["ticket"])) == patient


def test_second_step_that_took_too_long_leads_back_to_log_in(monkeypatch, patient, with_app):
    app = log_in(open_app(monkeypatch), patient.email)
    monkeypatch.setattr(two_factor, "now", lambda: datetime.now(UTC) + timedelta(minutes=6))
    app.text_input(key="second_step_code").input("000000")
    app = press(app, "Go on")
    assert app.title[0].value == "Log in"
    assert "took too long" in app.error[0].value


def test_second_step_is_switched_off_with_a_recovery_code(monkeypatch, patient, with_app):
    token, _, codes = with_app
    app = open_page(open_app(monkeypatch, token), "account/profile.py")
    app.text_input(key="disable_code").input(codes[0])
    app = press(app, "Switch it off")
    assert "Set it up" in [button.label for button in app.button]
    assert accounts.log_in(email=patient.email, password=PASSWORD)


def test_who_has_to_set_it_up_is_led_there_and_nowhere_else(monkeypatch, admin, token_of):
    monkeypatch.setenv("MOLETRAIL_REQUIRE_TOTP", "staff")
    unit_of_work.settings.cache_clear()
    app = open_app(monkeypatch, token_of(admin))
    assert app.title[0].value == "One thing before you go on"
    app = press(app, "Set it up")
    assert "needs a second step before anything else" in words(app)
    assert app.text_input(key="enable_code")
    assert not [button for button in app.button if button.label == "Not now"]


def test_admin_resets_the_second_step_of_another(monkeypatch, admin, patient, with_app, token_of):
    app = open_page(open_app(monkeypatch, token_of(admin)), "admin/accounts.py")
    assert two_factor.status(patient).enabled_since
    offered = app.get("menu_button")
    assert any("Reset second step" in str(one.proto) for one in offered)


# Links sent by e-mail


def token_in(text):
    return re.search(r"\?token=(\S+)", text).group(1)


def test_forgotten_password_is_replaced_through_the_link(monkeypatch, patient, outbox):
    app = press(open_app(monkeypatch), "Forgot your password?")
    app.text_input(key="reset_email").input(patient.email)
    app = press(app, "Send me the link")
    assert app.title[0].value == "Look into your e-mail"
    token = token_in(outbox[0][1])
    app = open_page(open_app(monkeypatch, link=token), "account/reset_password.py")
    assert app.title[0].value == "Choose a new password"
    app.text_input(key="reset_new").input("short")
    app = press(app, "Set the password")
    assert len(sentences_under(app, "reset_new")) == 1
    app.text_input(key="reset_new").input("four green herons sing")
    app = press(app, "Set the password")
    assert app.title[0].value == "Your password is changed"
    assert accounts.log_in(email=patient.email, password="four green herons sing")


def test_unknown_address_gets_the_same_answer(monkeypatch, patient, outbox):
    told = []
    for email in (patient.email, "nobody@example.org", ""):
        app = open_page(open_app(monkeypatch), "account/reset_password.py")
        app.text_input(key="reset_email").input(email)
        told.append(words(press(app, "Send me the link")))
    assert len(set(told)) == 1
    assert len(outbox) == 1


@pytest.mark.parametrize("page", ["account/reset_password.py", "account/verify_email.py"])
def test_dead_link_is_told(monkeypatch, moletrail, page):
    app = open_page(open_app(monkeypatch, link="made-up"), page)
    assert "was used already, is too old, or is not complete" in words(app)


def test_sign_up_sends_a_link_and_opening_it_alone_confirms_nothing(sign_up_page, monkeypatch, outbox):
    fill_sign_up(sign_up_page)
    token = token_in(outbox[0][1])
    app = open_page(open_app(monkeypatch, link=token), "account/verify_email.py")
    assert app.title[0].value == "Confirm your e-mail address"
    assert email_links.works(purpose="verify", token=token)
    assert press(app, "Confirm").title[0].value == "Your e-mail address is confirmed"
    assert not email_links.works(purpose="verify", token=token)


def test_account_page_says_whether_the_address_is_confirmed(monkeypatch, patient, token_of, outbox):
    session = token_of(patient)
    app = open_page(open_app(monkeypatch, session), "account/profile.py")
    assert "not confirmed yet" in words(app)
    press(app, "Send me the link")
    email_links.verify_email(token=token_in(outbox[0][1]))
    app = open_page(open_app(monkeypatch, session), "account/profile.py")
    assert "not confirmed yet" not in words(app)
    assert "confirmed" in words(app)


# Log-in at a provider


def come_from_provider(monkeypatch, email, **changes):
    said = {"iss": "https://id.example.org", "iat": time.time(), "email": email, "email_verified": True, "is_logged_in": True}
    said |= {"given_name": "Nia", "family_name": "Novak"} | changes
    monkeypatch.setattr("pages.account._provider.claims", lambda: said)


def test_log_in_page_offers_a_provider_only_where_one_is_set(monkeypatch, moletrail):
    assert not [button for button in open_app(monkeypatch).button if button.label.startswith("Continue with")]
    monkeypatch.setattr("pages._session.provider.st.secrets", {"auth": {"redirect_uri": "x", "okta": {"client_id": "x"}, "client_id": "y"}})
    labels = [button.label for button in open_app(monkeypatch).button]
    assert {"Continue with Okta", "Continue with your organisation"} <= set(labels)


def test_who_comes_from_the_provider_is_let_in(monkeypatch, patient, outbox):
    email_links.ask_verification(email=patient.email)
    email_links.verify_email(token=token_in(outbox[0][1]))
    come_from_provider(monkeypatch, patient.email)
    asked = asked_of_the_browser(open_app(monkeypatch))
    assert accounts.person_of(token=accounts.redeem_ticket(ticket=asked["ticket"])).id == patient.id


def test_who_is_new_completes_a_sign_up_without_password(monkeypatch, moletrail):
    come_from_provider(monkeypatch, "nia@example.org")
    app = open_app(monkeypatch)
    assert app.title[0].value == "Sign up"
    assert app.text_input(key="sign_up_first_name").value == "Nia"
    assert not [box for box in app.text_input if box.key in ("sign_up_email", "sign_up_password")]
    app.selectbox(key="sign_up_sex").set_value("female")
    app.date_input(key="sign_up_birth_date").set_value(SIGN_UP["birth_date"])
    for name in ("address", "city", "state", "zip_code"):
        app.text_input(key=f"sign_up_{name}").input(SIGN_UP[name])
    asked = asked_of_the_browser(press(app, "Sign up"))
    person = accounts.person_of(token=accounts.redeem_ticket(ticket=asked["ticket"]))
    assert (person.email, person.role, person.email_verified) == ("nia@example.org", "patient", True)


@pytest.mark.parametrize(("changes", "told"), [({"email_verified": False}, "does not say"), ({"iat": 0}, "too old")])
def test_identity_that_proves_nothing_is_told_so_and_can_be_left(monkeypatch, patient, changes, told):
    come_from_provider(monkeypatch, patient.email, **changes)
    app = open_app(monkeypatch)
    assert told in app.error[0].value
    assert "Not you? Use another account" in [button.label for button in app.button]
    assert asked_of_the_browser(app) is None


# Another e-mail address


def test_new_address_is_asked_for_on_the_account_page_and_taken_over_by_its_link(monkeypatch, patient, token_of):
    sent = []
    monkeypatch.setattr(mail, "send", lambda *, to, subject, text: sent.append((to, text)))
    app = open_page(open_app(monkeypatch, token_of(patient)), "account/profile.py")
    app.text_input(key="email_new").input("anna@example.net")
    app.text_input(key="email_password").input("a guess")
    next(button for button in app.button if button.form_id == "email").click().run()
    assert sentences_under(app, "email_password") == [":small[:red[:material/error: This is not your password.]]"]
    assert app.text_input(key="email_new").value == "anna@example.net"
    app.text_input(key="email_password").input(PASSWORD)
    next(button for button in app.button if button.form_id == "email").click().run()
    assert "A link is on its way to anna" in app.success[0].value

    token = re.search(r"change-email\?token=(\S+)", sent[-1][1]).group(1)
    app = open_page(open_app(monkeypatch, link=token), "account/change_email.py")
    assert app.title[0].value == "Use this e-mail address from now on?"
    press(app, "Use it")
    assert app.title[0].value == "Your e-mail address is changed"
    assert accounts.log_in(email="anna@example.net", password=PASSWORD)
    assert open_page(open_app(monkeypatch, link=token), "account/change_email.py").title[0].value == "This link does not work"


@pytest.mark.parametrize("goes_out", [True, False])
def test_who_wants_reminders_by_e_mail_is_told_where_none_go_out(goes_out, monkeypatch, patient, token_of):
    monkeypatch.setattr("services.mail.goes_out", lambda: goes_out)
    app = open_page(open_app(monkeypatch, token_of(patient)), "account/profile.py")
    assert ("This site sends no e-mail at the moment" in words(app)) is not goes_out
