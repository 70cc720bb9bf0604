"""The audit trail: who did or read what, when. Entries only ever get added, and each carries the hash of the one before.

No entry holds personal text: people and things appear as numbers. `python -m services.audit verify` looks whether the chain
holds and still reaches to where it did (services.anchor).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from db.base import now
from db.models import AuditEvent
from services import anchor
from services.anchor import Anchor

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
    LOCK = "lock"
    LIST_SESSIONS = "list_sessions"
    END_SESSION = "end_session"
    CHANGE_PASSWORD = "change_password"
    ASK_RESET = "ask_reset"
    RESET_PASSWORD = "reset_password"
    ASK_VERIFICATION = "ask_verification"
    VERIFY_EMAIL = "verify_email"
    ENABLE_TOTP = "enable_totp"
    DISABLE_TOTP = "disable_totp"
    RESET_TOTP = "reset_totp"
    SIGN_UP = "sign_up"
    CREATE_ACCOUNT = "create_account"
    LIST_ACCOUNTS = "list_accounts"
    CONFIRM_DOCTOR = "confirm_doctor"
    CHANGE_ROLE = "change_role"
    DISABLE_ACCOUNT = "disable_account"
    ENABLE_ACCOUNT = "enable_account"
    VIEW_PATIENT = "view_patient"
    LIST_PATIENTS = "list_patients"
    VIEW_WORK_LIST = "view_work_list"
    KEEP_TEMPLATES = "keep_templates"
    VIEW_EVENTS = "view_events"
    VIEW_PERFORMANCE = "view_performance"
    ADD_LESION = "add_lesion"
    VIEW_TIMELINE = "view_timeline"
    VIEW_VISIT = "view_visit"
    ADD_PHOTO = "add_photo"
    VIEW_PHOTO = "view_photo"
    DOWNLOAD_PHOTO = "download_photo"
    """A photo at its full size; the smaller ones are views."""
    ADD_NOTE = "add_note"
    SHARE = "share"
    REVOKE = "revoke"
    LIST_GRANTS = "list_grants"
    LIST_RECORDS = "list_records"
    EXPORT_RECORDS = "export_records"
    SET_SCALE = "set_scale"
    EXPORT_TIMELINE = "export_timeline"

    EDIT_LESION = "edit_lesion"
    WITHDRAW_PHOTO = "withdraw_photo"
    CHOOSE_FIGURE = "choose_figure"
    """How the figure of one's body map looks."""
    SET_RECHECK = "set_recheck"
    """After how many days a mole is due again."""
    VIEW_REMINDERS = "view_reminders"
    VIEW_RISK = "view_risk"
    ANSWER_RISK = "answer_risk"

    # A person's own data.
    READ_NOTICES = "read_notices"
    READ_CONSENT = "read_consent"
    ACCEPT_CONSENT = "accept_consent"
    WITHDRAW_CONSENT = "withdraw_consent"
    DELETE_LESION = "delete_lesion"
    LIST_BIN = "list_bin"
    RESTORE_LESION = "restore_lesion"
    RESTORE_PHOTO = "restore_photo"
    ERASE_LESION = "erase_lesion"
    ERASE_PHOTO = "erase_photo"
    ERASE_ACCOUNT = "erase_account"
    EXPORT_MY_DATA = "export_my_data"
    VIEW_REPORT = "view_report"
    CHANGE_PROFILE = "change_profile"
    CHANGE_EMAIL = "change_email"
    INVITE_DOCTOR = "invite_doctor"
    MAKE_LINK = "make_link"
    REVOKE_LINK = "revoke_link"
    OPEN_LINK = "open_link"

    # Reviews and second opinions.
    RECORD_REVIEW = "record_review"
    RECORD_HISTOLOGY = "record_histology"
    VIEW_REVIEWS = "view_reviews"
    CHOOSE_BLIND = "choose_blind"
    VIEW_OVERLAY = "view_overlay"
    """An outline or a heat map: what the networks or a doctor make of a photo."""
    ASK_OPINION = "ask_opinion"
    LIST_OPINIONS = "list_opinions"
    VIEW_OPINION = "view_opinion"
    ANSWER_OPINION = "answer_opinion"


class Operation(StrEnum):
    """What whoever runs the server does to it as a whole; no person's leave is asked."""

    BACK_UP = "back_up"
    SEAL = "seal"
    RESTORE = "restore"
    CHANGE_SETTINGS = "change_settings"


@dataclass(frozen=True)
class TrailState:
    """What is known of the whole trail."""

    entries: int
    broken_at: int | None
    """The first entry that was changed or follows a missing one."""
    cut: bool
    """The entry that the anchor names is not there as it was: the newest were deleted, or an older database was put in place."""

    @property
    def holds(self) -> bool:
        return self.broken_at is None and not self.cut

    def in_words(self) -> str:
        if self.broken_at is not None:
            return f"The audit trail is broken: entry {self.broken_at} was changed, or the one before it is missing."
        if self.cut:
            return "The audit trail is cut: the newest entries are missing, or an older database was put in place."
        return f"The audit trail holds: {self.entries} entries."


def record(
    session: Session, *, actor_id: int | None, action: Action | Operation, subject: str = "", patient_id: int | None = None,
    outcome: str = "ok",
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
    # Moved on by unit_of_work after the commit. A trail that was cut keeps its old anchor, which tells of it.
    if anchor_holds(session, anchor.read()):
        session.info["anchor"] = Anchor(event.id, event.hash)


def seen_lately(session: Session, *, actor_id: int | None, action: Action, subject: str) -> bool:
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
    columns = (
        AuditEvent.id, AuditEvent.created_at, AuditEvent.actor_id, AuditEvent.action, AuditEvent.subject, AuditEvent.patient_id,
        AuditEvent.outcome, AuditEvent.previous_hash, AuditEvent.hash,
    )  # fmt: skip
    for event in session.execute(select(*columns).order_by(AuditEvent.id).execution_options(yield_per=1000)):
        if event.previous_hash != previous or event.hash != _hash(event):
            return event.id
        previous = event.hash
    return None


def anchor_holds(session: Session, anchored: Anchor | None) -> bool:
    """Whether the trail has this entry; without an anchor there is nothing to miss."""
    return anchored is None or session.scalar(select(AuditEvent.hash).where(AuditEvent.id == anchored.entry_id)) == anchored.hash


def state(session: Session, *, anchored: Anchor | None) -> TrailState:
    """Look through the whole trail, and whether it holds the entry of this anchor."""
    entries = session.scalar(select(func.count(AuditEvent.id))) or 0
    return TrailState(entries, verify(session), not anchor_holds(session, anchored))


def newest(session: Session) -> Anchor | None:
    """Where the trail ends."""
    row = session.execute(select(AuditEvent.id, AuditEvent.hash).order_by(AuditEvent.id.desc()).limit(1)).first()
    return Anchor(row.id, row.hash) if row else None


def last(session: Session, operation: Operation) -> AuditEvent | None:
    """The newest entry of an operation that went well."""
    query = select(AuditEvent).where(AuditEvent.action == str(operation), AuditEvent.outcome == "ok")
    return session.scalar(query.order_by(AuditEvent.id.desc()).limit(1))


def _hash(event: AuditEvent | Row) -> str:
    told = [
        event.previous_hash, _moment(event.created_at), event.actor_id, event.action, event.subject, event.patient_id, event.outcome,
    ]
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def main(arguments: list[str] | None = None) -> int:
    """`python -m services.audit verify`: exit code 0 where the trail holds."""
    from services.errors import ServiceError
    from services.unit_of_work import reading

    parser = argparse.ArgumentParser(prog="python -m services.audit", description="The audit trail, from the command line.")
    parser.add_subparsers(dest="verb", required=True).add_parser("verify", help="look whether the chain of entries holds and is whole")
    parser.parse_args(arguments)
    try:
        with reading() as session:
            found = state(session, anchored=anchor.read())
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    print(found.in_words(), file=sys.stdout if found.holds else sys.stderr)
    return 0 if found.holds else 1


if __name__ == "__main__":
    sys.exit(main())
