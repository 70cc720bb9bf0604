"""How each mole of a list stands: fine, due, changed or refer, with the reason in words. No photo is opened for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Row, exists, func, select
from sqlalchemy.orm import Session, aliased

from db.models import Diagnosis, Lesion, Management, Reminder, Review, Upload, Visit
from services.fields import today

FINE, DUE, CHANGED, REFER = "fine", "due", "changed", "refer"
DEFAULT_RECHECK_DAYS = 180
"""After the last photo, where neither a reminder nor the mole itself names another time."""
REFERRING = {
    Management.BIOPSY: "A doctor asks for a biopsy",
    Management.EXCISE: "A doctor asks to have it removed",
}
CLEARING = (Management.NONE, Management.RECHECK)
"""What a doctor who holds the mole for benign may ask for, for it to stand cleared."""
_AT_ONCE = 5000
"""Moles a query: databases limit how many values a statement takes."""


@dataclass(frozen=True)
class MoleState:
    """How one mole stands."""

    state: str
    """fine, due, changed or refer; the first that holds, from refer down."""
    reason: str
    """Why, in one plain sentence without its full stop."""
    change: float | None
    """Relative change of area that goes beyond measurement error (0.24: grew 24 %); None where there is none."""
    due_on: date | None
    """When it is to be looked at next; None before its first photo."""


@dataclass(frozen=True)
class _Newest:
    """The newest measured photo of a mole."""

    lesion_id: int
    visited_on: date
    diagnosis: str
    confidence: str


def states(session: Session, lesion_ids: Sequence[int]) -> dict[int, MoleState]:
    """The state of each of these moles, for services that passed the policy; those in the bin are left out.

    A fixed number of queries for every five thousand moles.
    """
    found: dict[int, MoleState] = {}
    for start in range(0, len(lesion_ids), _AT_ONCE):
        found |= _states(session, lesion_ids[start : start + _AT_ONCE])
    return found


def _states(session: Session, lesion_ids: Sequence[int]) -> dict[int, MoleState]:
    newest = {row.lesion_id: row for row in _newest(session, lesion_ids)}
    reviews = _reviews(session, lesion_ids)
    dated = session.execute(
        select(Lesion.id, Lesion.recheck_days, Reminder.due_on)
        .outerjoin(Reminder, Reminder.lesion_id == Lesion.id)
        .where(Lesion.id.in_(lesion_ids), Lesion.deleted_at.is_(None))
    )
    return {
        lesion_id: _state(newest.get(lesion_id), reviews.get(lesion_id), due_on, recheck_days)
        for lesion_id, recheck_days, due_on in dated
    }


def _state(newest: _Newest | None, review: Row | None, reminder: date | None, recheck_days: int | None) -> MoleState:
    if newest is None:
        return MoleState(DUE, "No photo could be measured yet", None, reminder)
    due_on = reminder or newest.visited_on + timedelta(days=recheck_days or DEFAULT_RECHECK_DAYS)
    cleared = review is not None and review.visited_on >= newest.visited_on and clears(review)
    if review is not None and (said := refers(review)):
        return MoleState(REFER, said, None, due_on)
    if newest.diagnosis == "malignant" and not cleared:
        return MoleState(REFER, f"The newest photo looks malignant, {newest.confidence} confidence", None, due_on)
    if due_on <= today():
        return MoleState(DUE, f"A new photo was due on {_in_words(due_on)}", None, due_on)
    if newest.diagnosis == "uncertain" and not cleared:
        return MoleState(DUE, "The newest photo leaves it uncertain; take another", None, due_on)
    return MoleState(FINE, f"Next photo on {_in_words(due_on)}", None, due_on)


def refers(review: Review | Row) -> str:
    """Why this review sends the patient on; empty where it does not."""
    if review.histology_malignant is not None:
        return "The laboratory found it malignant" if review.histology_malignant else ""
    return REFERRING.get(review.management, "A doctor holds it for malignant" if review.malignant else "")


def clears(review: Review | Row) -> bool:
    """Whether after this review the networks' call counts no more."""
    if review.histology_malignant is not None:
        return not review.histology_malignant
    return not review.malignant and review.management in CLEARING


def _newest(session: Session, lesion_ids: Sequence[int]) -> Iterator[_Newest]:
    order = (Visit.visited_on.desc(), Upload.id.desc(), Diagnosis.id.desc())
    place = func.row_number().over(partition_by=Visit.lesion_id, order_by=order).label("place")
    ranked = (
        select(Visit.lesion_id, Visit.visited_on, Diagnosis.diagnosis, Diagnosis.confidence, place)
        .join(Upload, Upload.visit_id == Visit.id)
        .join(Diagnosis, Diagnosis.upload_id == Upload.id)
        .where(Visit.lesion_id.in_(lesion_ids), Upload.accepted, Upload.deleted_at.is_(None))
        .subquery()
    )
    for *values, _place in session.execute(select(ranked).where(ranked.c.place == 1)):
        yield _Newest(*values)


def _reviews(session: Session, lesion_ids: Sequence[int]) -> dict[int, Row]:
    """The newest review of each mole that no later version replaced; the columns that matter, as free text takes time to open."""
    later = aliased(Review)
    rows = session.execute(
        select(Visit.lesion_id, Visit.visited_on, Review.malignant, Review.management, Review.histology_malignant)
        .join(Diagnosis, Review.diagnosis_id == Diagnosis.id)
        .join(Upload, Diagnosis.upload_id == Upload.id)
        .join(Visit, Upload.visit_id == Visit.id)
        .where(Visit.lesion_id.in_(lesion_ids), Upload.deleted_at.is_(None), ~exists().where(later.supersedes_id == Review.id))
        .order_by(Review.id)
    )
    return {row.lesion_id: row for row in rows}


def _in_words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
