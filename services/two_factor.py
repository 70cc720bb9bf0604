"""The second step of a log-in: a code of an authenticator app (TOTP, RFC 6238), or one of ten recovery codes, once each."""

from __future__ import annotations

import argparse
import base64
import hmac
import secrets
import sys
from dataclasses import dataclass
from datetime import datetime

import pyotp
import segno
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session, undefer

from db.base import now
from db.models import AccountState, LoginSession, RecoveryCode, User
from services import audit, devices, policy, sealing, sessions, throttle
from services.audit import Action
from services.errors import LoginFailed, NotFound, ServiceError, ValidationError
from services.settings import settings
from services.unit_of_work import reading, transaction
from services.views import Person

ISSUER = "Moletrail"
STEP_SECONDS = 30
TOLERATED_STEPS = 1
"""A phone's clock may be this many steps off, either way (RFC 6238, 5.2)."""
RECOVERY_CODES = 10
WRONG_CODE = "This code is not right, or was used already. Wait for the next one and try again."
TOO_LATE = "The second step took too long. Please log in again."


@dataclass(frozen=True)
class Status:
    enabled_since: datetime | None
    recovery_codes_left: int
    required: bool
    """By whoever runs this site, for this role (MOLETRAIL_REQUIRE_TOTP)."""


@dataclass(frozen=True)
class SetUp:
    secret: str
    """For typing where no code can be scanned, in groups of four."""
    qr_svg: str
    """Picture of the otpauth address, dark on white in every theme."""


# One's own


def status(actor: Person) -> Status:
    with reading() as session:
        policy.require(session, actor, Action.ENABLE_TOTP)
        since = session.scalar(select(User.totp_enabled_at).where(User.id == actor.id))
        left = session.scalar(
            select(func.count(RecoveryCode.id)).where(RecoveryCode.user_id == actor.id, RecoveryCode.used_at.is_(None))
        )
    return Status(enabled_since=since, recovery_codes_left=left, required=settings().requires_totp(actor.role))


def set_up(actor: Person) -> SetUp:
    """Begin the set-up, or go on with one that was begun: the same secret until it is enabled."""
    with transaction() as session:
        policy.require(session, actor, Action.ENABLE_TOTP)
        user = _user(session, actor.id)
        _require_off(user)
        if user.totp_secret is None:
            user.totp_secret = sealing.seal(pyotp.random_base32(), about=_about(user.id))
        secret = sealing.unseal(user.totp_secret, about=_about(user.id))
    address = pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=actor.email, issuer_name=ISSUER)
    picture = segno.make(address, error="m", micro=False).svg_inline(scale=6, border=4, dark="black", light="white", omitsize=True)
    return SetUp(secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)), qr_svg=picture)


def enable(actor: Person, *, code: str, token: str) -> tuple[str, ...]:
    """Switch the second step on once the app's code proves that it is set up; returns the recovery codes, shown only now.

    Every session but the one of `token` ends, and that one soon, unless sessions.renew gives this browser another: it may do
    more than before. Raises ValidationError on a wrong code.
    """
    with transaction() as session:
        policy.require(session, actor, Action.ENABLE_TOTP)
        user = _user(session, actor.id)
        _require_off(user)
        if user.totp_secret is None or not _take_totp(session, user, code):
            raise ValidationError({"code": WRONG_CODE})
        user.totp_enabled_at = now()
        codes = _new_codes(session, user.id)
        sessions.end_all(session, user_id=user.id, but_token=token)
        sessions.let_end_soon(session, token=token)
        _record(session, actor, Action.ENABLE_TOTP)
    return codes


def new_recovery_codes(actor: Person, *, code: str) -> tuple[str, ...]:
    """Ten new recovery codes in place of the old ones, for a code of the app or one of the old ones."""
    check(actor, Action.ENABLE_TOTP, code)
    with transaction() as session:
        codes = _new_codes(session, actor.id)
        _record(session, actor, Action.ENABLE_TOTP)
    return codes


def disable(actor: Person, *, code: str, token: str) -> None:
    """Switch the second step off, for a code; every session but the one of `token` ends."""
    if settings().requires_totp(actor.role):
        with reading() as session:
            policy.require(session, actor, Action.DISABLE_TOTP)
        raise ValidationError({"code": "Whoever runs this site requires the second step for your kind of account."})
    check(actor, Action.DISABLE_TOTP, code)
    with transaction() as session:
        _clear(session, actor.id)
        sessions.end_all(session, user_id=actor.id, but_token=token)
        _record(session, actor, Action.DISABLE_TOTP)


# At log-in


def finish_log_in(*, pending: str, code: str, device: str = "") -> str:
    """Return the ticket for accounts.redeem_ticket; `pending` is what accounts.log_in gave with SecondStepNeeded.

    Raises LoginFailed: after a wrong code one may try again, after TOO_LATE only log in anew.
    """
    with transaction() as session:
        login = _pending(session, pending)
        if login is None:
            raise LoginFailed(TOO_LATE)
        user_id = login.user_id
        known = devices.is_known(session, user_id=user_id, device=device)
        key = throttle.key("code", f"{user_id} {device}" if known else str(user_id))
        wait = throttle.count_try(session, key)
        user = _user(session, user_id)
        right = wait is None and _take_code(session, user, code)
        if right:
            throttle.forget(session, key=key)
            ticket = secrets.token_urlsafe(32)
            login.awaits_code = False
            login.ticket_hash = sessions.digest(ticket)
            login.ticket_expires_at = now() + sessions.TICKET_LIFE
        outcome = "ok" if right else "wrong_code" if wait is None else "throttled"
        audit.record(session, actor_id=user_id, action=Action.LOG_IN, subject=f"user:{user_id}", outcome=outcome)
        if wait is None and not right and throttle.is_locked(session, key=key):
            audit.record(session, actor_id=None, action=Action.LOCK, subject=f"user:{user_id}")
    if wait is not None:
        raise LoginFailed(f"Too many wrong codes. Please wait {throttle.in_words(wait)} and try again.")
    if not right:
        raise LoginFailed(WRONG_CODE)
    return ticket


def _pending(session: Session, pending: str) -> LoginSession | None:
    return session.scalar(
        select(LoginSession)
        .join(User, LoginSession.user_id == User.id)
        .where(
            LoginSession.ticket_hash == sessions.digest(pending), LoginSession.awaits_code, LoginSession.ticket_expires_at > now(),
            LoginSession.ended_at.is_(None), User.account_state == AccountState.ACTIVE, User.totp_enabled_at.is_not(None),
        )
        .with_for_update(of=LoginSession)
    )


# Somebody else's


def reset_for(actor: Person, *, user_id: int) -> None:
    """Take the second step off an account whose owner lost phone and recovery codes; its sessions end (admins)."""
    with transaction() as session:
        policy.require(session, actor, Action.RESET_TOTP)
        user = session.get(User, user_id)
        if user is None:
            raise NotFound("There is no such account.")
        if user.id == actor.id:
            raise ValidationError({"user_id": "Your own second step is switched off under My account; another administrator can reset it."})
        _reset(session, user_id, actor_id=actor.id)


def _reset(session: Session, user_id: int, *, actor_id: int | None) -> None:
    _clear(session, user_id)
    sessions.end_all(session, user_id=user_id)
    audit.record(session, actor_id=actor_id, action=Action.RESET_TOTP, subject=f"user:{user_id}")


# The codes themselves


def check(actor: Person, action: Action, code: str) -> None:
    """Pass if the code of the actor's own second step is right, raise ValidationError if not; tries are counted."""
    key = throttle.key("code", str(actor.id))
    with transaction() as session:
        policy.require(session, actor, action)
        user = _user(session, actor.id)
        wait = throttle.count_try(session, key)
        right = wait is None and user.totp_enabled_at is not None and _take_code(session, user, code)
        if right:
            throttle.forget(session, key=key)
        else:
            _record(session, actor, action, outcome="failed" if wait is None else "throttled")
    if wait is not None:
        raise ValidationError({"code": f"Too many wrong codes. Please wait {throttle.in_words(wait)} and try again."})
    if not right:
        raise ValidationError({"code": WRONG_CODE})


def _take_code(session: Session, user: User, code: str) -> bool:
    return _take_totp(session, user, code) or _take_recovery_code(session, user.id, code)


def _take_totp(session: Session, user: User, code: str) -> bool:
    """Whether it is a code of now; the step is used up in the same statement, so of two at the same moment one is taken."""
    digits = "".join(code.split())
    if len(digits) != 6 or not digits.isascii() or not digits.isdecimal():
        return False
    totp = pyotp.TOTP(sealing.unseal(user.totp_secret, about=_about(user.id)), interval=STEP_SECONDS)
    this_step = int(now().timestamp()) // STEP_SECONDS
    for step in range(this_step - TOLERATED_STEPS, this_step + TOLERATED_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step), digits):
            unused = or_(User.totp_last_step.is_(None), User.totp_last_step < step)
            return session.execute(update(User).where(User.id == user.id, unused).values(totp_last_step=step)).rowcount == 1
    return False


def _take_recovery_code(session: Session, user_id: int, code: str) -> bool:
    found = (
        RecoveryCode.user_id == user_id, RecoveryCode.code_hash == sessions.digest(_plain(code)), RecoveryCode.used_at.is_(None)
    )
    return session.execute(update(RecoveryCode).where(*found).values(used_at=now())).rowcount == 1


def _new_codes(session: Session, user_id: int) -> tuple[str, ...]:
    """80 random bits each, as four groups of four letters and digits."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    plain = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(user_id=user_id, code_hash=sessions.digest(code)) for code in plain)
    return tuple("-".join(code[i : i + 4] for i in range(0, 16, 4)) for code in plain)


def _plain(code: str) -> str:
    """As it may be typed: with or without groups, capitals, and the two digits that base32 leaves out."""
    return "".join(code.replace("-", "").split()).lower().replace("0", "o").replace("1", "i")


def _clear(session: Session, user_id: int) -> None:
    session.execute(update(User).where(User.id == user_id).values(totp_secret=None, totp_enabled_at=None, totp_last_step=None))
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def _user(session: Session, user_id: int) -> User:
    return session.get(User, user_id, options=[undefer(User.totp_secret)], with_for_update=True)


def _require_off(user: User) -> None:
    if user.totp_enabled_at is not None:
        raise ValidationError({"code": "The second step is switched on already."})


def _about(user_id: int) -> str:
    return f"totp:{user_id}"


def _record(session: Session, actor: Person, action: Action, *, outcome: str = "ok") -> None:
    audit.record(session, actor_id=actor.id, action=action, subject=f"user:{actor.id}", outcome=outcome)


# The command line


def main(arguments: list[str] | None = None) -> int:
    """`python -m services.two_factor reset EMAIL`: for the only administrator who lost phone and recovery codes."""
    parser = argparse.ArgumentParser(prog="python -m services.two_factor", description="The second step of log-in, from the command line.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("reset", help="take it off an account; whoever holds it is logged out").add_argument("email")
    email = parser.parse_args(arguments).email.strip().lower()
    try:
        with transaction() as session:
            user_id = session.scalar(select(User.id).where(sealing.with_email(email)))
            if user_id is not None:
                _reset(session, user_id, actor_id=None)
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    if user_id is None:
        print("There is no account with this e-mail address.", file=sys.stderr)
        return 1
    print(f"{email} logs in with the password alone now.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
