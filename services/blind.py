"""What a doctor who judges before seeing the networks' answer is not shown yet: the answers they have not judged.

For services that passed the policy already. The photo stays theirs to open; outlines and heat maps, which tell much of the answer, are
closed until they judged it, by address too (services.policy, TOLD_CARER).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from db.models import Diagnosis, Lesion, Role, SecondOpinion, Upload, User, Visit
from services import policy
from services.states import DUE, MoleState
from services.views import LesionSummary, Person, Timeline, VisitView

WAITS = "You have not judged the newest photo yet"
"""How a mole stands for them, without full stop."""


def judges_blind(session: Session, reader: Person) -> bool:
    return reader.role == Role.DOCTOR and session.get_one(User, reader.id).blind_reviews


def unjudged(session: Session, reader: Person, *, patient_id: int) -> frozenset[int]:
    """The diagnoses of a patient's photos whose answer is kept from this reader: of a doctor who judges first, those not judged yet."""
    if reader.role != Role.DOCTOR:
        return frozenset()
    found = aliased(Diagnosis)  # the condition asks for diagnoses too
    query = (
        select(found.id)
        .join(Upload, found.upload_id == Upload.id)
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
        .where(Lesion.patient_id == patient_id, policy.kept_from(upload_id=found.upload_id, doctor_id=reader.id))
    )
    return frozenset(session.scalars(query))


def keeps(session: Session, reader: Person, *, upload_id: int) -> bool:
    """Whether what others make of this photo is kept from this reader."""
    return reader.role == Role.DOCTOR and bool(session.scalar(select(policy.kept_from(upload_id=upload_id, doctor_id=reader.id))))


def asked_about(session: Session, reader: Person) -> frozenset[int]:
    """The patients of whose photos colleagues ask this doctor to judge one blind, and wait: one is kept from them, as the policy has it."""
    asked, found, upload, visit, lesion = map(aliased, (SecondOpinion, Diagnosis, Upload, Visit, Lesion))  # the condition asks for them too
    query = (
        select(lesion.patient_id)
        .join(visit, visit.lesion_id == lesion.id)
        .join(upload, upload.visit_id == visit.id)
        .join(found, found.upload_id == upload.id)
        .join(asked, asked.diagnosis_id == found.id)
        .where(asked.colleague_id == reader.id, asked.blind, policy.kept_from(upload_id=upload.id, doctor_id=reader.id))
    )
    return frozenset(session.scalars(query))


def without_answers(timeline: Timeline, hidden: Collection[int]) -> Timeline:
    """The timeline with none of these diagnoses; their photos stay, and say that they wait."""
    if not hidden:
        return timeline
    visits = tuple(_visit(visit, hidden) for visit in timeline.visits)
    return replace(timeline, lesion=without_answer(timeline.lesion, hidden), visits=visits)


def without_answer(mole: LesionSummary, hidden: Collection[int]) -> LesionSummary:
    kept = mole.last_finding is None or mole.last_finding.id not in hidden
    return mole if kept else replace(mole, last_finding=None, unjudged=True)


def standing(state: MoleState) -> MoleState:
    """How a mole stands whose newest answer is hidden: neither its call nor its change is told."""
    return MoleState(DUE, WAITS, None, state.due_on)


def _visit(visit: VisitView, hidden: Collection[int]) -> VisitView:
    photos = tuple(
        replace(photo, finding=None, unjudged=True) if photo.finding and photo.finding.id in hidden else photo for photo in visit.photos
    )
    return replace(visit, photos=photos)
