"""Consent: a text in plain words, accepted before the first photo, and withdrawable. A new version asks again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.base import now
from db.models import ConsentRecord
from services import audit, policy
from services.audit import Action
from services.errors import ConsentMissing, ValidationError
from services.unit_of_work import reading, transaction
from services.views import Person

TEXTS = Path(__file__).with_name("consent_texts")
"""One file a version, named by its number; the highest is in force. None is ever changed: people accepted it as it is."""


@dataclass(frozen=True)
class ConsentText:
    version: str
    text: str
    """Markdown."""

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class ConsentState:
    """How a patient stands to the text in force."""

    in_force: bool
    """The current version is accepted, and was not withdrawn."""
    version: str | None
    """The version accepted last; None: never any."""
    accepted_at: datetime | None
    withdrawn_at: datetime | None


@cache
def current() -> ConsentText:
    """The text in force."""
    newest = max(TEXTS.glob("*.md"), key=lambda path: int(path.stem))
    return ConsentText(newest.stem, newest.read_text(encoding="utf-8").strip())


def state(actor: Person) -> ConsentState:
    with reading() as session:
        policy.require(session, actor, Action.READ_CONSENT)
        record = _newest(session, actor.id)
    if record is None:
        return ConsentState(False, None, None, None)
    return ConsentState(_holds(record), record.version, record.created_at, record.withdrawn_at)


def accept(actor: Person, *, version: str) -> None:
    """Accept the text that was shown; raises ValidationError where another one is in force by now. Twice is fine."""
    if version != current().version:
        with reading() as session:
            policy.require(session, actor, Action.ACCEPT_CONSENT)
        raise ValidationError({"version": "The text was changed in the meantime. Please read it again."})
    with transaction() as session:
        policy.require(session, actor, Action.ACCEPT_CONSENT)
        if _holds(_newest(session, actor.id)):
            return
        record = ConsentRecord(user_id=actor.id, version=version, text_hash=current().hash)
        session.add(record)
        session.flush()
        audit.record(
            session, actor_id=actor.id, action=Action.ACCEPT_CONSENT, subject=f"consent_record:{record.id}", patient_id=actor.id
        )


def withdraw(actor: Person) -> None:
    """From now on no photo is taken in or analysed; what is stored stays. Without a consent there is nothing to do."""
    with transaction() as session:
        policy.require(session, actor, Action.WITHDRAW_CONSENT)
        record = _newest(session, actor.id)
        if record is None or record.withdrawn_at is not None:
            return
        record.withdrawn_at = now()
        audit.record(
            session, actor_id=actor.id, action=Action.WITHDRAW_CONSENT, subject=f"consent_record:{record.id}", patient_id=actor.id
        )


def require_in_force(session: Session, *, patient_id: int) -> None:
    """For what takes in or analyses photos of this patient; raises ConsentMissing."""
    if not _holds(_newest(session, patient_id)):
        raise ConsentMissing


def _newest(session: Session, user_id: int) -> ConsentRecord | None:
    return session.scalar(select(ConsentRecord).where(ConsentRecord.user_id == user_id).order_by(ConsentRecord.id.desc()).limit(1))


def _holds(record: ConsentRecord | None) -> bool:
    return record is not None and record.withdrawn_at is None and record.version == current().version
