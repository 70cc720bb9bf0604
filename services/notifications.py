"""What happened that a person has not seen yet: a review, a note, a new share, a second opinion asked for or given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from db.base import now
from db.models import Lesion, Notification, User
from services import mapping, policy
from services.audit import Action
from services.unit_of_work import reading, transaction
from services.views import Person

MOST = 50


class Kind(StrEnum):
    REVIEW = "review"
    """To the patient: a doctor gave their word on a photo."""
    NOTE = "note"
    """To the patient: a doctor wrote about a visit."""
    SHARE = "share"
    """To the doctor: a patient lets them see their moles."""
    OPINION_ASKED = "opinion_asked"
    """To a doctor: a colleague asks for a second opinion."""
    OPINION_ANSWERED = "opinion_answered"
    """To the doctor who asked for it."""


@dataclass(frozen=True)
class Notice:
    """One thing that happened; the page makes the words."""

    id: int
    kind: str
    """One of Kind."""
    created_at: datetime
    lesion_id: int | None
    lesion_name: str
    """Only for whose mole it is."""
    visit_id: int | None
    about_id: int | None
    about: str
    """Name of whose deed it was; empty where nobody is named."""


def notify(
    session: Session, *, user_id: int, kind: str, lesion_id: int | None = None, visit_id: int | None = None, about_id: int | None = None
) -> None:
    """Tell a person of something, within the caller's transaction. What they have not read yet is not told twice."""
    told = {"user_id": user_id, "kind": str(Kind(kind)), "lesion_id": lesion_id, "visit_id": visit_id, "about_id": about_id}
    if session.scalar(select(Notification.id).filter_by(**told, read_at=None).limit(1)) is None:
        session.add(Notification(**told))


def unread(actor: Person) -> tuple[Notice, ...]:
    """What the actor has not seen yet, the newest first, at most MOST. Nothing of a mole in the bin or of a share that ended."""
    query = (
        select(Notification, User, Lesion)
        .outerjoin(User, Notification.about_id == User.id)
        .outerjoin(Lesion, Notification.lesion_id == Lesion.id)
        .where(
            Notification.user_id == actor.id,
            Notification.read_at.is_(None),
            or_(Notification.lesion_id.is_(None), Lesion.id.is_not(None)),  # the bin is left out of the join
            or_(Notification.kind != Kind.SHARE, policy.cares_for(patient_id=Notification.about_id, doctor_id=actor.id)),
        )
        .order_by(Notification.id.desc())
        .limit(MOST)
    )
    with reading() as session:
        policy.require(session, actor, Action.READ_NOTICES)
        return tuple(_notice(actor, *row) for row in session.execute(query))


def mark_read(actor: Person, *, notice_id: int | None = None) -> None:
    """One's own notice, or all of them; what is none of one's own is left alone without a word."""
    mine = update(Notification).where(Notification.user_id == actor.id, Notification.read_at.is_(None))
    with transaction() as session:
        policy.require(session, actor, Action.READ_NOTICES)
        session.execute((mine if notice_id is None else mine.where(Notification.id == notice_id)).values(read_at=now()))


def _notice(actor: Person, told: Notification, about: User | None, lesion: Lesion | None) -> Notice:
    return Notice(
        id=told.id,
        kind=told.kind,
        created_at=told.created_at,
        lesion_id=told.lesion_id,
        lesion_name=lesion.name if lesion and lesion.patient_id == actor.id else "",
        visit_id=told.visit_id,
        about_id=told.about_id,
        about=mapping.person(about).full_name if about else "",
    )
