"""Moles and their visits: adding a mole, and reading what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from db.models import Lesion, Note, Upload, User, Visit
from services import audit, fields, mapping, policy
from services.audit import Action
from services.body_sites import BODY_SITES
from services.errors import ValidationError
from services.unit_of_work import reading, record_view, transaction
from services.views import LesionSummary, Person, Timeline, VisitView

LONGEST_NAME = 60


def add_lesion(actor: Person, *, name: str, body_site: str, first_noticed: date | None = None) -> LesionSummary:
    """Add a mole of one's own. Raises ValidationError with these argument names as keys."""
    with transaction() as session:
        policy.require(session, actor, Action.ADD_LESION)
        patient = session.get_one(User, actor.id)
        cleaned = _checked(session, patient, name, body_site, first_noticed)
        lesion = Lesion(patient_id=actor.id, name=cleaned, body_site=body_site, first_noticed=first_noticed)
        session.add(lesion)
        session.flush()
        audit.record(session, actor_id=actor.id, action=Action.ADD_LESION, subject=f"lesion:{lesion.id}", patient_id=actor.id)
        return mapping.lesion(lesion)


def list_lesions(actor: Person, *, patient_id: int | None = None) -> tuple[LesionSummary, ...]:
    """One's own moles, or those of a patient who shares with this doctor; the one seen last comes first."""
    whose = actor.id if patient_id is None else patient_id
    with reading() as session:
        policy.require(session, actor, Action.VIEW_PATIENT, patient_id=whose)
        lesions = session.scalars(select(Lesion).where(Lesion.patient_id == whose).order_by(Lesion.id)).all()
        found = _summaries(session, lesions)
    record_view(actor, Action.VIEW_PATIENT, subject=f"user:{whose}", patient_id=whose)
    return tuple(sorted(found, key=lambda lesion: (lesion.last_visited_on or date.max, lesion.id), reverse=True))


def timeline(actor: Person, *, lesion_id: int) -> Timeline:
    """One mole with all visits, oldest first."""
    with reading() as session:
        lesion = session.get(Lesion, lesion_id, options=[joinedload(Lesion.patient)])
        policy.require(session, actor, Action.VIEW_TIMELINE, patient_id=lesion.patient_id if lesion else None)
        visits = session.scalars(
            _whole_visits().where(Visit.lesion_id == lesion_id).order_by(Visit.visited_on, Visit.id)
        ).all()
        found = Timeline(
            lesion=_summaries(session, [lesion])[0],
            patient=mapping.person(lesion.patient),
            visits=tuple(mapping.visit(visit, lesion) for visit in visits),
        )
    record_view(actor, Action.VIEW_TIMELINE, subject=f"lesion:{lesion_id}", patient_id=found.patient.id)
    return found


def visit(actor: Person, *, visit_id: int) -> VisitView:
    """One visit with its photos and notes."""
    with reading() as session:
        lesion = session.scalar(select(Lesion).join(Visit).where(Visit.id == visit_id))
        policy.require(session, actor, Action.VIEW_VISIT, patient_id=lesion.patient_id if lesion else None)
        found = load_visit(session, visit_id, lesion)
    record_view(actor, Action.VIEW_VISIT, subject=f"visit:{visit_id}", patient_id=found.patient_id)
    return found


def load_visit(session: Session, visit_id: int, lesion: Lesion) -> VisitView:
    """For services that passed the policy already."""
    return mapping.visit(session.scalars(_whole_visits().where(Visit.id == visit_id)).one(), lesion)


def _whole_visits():
    """Visits with photos, diagnoses and notes: one query each, however many visits there are."""
    return select(Visit).options(
        selectinload(Visit.uploads).selectinload(Upload.diagnoses), selectinload(Visit.notes).joinedload(Note.author)
    )


def _summaries(session: Session, lesions: Sequence[Lesion]) -> list[LesionSummary]:
    """In the order of `lesions`; a fixed number of queries, however many there are."""
    ids = [lesion.id for lesion in lesions]
    visits = {
        lesion_id: (count, last)
        for lesion_id, count, last in session.execute(
            select(Visit.lesion_id, func.count(), func.max(Visit.visited_on)).where(Visit.lesion_id.in_(ids)).group_by(Visit.lesion_id)
        )
    }
    place = func.row_number().over(partition_by=Visit.lesion_id, order_by=(Visit.visited_on.desc(), Upload.id.desc()))
    ranked = (
        select(Upload.id, place.label("place")).join(Visit).where(Visit.lesion_id.in_(ids), Upload.accepted).subquery()
    )
    newest = {
        upload.visit.lesion_id: upload
        for upload in session.scalars(
            select(Upload)
            .join(Upload.visit)
            .join(ranked, (ranked.c.id == Upload.id) & (ranked.c.place == 1))
            .options(contains_eager(Upload.visit), selectinload(Upload.diagnoses))
        )
    }
    return [
        mapping.lesion(lesion, visits=visits.get(lesion.id, (0, None)), newest=newest.get(lesion.id)) for lesion in lesions
    ]


def _checked(session: Session, patient: User, name: str, body_site: str, first_noticed: date | None) -> str:
    mistakes = {}
    cleaned = ""
    try:
        cleaned = fields.one_line(name)
    except ValueError as error:
        mistakes["name"] = str(error)
    else:
        if not cleaned:
            mistakes["name"] = "Please give the mole a name, for example Left shoulder."
        elif len(cleaned) > LONGEST_NAME:
            mistakes["name"] = f"The name may have at most {LONGEST_NAME} characters."
        elif cleaned.casefold() in {
            other.casefold() for other in session.scalars(select(Lesion.name).where(Lesion.patient_id == patient.id))
        }:
            mistakes["name"] = f"You follow a mole called {cleaned} already; please choose another name."
    if body_site not in BODY_SITES:
        mistakes["body_site"] = "Please choose where on the body the mole is."
    if first_noticed is not None and (mistake := fields.date_mistake(first_noticed, born=patient.birth_date)):
        mistakes["first_noticed"] = mistake
    if mistakes:
        raise ValidationError(mistakes)
    return cleaned
