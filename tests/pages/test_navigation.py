"""Who sees which pages, and what a page answers to whom it is not for."""

from __future__ import annotations

import pytest
import streamlit as st

from pages._pages import PAGES, home_of
from services import accounts
from tests.pages.app import open_app, open_page, words

ROLES = ("nobody", "patient", "doctor", "admin")


@pytest.fixture
def app_of(monkeypatch, request, token_of):
    """app_of(role) -> the app as a person of this role sees it, on their first page."""

    def open_as(role: str):
        token = None if role == "nobody" else token_of(request.getfixturevalue(role))
        return open_app(monkeypatch, token)

    return open_as


@pytest.mark.parametrize(
    ("role", "titles"),
    [
        ("nobody", []),
        ("patient", ["My moles", "Reminders", "Risk and history", "Sharing", "My data", "My account"]),
        ("doctor", ["Work list", "Patients", "Opinions", "Model cards", "Performance", "My account"]),
        ("admin", ["Model cards", "Performance", "Accounts", "Records", "My account"]),
    ],
)
def test_menu_shows_only_the_pages_of_the_role(role, titles, app_of, moletrail, monkeypatch):
    seen = []
    navigation = st.navigation
    monkeypatch.setattr(st, "navigation", lambda pages, **more: (seen.append(pages), navigation(pages, **more))[1])
    app_of(role)
    assert [page.title for page in seen[-1] if page.visibility == "visible"] == titles


@pytest.mark.parametrize(
    ("role", "title"), [("nobody", "Log in"), ("patient", "No moles yet"), ("doctor", ""), ("admin", "No account waits for you")]
)
def test_everybody_starts_on_their_own_page(role, title, app_of, moletrail):
    app = app_of(role)
    assert not app.exception
    assert title in app.title[0].value


@pytest.mark.parametrize("url_path", PAGES)
@pytest.mark.parametrize("role", ROLES)
def test_page_is_refused_to_every_role_but_its_own(role, url_path, app_of, moletrail):
    entry = PAGES[url_path]
    app = open_page(app_of(role), entry.file, id=1)
    assert not app.exception
    if not entry.roles or role in entry.roles:
        assert "This page is not for your account" not in words(app)
        assert "Log in to see this page" not in words(app)
    elif role == "nobody":
        assert app.title[0].value == "Log in"
        assert "Log in to see this page." in words(app)
    else:
        assert app.title[0].value == "This page is not for your account"
        assert [button.label for button in app.button] == [f"Go to {home_of(role).title}"]


def test_page_closes_at_the_next_click_after_a_log_out_elsewhere(monkeypatch, patient, token_of):
    token = token_of(patient)
    app = open_app(monkeypatch, token)
    assert app.title[0].value == "No moles yet"
    accounts.log_out(token=token)
    app.run()
    assert app.title[0].value == "Log in"
    assert "Your session has ended. Log in again to go on." in words(app)


def test_page_closes_when_an_admin_disables_the_account(monkeypatch, patient, admin, token_of):
    app = open_app(monkeypatch, token_of(patient))
    accounts.disable_account(admin, user_id=patient.id)
    assert app.run().title[0].value == "Log in"


def test_made_up_token_is_nobody(monkeypatch, moletrail):
    assert open_app(monkeypatch, "made-up").title[0].value == "Log in"


def test_no_two_pages_share_an_address_or_a_file():
    assert len({entry.file for entry in PAGES.values()}) == len(PAGES)


def test_no_page_has_an_icon_that_the_browser_would_fetch_elsewhere(monkeypatch, moletrail):
    app = open_app(monkeypatch)
    assert {page["icon"] for page in app._registered_pages.values()} == {""}
