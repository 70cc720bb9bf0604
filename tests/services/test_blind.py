"""A doctor who judges before seeing the networks' answer learns it nowhere before they have judged."""

from __future__ import annotations

from datetime import date

import pytest

from services import blind, body, comparing, events, evolution, lesions, photos, reviews, scales, sharing, ugly_duckling
from tests.helpers import photo_bytes


@pytest.fixture
def mole(patient) -> int:
    return lesions.add_lesion(patient, name="Nape", body_site="nape").id


@pytest.fixture
def visits(patient, doctor, mole, tiny):
    """Two visits, the first judged, by a doctor who judges blind."""
    sharing.share_with(patient, doctor_email=doctor.email)
    made = []
    for day, probability in ((date(2024, 1, 5), 0.02), (date(2024, 6, 5), 0.876)):
        tiny.probability = probability
        made.append(photos.add_photo(patient, lesion_id=mole, data=photo_bytes(radius=10 + day.month), taken_on=day))
    reviews.record_review(doctor, diagnosis_id=made[0].finding.id, verdict="agree")
    reviews.choose_blind(doctor, blind=True)
    return made


def told(doctor, patient, mole: int) -> str:
    """All that these services tell the doctor of the mole, but its photos' numbers."""
    return repr((
        lesions.list_lesions(doctor, patient_id=patient.id), evolution.evolution(doctor, lesion_id=mole),
        evolution.numbers_csv(doctor, lesion_id=mole), comparing.compare(doctor, lesion_id=mole),
        body.overview(doctor, patient_id=patient.id), events.list_events(doctor, patient_id=patient.id),
        events.list_photos(doctor, patient_id=patient.id), sharing.list_patients(doctor),
        ugly_duckling.order(doctor, patient_id=patient.id),
    ))  # fmt: skip


def test_answer_that_is_not_judged_is_told_nowhere(patient, doctor, mole, visits) -> None:
    said = told(doctor, patient, mole)
    assert not [words for words in ("0.876", "87.6", "88 %", "diagnosis='malignant'", "looks malignant", "Malignant,") if words in said]
    found = evolution.evolution(doctor, lesion_id=mole)
    assert [visit.finding is not None for visit in found.visits] == [True, False]
    assert [visit.photo.unjudged for visit in found.visits] == [False, True]
    assert (found.headline, found.state.reason, found.changed) == (blind.WAITS, blind.WAITS, False)
    assert body.overview(doctor, patient_id=patient.id).moles[0].standing.state == "due"
    assert [point.probability for point in events.list_photos(doctor, patient_id=patient.id)] == [None, 0.02]
    assert sharing.list_patients(doctor).items[0].highest_probability is None


def test_answer_is_told_once_it_is_judged(patient, doctor, mole, visits) -> None:
    reviews.record_review(doctor, diagnosis_id=visits[1].finding.id, code="93655004", blind=True)
    found = evolution.evolution(doctor, lesion_id=mole)
    assert [visit.finding is not None for visit in found.visits] == [True, True]
    assert (found.state.state, body.overview(doctor, patient_id=patient.id).moles[0].standing.state) == ("refer", "refer")
    assert [event.kind for event in events.list_events(doctor, patient_id=patient.id, kinds=["diagnosis"]).items] == ["diagnosis"] * 2


def test_photo_that_is_measured_anew_stays_judged(patient, doctor, mole, visits) -> None:
    scales.set_scale(patient, upload_id=visits[0].photo.id, how=scales.Field(20.0), instead_of=None)
    assert [visit.finding is not None for visit in evolution.evolution(doctor, lesion_id=mole).visits] == [True, False]


def test_word_of_another_doctor_waits_with_the_answer(patient, doctor, other_doctor, mole, visits) -> None:
    sharing.share_with(patient, doctor_email=other_doctor.email)
    reviews.record_review(other_doctor, diagnosis_id=visits[1].finding.id, verdict="agree", reason="Blue veil.")
    assert "Blue veil." not in told(doctor, patient, mole)
    reviews.choose_blind(doctor, blind=False)
    assert told(doctor, patient, mole).count("Blue veil.") >= 2


def test_patient_and_other_doctors_see_it_all(patient, other_doctor, mole, visits) -> None:
    sharing.share_with(patient, doctor_email=other_doctor.email)
    for person in (patient, other_doctor):
        assert all(visit.finding for visit in evolution.evolution(person, lesion_id=mole).visits)
    assert [event.kind for event in events.list_events(other_doctor, patient_id=patient.id, kinds=["diagnosis"]).items] == ["diagnosis"] * 2
