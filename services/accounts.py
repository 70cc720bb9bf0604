"""Accounts and log-ins: signing up, logging in and out, and what an admin does with accounts."""

from __future__ import annotations

import argparse
import getpass
import hashlib
import os
import secrets
import sys
from datetime import date, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, undefer

from db.base import now
from db.models import AccountState, CareGrant, Lesion, LoginSession, Role, User
from services import audit, fields, passwords, policy, throttle
from services.audit import Action
from services.errors import LoginFailed, NotFound, ServiceError, ValidationError
from services.mapping import person
from services.paging import page_of
from services.settings import settings
from services.unit_of_work import reading, record_view, transaction
from services.views import Page, Person

FIELDS = fields.LABELS
SEXES = fields.SEXES

TICKET_LIFE = timedelta(seconds=60)
SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a log-in was last used; each update is a write."""
WRONG = "The e-mail address or the password is wrong."
TAKEN = "There is already an account with this e-mail address. Please log in instead."


# --- signing up ---


def sign_up(
    *,
    role: str,
    first_name: str,
    surname: str,
    email: str,
    password: str,
    address: str,
    second_address: str,
    city: str,
    state: str,
    zip_code: str,
    sex: str,
    birth_date: date | None,
) -> Person:
    """Make an account for a patient, or one for a doctor that waits until an admin confirms it.

    Raises ValidationError with these argument names as keys. Nobody becomes an admin this way.
    """
    if role not in (Role.PATIENT, Role.DOCTOR):
        raise ValidationError({"role": "Please choose patient or doctor."})
    values = fields.cleaned(
        first_name=first_name, surname=surname, email=email, password=password, address=address, second_address=second_address,
        city=city, state=state, zip_code=zip_code, sex=sex, birth_date=birth_date,
    )
    values["state_region"] = values.pop("state")
    waiting = role == Role.DOCTOR
    return _store_account(Role(role), AccountState.PENDING if waiting else AccountState.ACTIVE, values, action=Action.SIGN_UP)


def create_admin(*, first_name: str, surname: str, email: str, password: str) -> Person:
    """Make an admin's account. Only the command line calls this: who may run commands on the server may administer it."""
    values = fields.cleaned(first_name=first_name, surname=surname, email=email, password=password)
    return _store_account(Role.ADMIN, AccountState.ACTIVE, values, action=Action.CREATE_ACCOUNT)


def create_doctor(actor: Person, *, first_name: str, surname: str, email: str, password: str) -> Person:
    """Make a doctor's account that needs no confirmation (admins)."""
    with reading() as session:
        policy.require(session, actor, Action.CREATE_ACCOUNT)
    values = fields.cleaned(first_name=first_name, surname=surname, email=email, password=password)
    return _store_account(Role.DOCTOR, AccountState.ACTIVE, values, action=Action.CREATE_ACCOUNT, actor=actor)


def admin_exists() -> bool:
    """Whether someone can administer; asked at start, so that it can say how to make the first admin."""
    with reading() as session:
        return session.scalar(select(_active_admins().exists()))


def _store_account(role: Role, state: AccountState, values: dict, *, action: Action, actor: Person | None = None) -> Person:
    password_hash = passwords.hash_of(values.pop("password"))
    try:
        with transaction() as session:
            if actor is not None:
                policy.require(session, actor, action)
            if session.scalar(select(User.id).where(User.email == values["email"])) is not None:
                raise ValidationError({"email": TAKEN})
            user = User(role=role, account_state=state, password_hash=password_hash, **values)
            session.add(user)
            session.flush()
            audit.record(
                session, actor_id=actor.id if actor else user.id, action=action, subject=f"user:{user.id}", patient_id=_patient_id(user)
            )
            return person(user)
    except IntegrityError:  # the same address signed up in the same moment
        raise ValidationError({"email": TAKEN}) from None


# --- logging in and out ---


def log_in(*, email: str, password: str, user_agent: str = "") -> str:
    """Return a ticket that `redeem_ticket` trades once, within a minute, for the session token of the cookie.

    The page cannot set the cookie itself; the ticket carries the log-in to the route that can. Raises LoginFailed.
    """
    address = " ".join(email.split()).lower()
    key = throttle.key("account", address)
    with transaction() as session:
        wait = throttle.count_try(session, key=key)
        user = session.scalar(select(User).where(User.email == address).options(undefer(User.password_hash)))
        if wait is not None:
            _record_log_in(session, user, outcome="throttled")
    if wait is not None:
        raise LoginFailed(f"Too many wrong tries. Please wait {throttle.in_words(wait)} and try again.")

    # Outside any transaction: this takes long on purpose.
    right = passwords.matches(user.password_hash if user else None, password)
    if not right or user is None:
        with transaction() as session:
            _record_log_in(session, user, outcome="failed")
        raise LoginFailed(WRONG)
    new_hash = passwords.hash_of(password) if passwords.is_outdated(user.password_hash) else None

    ticket = secrets.token_urlsafe(32)
    moment = now()
    with transaction() as session:
        throttle.forget(session, key=key)
        state = session.scalar(select(User.account_state).where(User.id == user.id))
        if state == AccountState.ACTIVE:
            if new_hash is not None:
                session.execute(update(User).where(User.id == user.id).values(password_hash=new_hash))
            session.add(
                LoginSession(
                    user_id=user.id,
                    ticket_hash=_digest(ticket),
                    ticket_expires_at=moment + TICKET_LIFE,
                    last_seen_at=moment,
                    expires_at=moment + settings().session_absolute,
                    user_agent=user_agent[:200],
                )
            )
        _record_log_in(session, user, outcome="ok" if state == AccountState.ACTIVE else str(state))
    if state == AccountState.PENDING:
        raise LoginFailed("An administrator has not confirmed your doctor's account yet. You can log in as soon as that is done.")
    if state != AccountState.ACTIVE:
        raise LoginFailed("This account is switched off. Please ask the administrator.")
    return ticket


def redeem_ticket(*, ticket: str) -> str:
    """Return the session token that belongs to a ticket; raises LoginFailed if it was used, is older than a minute or unknown."""
    token = secrets.token_urlsafe(32)
    moment = now()
    with transaction() as session:
        redeemed = session.execute(
            update(LoginSession)
            .where(
                LoginSession.ticket_hash == _digest(ticket), LoginSession.ticket_expires_at > moment, LoginSession.ended_at.is_(None)
            )
            .values(ticket_hash=None, ticket_expires_at=None, token_hash=_digest(token), last_seen_at=moment)
        )
    if redeemed.rowcount != 1:
        raise LoginFailed("This log-in took too long or was used already. Please log in again.")
    return token


def person_of(*, token: str) -> Person | None:
    """Return who holds this session token; None if it is unknown, ended or expired, or the account is no longer active."""
    moment = now()
    with reading() as session:
        row = session.execute(
            select(LoginSession, User)
            .join(User, LoginSession.user_id == User.id)
            .where(
                LoginSession.token_hash == _digest(token),
                LoginSession.ended_at.is_(None),
                LoginSession.expires_at > moment,
                LoginSession.last_seen_at > moment - settings().session_idle,
                User.account_state == AccountState.ACTIVE,
            )
        ).first()
    if row is None:
        return None
    login, user = row
    if login.last_seen_at < moment - SEEN_EVERY:
        with transaction() as session:
            session.execute(update(LoginSession).where(LoginSession.id == login.id).values(last_seen_at=moment))
    return person(user)


def log_out(*, token: str) -> None:
    """End this session on the server; a token that is unknown or ended is fine."""
    with transaction() as session:
        login = session.scalar(
            select(LoginSession).where(LoginSession.token_hash == _digest(token), LoginSession.ended_at.is_(None))
        )
        if login is not None:
            login.ended_at = now()
            audit.record(session, actor_id=login.user_id, action=Action.LOG_OUT, subject=f"login_session:{login.id}")


def _record_log_in(session: Session, user: User | None, *, outcome: str) -> None:
    user_id = user.id if user else None
    audit.record(session, actor_id=user_id, action=Action.LOG_IN, subject=f"user:{user_id}" if user_id else "", outcome=outcome)


def _digest(secret: str) -> str:
    """Tickets and tokens are 256 random bits: a plain hash keeps them from who reads the database."""
    return hashlib.sha256(secret.encode()).hexdigest()


# --- what an admin does ---


def list_accounts(
    actor: Person, *, search: str = "", role: str | None = None, state: str | None = None, page: int = 1, size: int = 25
) -> Page[Person]:
    """Accounts whose name or e-mail holds `search`; those that wait for confirmation first, then by surname (admins)."""
    query = select(User)
    if search.strip():
        sought = search.strip()
        full_name = User.first_name + " " + User.surname
        query = query.where(or_(full_name.icontains(sought, autoescape=True), User.email.icontains(sought, autoescape=True)))
    if role:
        query = query.where(User.role == _role(role))
    if state:
        query = query.where(User.account_state == _state(state))
    query = query.order_by(User.account_state != AccountState.PENDING, func.lower(User.surname), func.lower(User.first_name), User.id)
    with reading() as session:
        policy.require(session, actor, Action.LIST_ACCOUNTS)
        found = page_of(session, query, page=page, size=size, view=lambda row: person(row[0]))
    record_view(actor, Action.LIST_ACCOUNTS)
    return found


def confirm_doctor(actor: Person, *, user_id: int) -> None:
    """Let a doctor who signed up log in (admins)."""
    with transaction() as session:
        policy.require(session, actor, Action.CONFIRM_DOCTOR)
        user = _account(session, user_id)
        if user.account_state != AccountState.PENDING:
            raise ValidationError({"user_id": f"{person(user).full_name} does not wait for confirmation."})
        user.account_state = AccountState.ACTIVE
        audit.record(session, actor_id=actor.id, action=Action.CONFIRM_DOCTOR, subject=f"user:{user.id}")


def set_role(actor: Person, *, user_id: int, role: str) -> None:
    """Change what an account may do (admins). Its log-ins end, and a doctor's shares with it."""
    new_role = _role(role)
    with transaction() as session:
        policy.require(session, actor, Action.CHANGE_ROLE)
        user = _account(session, user_id)
        _require_not_oneself(actor, user)
        if user.role == new_role:
            return
        _require_no_lesions(session, user)
        _require_another_admin(session, user)
        if user.role == Role.DOCTOR:
            session.execute(
                update(CareGrant).where(CareGrant.doctor_id == user.id, CareGrant.revoked_at.is_(None)).values(revoked_at=now())
            )
        user.role = new_role
        _end_sessions(session, user)
        audit.record(session, actor_id=actor.id, action=Action.CHANGE_ROLE, subject=f"user:{user.id}", patient_id=_patient_id(user))


def disable_account(actor: Person, *, user_id: int) -> None:
    """Switch an account off; its log-ins end at once, what it holds stays (admins)."""
    with transaction() as session:
        policy.require(session, actor, Action.DISABLE_ACCOUNT)
        user = _account(session, user_id)
        _require_not_oneself(actor, user)
        _require_another_admin(session, user)
        user.account_state = AccountState.DISABLED
        _end_sessions(session, user)
        audit.record(session, actor_id=actor.id, action=Action.DISABLE_ACCOUNT, subject=f"user:{user.id}", patient_id=_patient_id(user))


def enable_account(actor: Person, *, user_id: int) -> None:
    """Switch an account on again (admins)."""
    with transaction() as session:
        policy.require(session, actor, Action.ENABLE_ACCOUNT)
        user = _account(session, user_id)
        user.account_state = AccountState.ACTIVE
        audit.record(session, actor_id=actor.id, action=Action.ENABLE_ACCOUNT, subject=f"user:{user.id}", patient_id=_patient_id(user))


def _account(session: Session, user_id: int) -> User:
    user = session.get(User, user_id, with_for_update=True)
    if user is None:
        raise NotFound("There is no such account.")
    return user


def _require_not_oneself(actor: Person, user: User) -> None:
    if user.id == actor.id:
        raise ValidationError({"user_id": "You cannot change your own account this way; another administrator can."})


def _require_no_lesions(session: Session, user: User) -> None:
    if session.scalar(select(select(Lesion.id).where(Lesion.patient_id == user.id).exists())):
        raise ValidationError({"role": "This account holds moles, so it stays a patient's; please make another account for the new role."})


def _require_another_admin(session: Session, user: User) -> None:
    """Two admins must not switch each other off in the same moment; the rows stay locked until the transaction ends."""
    admins = session.scalars(_active_admins().order_by(User.id).with_for_update()).all()
    if user.id in admins and len(admins) == 1:
        raise ValidationError({"user_id": "This is the last administrator; make another one first."})


def _active_admins():
    return select(User.id).where(User.role == Role.ADMIN, User.account_state == AccountState.ACTIVE)


def _end_sessions(session: Session, user: User) -> None:
    session.execute(update(LoginSession).where(LoginSession.user_id == user.id, LoginSession.ended_at.is_(None)).values(ended_at=now()))


def _patient_id(user: User) -> int | None:
    return user.id if user.role == Role.PATIENT else None


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise ValidationError({"role": "The role must be patient, doctor or admin."}) from None


def _state(state: str) -> AccountState:
    try:
        return AccountState(state)
    except ValueError:
        raise ValidationError({"state": "The state must be pending, active or disabled."}) from None


# --- the command line ---


def main(arguments: list[str] | None = None) -> int:
    """`python -m services.accounts create-admin`: asks for what was not given; the password never is an argument."""
    parser = argparse.ArgumentParser(prog="python -m services.accounts", description="Accounts, from the command line.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    admin = verbs.add_parser("create-admin", help="make an administrator's account (password asked for, or in MOLETRAIL_ADMIN_PASSWORD)")
    for option in ("--first-name", "--surname", "--email"):
        admin.add_argument(option)
    given = parser.parse_args(arguments)
    try:
        made = create_admin(
            first_name=given.first_name or input("First name: "),
            surname=given.surname or input("Surname: "),
            email=given.email or input("E-mail: "),
            password=os.environ.get("MOLETRAIL_ADMIN_PASSWORD") or _asked_password(),
        )
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    except (EOFError, KeyboardInterrupt):
        print("\nNo account was made.", file=sys.stderr)
        return 1
    print(f"{made.full_name} ({made.email}) administers Moletrail now.")
    return 0


def _asked_password() -> str:
    password = getpass.getpass("Password (8 to 128 characters): ")
    if password != getpass.getpass("Once more: "):
        raise ValidationError({"password": "The two passwords differ; no account was made."})
    return password


if __name__ == "__main__":
    sys.exit(main())
