from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from db.models import CareGrant
from services import accounts, lesions, photos, sharing
from services.errors import NotFound, ValidationError
from services.unit_of_work import reading
from tests.helpers import photo_bytes


def test_share_lets_one_doctor_in_until_it_is_revoked(patient, doctor, other_doctor) -> None:
    grant = sharing.share_with(patient, doctor_email=" Dora@Example.org ")
    assert (grant.doctor, sharing.list_grants(patient)) == (doctor, (grant,))
    assert sharing.patient_of(doctor, patient_id=patient.id) == patient
    with pytest.raises(NotFound):
        sharing.patient_of(other_doctor, patient_id=patient.id)
    sharing.revoke(patient, grant_id=grant.id)
    sharing.revoke(patient, grant_id=grant.id)
    assert sharing.list_grants(patient) == ()
    with pytest.raises(NotFound):
        sharing.patient_of(doctor, patient_id=patient.id)


def test_sharing_twice_is_one_grant_and_sharing_again_a_new_one(patient, doctor) -> None:
    first = sharing.share_with(patient, doctor_email=doctor.email)
    assert sharing.share_with(patient, doctor_email=doctor.email) == first
    sharing.revoke(patient, grant_id=first.id)
    assert sharing.share_with(patient, doctor_email=doctor.email).id != first.id
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(CareGrant)) == 2


def test_address_of_no_doctor_reads_like_an_unknown_one(patient, other_patient, admin, doctor, sign_up) -> None:
    sign_up(role="doctor", first_name="Wim", email="waiting@example.org")
    accounts.disable_account(admin, user_id=doctor.id)
    for email in ("nobody@example.org", other_patient.email, admin.email, patient.email, "waiting@example.org", doctor.email):
        with pytest.raises(ValidationError) as caught:
            sharing.share_with(patient, doctor_email=email)
        assert caught.value.fields == {"doctor_email": sharing.NO_DOCTOR}


@pytest.mark.parametrize("typed", ["", "dora", None])
def test_what_is_no_address_is_told(patient, typed) -> None:
    with pytest.raises(ValidationError, match="e-mail address"):
        sharing.share_with(patient, doctor_email=typed)


@pytest.fixture
def three_patients(sign_up, doctor, tiny) -> list:
    """Without moles; with a high probability long ago and a low one since; with a middling one."""
    people = [sign_up(first_name=name, surname=name, email=f"{name}@example.org") for name in ("None", "Calm", "Middling")]
    for person, visits in zip(people, ([], [(2023, 0.9), (2024, 0.1)], [(2024, 0.4)]), strict=True):
        for mole in ("A", "B"):
            if visits:
                lesion = lesions.add_lesion(person, name=mole, body_site="nape")
            for year, probability in visits:
                tiny.probability = probability if mole == "A" else 0.01
                photos.add_photo(person, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(year, 1, 1))
        sharing.share_with(person, doctor_email=doctor.email)
    return people


def test_patients_are_listed_by_the_newest_findings_of_their_moles(three_patients, doctor) -> None:
    page = sharing.list_patients(doctor)
    assert page.total == 3
    assert [
        (row.person.first_name, row.lesion_count, row.photo_count, row.last_visited_on, row.highest_probability) for row in page.items
    ] == [
        ("Middling", 2, 2, date(2024, 1, 1), 0.4), ("Calm", 2, 4, date(2024, 1, 1), 0.1), ("None", 0, 0, None, None),
    ]
    assert all(row.shared_since.tzinfo for row in page.items)


@pytest.mark.parametrize(("asked", "found"), [({"search": "CALM"}, ["Calm"]), ({"search": "%"}, []), ({"size": 1, "page": 2}, ["Calm"])])
def test_patients_are_searched_and_paged(three_patients, doctor, asked: dict, found: list[str]) -> None:
    assert [row.person.first_name for row in sharing.list_patients(doctor, **asked).items] == found
