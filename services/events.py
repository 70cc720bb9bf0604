"""All that happened to a patient's moles, in one order of time, for the doctors they share with."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

import core
from db.models import CareGrant, Diagnosis, Lesion, Note, Reminder, Review, SecondOpinion, Upload, User, Visit
from services import blind, mapping, policy, reviews
from services.audit import Action
from services.errors import ValidationError
from services.lesions import has_photos
from services.paging import numbered
from services.unit_of_work import reading, record_view
from services.views import Page, Person

KINDS = ("photo", "diagnosis", "review", "laboratory", "note", "opinion", "reminder", "share")


@dataclass(frozen=True)
class Event:
    kind: str
    """One of KINDS."""
    day: date
    """When it was; of a reminder, when it will be."""
    words: str
    """What happened, in a few words."""
    text: str = ""
    """What was written, as it was written."""
    who: str = ""
    """Whose deed it was; empty for the patient's own and for what nobody did."""
    lesion_id: int | None = None
    lesion_name: str = ""
    visit_id: int | None = None
    seen_again_on: date | None = None
    """The follow-up that a review asks for."""
    diagnosis_id: int | None = None
    """Of what tells the networks' answer, or what a doctor or the laboratory makes of it."""


def list_events(
    actor: Person, *, patient_id: int, kinds: Collection[str] = (), lesion_id: int | None = None, page: int = 1, size: int = 25
) -> Page[Event]:
    """The newest first; of these kinds (none: all) and of this mole only.

    A doctor who judges blind gets no answer, and no other doctor's word on it, that they have not judged. Raises ValidationError for a
    kind that there is not.
    """
    if unknown := set(kinds) - set(KINDS):
        raise ValidationError({"kinds": f"There is no kind of event named {sorted(unknown)[0]}."})
    with reading() as session:
        policy.require(session, actor, Action.VIEW_EVENTS, patient_id=patient_id)
        wanted = kinds or KINDS
        hidden = blind.unjudged(session, actor, patient_id=patient_id)
        found = [event for kind in wanted for event in _EVENTS[kind](session, patient_id) if event.diagnosis_id not in hidden]
    record_view(actor, Action.VIEW_EVENTS, subject=f"user:{patient_id}", patient_id=patient_id)
    found = [event for event in found if lesion_id in (None, event.lesion_id)]
    # Of one day, what follows from another stands above it.
    found.sort(key=lambda event: (event.day, KINDS.index(event.kind), event.visit_id or 0), reverse=True)
    return numbered(found, page=page, size=size)


@dataclass(frozen=True)
class PhotoPoint:
    """One photo with its numbers, of any of the patient's moles."""

    upload_id: int
    visit_id: int
    lesion_id: int
    lesion_name: str
    visited_on: date
    accepted: bool
    probability: float | None
    area_mm2: float | None
    area_fraction: float | None


def list_photos(actor: Person, *, patient_id: int) -> tuple[PhotoPoint, ...]:
    """Every photo of every mole of a patient who shares with this doctor, the newest first; no probability that they have yet to judge."""
    newest = select(func.max(Diagnosis.id)).where(Diagnosis.upload_id == Upload.id).correlate(Upload).scalar_subquery()
    query = (
        select(Upload, Visit, Lesion, Diagnosis).join(Upload.visit).outerjoin(Diagnosis, and_(Upload.accepted, Diagnosis.id == newest))
    )
    with reading() as session:
        policy.require(session, actor, Action.VIEW_PATIENT, patient_id=patient_id)
        hidden = blind.unjudged(session, actor, patient_id=patient_id)
        rows = session.execute(_joined(query, patient_id).order_by(Visit.visited_on.desc(), Upload.id.desc())).all()
    record_view(actor, Action.VIEW_PATIENT, subject=f"user:{patient_id}", patient_id=patient_id)
    return tuple(
        PhotoPoint(
            upload.id, visit.id, lesion.id, lesion.name, visit.visited_on, upload.accepted,
            found.malignant_probability if found and found.id not in hidden else None,
            found.area_mm2 if found else None, found.area_fraction if found else None,
        )
        for upload, visit, lesion, found in rows
    )  # fmt: skip


def _photos(session: Session, patient_id: int) -> Iterator[Event]:
    for upload, visit, lesion in session.execute(_joined(select(Upload, Visit, Lesion).join(Upload.visit), patient_id)):
        refused = " ".join(core.sentence(code) for code in upload.reasons) if not upload.accepted else ""
        yield Event("photo", visit.visited_on, "Photo that could not be used" if refused else "Photo", refused, **_about(lesion, visit))


def _diagnoses(session: Session, patient_id: int) -> Iterator[Event]:
    query = select(Diagnosis, Visit, Lesion).join(Upload, Diagnosis.upload_id == Upload.id).join(Upload.visit)
    for diagnosis, visit, lesion in session.execute(_joined(query, patient_id).where(Upload.accepted)):
        call = diagnosis.diagnosis.capitalize() + ("" if diagnosis.diagnosis == "uncertain" else f", {diagnosis.confidence} confidence")
        words = f"{call}, probability of malignancy {100 * diagnosis.malignant_probability:.0f} %"
        yield Event("diagnosis", _day(diagnosis.created_at), words, **_about(lesion, visit), diagnosis_id=diagnosis.id)


def _reviews(session: Session, patient_id: int) -> Iterator[Event]:
    for review, visit, lesion, author in session.execute(_reviewed(patient_id)):
        shown = reviews.view(review)
        words = f"Held for {shown.held_for.lower()}: {reviews.MANAGEMENT[review.management].lower()}"
        about = _about(lesion, visit) | {"diagnosis_id": review.diagnosis_id, "seen_again_on": shown.follow_up_on}
        yield Event("review", _day(review.created_at), words, shown.reason, _name(author), **about)


def _results(session: Session, patient_id: int) -> Iterator[Event]:
    for review, visit, lesion, author in session.execute(_reviewed(patient_id).where(Review.histology_on.is_not(None))):
        found = reviews.view(review).histology_term or ("malignant" if review.histology_malignant else "benign")
        about = _about(lesion, visit) | {"diagnosis_id": review.diagnosis_id}
        yield Event("laboratory", review.histology_on, f"The laboratory found: {found.lower()}", "", _name(author), **about)


def _notes(session: Session, patient_id: int) -> Iterator[Event]:
    query = select(Note, Visit, Lesion, User).join(Note.visit).join(Note.author)
    for note, visit, lesion, author in session.execute(_joined(query, patient_id, photos=False).where(has_photos())):
        words = "Note" if note.for_patient else "Note for doctors only"
        yield Event("note", _day(note.created_at), words, note.text, _name(author), **_about(lesion, visit))


def _opinions(session: Session, patient_id: int) -> Iterator[Event]:
    asker, colleague = aliased(User), aliased(User)
    query = (
        select(SecondOpinion, Visit, Lesion, asker, colleague)
        .join(Diagnosis, SecondOpinion.diagnosis_id == Diagnosis.id)
        .join(Upload, Diagnosis.upload_id == Upload.id)
        .join(Upload.visit)
        .join(asker, SecondOpinion.asker_id == asker.id)
        .join(colleague, SecondOpinion.colleague_id == colleague.id)
    )
    for opinion, visit, lesion, asked_by, asked in session.execute(_joined(query, patient_id)):
        about = _about(lesion, visit)
        yield Event("opinion", _day(opinion.created_at), f"Asked {_name(asked)} for an opinion", "", _name(asked_by), **about)
        if opinion.answered_at:
            yield Event("opinion", _day(opinion.answered_at), f"Answered the question of {_name(asked_by)}", "", _name(asked), **about)


def _reminders(session: Session, patient_id: int) -> Iterator[Event]:
    query = select(Reminder, Lesion).join(Reminder.lesion).where(Lesion.patient_id == patient_id, Lesion.deleted_at.is_(None))
    for reminder, lesion in session.execute(query):
        yield Event("reminder", reminder.due_on, "To be photographed again", lesion_id=lesion.id, lesion_name=lesion.name)


def _shares(session: Session, patient_id: int) -> Iterator[Event]:
    for grant, doctor in session.execute(select(CareGrant, User).join(CareGrant.doctor).where(CareGrant.patient_id == patient_id)):
        yield Event("share", _day(grant.created_at), f"Shared with {_name(doctor)}")
        if grant.revoked_at:
            yield Event("share", _day(grant.revoked_at), f"Stopped sharing with {_name(doctor)}")


_EVENTS = {
    "photo": _photos, "diagnosis": _diagnoses, "review": _reviews, "laboratory": _results, "note": _notes, "opinion": _opinions,
    "reminder": _reminders, "share": _shares,
}  # fmt: skip


def _reviewed(patient_id: int):
    """Reviews in force, and not answers to a colleague."""
    query = (
        select(Review, Visit, Lesion, User)
        .join(Diagnosis, Review.diagnosis_id == Diagnosis.id)
        .join(Upload, Diagnosis.upload_id == Upload.id)
        .join(Upload.visit)
        .join(User, Review.author_id == User.id)
    )
    return _joined(query, patient_id).where(reviews.in_force(), Review.opinion_id.is_(None))


def _joined(query, patient_id: int, *, photos: bool = True):
    """Of this patient, and not in the bin."""
    query = query.join(Lesion, Visit.lesion_id == Lesion.id).where(Lesion.patient_id == patient_id, Lesion.deleted_at.is_(None))
    return query.where(Upload.deleted_at.is_(None)) if photos else query


def _about(lesion: Lesion, visit: Visit) -> dict:
    return {"lesion_id": lesion.id, "lesion_name": lesion.name, "visit_id": visit.id}


def _name(user: User) -> str:
    return mapping.person(user).full_name


def _day(moment: datetime) -> date:
    return moment.astimezone().date()
