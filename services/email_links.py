"""Links sent by e-mail that work once: to choose a new password, and to prove that an address is its owner's.

Whoever asks gets the same answer, whether or not there is such an account.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.base import now
from db.models import AccountState, EmailLink, LinkPurpose, User
from services import accounts, audit, mail, passwords, sealing, throttle
from services.audit import Action
from services.errors import ValidationError
from services.sessions import digest
from services.settings import settings
from services.unit_of_work import reading, transaction

LIFE = {LinkPurpose.RESET: timedelta(minutes=30), LinkPurpose.VERIFY: timedelta(days=3), LinkPurpose.CHANGE: timedelta(hours=24)}
DEAD = "This link was used already, is too old, or is not complete. Please ask for a new one."

RESET_TEXT = """Hello {name},

someone, probably you, asked for a new password for your Moletrail account. To choose it, open this link within 30 minutes:

{link}

The link works once. If it was not you, you need not do anything: your password stays as it is.
"""
VERIFY_TEXT = """Hello {name},

to confirm that this e-mail address is yours, open this link within three days:

{link}

The link works once. If you have no Moletrail account, someone typed your address by mistake; you need not do anything.
"""


def ask_reset(*, email: str) -> None:
    """Send a link to choose a new password, if there is such an account."""
    _ask(email, LinkPurpose.RESET, Action.ASK_RESET, page="reset-password", subject="A new password for Moletrail", text=RESET_TEXT)


def ask_verification(*, email: str) -> None:
    """Send a link that confirms the address, if there is such an account and it is not confirmed yet."""
    _ask(email, LinkPurpose.VERIFY, Action.ASK_VERIFICATION, page="verify-email", subject="Confirm your e-mail address", text=VERIFY_TEXT)


def works(*, purpose: str, token: str) -> bool:
    """Whether a link can still be used; looking uses nothing up, as mail programs open links on their own."""
    with reading() as session:
        return _link(session, LinkPurpose(purpose), token) is not None


def reset_password(*, token: str, new: str) -> None:
    """Set the new password, and use the link up. Every session ends; the address counts as confirmed.

    Raises ValidationError, with "link" as key where the link does not work; a password that cannot be taken leaves it usable.
    """
    with reading() as session:
        link = _link(session, LinkPurpose.RESET, token)
        user = session.get(User, link.user_id) if link else None
    if user is None:
        raise ValidationError({"link": DEAD})
    if complaint := passwords.complaint(new, about=(user.first_name, user.surname, user.email)):
        raise ValidationError({"new": complaint})
    new_hash = passwords.hash_of(new)
    with transaction() as session:
        user_id = use_up(session, LinkPurpose.RESET, token).user_id
        accounts.set_password(session, user_id=user_id, password_hash=new_hash)
        session.execute(update(User).where(User.id == user_id, User.email_verified_at.is_(None)).values(email_verified_at=now()))
        throttle.forget(session, key=throttle.key("account", user.email))
        audit.record(session, actor_id=user_id, action=Action.RESET_PASSWORD, subject=f"user:{user_id}")
    accounts.tell_of_new_password(user.email, user.first_name)


def verify_email(*, token: str) -> None:
    """Note that the address is its owner's, and use the link up. Raises ValidationError where the link does not work."""
    with transaction() as session:
        user_id = use_up(session, LinkPurpose.VERIFY, token).user_id
        session.execute(update(User).where(User.id == user_id).values(email_verified_at=now()))
        audit.record(session, actor_id=user_id, action=Action.VERIFY_EMAIL, subject=f"user:{user_id}")


def _ask(email: str, purpose: LinkPurpose, action: Action, *, page: str, subject: str, text: str) -> None:
    email = " ".join(email.split()).lower()
    token = secrets.token_urlsafe(32)
    moment = now()
    with transaction() as session:
        session.execute(delete(EmailLink).where(EmailLink.expires_at < moment))
        user = session.scalar(select(User).where(sealing.with_email(email), User.account_state != AccountState.DISABLED))
        wait = throttle.count_try(session, throttle.key("mail", f"{purpose} {email}"))
        needed = user is not None and not (purpose == LinkPurpose.VERIFY and user.email_verified_at)
        outcome = "throttled" if wait is not None else "ok" if needed else "failed"
        audit.record(session, actor_id=None, action=action, subject=f"user:{user.id}" if user else "", outcome=outcome)
        if outcome == "ok":
            keep(session, purpose, token, user_id=user.id)
    if outcome == "ok":
        mail.send(to=user.email, subject=subject, text=text.format(name=user.first_name, link=address_of(page, token)))


def keep(session: Session, purpose: LinkPurpose, token: str, *, user_id: int, new_email: str | None = None) -> None:
    """Let a token work from now on, within the caller's transaction; of one purpose only a person's newest works."""
    session.execute(delete(EmailLink).where(EmailLink.user_id == user_id, EmailLink.purpose == purpose))
    link = EmailLink(user_id=user_id, purpose=purpose, token_hash=digest(token), expires_at=now() + LIFE[purpose], new_email=new_email)
    session.add(link)


def address_of(page: str, token: str) -> str:
    """What is sent; the route keeps the token out of the page's own address."""
    return f"{settings().public_url}/link/{page}?token={token}"


def _link(session: Session, purpose: LinkPurpose, token: str) -> EmailLink | None:
    return session.scalar(
        select(EmailLink).join(User, EmailLink.user_id == User.id).where(
            EmailLink.token_hash == digest(token), EmailLink.purpose == purpose, EmailLink.used_at.is_(None),
            EmailLink.expires_at > now(), User.account_state != AccountState.DISABLED,
        )
    )  # fmt: skip


def use_up(session: Session, purpose: LinkPurpose, token: str) -> EmailLink:
    """The link, used from now on, within the caller's transaction; of two at the same moment one gets it.

    Raises ValidationError, with "link" as key, where it does not work.
    """
    link = _link(session, purpose, token)
    used = link and session.execute(update(EmailLink).where(EmailLink.id == link.id, EmailLink.used_at.is_(None)).values(used_at=now()))
    if not used or used.rowcount != 1:
        raise ValidationError({"link": DEAD})
    return link
