"""A doctor's word beside the networks' answer: what it must say, its versions, and two doctors on one case."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from core.measurement import measure
from core.photo import encode_mask_png
from db.base import now
from db.models import Diagnosis, Notification, Reminder, Review, Upload
from services import audit, lesions, photos, reviews, sharing, storage
from services.errors import Conflict, NotFound, ValidationError
from services.fields import today
from services.unit_of_work import reading, transaction
from tests.helpers import photo_bytes

NAEVUS, MELANOMA = "400096001", "93655004"


@pytest.fixture
def visit(patient, doctor, other_doctor, tiny):
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    for one in (doctor, other_doctor):
        sharing.share_with(patient, doctor_email=one.email)
    return photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1))


@pytest.fixture
def record(doctor, visit):
    """record(**changes) signs a review that is in order."""
    ours = {"diagnosis_id": visit.finding.id, "verdict": "agree"}
    return lambda actor=doctor, **changes: reviews.record_review(actor, **(ours | changes))


def all_of(actor, visit):
    return reviews.reviews_of(actor, diagnosis_id=visit.finding.id)


def disc(radius: int, size: tuple[int, int] = (160, 120)) -> bytes:
    mask = np.zeros(size[::-1], np.uint8)
    cv2.circle(mask, (size[0] // 2, size[1] // 2), radius, 1, -1)
    return encode_mask_png(mask > 0)


# What is signed


def test_review_is_signed_and_leaves_the_diagnosis_as_it_was(doctor, visit, record) -> None:
    def stored() -> dict:
        with reading() as session:
            diagnosis = session.get_one(Diagnosis, visit.finding.id)
            return {column.key: getattr(diagnosis, column.key) for column in Diagnosis.__table__.columns}

    before = stored()
    review = record(
        verdict="overrule", code=MELANOMA, reason="Blue-white veil.", for_patient="It has to come off.", management="excise",
        mask=disc(20),
    )
    assert (review.author, review.author_id, review.malignant, review.term) == ("Dora Dale", doctor.id, True, "Melanoma")
    assert (now() - review.created_at) < timedelta(minutes=1)
    assert all_of(doctor, visit) == (review,)
    assert stored() == before
    with reading() as session:
        assert audit.verify(session) is None


def test_agreeing_takes_over_what_the_networks_say(record) -> None:
    first = record()
    assert (first.malignant, first.held_for) == (False, "benign")
    assert record(code=NAEVUS, supersedes_id=first.id).held_for == "Melanocytic naevus"



@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"verdict": ""}, "verdict", "Please agree or overrule."),
        ({"verdict": "overrule", "reason": "Veil."}, "code", "Please choose the diagnosis that you hold it for."),
        ({"verdict": "overrule", "code": MELANOMA, "reason": " "}, "reason", "Please say why you overrule"),
        ({"verdict": "overrule", "code": NAEVUS, "reason": "Clear."}, "code", "counts as benign, as the networks say: please agree"),
        ({"code": MELANOMA}, "code", "Melanoma counts as malignant; the networks say benign: please overrule"),
        ({"code": "1"}, "code", "Please choose a diagnosis of the list."),
        ({"reason": "x" * 2001}, "reason", "at most 2000 characters"),
        ({"for_patient": "a\x00"}, "for_patient", "invisible"),
        ({"management": "wait"}, "management", "Please choose what is to be done."),
        ({"management": "recheck"}, "follow_up_on", "a date or an interval"),
        ({"follow_up_on": date(2020, 1, 1)}, "follow_up_on", "lies in the past"),
        ({"follow_up_on": today() + timedelta(days=5000)}, "follow_up_on", "more than 10 years ahead"),
        ({"blind": True, "verdict": "agree"}, "code", "Please choose your diagnosis."),
    ],
)
def test_each_mistake_has_its_sentence_and_nothing_is_stored(doctor, visit, record, changes, field, sentence) -> None:
    with pytest.raises(ValidationError) as caught:
        record(**changes)
    assert list(caught.value.fields) == [field]
    assert sentence in caught.value.fields[field]
    assert all_of(doctor, visit) == ()


def test_nothing_to_agree_with_where_the_networks_cannot_tell(visit, record) -> None:
    with transaction() as session:
        session.get_one(Diagnosis, visit.finding.id).diagnosis = "uncertain"
    with pytest.raises(ValidationError, match="nothing to agree with"):
        record()
    assert record(verdict="overrule", code=NAEVUS, reason="Regular network.").malignant is False


@pytest.mark.parametrize(("code", "verdict"), [(NAEVUS, "agree"), (MELANOMA, "overrule")])
def test_verdict_of_a_blind_review_follows_from_its_diagnosis(record, code, verdict) -> None:
    review = record(verdict="", blind=True, code=code)
    assert (review.verdict, review.blind) == (verdict, True)


def test_blind_mode_is_remembered_per_doctor(doctor, other_doctor) -> None:
    reviews.choose_blind(doctor, blind=True)
    assert (reviews.prefers_blind(doctor), reviews.prefers_blind(other_doctor)) == (True, False)


# What follows from it


def test_follow_up_sets_the_moles_reminder(doctor, visit, record) -> None:
    day = today() + timedelta(days=90)
    first = record(management="recheck", recheck_days=90)
    assert first.follow_up_on == day
    record(management="biopsy", follow_up_on=day - timedelta(days=80), supersedes_id=first.id)
    with reading() as session:
        (reminder,) = session.scalars(select(Reminder))
        assert (reminder.lesion_id, reminder.due_on, reminder.reason, reminder.set_by_id) == (
            visit.lesion_id, day - timedelta(days=80), "doctor", doctor.id,
        )


def test_patient_is_told_and_reads_plain_words_only(patient, visit, record) -> None:
    record(
        verdict="overrule", code=MELANOMA, reason="Atypical network.", for_patient="I would like it removed.", management="excise",
        follow_up_on=today(),
    )
    (said,) = reviews.said_to_patient(patient, visit_id=visit.id)
    assert (said.author, said.words, said.follow_up_on) == ("Dora Dale", "I would like it removed.", today())
    assert "removed and examined in the laboratory" in said.management
    assert "Melanoma" not in repr(said) and "network" not in repr(said)
    with reading() as session:
        (told,) = session.scalars(select(Notification).where(Notification.user_id == patient.id))
        assert (told.kind, told.visit_id) == ("review", visit.id)


def test_no_review_of_a_mole_in_the_bin(visit, record) -> None:
    with transaction() as session:
        session.get_one(Upload, visit.photo.id).deleted_at = now()
    with pytest.raises(NotFound):
        record()


# Versions, and two doctors on one case


def test_changed_review_is_a_version_and_the_earlier_one_stays(doctor, visit, record) -> None:
    first = record(mask=disc(25), for_patient="All is well.")
    second = record(supersedes_id=first.id, for_patient="All is well, see you in May.")
    assert second.corrected and second.measurements == first.measurements
    assert all_of(doctor, visit) == (second, first)
    assert reviews.standing(all_of(doctor, visit)) == (second,)
    third = record(supersedes_id=second.id, keep_mask=False)
    assert not third.corrected and third.measurements is None


def test_independent_reviews_of_two_doctors_both_stand(doctor, other_doctor, visit, record) -> None:
    first, second = record(), record(other_doctor, verdict="overrule", code=MELANOMA, reason="Veil.")
    assert reviews.standing(all_of(doctor, visit)) == (second, first)
    with reading() as session:
        assert reviews.newest_of(session, [visit.finding.id]) == {visit.finding.id: second}


def test_second_doctor_on_an_open_case_is_told_who_was_quicker(doctor, other_doctor, visit, record) -> None:
    opened = now()
    record()
    with pytest.raises(Conflict, match=r"Dora Dale reviewed this photo on .* what you typed is still here"):
        record(other_doctor, opened_at=opened)
    assert len(all_of(doctor, visit)) == 1
    record(other_doctor, opened_at=now())  # having looked at what stands, they may still say their own
    assert len(all_of(doctor, visit)) == 2


def test_who_changes_an_older_version_is_told(doctor, other_doctor, visit, record) -> None:
    first = record()
    second = record(supersedes_id=first.id, management="biopsy")
    with pytest.raises(Conflict, match="Dora Dale changed this review"):
        record(other_doctor, supersedes_id=first.id)
    with pytest.raises(Conflict, match="You changed this review"):
        reviews.record_histology(doctor, review_id=first.id, code=NAEVUS, found_on=today())
    assert reviews.standing(all_of(doctor, visit)) == (second,)


def test_second_tab_does_not_add_a_review_of_its_own(record) -> None:
    record()
    with pytest.raises(Conflict, match="You reviewed this photo"):
        record()


def test_of_two_at_the_same_moment_one_wins(doctor, other_doctor, visit, record) -> None:
    first = record()
    start, outcomes = threading.Barrier(2), []

    def change(actor) -> None:
        start.wait()
        try:
            outcomes.append(record(actor, supersedes_id=first.id))
        except Conflict:
            outcomes.append(None)

    threads = [threading.Thread(target=change, args=(one,)) for one in (doctor, other_doctor)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(None) == 1
    assert len(all_of(doctor, visit)) == 2


def test_review_of_another_photo_cannot_be_superseded(patient, visit, record, tiny) -> None:
    other = photos.add_photo(patient, lesion_id=visit.lesion_id, data=photo_bytes(radius=20), taken_on=date(2024, 6, 1))
    first = record()
    with pytest.raises(ValidationError):
        record(diagnosis_id=other.finding.id, supersedes_id=first.id)


# Histology


def test_histology_is_a_version_that_keeps_the_rest(doctor, visit, record) -> None:
    first = record(verdict="overrule", code=MELANOMA, reason="Veil.", management="excise", mask=disc(20))
    with pytest.raises(ValidationError) as caught:
        reviews.record_histology(doctor, review_id=first.id, code="", found_on=today() + timedelta(days=1))
    assert set(caught.value.fields) == {"code", "found_on"}
    found = reviews.record_histology(doctor, review_id=first.id, code=NAEVUS, found_on=today())
    assert (found.histology_term, found.histology_malignant, found.histology_on) == ("Melanocytic naevus", False, today())
    assert (found.term, found.reason, found.malignant, found.measurements) == ("Melanoma", "Veil.", True, first.measurements)
    assert record(supersedes_id=found.id).histology_term == "Melanocytic naevus"


# The corrected outline


def test_corrected_outline_is_measured_with_the_photos_scale_and_the_networks_kept(doctor, visit, record) -> None:
    with transaction() as session:
        upload = session.get_one(Upload, visit.photo.id)
        upload.scale_mm_per_pixel, upload.scale_source, upload.scale_relative_error = 0.1, "card", 0.02
    review = record(mask=disc(20))
    mask = cv2.circle(np.zeros((120, 160), np.uint8), (80, 60), 20, 1, -1) > 0
    assert review.measurements["area_px"] == mask.sum()
    assert review.measurements["area_mm2"] == pytest.approx(measure(mask)["area_px"] * 0.01)
    networks, corrected = (photos.overlay_file(doctor, upload_id=visit.photo.id, review_id=id) for id in (None, review.id))
    assert networks != corrected
    with reading() as session:
        assert f"{session.get_one(Review, review.id).mask}.png" in storage.referred_files(session)
    assert storage.sweep(young_seconds=-1) == 0
    assert photos.overlay_file(doctor, upload_id=visit.photo.id, review_id=review.id) == corrected


def test_outline_of_another_photos_review_is_not_shown(doctor, patient, visit, record, tiny) -> None:
    other = photos.add_photo(patient, lesion_id=visit.lesion_id, data=photo_bytes(radius=20), taken_on=date(2024, 6, 1))
    review = record(mask=disc(20))
    with pytest.raises(NotFound):
        photos.overlay_file(doctor, upload_id=other.photo.id, review_id=review.id)


def test_outline_drawn_on_the_large_photo_covers_the_same_part_of_a_larger_one(patient, doctor, visit, tiny) -> None:
    big = photos.add_photo(
        patient, lesion_id=visit.lesion_id, data=photo_bytes(size=(2401, 1801), radius=500), taken_on=date(2024, 6, 1)
    )
    review = reviews.record_review(doctor, diagnosis_id=big.finding.id, verdict="agree", mask=disc(300, (1600, 1200)))
    assert review.measurements["area_fraction"] == pytest.approx(np.pi * 300**2 / (1600 * 1200), rel=0.01)


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (encode_mask_png(np.zeros((120, 160), bool)), "The outline is empty"),
        (encode_mask_png(np.ones((120, 160), bool)), "covers the whole photo"),
        (encode_mask_png(np.eye(120, dtype=bool)), "does not fit this photo"),
        (b"no picture", "could not be read"),
        (b"\x89PNG\r\n\x1a\n" + bytes(3 * 1024**2), "too large"),
    ],
)
def test_outline_that_cannot_be_one_is_refused(doctor, visit, record, mask, sentence) -> None:
    with pytest.raises(ValidationError) as caught:
        record(mask=mask)
    assert sentence in caught.value.fields["mask"]
    assert all_of(doctor, visit) == ()
