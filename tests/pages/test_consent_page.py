from __future__ import annotations

import pytest

from services import accounts, consent, lesions
from tests.helpers import sign_up_arguments
from tests.pages.app import open_app, open_page, words


@pytest.fixture
def newcomer(moletrail):
    person = accounts.sign_up(**sign_up_arguments())
    lesions.add_lesion(person, name="Nape", body_site="nape")
    return person


def test_first_photo_asks_for_consent_and_goes_on_at_once(newcomer, token_of, monkeypatch) -> None:
    app = open_page(open_app(monkeypatch, token_of(newcomer)), "patient/add_photo.py")
    assert "Before your first photo" in words(app)
    assert "not a medical device" in words(app)
    app.button("consent_accept").click().run()
    assert consent.state(newcomer).in_force
    assert "New photo" in words(app)


def test_consent_is_withdrawn_and_given_again(patient, token_of, monkeypatch) -> None:
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/consent.py")
    assert "You agreed on" in words(app)
    app.button("consent_withdraw").click().run()
    assert "You withdrew your consent" in words(app)
    assert not consent.state(patient).in_force
    app.button("consent_accept").click().run()
    assert consent.state(patient).in_force
