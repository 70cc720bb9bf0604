from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from db.base import now
from db.models import Diagnosis, Lesion, Review, SecondOpinion, Upload, Verdict
from services import events, lesions, notes, photos, sharing
from services.errors import NotFound, ValidationError
from services.fields import today
from services.unit_of_work import transaction
from tests.helpers import photo_bytes


@pytest.fixture
def told(patient, doctor, other_doctor, tiny) -> dict[str, int]:
    """A patient to whom everything happened once, and a photo that was refused."""
    grant = sharing.share_with(patient, doctor_email=doctor.email)
    sharing.revoke(patient, grant_id=sharing.share_with(patient, doctor_email=other_doctor.email).id)
    mole = lesions.add_lesion(patient, name="Nape", body_site="nape").id
    visit = photos.add_photo(patient, lesion_id=mole, data=photo_bytes(), taken_on=date(2024, 5, 1))
    tiny.reasons = ("no_lesion",)
    photos.add_photo(patient, lesion_id=mole, data=photo_bytes(radius=9), taken_on=date(2024, 6, 1))
    notes.add_note(doctor, visit_id=visit.id, text="Looks calm.", for_patient=False)
    with transaction() as session:
        diagnosis_id = session.scalars(select(Diagnosis.id)).one()
        session.add(SecondOpinion(diagnosis_id=diagnosis_id, asker_id=doctor.id, colleague_id=other_doctor.id, answered_at=now()))
        about = {"diagnosis_id": diagnosis_id, "author_id": doctor.id, "verdict": Verdict.AGREE, "malignant": False, "reason": "Even."}
        about["follow_up_on"] = date(2025, 1, 7)
        session.add(Review(**about, histology_malignant=False, histology_on=date(2024, 7, 1)))
    return {"mole": mole, "visit": visit.id, "upload": visit.photo.id, "grant": grant.id}


def shown(found) -> list[tuple[str, str]]:
    return [(event.kind, event.words) for event in found.items]


def test_everything_is_there_the_newest_first(told, patient, doctor) -> None:
    found = events.list_events(doctor, patient_id=patient.id)
    days = [event.day for event in found.items]
    assert days == sorted(days, reverse=True)
    assert {kind: sum(event.kind == kind for event in found.items) for kind in events.KINDS} == {
        "photo": 2, "diagnosis": 1, "review": 1, "laboratory": 1, "note": 1, "opinion": 2, "reminder": 1, "share": 3,
    }  # fmt: skip
    assert shown(found)[-1] == ("photo", "Photo")
    refused = next(event for event in found.items if event.words == "Photo that could not be used")
    assert refused.day == date(2024, 6, 1)
    assert refused.text.startswith("No mole was found in the photo.")
    review = next(event for event in found.items if event.kind == "review")
    assert (review.words, review.text, review.who, review.day) == ("Held for benign: no action", "Even.", "Dora Dale", today())
    assert (review.lesion_id, review.visit_id) == (told["mole"], told["visit"])
    assert review.seen_again_on == date(2025, 1, 7)


def test_kinds_mole_and_pages_narrow_it(told, patient, doctor) -> None:
    assert [kind for kind, _ in shown(events.list_events(doctor, patient_id=patient.id, kinds=("note", "review")))] == ["note", "review"]
    assert events.list_events(doctor, patient_id=patient.id, lesion_id=told["mole"] + 1).total == 0
    assert len(events.list_events(doctor, patient_id=patient.id, size=5, page=2).items) == 5
    with pytest.raises(ValidationError):
        events.list_events(doctor, patient_id=patient.id, kinds=("gossip",))


@pytest.mark.parametrize("binned", ["mole", "photo"])
def test_what_lies_in_the_bin_is_not_told(told, patient, doctor, binned: str) -> None:
    with transaction() as session:
        thing = session.get_one(*((Lesion, told["mole"]) if binned == "mole" else (Upload, told["upload"])))
        thing.deleted_at = now()
    kinds = {kind for kind, _ in shown(events.list_events(doctor, patient_id=patient.id))}
    assert kinds <= ({"share"} if binned == "mole" else {"share", "photo", "reminder"})
    assert len(events.list_photos(doctor, patient_id=patient.id)) == (0 if binned == "mole" else 1)


def test_photos_of_all_moles_come_with_their_numbers(told, patient, doctor) -> None:
    refused, measured = events.list_photos(doctor, patient_id=patient.id)
    assert (refused.accepted, refused.probability, refused.area_fraction) == (False, None, None)
    assert (measured.upload_id, measured.visit_id, measured.visited_on, measured.probability) == (
        told["upload"], told["visit"], date(2024, 5, 1), 0.03,
    )  # fmt: skip


def test_nothing_is_told_once_the_share_is_revoked(told, patient, doctor) -> None:
    sharing.revoke(patient, grant_id=told["grant"])
    for ask in (events.list_events, events.list_photos):
        with pytest.raises(NotFound):
            ask(doctor, patient_id=patient.id)
