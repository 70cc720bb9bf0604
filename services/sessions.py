"""Sessions: one log-in of one browser each. Tokens and tickets are 256 random bits, of which only hashes are stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from db.base import now
from db.models import LoginSession
from services import audit, policy
from services.audit import Action
from services.settings import settings
from services.unit_of_work import reading, transaction
from services.views import Person, SessionView

TICKET_LIFE = timedelta(seconds=60)
CODE_LIFE = timedelta(minutes=5)
"""How long the second step may take."""
RENEWED_WITHIN = timedelta(minutes=15)
"""Long enough to write recovery codes down."""
KEPT_AFTER = timedelta(days=1)
"""A session that ended or expired is deleted this long after; the audit trail keeps that it was."""

BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"),
            ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
SYSTEMS = (("iPhone", "an iPhone"), ("iPad", "an iPad"), ("Android", "Android"), ("CrOS", "a Chromebook"), ("Windows", "Windows"),
           ("Macintosh", "a Mac"), ("Linux", "Linux"))  # fmt: skip


def list_sessions(actor: Person, *, token: str) -> tuple[SessionView, ...]:
    """Where this person is logged in, the session of `token` first, then by when they were last seen."""
    with reading() as session:
        policy.require(session, actor, Action.LIST_SESSIONS)
        rows = session.scalars(_open_sessions(actor.id).order_by(LoginSession.last_seen_at.desc(), LoginSession.id.desc())).all()
    views = [
        SessionView(
            id=row.id, device=device_words(row.user_agent), since=row.created_at, last_seen_at=row.last_seen_at,
            is_this_one=row.token_hash == digest(token),
        )
        for row in rows
    ]
    return tuple(sorted(views, key=lambda view: not view.is_this_one))


def end_session(actor: Person, *, session_id: int) -> None:
    """End one of one's own sessions; ending it twice is fine."""
    with transaction() as session:
        row = session.get(LoginSession, session_id)
        policy.require_own(session, actor, Action.END_SESSION, owner_id=row.user_id if row else None)
        if row.ended_at is None:
            row.ended_at = now()
            audit.record(session, actor_id=actor.id, action=Action.END_SESSION, subject=f"login_session:{row.id}")


def renew(actor: Person, *, token: str, user_agent: str = "") -> str:
    """End the session of `token` and return the ticket of a new one for the same browser.

    For after what the session may do has grown: who copied its token before has nothing of it.
    """
    with transaction() as session:
        row = session.scalar(select(LoginSession).where(LoginSession.token_hash == digest(token), *in_force()))
        policy.require_own(session, actor, Action.END_SESSION, owner_id=row.user_id if row else None)
        row.ended_at = now()
        audit.record(session, actor_id=actor.id, action=Action.END_SESSION, subject=f"login_session:{row.id}")
        return begin(session, user_id=actor.id, user_agent=user_agent)


def let_end_soon(session: Session, *, token: str) -> None:
    """Within the caller's transaction: the session of `token` has to be renewed within RENEWED_WITHIN, or is over."""
    soon = now() + RENEWED_WITHIN
    session.execute(
        update(LoginSession).where(LoginSession.token_hash == digest(token), LoginSession.expires_at > soon).values(expires_at=soon)
    )


def end_others(actor: Person, *, token: str) -> int:
    """End all of one's own sessions but the one of `token`; returns how many they were."""
    with transaction() as session:
        policy.require(session, actor, Action.END_SESSION)
        ended = end_all(session, user_id=actor.id, but_token=token)
        audit.record(session, actor_id=actor.id, action=Action.END_SESSION, subject=f"user:{actor.id}")
    return ended


# Parts of a log-in, for services.accounts and its like: within the caller's transaction


def begin(session: Session, *, user_id: int, user_agent: str = "", awaits_code: bool = False) -> str:
    """Add a session and return its ticket, which accounts.redeem_ticket trades once for the token of the cookie."""
    ticket = secrets.token_urlsafe(32)
    moment = now()
    _prune(session)
    session.add(
        LoginSession(
            user_id=user_id,
            ticket_hash=digest(ticket),
            ticket_expires_at=moment + (CODE_LIFE if awaits_code else TICKET_LIFE),
            awaits_code=awaits_code,
            last_seen_at=moment,
            expires_at=moment + settings().session_absolute,
            user_agent=user_agent[:200],
        )
    )
    return ticket


def end_all(session: Session, *, user_id: int, but_token: str | None = None) -> int:
    """End every session of an account, also those just beginning, but the one of `but_token`; returns how many they were."""
    which = [LoginSession.user_id == user_id]
    if but_token is not None:
        which.append(or_(LoginSession.token_hash != digest(but_token), LoginSession.token_hash.is_(None)))
    return session.execute(update(LoginSession).where(LoginSession.ended_at.is_(None), *which).values(ended_at=now())).rowcount


def digest(secret: str) -> str:
    """256 random bits cannot be tried out: a plain hash keeps them from who reads the database."""
    return hashlib.sha256(secret.encode()).hexdigest()


def in_force():
    """SQL conditions: redeemed, not ended, neither idle nor alive for too long."""
    moment = now()
    return (
        LoginSession.token_hash.is_not(None),
        LoginSession.ended_at.is_(None),
        LoginSession.expires_at > moment,
        LoginSession.last_seen_at > moment - settings().session_idle,
    )


def device_words(user_agent: str) -> str:
    """What a person recognises, e.g. "Firefox on Windows"; the browser says it, so it is a hint and no proof."""
    browser = next((word for sign, word in BROWSERS if f"{sign}/" in user_agent), None)
    system = next((word for sign, word in SYSTEMS if sign in user_agent), None)
    return " on ".join(filter(None, (browser or ("A browser" if system else None), system))) or "An unknown browser"


def _open_sessions(user_id: int):
    return select(LoginSession).where(LoginSession.user_id == user_id, *in_force())


def _prune(session: Session) -> None:
    moment = now()
    session.execute(
        delete(LoginSession).where(
            or_(
                LoginSession.ended_at < moment - KEPT_AFTER,
                LoginSession.expires_at < moment - KEPT_AFTER,
                LoginSession.last_seen_at < moment - settings().session_idle - KEPT_AFTER,
            )
        )
    )
