"""Moles and their visits: adding a mole, and reading what became of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, contains_eager, selectinload

from db.models import Lesion, Note, Upload, User, Visit
from services import audit, blind, fields, mapping, policy
from services.audit import Action
from services.body_figure import MapPoint, zone_at
from services.body_sites import BODY_SITES, label
from services.errors import ValidationError
from services.unit_of_work import reading, record_view, transaction
from services.views import LesionSummary, Person, Timeline, VisitView

LONGEST_NAME = 60


def add_lesion(
    actor: Person, *, name: str, body_site: str, first_noticed: date | None = None, place: MapPoint | None = None
) -> LesionSummary:
    """Add a mole of one's own, at a point of the body map where it was placed there.

    Raises ValidationError with these argument names as keys.
    """
    with transaction() as session:
        policy.require(session, actor, Action.ADD_LESION)
        patient = session.get_one(User, actor.id)
        lesion = Lesion(patient_id=actor.id)
        _describe(session, lesion, patient, name=name, body_site=body_site, first_noticed=first_noticed, place=place)
        session.add(lesion)
        session.flush()
        audit.record(session, actor_id=actor.id, action=Action.ADD_LESION, subject=f"lesion:{lesion.id}", patient_id=actor.id)
        return mapping.lesion(lesion)


def edit_lesion(
    actor: Person, *, lesion_id: int, version: int, name: str, body_site: str, first_noticed: date | None = None,
    place: MapPoint | None = None,
) -> LesionSummary:
    """Change what one's own mole is called and where it is. Raises ValidationError with these argument names as keys.

    `version` is that of the mole as it was read: who edits an older state is told, and nothing is stored.
    """
    with transaction() as session:
        lesion = in_use(session, lesion_id, for_update=True)
        policy.require(session, actor, Action.EDIT_LESION, patient_id=lesion.patient_id if lesion else None)
        if lesion.version != version:
            raise ValidationError({"version": (
                f"This mole was changed elsewhere meanwhile: it is called {lesion.name} now, place: {label(lesion.body_site).lower()}. "
                "Nothing of yours was saved; save again to replace that."
            )})
        patient = session.get_one(User, actor.id)
        _describe(session, lesion, patient, name=name, body_site=body_site, first_noticed=first_noticed, place=place)
        lesion.version += 1
        session.flush()
        audit.record(session, actor_id=actor.id, action=Action.EDIT_LESION, subject=f"lesion:{lesion.id}", patient_id=actor.id)
        return _summaries(session, [lesion])[0]


def list_lesions(actor: Person, *, patient_id: int | None = None) -> tuple[LesionSummary, ...]:
    """One's own moles, or those of a patient who shares with this doctor; the one seen last comes first."""
    whose = actor.id if patient_id is None else patient_id
    with reading() as session:
        policy.require(session, actor, Action.VIEW_PATIENT, patient_id=whose)
        lesions = session.scalars(
            select(Lesion).where(Lesion.patient_id == whose, Lesion.deleted_at.is_(None)).order_by(Lesion.id)
        ).all()
        hidden = blind.unjudged(session, actor, patient_id=whose)
        found = [blind.without_answer(mole, hidden) for mole in _summaries(session, lesions)]
    record_view(actor, Action.VIEW_PATIENT, subject=f"user:{whose}", patient_id=whose)
    return tuple(sorted(found, key=lambda lesion: (lesion.last_visited_on or date.max, lesion.id), reverse=True))


def timeline(actor: Person, *, lesion_id: int) -> Timeline:
    """One mole with all visits, oldest first; without the findings that a doctor who judges blind has not judged."""
    with reading() as session:
        lesion = in_use(session, lesion_id)
        policy.require(session, actor, Action.VIEW_TIMELINE, patient_id=lesion.patient_id if lesion else None)
        visits = session.scalars(
            _whole_visits().where(Visit.lesion_id == lesion_id, _holds_something(actor, lesion)).order_by(Visit.visited_on, Visit.id)
        ).all()
        found = Timeline(
            lesion=_summaries(session, [lesion])[0],
            patient=mapping.person(session.get_one(User, lesion.patient_id)),
            visits=tuple(mapping.visit(visit, lesion, for_doctor=actor.id != lesion.patient_id) for visit in visits),
        )
        found = blind.without_answers(found, blind.unjudged(session, actor, patient_id=lesion.patient_id))
    record_view(actor, Action.VIEW_TIMELINE, subject=f"lesion:{lesion_id}", patient_id=found.patient.id)
    return found


def visit(actor: Person, *, visit_id: int) -> VisitView:
    """One visit with its photos and notes."""
    with reading() as session:
        lesion = session.scalar(select(Lesion).join(Visit).where(Visit.id == visit_id, Lesion.deleted_at.is_(None)))
        if lesion and not session.scalar(select(Visit.id).where(Visit.id == visit_id, _holds_something(actor, lesion))):
            lesion = None
        policy.require(session, actor, Action.VIEW_VISIT, patient_id=lesion.patient_id if lesion else None)
        found = load_visit(session, visit_id, lesion, for_doctor=actor.id != lesion.patient_id)
    record_view(actor, Action.VIEW_VISIT, subject=f"visit:{visit_id}", patient_id=found.patient_id)
    return found


def in_use(session: Session, lesion_id: int, *, for_update: bool = False) -> Lesion | None:
    """The mole of this number, for services; None where there is none, or it lies in the bin."""
    lesion = session.get(Lesion, lesion_id, with_for_update=for_update or None)
    return lesion if lesion and lesion.deleted_at is None else None


def suggested_name(label: str, taken: Collection[str]) -> str:
    """The words of a body site as a name that none of these moles has yet."""
    used = {name.casefold() for name in taken}
    names = (label, *(f"{label} {number}" for number in range(2, len(used) + 3)))
    return next(name for name in names if name.casefold() not in used)


def has_photos():
    """SQL condition: not all photos of the visit were withdrawn."""
    return Visit.uploads.any(Upload.deleted_at.is_(None))


def _holds_something(actor: Person, lesion: Lesion):
    """SQL condition: there is a photo of the visit, or a note that this reader may see. What a doctor wrote outlives the photos."""
    read = Visit.notes.any() if actor.id != lesion.patient_id else Visit.notes.any(Note.for_patient)
    return or_(has_photos(), read)


def visits_of(session: Session, lesion: Lesion) -> tuple[VisitView, ...]:
    """All visits of a mole, oldest first, for services that passed the policy."""
    query = _whole_visits().where(Visit.lesion_id == lesion.id, has_photos()).order_by(Visit.visited_on, Visit.id)
    return tuple(mapping.visit(visit, lesion) for visit in session.scalars(query))


def load_visit(session: Session, visit_id: int, lesion: Lesion, *, for_doctor: bool = False) -> VisitView:
    """For services that passed the policy already."""
    return mapping.visit(session.scalars(_whole_visits().where(Visit.id == visit_id)).one(), lesion, for_doctor=for_doctor)


def _whole_visits():
    """Visits with photos, diagnoses and notes: one query each, however many visits there are."""
    return select(Visit).options(
        selectinload(Visit.uploads.and_(Upload.deleted_at.is_(None))).selectinload(Upload.diagnoses),
        selectinload(Visit.notes).joinedload(Note.author),
    )


def _summaries(session: Session, lesions: Sequence[Lesion]) -> list[LesionSummary]:
    """In the order of `lesions`; a fixed number of queries, however many there are."""
    ids = [lesion.id for lesion in lesions]
    visits = {
        lesion_id: (count, last)
        for lesion_id, count, last in session.execute(
            select(Visit.lesion_id, func.count(Visit.id.distinct()), func.max(Visit.visited_on))
            .join(Visit.uploads)
            .where(Visit.lesion_id.in_(ids), Upload.deleted_at.is_(None))
            .group_by(Visit.lesion_id)
        )
    }
    place = func.row_number().over(partition_by=Visit.lesion_id, order_by=(Visit.visited_on.desc(), Upload.id.desc()))
    ranked = (
        select(Upload.id, place.label("place"))
        .join(Visit)
        .where(Visit.lesion_id.in_(ids), Upload.accepted, Upload.deleted_at.is_(None))
        .subquery()
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


def _describe(
    session: Session, lesion: Lesion, patient: User, *, name: str, body_site: str, first_noticed: date | None, place: MapPoint | None
) -> None:
    """Take over what was said of the mole, once all of it is in order."""
    lesion.name = _checked(session, patient, lesion, name, body_site, first_noticed)
    lesion.body_site, lesion.first_noticed = body_site, first_noticed
    # A point elsewhere than the site that was chosen in the end would contradict it.
    placed = place if place and zone_at(place) == body_site else None
    lesion.map_view, lesion.map_x, lesion.map_y = (placed.view, placed.x, placed.y) if placed else (None, None, None)


def _checked(session: Session, patient: User, lesion: Lesion, name: str, body_site: str, first_noticed: date | None) -> str:
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
            other.casefold()
            for number, other in session.execute(
                select(Lesion.id, Lesion.name).where(Lesion.patient_id == patient.id, Lesion.deleted_at.is_(None))
            )
            if number != lesion.id
        }:
            mistakes["name"] = f"You follow a mole called {cleaned} already; please choose another name."
    if body_site not in BODY_SITES:
        mistakes["body_site"] = "Please choose where on the body the mole is."
    if first_noticed is not None and (mistake := fields.date_mistake(first_noticed, born=patient.birth_date)):
        mistakes["first_noticed"] = mistake
    if mistakes:
        raise ValidationError(mistakes)
    return cleaned
