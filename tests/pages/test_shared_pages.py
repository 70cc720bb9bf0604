from __future__ import annotations

from datetime import date

import pytest

from services import mole_links, photos, profile, sharing
from tests.helpers import photo_bytes
from tests.pages.app import open_app, open_page, words


@pytest.fixture
def visit(patient, mole, tiny):
    return photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(), taken_on=date(2024, 5, 1))


def test_link_is_made_on_the_mole_page_shown_once_and_revoked_under_sharing(patient, mole, visit, token_of, monkeypatch) -> None:
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/mole.py", mole=mole.id)
    app.button("make_link").click().run()
    (address,) = [code.value for code in app.code if "/link/shared-mole?token=" in code.value]
    (link,) = mole_links.list_links(patient)
    app = open_page(app, "patient/sharing.py")
    assert address not in words(app)
    assert "not opened yet" in words(app)
    app.button(f"revoke_link_{link.id}").click().run()
    assert "No link is in force" in words(app)


def test_holder_of_a_link_sees_the_mole_without_an_account(patient, mole, visit, monkeypatch) -> None:
    token = mole_links.make_link(patient, lesion_id=mole.id, days=7).address.partition("token=")[2]
    app = open_page(open_app(monkeypatch, link=token), "shared_mole.py")
    assert "Benign, high confidence" in words(app)
    assert "not a medical device" in words(app)
    assert not any(name in words(app) for name in ("Ann", "Archer", "Nape\n"))
    app = open_page(open_app(monkeypatch, link="made-up"), "shared_mole.py")
    assert "This link shows nothing" in words(app)


def test_doctor_without_an_account_is_invited(patient, token_of, monkeypatch, caplog) -> None:
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/sharing.py")
    app.text_input("share_email").set_value("new@example.org")
    app.button("share_now").click().run()
    app.button("invite").click().run()
    assert "To: new@example.org" in caplog.text
    assert "Ann Archer" in caplog.text
    assert sharing.list_grants(patient) == ()


def test_who_looked_last_is_shown(patient, doctor, mole, token_of, monkeypatch) -> None:
    sharing.share_with(patient, doctor_email=doctor.email)
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/sharing.py")
    assert "has not looked yet" in words(app)
    sharing.patient_of(doctor, patient_id=patient.id)
    app = open_page(app, "patient/sharing.py")
    assert "last looked on" in words(app)


def test_dates_are_shown_as_the_person_chose(patient, mole, visit, token_of, monkeypatch) -> None:
    profile.change_preferences(patient, units="mm", date_style="de", reminder_emails=False)
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/visit.py", visit=visit.id)
    assert "1. Mai 2024" in words(app)


def test_profile_is_changed_on_the_account_page(patient, token_of, monkeypatch) -> None:
    app = open_page(open_app(monkeypatch, token_of(patient)), "account/profile.py")
    app.text_input("about_surname").set_value("Arrow")
    app.button(next(button.key for button in app.button if button.label == "Save what changed")).click().run()
    assert "Ann Arrow" in words(app)
    app.text_input("about_surname").set_value("")
    app.button(next(button.key for button in app.button if button.label == "Save what changed")).click().run()
    assert "Please enter your surname." in words(app)
