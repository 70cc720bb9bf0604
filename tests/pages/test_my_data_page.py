from __future__ import annotations

import pytest

from services import accounts, erasure
from tests.helpers import PASSWORD
from tests.pages.app import asked_of_the_browser, open_app, open_page, sentences_under, words


@pytest.fixture
def app(patient, token_of, monkeypatch):
    return open_page(open_app(monkeypatch, token_of(patient)), "patient/my_data.py")


def erase(app, *, password: str, sure: bool = True):
    app.text_input("erase_password").set_value(password)
    app.checkbox("erase_sure").set_value(sure)
    return app.button(next(button.key for button in app.button if button.label == "Erase my account")).click().run()


def test_page_says_what_goes_and_what_stays(app) -> None:
    assert erasure.STAYS["patient"] in words(app)
    assert "You agreed on" in words(app)


def test_wrong_password_and_an_unticked_box_erase_nothing(app, patient) -> None:
    app = erase(app, password="a guess")
    assert "not your password" in " ".join(sentences_under(app, "erase_password"))
    app = erase(app, password=PASSWORD, sure=False)
    assert "cannot be undone" in " ".join(sentences_under(app, "erase_password"))
    assert accounts.log_in(email=patient.email, password=PASSWORD)


def test_erased_account_is_logged_out(app, patient) -> None:
    app = erase(app, password=PASSWORD)
    assert asked_of_the_browser(app)["address"] == "/session/end"
    with pytest.raises(accounts.LoginFailed):
        accounts.log_in(email=patient.email, password=PASSWORD)
