"""Browsers that an account was logged in to from. A known one has a count of wrong tries of its own (services.throttle),
so that nobody locks the owner of an account out by guessing (OWASP, "device cookies")."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.base import now
from db.models import KnownDevice, LoginSession
from services.sessions import digest, in_force
from services.unit_of_work import transaction

LIFE = timedelta(days=180)
"""Without a log-in for this long, a browser is forgotten."""


def remember(*, token: str, device: str = "") -> str:
    """Note that the browser with this device cookie holds the session of `token`; returns the device token for its cookie.

    A cookie that no log-in ever set is not taken over: it gets a new token.
    """
    moment = now()
    with transaction() as session:
        session.execute(delete(KnownDevice).where(KnownDevice.expires_at < moment))
        user_id = session.scalar(select(LoginSession.user_id).where(LoginSession.token_hash == digest(token), *in_force()))
        taken = bool(device) and session.scalar(select(KnownDevice.id).where(KnownDevice.token_hash == digest(device)).limit(1)) is not None
        device = device if taken else secrets.token_urlsafe(32)
        if user_id is None:
            return device
        known = session.scalar(_known(user_id, device))
        if known is None:
            session.add(KnownDevice(user_id=user_id, token_hash=digest(device), expires_at=moment + LIFE))
        else:
            known.expires_at = moment + LIFE
    return device


def is_known(session: Session, *, user_id: int, device: str) -> bool:
    return bool(device) and session.scalar(_known(user_id, device)) is not None


def forget_all(session: Session, *, user_id: int) -> None:
    session.execute(delete(KnownDevice).where(KnownDevice.user_id == user_id))


def _known(user_id: int, device: str):
    return select(KnownDevice).where(
        KnownDevice.user_id == user_id, KnownDevice.token_hash == digest(device), KnownDevice.expires_at > now()
    )
