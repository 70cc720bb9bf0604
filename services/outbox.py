"""E-mails that may wait: stored in the transaction of what they tell of, sent afterwards, and tried again until they are out.

What must reach a person at once, such as the link to a new password, goes by services.mail directly.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.base import now
from db.models import AccountState, OutgoingMail, User
from services import mail
from services.unit_of_work import reading, transaction

TRY_AGAIN_AFTER = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 8 * 60, 24 * 60))
"""Pause after each try; after one more it is given up."""
KEPT = timedelta(days=30)
"""So long an e-mail that was sent or given up stays on record."""
AT_ONCE = 50


def queue(session: Session, *, user_id: int, subject: str, body: str) -> None:
    """Add an e-mail within the caller's transaction, so that it goes out only if that is stored."""
    session.add(OutgoingMail(user_id=user_id, subject=subject, body=body, attempts=0, next_try_at=now()))


def send_due() -> int:
    """Send what is due, at most AT_ONCE; returns how many went out."""
    due = select(OutgoingMail.id, OutgoingMail.attempts).where(OutgoingMail.next_try_at <= now())
    with reading() as session:
        waiting = session.execute(due.order_by(OutgoingMail.next_try_at, OutgoingMail.id).limit(AT_ONCE)).all()
    return sum(_sent(mail_id, attempts) for mail_id, attempts in waiting)


def forget_old() -> None:
    """Delete what was sent or given up longer ago than KEPT."""
    with transaction() as session:
        session.execute(delete(OutgoingMail).where(OutgoingMail.next_try_at.is_(None), OutgoingMail.created_at < now() - KEPT))


def _sent(mail_id: int, attempts: int) -> bool:
    """One try. The next one is set down before it, so that two processes never send the same e-mail, and a killed one tries again."""
    next_try = now() + TRY_AGAIN_AFTER[attempts] if attempts < len(TRY_AGAIN_AFTER) else None
    with transaction() as session:
        taken = session.execute(
            update(OutgoingMail)
            .where(OutgoingMail.id == mail_id, OutgoingMail.attempts == attempts, OutgoingMail.next_try_at.is_not(None))
            .values(attempts=attempts + 1, next_try_at=next_try)
        )
        if taken.rowcount != 1:
            return False
        to, state, subject, body = session.execute(
            select(User.email, User.account_state, OutgoingMail.subject, OutgoingMail.body)
            .join(User, OutgoingMail.user_id == User.id)
            .where(OutgoingMail.id == mail_id)
        ).one()
        if state == AccountState.DISABLED:
            session.execute(update(OutgoingMail).where(OutgoingMail.id == mail_id).values(next_try_at=None))
            return False
    # Outside any transaction: a mail server may take half a minute.
    if not mail.send_now(to=to, subject=subject, text=body):
        return False
    with transaction() as session:
        session.execute(update(OutgoingMail).where(OutgoingMail.id == mail_id).values(next_try_at=None, sent_at=now()))
    return True
