"""What a doctor who judges before seeing the networks' answer is not shown yet: the answers they have not judged.

For services that passed the policy already. It is the doctor's own wish and no secret: the photo and its outline stay theirs to open.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased

from db.models import Diagnosis, Lesion, Review, Role, Upload, User, Visit
from services.states import DUE, MoleState
from services.views import LesionSummary, Person, Timeline, VisitView

WAITS = "You have not judged the newest photo yet"
"""How a mole stands for them, without full stop."""


def judges_blind(session: Session, reader: Person) -> bool:
    return reader.role == Role.DOCTOR and session.get_one(User, reader.id).blind_reviews


def unjudged(session: Session, reader: Person, *, patient_id: int) -> frozenset[int]:
    """The diagnoses of a patient's photos whose answer is kept from this doctor; none where they want to see all."""
    if not judges_blind(session, reader):
        return frozenset()
    query = (
        select(Diagnosis.id)
        .join(Upload, Diagnosis.upload_id == Upload.id)
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
        .where(Lesion.patient_id == patient_id, ~_judged_by(reader))
    )
    return frozenset(session.scalars(query))


def _judged_by(reader: Person) -> ColumnElement[bool]:
    """The photo was: what was said of it stands when it is measured anew, see reviews.of_same_photo."""
    judged = aliased(Diagnosis)
    return exists().where(Review.diagnosis_id == judged.id, judged.upload_id == Diagnosis.upload_id, Review.author_id == reader.id)


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
