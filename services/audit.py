"""The audit trail: who did or read what, when. Entries only ever get added, and each carries the hash of the one before.

No entry holds personal text: people and things appear as numbers.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.base import now
from db.models import AuditEvent

FIRST = "0" * 64
"""What the first entry names as the hash before it."""
ONE_VIEW = timedelta(minutes=10)
"""The same person seeing the same thing again within this time is one view: pages draw themselves anew at every click."""
_CHAIN_LOCK = 0x4D4F4C45
"""Key of PostgreSQL's advisory lock that lets one transaction at a time add to the chain; SQLite has one writer anyway."""


class Action(StrEnum):
    """What is done. services.policy says who may; the trail says who did."""

    LOG_IN = "log_in"
    LOG_OUT = "log_out"
    SIGN_UP = "sign_up"
    CREATE_ACCOUNT = "create_account"
    LIST_ACCOUNTS = "list_accounts"
    CONFIRM_DOCTOR = "confirm_doctor"
    CHANGE_ROLE = "change_role"
    DISABLE_ACCOUNT = "disable_account"
    ENABLE_ACCOUNT = "enable_account"
    VIEW_PATIENT = "view_patient"
    LIST_PATIENTS = "list_patients"
    ADD_LESION = "add_lesion"
    VIEW_TIMELINE = "view_timeline"
    VIEW_VISIT = "view_visit"
    ADD_PHOTO = "add_photo"
    VIEW_PHOTO = "view_photo"
    ADD_NOTE = "add_note"
    SHARE = "share"
    REVOKE = "revoke"
    LIST_GRANTS = "list_grants"
    LIST_RECORDS = "list_records"
    EXPORT_RECORDS = "export_records"


def record(
    session: Session, *, actor_id: int | None, action: Action, subject: str = "", patient_id: int | None = None, outcome: str = "ok"
) -> None:
    """Add one entry within the caller's transaction, so that the deed and its entry are stored together or not at all."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    previous = session.scalar(select(AuditEvent.hash).order_by(AuditEvent.id.desc()).limit(1)) or FIRST
    event = AuditEvent(
        created_at=now(), actor_id=actor_id, action=str(action), subject=subject, patient_id=patient_id, outcome=outcome,
        previous_hash=previous,
    )
    event.hash = _hash(event)
    session.add(event)
    session.flush()


def seen_lately(session: Session, *, actor_id: int, action: Action, subject: str) -> bool:
    """Whether this view is in the trail already, see ONE_VIEW."""
    query = select(AuditEvent.id).where(
        AuditEvent.actor_id == actor_id,
        AuditEvent.subject == subject,
        AuditEvent.action == str(action),
        AuditEvent.outcome == "ok",
        AuditEvent.created_at > now() - ONE_VIEW,
    )
    return session.scalar(query.limit(1)) is not None


def verify(session: Session) -> int | None:
    """Return the id of the first entry that was changed or follows a missing one; None where the chain holds."""
    previous = FIRST
    for event in session.scalars(select(AuditEvent).order_by(AuditEvent.id).execution_options(yield_per=1000)):
        if event.previous_hash != previous or event.hash != _hash(event):
            return event.id
        previous = event.hash
    return None


def _hash(event: AuditEvent) -> str:
    told = [
        event.previous_hash, _moment(event.created_at), event.actor_id, event.action, event.subject, event.patient_id, event.outcome,
    ]
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
