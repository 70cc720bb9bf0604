"""How each mole stands for the work list, one row a mole, kept by the transaction that changes it.

Every transaction notes which moles it touches (`follow`) and brings their rows up to date before it commits
(`refresh_touched`): no service has to think of it. Rows that other rules made are made anew while the server runs (`renew`), a few at a
time. `python -m services.summaries` makes all rows anew.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterable, Iterator
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, event, func, insert, inspect, or_, select, true, update
from sqlalchemy.orm import Session

import core
from core import change
from db.models import Alignment, Diagnosis, Lesion, MoleSummary, Reminder, Review, RiskAnswers, Upload, Visit
from services import changes, sizes, states
from services.states import CHANGED, REFER, MoleState

BATCH = 500
AT_ONCE = 100
"""So many rows are made anew in one transaction: whoever saves something meanwhile waits for no more."""
PAUSE_S = 0.05
"""Between two of them: a writer that waits for SQLite's lock looks again at least so often."""
TOUCHED = "touched_moles"


class Urgency(IntEnum):
    """Why a mole waits for a doctor, the most urgent first."""

    REFER = 0
    OPINION = 1
    """A colleague asks. About one doctor, so no row says it."""
    CHANGED = 2
    OVERDUE = 3
    """Its date has passed. About the day, so no row says it."""
    UNCERTAIN = 4
    NEW = 5
    NOTHING = 9


def _rules() -> str:
    """A fingerprint of what decides how a row is made: the code, and the measured errors that changes are held against."""
    risk = Path(__file__).with_name("risk.py")
    files = (__file__, states.__file__, changes.__file__, sizes.__file__, risk, change.__file__, change.TABLE)
    return sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()[:16]


RULES = _rules()


def refresh(session: Session, lesion_ids: Collection[int]) -> None:
    """Bring the rows of these moles up to date; a mole that is gone or in the bin has none."""
    session.flush()
    for ids in _parts(lesion_ids):
        # Two transactions that change one mole do so one after the other, and the later one sees what the earlier did.
        session.execute(select(Lesion.id).where(Lesion.id.in_(ids)).order_by(Lesion.id).with_for_update())
        stored = dict(session.execute(select(MoleSummary.lesion_id, MoleSummary.id).where(MoleSummary.lesion_id.in_(ids))).all())
        current = _current(session, ids)
        # Rows, not objects: of a hundred thousand the session would grow heavy.
        if added := [{"lesion_id": lesion_id, **values} for lesion_id, values in current.items() if lesion_id not in stored]:
            session.execute(insert(MoleSummary), added)
        if changed := [{"id": stored[lesion_id], **values} for lesion_id, values in current.items() if lesion_id in stored]:
            session.execute(update(MoleSummary), changed)
        if gone := stored.keys() - current.keys():
            session.execute(delete(MoleSummary).where(MoleSummary.lesion_id.in_(gone)))


def renew(*, everything: bool = False) -> int:
    """Make anew the rows that other rules made, or all of them, while the server runs; returns how many.

    A few in a transaction, and a pause after each: pages and whoever saves something go on meanwhile. Where it is broken off, what is
    left is done the next time.
    """
    from services.unit_of_work import transaction  # here, as it makes use of this module

    with transaction() as session:
        session.execute(delete(MoleSummary).where(MoleSummary.lesion_id.not_in(select(Lesion.id).where(Lesion.deleted_at.is_(None)))))
    return _make(true() if everything else or_(MoleSummary.id.is_(None), MoleSummary.rules != RULES), pause_s=PAUSE_S)


def complete() -> int:
    """Make the rows that are missing, as of a database from before there were any: without them moles would be left out of the list.
    Writes nothing where none is."""
    return _make(MoleSummary.id.is_(None), pause_s=0)


def _make(which: ColumnElement[bool], *, pause_s: float) -> int:
    from services.unit_of_work import reading, transaction

    query = (
        select(Lesion.id).outerjoin(MoleSummary, MoleSummary.lesion_id == Lesion.id)
        .where(Lesion.deleted_at.is_(None), which).order_by(Lesion.id).limit(AT_ONCE)
    )  # fmt: skip
    done = last = 0
    while True:
        with reading() as session:
            ids = session.scalars(query.where(Lesion.id > last)).all()
        if not ids:
            return done
        with transaction() as session:
            refresh(session, ids)
        done, last = done + len(ids), ids[-1]
        time.sleep(pause_s)


# Which moles a transaction touches


def follow(session: Session) -> None:
    """From now on note which moles this session changes."""
    session.info[TOUCHED] = {"patient": set(), "lesion": set(), "visit": set(), "upload": set(), "diagnosis": set()}
    event.listen(session, "after_flush", _note_touched)


def refresh_touched(session: Session) -> None:
    session.flush()
    touched = session.info[TOUCHED]
    uploads = touched["upload"] | _found(session, Diagnosis.upload_id, Diagnosis.id, touched["diagnosis"])
    visits = touched["visit"] | _found(session, Upload.visit_id, Upload.id, uploads)
    lesions = touched["lesion"] | _found(session, Visit.lesion_id, Visit.id, visits)
    lesions |= _found(session, Lesion.id, Lesion.patient_id, touched["patient"])
    if lesions:
        refresh(session, lesions)


def _note_touched(session: Session, _context: object) -> None:
    for thing in (*session.new, *session.dirty, *session.deleted):
        for kind, number in _hangs_on(thing):
            session.info[TOUCHED][kind].add(number)


def _hangs_on(thing: object) -> Iterator[tuple[str, int]]:
    """What a changed row belongs to, before and after: photos and visits move from one mole to another."""
    match thing:
        case Lesion():
            yield "lesion", thing.id
        case Visit() | Reminder():
            yield from (("lesion", number) for number in _before_and_after(thing, "lesion_id"))
        case Upload():
            yield from (("visit", number) for number in _before_and_after(thing, "visit_id"))
        case Diagnosis():
            yield "upload", thing.upload_id
        case Alignment():
            yield "upload", thing.second_upload_id
        case Review():
            yield "diagnosis", thing.diagnosis_id
        case RiskAnswers():
            yield "patient", thing.user_id


def _before_and_after(thing: object, name: str) -> Iterable[int]:
    return {number for number in inspect(thing).attrs[name].history.sum() if number is not None}


def _found(session: Session, wanted: Any, key: Any, numbers: set[int]) -> set[int]:
    return {number for some in _parts(numbers) for number in session.scalars(select(wanted).where(key.in_(some)))}


def _parts(numbers: Collection[int]) -> Iterator[list[int]]:
    """So many at a time as a statement takes well."""
    ordered = sorted(set(numbers))
    return (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))


# What a row says


def _current(session: Session, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Lesion id -> values of its row; a fixed number of queries, however many moles."""
    from services import risk  # here, as its own transactions come back to this module

    newest = {row.lesion_id: row for row in _newest_photos(session, ids)}
    reviewed = set(
        session.scalars(
            select(Diagnosis.upload_id)
            .join(Review, Review.diagnosis_id == Diagnosis.id)
            .where(Diagnosis.upload_id.in_([row.upload_id for row in newest.values()]), Review.opinion_id.is_(None))
        )
    )
    moles = session.execute(
        select(Lesion.id, Lesion.patient_id, Lesion.body_site).where(Lesion.id.in_(ids), Lesion.deleted_at.is_(None))
    ).all()
    standing = states.states(session, [mole.id for mole in moles])
    raised = risk.raised_for(session, {mole.patient_id for mole in moles})
    return {
        mole.id: {
            "patient_id": mole.patient_id, "body_site": mole.body_site, "due_on": standing[mole.id].due_on,
            "raised_risk": mole.patient_id in raised, "rules": RULES,
            **_about_photo(newest.get(mole.id), standing[mole.id], reviewed),
        }
        for mole in moles
    }  # fmt: skip


def _about_photo(newest: Row | None, state: MoleState, reviewed: set[int]) -> dict[str, Any]:
    if newest is None:
        nothing = dict.fromkeys(("upload_id", "visit_id", "probability", "change", "last_visited_on"))
        return nothing | {"urgency": Urgency.NOTHING}
    urgency = Urgency.NOTHING if newest.upload_id in reviewed else _urgency(state, newest.diagnosis)
    return {
        "upload_id": newest.upload_id, "visit_id": newest.visit_id, "probability": newest.probability, "change": state.change,
        "last_visited_on": newest.visited_on, "urgency": urgency,
    }  # fmt: skip


def _urgency(state: MoleState, diagnosis: str) -> Urgency:
    if state.state == REFER:
        return Urgency.REFER
    if state.state == CHANGED:
        return Urgency.CHANGED
    return Urgency.UNCERTAIN if diagnosis == core.Diagnosis.UNCERTAIN else Urgency.NEW


def _newest_photos(session: Session, ids: Collection[int]) -> Iterable[Row]:
    """The newest accepted photo of each mole, with the current diagnosis of it."""
    place = func.row_number().over(
        partition_by=Visit.lesion_id, order_by=(Visit.visited_on.desc(), Upload.id.desc(), Diagnosis.id.desc())
    )
    ranked = (
        select(
            Visit.lesion_id, Visit.visited_on, Visit.id.label("visit_id"), Upload.id.label("upload_id"),
            Diagnosis.malignant_probability.label("probability"), Diagnosis.diagnosis, place.label("place"),
        )
        .join(Upload, Upload.visit_id == Visit.id)
        .join(Diagnosis, Diagnosis.upload_id == Upload.id)
        .where(Visit.lesion_id.in_(ids), Upload.accepted, Upload.deleted_at.is_(None))
        .subquery()
    )
    return session.execute(select(ranked).where(ranked.c.place == 1))


def main() -> int:
    """`python -m services.summaries`: make all rows anew, while the server runs or not."""
    from services.errors import ServiceError

    try:
        count = renew(everything=True)
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{count} moles are summed up anew.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
