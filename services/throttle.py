"""Growing waits after failed log-ins, for known and unknown addresses alike."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.base import now
from db.models import LoginThrottle

FREE_TRIES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)


def key(kind: str, text: str) -> str:
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()}"


def count_try(session: Session, *, key: str) -> timedelta | None:
    """Count one try before the password is looked at, so that guesses at the same moment are all counted.

    Returns None where the try may go on, else how long to wait; a try that has to wait is not counted.
    """
    moment = now()
    session.execute(delete(LoginThrottle).where(LoginThrottle.last_failed_at < moment - FORGOTTEN_AFTER))
    row = session.scalar(select(LoginThrottle).where(LoginThrottle.key == key).with_for_update())
    if row is None:
        row = LoginThrottle(key=key, failures=0, last_failed_at=moment)
        session.add(row)
    elif row.blocked_until is not None and row.blocked_until > moment:
        return row.blocked_until - moment
    row.failures += 1
    row.last_failed_at = moment
    row.blocked_until = _blocked_until(moment, row.failures)
    return None


def forget(session: Session, *, key: str) -> None:
    """The password was right: the tries before it count no more."""
    session.execute(delete(LoginThrottle).where(LoginThrottle.key == key))


def in_words(wait: timedelta) -> str:
    seconds = max(1, round(wait.total_seconds()))
    if seconds < 90:
        return f"{seconds} seconds" if seconds > 1 else "a second"
    return f"{-(-seconds // 60)} minutes"


def _blocked_until(moment: datetime, failures: int) -> datetime | None:
    if failures < FREE_TRIES:
        return None
    doublings = min(failures - FREE_TRIES, 16)
    return moment + min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
