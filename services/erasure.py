"""Erasing an account: what is personal goes, what must stay is said and names nobody."""

from __future__ import annotations

import secrets

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from db.base import Base, now
from db.models import AccountState, Lesion, LoginThrottle, Note, Reminder, Review, Role, SecondOpinion, Sex, User
from services import accounts, audit, erasing, passwords, policy, throttle, two_factor
from services.audit import Action
from services.unit_of_work import transaction
from services.views import Person

STAYS = {
    "patient": "What stays: the audit trail, in which you are a number that no longer leads to a name, and older backups "
    "until whoever runs this site deletes them.",
    "doctor": "What stays: the reviews and notes you signed, which belong to your patients' records, under your number and without "
    "your name; the audit trail, in which you are the same number; and older backups until whoever runs this site deletes them.",
    "admin": "What stays: the audit trail, in which you are a number that no longer leads to a name, and older backups "
    "until whoever runs this site deletes them.",
}
SIGNED = (Note.author_id, Review.author_id, SecondOpinion.asker_id, SecondOpinion.colleague_id, Reminder.set_by_id)
"""What a doctor signed is part of others' records: it stays, with the number of who signed."""


def erase_account(actor: Person, *, password: str, code: str = "") -> None:
    """Erase one's own account for good; every log-in of it ends.

    Raises ValidationError with the keys password and code, where the second step is switched on.
    """
    user = accounts.prove_password(actor, Action.ERASE_ACCOUNT, password)
    if user.totp_enabled_at is not None:
        two_factor.check(actor, Action.ERASE_ACCOUNT, code)
    nobodys_hash = passwords.hash_of(secrets.token_urlsafe(32))
    with transaction() as session:
        policy.require(session, actor, Action.ERASE_ACCOUNT)
        user = session.get_one(User, actor.id, with_for_update=True)
        accounts.require_another_admin(session, user)
        files = erasing.erase_lesions(session, Lesion.patient_id == user.id)
        _delete_rows(session, user)
        _make_nobody(session, user, nobodys_hash)
        audit.record(
            session, actor_id=actor.id, action=Action.ERASE_ACCOUNT, subject=f"user:{actor.id}",
            patient_id=actor.id if actor.role == Role.PATIENT else None,
        )
    erasing.remove_files(files)


def _delete_rows(session: Session, user: User) -> None:
    """Everything that names the account, but what a doctor signed."""
    for table in reversed(Base.metadata.sorted_tables):
        for column in table.columns:
            refers = any(key.column.table.name == User.__tablename__ for key in column.foreign_keys)
            if refers and not any(column is signed.property.columns[0] for signed in SIGNED):
                session.execute(delete(table).where(column == user.id))
    keys = (throttle.key("account", user.email), accounts.change_key(user.id))
    session.execute(delete(LoginThrottle).where(LoginThrottle.key.in_(keys)))


def _make_nobody(session: Session, user: User, password_hash: str) -> None:
    """Keep the row, so that the number is never given to another person."""
    user.email = f"erased-{user.id}@invalid"
    user.first_name, user.surname = ("Doctor" if user.role == Role.DOCTOR else "Account"), f"no. {user.id}"
    user.address = user.second_address = user.city = user.state_region = user.zip_code = ""
    user.sex, user.birth_date = Sex.UNDISCLOSED, None
    user.email_verified_at = user.totp_enabled_at = user.totp_last_step = user.totp_secret = None
    user.reminder_emails = user.listed = False
    user.account_state, user.erased_at = AccountState.DISABLED, now()
    session.flush()
    session.execute(update(User).where(User.id == user.id).values(password_hash=password_hash))
