"""Growing waits after too many tries, then a lock for an hour: wrong log-ins per account, known or not, and per client address;
sign-ups per client address; photos per person.

A browser that the account was logged in to from before is counted by itself and by nothing else, so that nobody can lock
the owner out by guessing. The counts are rows, so a restart forgets none.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.base import now
from db.models import LoginThrottle

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
LOCK = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class Limit:
    """What one kind of key stands for, and what it may cost."""

    free_tries: int
    lock_after: int
    """From this many tries on, each further one has to wait LOCK."""
    forgets_one_every: timedelta = FORGOTTEN_AFTER
    """Many people may share an address, so its count fades."""


FREE_TRIES = 5
LIMITS = {
    "account": Limit(FREE_TRIES, lock_after=12),
    "device": Limit(FREE_TRIES, lock_after=12),
    "address": Limit(free_tries=20, lock_after=30, forgets_one_every=timedelta(minutes=5)),
    "change": Limit(FREE_TRIES, lock_after=12),
    "code": Limit(FREE_TRIES, lock_after=12),
    "photo": Limit(free_tries=300, lock_after=600, forgets_one_every=timedelta(seconds=15)),
    "link": Limit(free_tries=20, lock_after=60, forgets_one_every=timedelta(minutes=5)),
    "sign_up": Limit(free_tries=20, lock_after=40, forgets_one_every=timedelta(minutes=10)),
    "mail": Limit(free_tries=3, lock_after=8, forgets_one_every=timedelta(hours=1)),
}


def key(kind: str, text: str) -> str:
    assert kind in LIMITS
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()}"


def address_key(client_address: str, *, kind: str = "address") -> str | None:
    """Key of a network address; None where there is none to tell people apart by (this machine itself).

    Of IPv6 the first 64 bits count: a single customer has all addresses behind them.
    """
    try:
        address = ipaddress.ip_address(client_address.partition("%")[0])
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return None
    return key(kind, str(ipaddress.ip_network((address, 64), strict=False) if address.version == 6 else address))


def count_try(session: Session, *keys: str | None) -> timedelta | None:
    """Count one try on every key before the secret is looked at, so that guesses at the same moment are all counted.

    Returns None where the try may go on, else how long to wait; a try that has to wait is not counted.
    """
    moment = now()
    session.execute(delete(LoginThrottle).where(LoginThrottle.last_failed_at < moment - FORGOTTEN_AFTER))
    rows = [_row(session, key, moment) for key in sorted(filter(None, keys))]  # one order for all, so that none waits in a ring
    waits = [row.blocked_until - moment for row in rows if row.blocked_until is not None and row.blocked_until > moment]
    if waits:
        return max(waits)
    for row in rows:
        limit = LIMITS[row.key.partition(":")[0]]
        row.failures = max(0, row.failures - (moment - row.last_failed_at) // limit.forgets_one_every) + 1
        row.last_failed_at = moment
        row.blocked_until = _blocked_until(moment, row.failures, limit)
    return None


def forget(session: Session, *, key: str) -> None:
    """The secret was right: the tries before it count no more."""
    session.execute(delete(LoginThrottle).where(LoginThrottle.key == key))


def take_back(session: Session, *, key: str | None) -> None:
    """This one try was right. The address's other tries stay counted, or an own account would buy new guesses at others'."""
    row = session.scalar(select(LoginThrottle).where(LoginThrottle.key == key).with_for_update()) if key else None
    if row is not None:
        row.failures -= 1
        row.blocked_until = None


def is_waiting(session: Session, *, key: str) -> bool:
    """Whether the next try on this key has to wait."""
    blocked_until = session.scalar(select(LoginThrottle.blocked_until).where(LoginThrottle.key == key))
    return blocked_until is not None and blocked_until > now()


def is_locked(session: Session, *, key: str) -> bool:
    """Whether the last try on this key locked it, as more than a wait."""
    failures = session.scalar(select(LoginThrottle.failures).where(LoginThrottle.key == key)) or 0
    return failures >= LIMITS[key.partition(":")[0]].lock_after


def in_words(wait: timedelta) -> str:
    seconds = max(1, round(wait.total_seconds()))
    if seconds < 90:
        return f"{seconds} seconds" if seconds > 1 else "a second"
    return f"{-(-seconds // 60)} minutes"


def _row(session: Session, key: str, moment: datetime) -> LoginThrottle:
    """The locked row of a key, made without failing where another try makes it in the same moment."""
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(LoginThrottle)
    new = insert.values(key=key, failures=0, last_failed_at=moment, created_at=moment)
    session.execute(new.on_conflict_do_nothing(index_elements=["key"]))
    return session.scalars(select(LoginThrottle).where(LoginThrottle.key == key).with_for_update()).one()


def _blocked_until(moment: datetime, failures: int, limit: Limit) -> datetime | None:
    if failures < limit.free_tries:
        return None
    if failures >= limit.lock_after:
        return moment + LOCK
    return moment + min(FIRST_WAIT * 2 ** (failures - limit.free_tries), LONGEST_WAIT)
