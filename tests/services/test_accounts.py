"""What an admin does with accounts."""

from __future__ import annotations

import pytest

from services import accounts, lesions, sharing
from services.errors import NotAllowed, NotFound, ValidationError
from tests.helpers import PASSWORD


def names(page) -> list[str]:
    return [person.first_name for person in page.items]


def test_accounts_that_wait_come_first_then_by_surname(admin, doctor, patient, sign_up) -> None:
    sign_up(role="doctor", first_name="Zed", surname="Zorn", email="zed@example.org")
    assert names(accounts.list_accounts(admin)) == ["Zed", "Ada", "Ann", "Dora"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"search": "ARCH"}, ["Ann"]),
        ({"search": "ann arch"}, ["Ann"]),
        ({"search": "dora@"}, ["Dora"]),
        ({"search": "%"}, []),
        ({"search": "_"}, []),
        ({"role": "doctor"}, ["Dora"]),
        ({"role": "patient", "search": "dora"}, []),
        ({"state": "disabled"}, []),
        ({"size": 1, "page": 2}, ["Ann"]),
        ({"size": 2, "page": 99}, ["Dora"]),
    ],
)
def test_accounts_are_searched_filtered_and_paged(admin, doctor, patient, asked: dict, found: list[str]) -> None:
    assert names(accounts.list_accounts(admin, **asked)) == found


def test_pages_know_the_whole(admin, doctor, patient) -> None:
    page = accounts.list_accounts(admin, size=2)
    assert (page.total, page.count, page.number, len(page.items)) == (3, 2, 1, 2)


@pytest.mark.parametrize("wrong", [{"role": "king"}, {"state": "asleep"}])
def test_unknown_filter_is_told(admin, wrong: dict) -> None:
    with pytest.raises(ValidationError, match="must be"):
        accounts.list_accounts(admin, **wrong)


def test_only_who_waits_is_confirmed(admin, patient) -> None:
    with pytest.raises(ValidationError, match="Ann Archer does not wait for confirmation"):
        accounts.confirm_doctor(admin, user_id=patient.id)


@pytest.mark.parametrize("change", [accounts.confirm_doctor, accounts.disable_account, accounts.enable_account])
def test_unknown_account_is_not_found(admin, change) -> None:
    with pytest.raises(NotFound, match="no such account"):
        change(admin, user_id=999)


def test_admin_does_not_change_their_own_account(admin) -> None:
    with pytest.raises(ValidationError, match="your own account"):
        accounts.disable_account(admin, user_id=admin.id)
    with pytest.raises(ValidationError, match="your own account"):
        accounts.set_role(admin, user_id=admin.id, role="doctor")


def test_one_of_two_admins_may_go_but_not_the_last(admin) -> None:
    second = accounts.create_admin(first_name="Al", surname="Admin", email="al@example.org", password=PASSWORD)
    accounts.disable_account(second, user_id=admin.id)
    with pytest.raises(NotAllowed):
        accounts.disable_account(admin, user_id=second.id)
    assert accounts.admin_exists()


def test_change_of_role_ends_sessions_and_a_doctors_shares(admin, doctor, patient, token_of) -> None:
    sharing.share_with(patient, doctor_email=doctor.email)
    token = token_of(doctor)
    accounts.set_role(admin, user_id=doctor.id, role="admin")
    assert accounts.person_of(token=token) is None
    assert sharing.list_grants(patient) == ()
    accounts.set_role(admin, user_id=doctor.id, role="doctor")
    with pytest.raises(NotFound):
        sharing.patient_of(doctor, patient_id=patient.id)


def test_stale_person_has_only_the_rights_of_today(admin, doctor) -> None:
    accounts.set_role(admin, user_id=doctor.id, role="patient")
    with pytest.raises(NotAllowed):
        sharing.list_patients(doctor)


def test_who_follows_moles_stays_a_patient(admin, patient) -> None:
    lesions.add_lesion(patient, name="Nape", body_site="nape")
    with pytest.raises(ValidationError, match="holds moles"):
        accounts.set_role(admin, user_id=patient.id, role="doctor")


def test_unknown_role_is_told(admin, patient) -> None:
    with pytest.raises(ValidationError, match="patient, doctor or admin"):
        accounts.set_role(admin, user_id=patient.id, role="king")


def test_doctor_made_by_an_admin_is_active_and_checked_like_a_sign_up(admin) -> None:
    doctor = accounts.create_doctor(admin, first_name="Dora", surname="Dale", email="Dora@example.org", password=PASSWORD)
    assert (doctor.role, doctor.account_state, doctor.email) == ("doctor", "active", "dora@example.org")
    with pytest.raises(ValidationError) as caught:
        accounts.create_doctor(admin, first_name="", surname="Dale", email="dora@example.org", password="short")
    assert set(caught.value.fields) == {"first_name", "password"}
