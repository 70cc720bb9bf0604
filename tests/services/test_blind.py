"""A doctor who judges before seeing the networks' answer learns it nowhere before they have judged."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from services import (
    alignments,
    blind,
    body,
    comparing,
    events,
    evolution,
    lesions,
    opinions,
    photos,
    report,
    reviews,
    scales,
    sharing,
    ugly_duckling,
)
from services.errors import NotFound
from tests.helpers import mask_bytes, photo_bytes


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


def closed(doctor, visit, before) -> list[bool]:
    """Of all that shows an outline or a heat map of a photo, whether this doctor is refused it."""
    upload_id, found = visit.photo.id, visit.finding
    about = {"first_upload_id": before.photo.id, "second_upload_id": upload_id}
    calls = (
        lambda: photos.overlay_file(doctor, upload_id=upload_id),
        lambda: photos.overlay_file(doctor, upload_id=upload_id, model=found.chosen_model),
        lambda: photos.heat_map_file(doctor, upload_id=upload_id),
        lambda: photos.outline_of(doctor, upload_id=upload_id),
        lambda: photos.agreement_with(doctor, upload_id=upload_id, mask=mask_bytes()),
        lambda: reviews.outline_of(doctor, diagnosis_id=found.id),
        lambda: alignments.aligned_file(doctor, kind="outlines", **about),
    )
    return [refused(call) for call in calls]


def refused(call) -> bool:
    try:
        call()
    except NotFound:
        return True
    return False


@pytest.fixture
def laid(visits, monkeypatch) -> None:
    """The two photos lie over each other."""
    lies_over = SimpleNamespace(accepted=True, matrix=np.array([[1.0, 0, 0], [0, 1, 0]]), relative_scale=1.0, by_skin=True, reason="")
    monkeypatch.setattr(alignments, "align", lambda first, second: lies_over)


def test_no_picture_of_the_answer_is_given_before_the_photo_is_judged(patient, doctor, visits, laid) -> None:
    before, visit = visits
    assert closed(doctor, visit, before) == [True] * 7
    assert not refused(lambda: photos.overlay_file(patient, upload_id=visit.photo.id))
    assert all(photos.photo_file(doctor, upload_id=visit.photo.id, size=size) for size in photos.SIZES)
    about = {"first_upload_id": before.photo.id, "second_upload_id": visit.photo.id}
    assert alignments.aligned_file(doctor, kind="first", **about)
    assert not refused(lambda: photos.overlay_file(doctor, upload_id=before.photo.id))  # judged before
    assert report.whole_report(doctor, patient_id=patient.id).startswith(b"%PDF")
    reviews.record_review(doctor, diagnosis_id=visit.finding.id, code="93655004", blind=True)
    assert closed(doctor, visit, before) == [False] * 7


def test_doctor_who_reads_the_answers_at_once_is_given_every_picture(doctor, visits, laid) -> None:
    reviews.choose_blind(doctor, blind=False)
    assert closed(doctor, visits[1], visits[0]) == [False] * 7


def test_doctor_who_is_asked_to_judge_a_patient_of_theirs_blind_is_told_nothing(patient, doctor, other_doctor, mole, visits, laid) -> None:
    """They chose to see all, and see all of the other photos."""
    before, visit = visits
    sharing.share_with(patient, doctor_email=other_doctor.email)
    assert "0.876" in told(other_doctor, patient, mole)
    opinion = opinions.ask(doctor, diagnosis_id=visit.finding.id, colleague_email=other_doctor.email, blind=True)
    assert reviews.judges_first(other_doctor, diagnosis_id=visit.finding.id)
    assert not reviews.judges_first(other_doctor, diagnosis_id=before.finding.id)
    assert closed(other_doctor, visit, before) == [True] * 7
    assert "0.876" not in told(other_doctor, patient, mole)
    assert [one.finding is not None for one in evolution.evolution(other_doctor, lesion_id=mole).visits] == [True, False]
    opinions.answer(other_doctor, opinion_id=opinion.id, code="93655004")
    assert closed(other_doctor, visit, before) == [False] * 7
    assert "0.876" in told(other_doctor, patient, mole)


def test_question_of_a_doctor_who_no_longer_cares_keeps_nothing_back(patient, doctor, other_doctor, visits) -> None:
    sharing.share_with(patient, doctor_email=other_doctor.email)
    opinions.ask(doctor, diagnosis_id=visits[1].finding.id, colleague_email=other_doctor.email, blind=True)

    def highest() -> float | None:
        return sharing.list_patients(other_doctor).items[0].highest_probability

    assert highest() is None
    grant = next(one for one in sharing.list_grants(patient) if one.doctor.id == doctor.id)
    sharing.revoke(patient, grant_id=grant.id)
    assert highest() == pytest.approx(0.876)


def test_what_others_wrote_of_the_photo_waits_too(patient, doctor, other_doctor, visits) -> None:
    found = visits[1].finding
    sharing.share_with(patient, doctor_email=other_doctor.email)
    reviews.record_review(other_doctor, diagnosis_id=found.id, verdict="agree", for_patient="It must come off.", management="excise")
    opinions.ask(other_doctor, diagnosis_id=found.id, colleague_email=doctor.email, blind=False)

    def read() -> list[int]:
        return [
            len(reviews.reviews_of(doctor, diagnosis_id=found.id)), len(opinions.opinions_on(doctor, diagnosis_id=found.id)),
            len(reviews.said_to_patient(doctor, visit_id=visits[1].id)),
        ]

    assert len(reviews.said_to_patient(patient, visit_id=visits[1].id)) == 1
    assert read() == [0, 0, 0]
    reviews.record_review(doctor, diagnosis_id=found.id, code="93655004", blind=True)
    assert read() == [2, 1, 2]


def test_comparison_tells_how_many_visits_wait(doctor, other_doctor, patient, mole, visits) -> None:
    found = comparing.compare(doctor, lesion_id=mole)
    assert (found.first, found.unjudged) == (None, 1)
    reviews.choose_blind(doctor, blind=False)
    assert comparing.compare(doctor, lesion_id=mole).unjudged == 0
