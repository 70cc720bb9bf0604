from __future__ import annotations

from datetime import date

import pytest

from services import accounts, profile, sharing
from services.errors import ValidationError
from services.words import DATE_STYLES, Preferences
from tests.pages.made import finding


def test_patient_changes_what_is_known_of_them(patient, token_of) -> None:
    profile.change_profile(patient, first_name=" Anna ", city="Shelbyville", state="Ohio", birth_date=date(1981, 1, 2))
    found = profile.profile(patient)
    assert (found.first_name, found.surname, found.city, found.state) == ("Anna", "Archer", "Shelbyville", "Ohio")
    assert accounts.person_of(token=token_of(patient)).full_name == "Anna Archer"


def test_mistakes_are_told_by_field_and_nothing_is_stored(patient) -> None:
    before = profile.profile(patient)
    with pytest.raises(ValidationError) as caught:
        profile.change_profile(patient, first_name="Anna", surname="", zip_code="!")
    assert list(caught.value.fields) == ["surname", "zip_code"]
    assert profile.profile(patient) == before


def test_neither_address_nor_role_changes_this_way(patient, doctor) -> None:
    profile.change_profile(patient, email="new@example.org", role="admin", password="x", account_state="active")
    profile.change_profile(doctor, surname="Dahl", birth_date=date(1981, 1, 2))
    assert accounts.log_in(email=patient.email, password="seven grey otters")
    assert (profile.profile(doctor).surname, profile.profile(doctor).birth_date) == ("Dahl", None)


def test_preferences_follow_the_person(patient, token_of) -> None:
    profile.change_preferences(patient, units="inch", date_style="de", reminder_emails=True)
    person = accounts.person_of(token=token_of(patient))
    assert (person.units, person.date_style, profile.profile(patient).reminder_emails) == ("inch", "de", True)
    with pytest.raises(ValidationError) as caught:
        profile.change_preferences(patient, units="ells", date_style="x", reminder_emails=False)
    assert list(caught.value.fields) == ["units", "date_style"]


def test_dates_and_sizes_in_each_form() -> None:
    day = date(2026, 3, 12)
    assert {style: Preferences(date_style=style).date(day) for style in DATE_STYLES} == DATE_STYLES
    assert Preferences(date_style="en-GB").short_date(day) == "12 Mar 2026"
    assert Preferences(date_style="iso").short_date(day) == "2026-03-12"
    assert Preferences().area(finding(area_mm2=64.516)) == "64.5 mm²"
    assert Preferences("inch").area(finding(area_mm2=64.516)) == "0.1 in²"
    assert Preferences("inch").area(finding(area=0.031)) == "3.1 % of the frame"
    assert (Preferences().length(12.7), Preferences("inch").length(12.7)) == ("12.7 mm", "0.5 in")


def test_patients_find_only_active_doctors_who_want_it(patient, doctor, admin) -> None:
    def listed(who, wants: bool = True) -> list[str]:
        profile.change_preferences(who, units="mm", date_style="en-GB", reminder_emails=False, listed=wants)
        return [found.full_name for found in sharing.list_doctors(patient)]

    assert sharing.list_doctors(patient) == ()
    assert listed(doctor) == ["Dora Dale"]
    assert listed(doctor, False) == []
    assert listed(patient) == [], "who is no doctor is never found"
    listed(doctor)
    accounts.disable_account(admin, user_id=doctor.id)
    assert sharing.list_doctors(patient) == ()
