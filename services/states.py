"""How each mole of a list stands: fine, due, changed or refer, with the reason in words. No photo is opened for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Row, exists, func, select
from sqlalchemy.orm import Session, aliased

import core
from core.change import Measured, Outline
from db.models import Alignment, Diagnosis, Lesion, Management, Reminder, Review, Upload, Visit
from services import changes
from services.fields import today
from services.sizes import Link, Shot, of_visit
from services.words import Preferences

FINE, DUE, CHANGED, REFER = "fine", "due", "changed", "refer"
DEFAULT_RECHECK_DAYS = 180
"""After the last photo, where neither a reminder nor the mole itself names another time."""
DOUBT_FROM = 0.06
"""Malignancy probability from which no mole stands fine unless a doctor cleared it: where the medium band of benign calls ends and
pages say "Have a doctor look" (the networks' operating point, docs/EVALUATION.md)."""
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
    sure: bool = True
    """Whether it stands fine beyond doubt: the newest photo's call is of high confidence, or a doctor cleared it."""


@dataclass(frozen=True)
class _Visit:
    """A measured visit of a mole: its newest photo and that photo's newest diagnosis, and whether another photo of it looks worse."""

    shot: Shot
    """Sizes over all photos of the visit."""
    diagnosis: str
    confidence: str
    also_malignant: str
    """Confidence with which another photo of the visit looks malignant where the newest does not; empty where none does."""


def states(session: Session, lesion_ids: Sequence[int], words: Preferences = Preferences()) -> dict[int, MoleState]:
    """The state of each of these moles, for services that passed the policy; those in the bin are left out.

    `words` is how whoever reads the reasons reads dates.

    A fixed number of queries for every five thousand moles.
    """
    found: dict[int, MoleState] = {}
    for start in range(0, len(lesion_ids), _AT_ONCE):
        found |= _states(session, lesion_ids[start : start + _AT_ONCE], words)
    return found


def _states(session: Session, lesion_ids: Sequence[int], words: Preferences) -> dict[int, MoleState]:
    reviews = _reviews(session, lesion_ids)
    links = defaultdict(list)
    for lesion_id, link in links_of(session, lesion_ids):
        links[lesion_id].append(link)
    visits = _visits(session, lesion_ids, links)
    dated = session.execute(
        select(Lesion.id, Lesion.recheck_days, Reminder.due_on)
        .outerjoin(Reminder, Reminder.lesion_id == Lesion.id)
        .where(Lesion.id.in_(lesion_ids), Lesion.deleted_at.is_(None))
    )
    return {
        lesion_id: _state(visits.get(lesion_id, []), links[lesion_id], reviews.get(lesion_id), due_on, recheck_days, words)
        for lesion_id, recheck_days, due_on in dated
    }


def _state(
    visits: Sequence[_Visit], links: Sequence[Link], review: Row | None, reminder: date | None, recheck_days: int | None,
    words: Preferences,
) -> MoleState:
    if not visits:
        return MoleState(DUE, "No photo could be measured yet", None, reminder)
    newest, shots = visits[-1], [visit.shot for visit in visits]
    due_on = reminder or newest.shot.visited_on + timedelta(days=recheck_days or DEFAULT_RECHECK_DAYS)
    cleared = review is not None and review.visited_on >= newest.shot.visited_on and clears(review)
    compared = changes.against(shots, links) if len(shots) > 1 else ()
    told = next((one for one in compared if one.matters), None)
    area = next((area for one in compared if (area := one.of("area")) and area.beyond), None)
    change = area.relative if area else None
    if review is not None and (said := refers(review)):
        return MoleState(REFER, said, change, due_on)
    if newest.diagnosis == "malignant" and not cleared:
        return MoleState(REFER, f"The newest photo looks malignant, {newest.confidence} confidence", change, due_on)
    if newest.also_malignant and not cleared:
        said = f"Another photo of the same day as the newest looks malignant, {newest.also_malignant} confidence"
        return MoleState(REFER, said, change, due_on)
    if told is not None and not cleared:
        return MoleState(CHANGED, changes.sentence(told.announced, told.since, words), change, due_on)
    if due_on <= today():
        return MoleState(DUE, f"A new photo was due on {words.date(due_on)}", change, due_on)
    if newest.diagnosis == "uncertain" and not cleared:
        return MoleState(DUE, "The newest photo leaves it uncertain; take another", change, due_on)
    if (newest.shot.measured.malignant_probability or 0) >= DOUBT_FROM and not cleared:
        return MoleState(DUE, "The newest photo leaves some doubt; have a doctor look", change, due_on)
    return MoleState(FINE, f"Next photo on {words.date(due_on)}", change, due_on, sure=cleared or newest.confidence == "high")


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


def links_of(session: Session, lesion_ids: Sequence[int]) -> Iterator[tuple[int, Link]]:
    """Which photos of these moles lie over each other by the skin around the mole, with the mole."""
    rows = session.execute(
        select(Visit.lesion_id, Alignment.first_upload_id, Alignment.second_upload_id, Alignment.relative_scale)
        .join(Upload, Alignment.second_upload_id == Upload.id)
        .join(Visit, Upload.visit_id == Visit.id)
        .where(Visit.lesion_id.in_(lesion_ids), Alignment.by_skin)
    )
    for lesion_id, *link in rows:
        yield lesion_id, Link(*link)


def _visits(session: Session, lesion_ids: Sequence[int], links: Mapping[int, Sequence[Link]]) -> dict[int, list[_Visit]]:
    """The first, the last but one and the last measured visit of each mole, by date."""
    of_photo = func.row_number().over(partition_by=Upload.id, order_by=Diagnosis.id.desc()).label("of_photo")
    newest = (
        select(Visit.lesion_id, Visit.visited_on, Upload.id.label("upload_id"), Diagnosis.id.label("diagnosis_id"), of_photo)
        .join(Upload, Upload.visit_id == Visit.id)
        .join(Diagnosis, Diagnosis.upload_id == Upload.id)
        .where(Visit.lesion_id.in_(lesion_ids), Upload.accepted, Upload.deleted_at.is_(None))
        .subquery()
    )
    # Photos of one visit share a place: a mole has one visit a day.
    places = [
        func.dense_rank().over(partition_by=newest.c.lesion_id, order_by=order).label(name)
        for name, order in (("from_first", newest.c.visited_on), ("from_last", newest.c.visited_on.desc()))
    ]
    ranked = select(newest, *places).where(newest.c.of_photo == 1).subquery()
    rows = session.execute(
        select(
            ranked.c.lesion_id, ranked.c.upload_id, ranked.c.visited_on, Diagnosis.measurements, Diagnosis.malignant_probability,
            Diagnosis.expected_dice, Diagnosis.diagnosis, Diagnosis.confidence,
            Upload.scale_mm_per_pixel, Upload.scale_source, Upload.scale_relative_error,
        )
        .join(Diagnosis, Diagnosis.id == ranked.c.diagnosis_id)
        .join(Upload, Upload.id == ranked.c.upload_id)
        .where((ranked.c.from_first == 1) | (ranked.c.from_last <= 2))
        .order_by(ranked.c.visited_on, ranked.c.upload_id)
    )
    found: dict[int, dict[date, list[tuple[Shot, str, str]]]] = defaultdict(lambda: defaultdict(list))
    for lesion_id, upload_id, visited_on, measurements, probability, dice, diagnosis, confidence, *own in rows:
        scale = core.Scale(*own) if own[0] is not None else None
        # Of dozens of measurements those that a state goes by: comparing all would take most of the time.
        decisive = {name: value for name, value in measurements.items() if name.startswith(changes.ANNOUNCED)}
        shot = Shot(upload_id, visited_on, Measured(decisive, probability, scale, (Outline(dice),)))
        found[lesion_id][visited_on].append((shot, diagnosis, confidence))
    return {lesion_id: [_visit(one, links[lesion_id]) for one in days.values()] for lesion_id, days in found.items()}


def _visit(photos: Sequence[tuple[Shot, str, str]], links: Sequence[Link]) -> _Visit:
    """The visit that these photos make, oldest first."""
    *others, (_, diagnosis, confidence) = photos
    also = "" if diagnosis == "malignant" else next((sure for _, call, sure in reversed(others) if call == "malignant"), "")
    return _Visit(of_visit([shot for shot, _, _ in photos], links), diagnosis, confidence, also)


def _reviews(session: Session, lesion_ids: Sequence[int]) -> dict[int, Row]:
    """The newest review of each mole that no later version replaced; the columns that matter, as free text takes time to open. What a
    colleague answers goes to who asked: it says nothing to the patient and moves nothing."""
    later = aliased(Review)
    rows = session.execute(
        select(Visit.lesion_id, Visit.visited_on, Review.malignant, Review.management, Review.histology_malignant, Review.id)
        .join(Diagnosis, Review.diagnosis_id == Diagnosis.id)
        .join(Upload, Diagnosis.upload_id == Upload.id)
        .join(Visit, Upload.visit_id == Visit.id)
        .where(
            Visit.lesion_id.in_(lesion_ids), Upload.deleted_at.is_(None), Review.opinion_id.is_(None),
            ~exists().where(later.supersedes_id == Review.id),
        )
    )
    # Put in order here: for the sake of it a database would read all reviews there are.
    return {row.lesion_id: row for row in sorted(rows, key=lambda row: row.id)}
