"""Accounts and log-ins: signing up, logging in and out, and what an admin does with accounts."""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import sys
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, undefer

from db.base import now
from db.models import AccountState, CareGrant, Lesion, LoginSession, Role, User
from services import audit, devices, fields, mail, passwords, policy, sealing, sessions, throttle
from services.audit import Action
from services.errors import LoginFailed, NotFound, SecondStepNeeded, ServiceError, ValidationError
from services.fields import Details
from services.mapping import person
from services.paging import finder, numbered
from services.settings import settings
from services.unit_of_work import WITH_BIN, reading, record_view, transaction
from services.views import Page, Person

FIELDS = fields.LABELS
SEXES = fields.SEXES

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a log-in was last used; each update is a write."""
WRONG = "The e-mail address or the password is wrong."
NEW_PASSWORD_TEXT = """Hello {name},

the password of your Moletrail account was changed just now, and every browser was logged out.

If it was not you, choose a new one at once: {url}/reset-password
"""
TAKEN = "There is already an account with this e-mail address. Please log in instead."


# --- signing up ---


def sign_up(*, role: str, email: str, password: str, details: Details, proved: bool = False, client_address: str = "") -> Person:
    """Make an account for a patient, or one for a doctor that waits until an admin confirms it.

    `proved`: the address is known to be its owner's. Sign-ups from one network are counted: each tells whether an address has an
    account, and sends an e-mail to it where it has none. Raises ValidationError with these names and those of Details as keys. Nobody
    becomes an admin this way.
    """
    if role not in (Role.PATIENT, Role.DOCTOR):
        raise ValidationError({"role": "Please choose patient or doctor."})
    values = fields.cleaned(email=email, password=password, **vars(details))
    values["state_region"] = values.pop("state")
    values["email_verified_at"] = now() if proved else None
    waiting = role == Role.DOCTOR
    if network := throttle.address_key(client_address, kind="sign_up"):
        with transaction() as session:
            wait = throttle.count_try(session, network)
        if wait is not None:
            told = f"Many accounts were asked for from your network. Please wait {throttle.in_words(wait)} and try again."
            raise ValidationError({"email": told})
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
            if session.scalar(select(User.id).where(sealing.with_email(values["email"]))) is not None:
                raise ValidationError({"email": TAKEN})
            user = User(role=role, account_state=state, password_hash=password_hash, **values)
            session.add(user)
            session.flush()
            audit.record(
                session, actor_id=actor.id if actor else user.id, action=action, subject=f"user:{user.id}", patient_id=_patient_id(user)
            )
            if user.email_verified_at is not None:
                audit.record(session, actor_id=user.id, action=Action.VERIFY_EMAIL, subject=f"user:{user.id}")
            return person(user)
    except IntegrityError:  # the same address signed up in the same moment
        raise ValidationError({"email": TAKEN}) from None


# --- logging in and out ---


def log_in(*, email: str, password: str, user_agent: str = "", client_address: str = "", device: str = "") -> str:
    """Return a ticket that `redeem_ticket` trades once, within a minute, for the session token of the cookie.

    The page cannot set the cookie itself; the ticket carries the log-in to the route that can. `device` is the browser's
    device cookie: where the account knows it, wrong tries made elsewhere do not keep it waiting. Raises LoginFailed, or
    SecondStepNeeded where the password was right and the account asks for a code too.
    """
    email = " ".join(email.split()).lower()
    with transaction() as session:
        user = session.scalar(select(User).where(sealing.with_email(email)).options(undefer(User.password_hash)))
        if user and devices.is_known(session, user_id=user.id, device=device):
            key, address_key = throttle.key("device", f"{user.id} {device}"), None
        else:
            key, address_key = throttle.key("account", email), throttle.address_key(client_address)
        wait = throttle.count_try(session, key, address_key)
        if wait is not None:
            _record_log_in(session, user, outcome="throttled")
    if wait is not None:
        raise LoginFailed(f"Too many wrong tries. Please wait {throttle.in_words(wait)} and try again.")

    # Outside any transaction: this takes long on purpose.
    right = passwords.matches(user.password_hash if user else None, password)
    if not right or user is None:
        with transaction() as session:
            _record_log_in(session, user, outcome="failed")
            if throttle.is_locked(session, key=key):
                audit.record(session, actor_id=None, action=Action.LOCK, subject=f"user:{user.id}" if user else "")
        raise LoginFailed(WRONG)
    new_hash = passwords.hash_of(password) if passwords.is_outdated(user.password_hash) else None

    with transaction() as session:
        throttle.forget(session, key=key)
        throttle.take_back(session, key=address_key)
        # Read anew: it may have been switched off, or the password changed, while this one was checked.
        state, password_hash, totp_enabled_at = session.execute(
            select(User.account_state, User.password_hash, User.totp_enabled_at).where(User.id == user.id)
        ).one()
        changed = password_hash != user.password_hash
        if state == AccountState.ACTIVE and not changed:
            if new_hash is not None:
                session.execute(update(User).where(User.id == user.id).values(password_hash=new_hash))
            ticket = sessions.begin(session, user_id=user.id, user_agent=user_agent, awaits_code=totp_enabled_at is not None)
        outcome = "failed" if changed else str(state) if state != AccountState.ACTIVE else "code_asked" if totp_enabled_at else "ok"
        _record_log_in(session, user, outcome=outcome)
    if changed:
        raise LoginFailed(WRONG)
    require_active(state)
    if totp_enabled_at is not None:
        raise SecondStepNeeded(ticket)
    return ticket


def redeem_ticket(*, ticket: str, replaces: str = "") -> str:
    """Return the session token that belongs to a ticket; raises LoginFailed if it was used, is older than a minute or unknown.

    `replaces` is the token that the browser held before: its session ends, so that none is left behind unseen.
    """
    token = secrets.token_urlsafe(32)
    moment = now()
    with transaction() as session:
        redeemed = session.execute(
            update(LoginSession)
            .where(
                LoginSession.ticket_hash == sessions.digest(ticket), LoginSession.ticket_expires_at > moment,
                LoginSession.ended_at.is_(None), LoginSession.awaits_code.is_(False),
            )
            .values(ticket_hash=None, ticket_expires_at=None, token_hash=sessions.digest(token), last_seen_at=moment)
        )
    if redeemed.rowcount != 1:
        raise LoginFailed("This log-in took too long or was used already. Please log in again.")
    if replaces:
        log_out(token=replaces)
    return token


def person_of(*, token: str) -> Person | None:
    """Return who holds this session token; None if it is unknown, ended or expired, or the account is no longer active."""
    moment = now()
    with reading() as session:
        row = session.execute(
            select(LoginSession, User)
            .join(User, LoginSession.user_id == User.id)
            .where(LoginSession.token_hash == sessions.digest(token), *sessions.in_force(), User.account_state == AccountState.ACTIVE)
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
            select(LoginSession).where(LoginSession.token_hash == sessions.digest(token), LoginSession.ended_at.is_(None))
        )
        if login is not None:
            login.ended_at = now()
            audit.record(session, actor_id=login.user_id, action=Action.LOG_OUT, subject=f"login_session:{login.id}")


def _record_log_in(session: Session, user: User | None, *, outcome: str) -> None:
    user_id = user.id if user else None
    audit.record(session, actor_id=user_id, action=Action.LOG_IN, subject=f"user:{user_id}" if user_id else "", outcome=outcome)


def require_active(state: AccountState) -> None:
    """To be asked once it is proved who logs in: nobody else learns how an account stands."""
    if state == AccountState.PENDING:
        raise LoginFailed("An administrator has not confirmed your doctor's account yet. You can log in as soon as that is done.")
    if state != AccountState.ACTIVE:
        raise LoginFailed("This account is switched off. Please ask the administrator.")


# --- the password ---


def change_password(actor: Person, *, current: str, new: str, user_agent: str = "") -> str:
    """Set a new password. Every session of this person ends; returns the ticket of a new one, for the browser that asked.

    Raises ValidationError with these argument names as keys.
    """
    user = prove_password(actor, Action.CHANGE_PASSWORD, current, field="current")
    if complaint := passwords.complaint(new, about=(user.first_name, user.surname, user.email)):
        raise ValidationError({"new": complaint})
    if new == current:
        raise ValidationError({"new": "This is the password you have now. Please choose another one."})
    new_hash = passwords.hash_of(new)
    with transaction() as session:
        policy.require(session, actor, Action.CHANGE_PASSWORD)
        set_password(session, user_id=actor.id, password_hash=new_hash)
        audit.record(session, actor_id=actor.id, action=Action.CHANGE_PASSWORD, subject=f"user:{actor.id}")
        ticket = sessions.begin(session, user_id=actor.id, user_agent=user_agent)
    tell_of_new_password(user.email, user.first_name)
    return ticket


def prove_password(actor: Person, action: Action, password: str, *, field: str = "password") -> User:
    """Pass if it is the actor's own password, raise ValidationError with this key if not; tries are counted."""
    key = change_key(actor.id)
    with transaction() as session:
        policy.require(session, actor, action)
        user = session.get(User, actor.id, options=[undefer(User.password_hash)])
        wait = throttle.count_try(session, key)
        if wait is not None:
            audit.record(session, actor_id=actor.id, action=action, subject=f"user:{actor.id}", outcome="throttled")
    if wait is not None:
        raise ValidationError({field: f"Too many wrong tries. Please wait {throttle.in_words(wait)} and try again."})
    right = passwords.matches(user.password_hash, password)  # outside any transaction: this takes long on purpose
    with transaction() as session:
        if right:
            throttle.forget(session, key=key)
        else:
            audit.record(session, actor_id=actor.id, action=action, subject=f"user:{actor.id}", outcome="failed")
    if not right:
        raise ValidationError({field: "This is not your password."})
    return user


def change_key(user_id: int) -> str:
    """Under what wrong tries at one's own password are counted."""
    return throttle.key("change", str(user_id))


def set_password(session: Session, *, user_id: int, password_hash: str) -> None:
    """Within the caller's transaction: who knew the old password is out everywhere, and no browser is known any more."""
    session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))
    sessions.end_all(session, user_id=user_id)
    devices.forget_all(session, user_id=user_id)


def tell_of_new_password(email: str, first_name: str) -> None:
    """So that the owner learns of it where it was not them."""
    text = NEW_PASSWORD_TEXT.format(name=first_name, url=settings().public_url)
    mail.send(to=email, subject="Your Moletrail password was changed", text=text)


# --- what an admin does ---


def list_accounts(
    actor: Person, *, search: str = "", role: str | None = None, state: str | None = None, page: int = 1, size: int = 25
) -> Page[Person]:
    """Accounts whose name or e-mail holds `search`; those that wait for confirmation first, then by surname (admins)."""
    query = select(User.id, User.account_state, User.first_name, User.surname, User.email)
    if role:
        query = query.where(User.role == _role(role))
    if state:
        query = query.where(User.account_state == _state(state))
    with reading() as session:
        policy.require(session, actor, Action.LIST_ACCOUNTS)
        matches = finder(search)
        rows = [row for row in session.execute(query) if matches(f"{row.first_name} {row.surname}", row.email)]
        # Names may be sealed, so they are searched and sorted here.
        rows.sort(key=lambda row: (row.account_state != AccountState.PENDING, row.surname.casefold(), row.first_name.casefold(), row.id))
        found = numbered([row.id for row in rows], page=page, size=size)
        people = {user.id: person(user) for user in session.scalars(select(User).where(User.id.in_(found.items)))}
        found = replace(found, items=tuple(people[number] for number in found.items))
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
        require_another_admin(session, user)
        if user.role == Role.DOCTOR:
            session.execute(
                update(CareGrant).where(CareGrant.doctor_id == user.id, CareGrant.revoked_at.is_(None)).values(revoked_at=now())
            )
        user.role = new_role
        sessions.end_all(session, user_id=user.id)
        audit.record(session, actor_id=actor.id, action=Action.CHANGE_ROLE, subject=f"user:{user.id}", patient_id=_patient_id(user))


def disable_account(actor: Person, *, user_id: int) -> None:
    """Switch an account off; its log-ins end at once, what it holds stays (admins)."""
    with transaction() as session:
        policy.require(session, actor, Action.DISABLE_ACCOUNT)
        user = _account(session, user_id)
        _require_not_oneself(actor, user)
        require_another_admin(session, user)
        user.account_state = AccountState.DISABLED
        sessions.end_all(session, user_id=user.id)
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
    if session.scalar(select(Lesion.id).where(Lesion.patient_id == user.id).limit(1).execution_options(**WITH_BIN)):
        raise ValidationError({"role": "This account holds moles, so it stays a patient's; please make another account for the new role."})


def require_another_admin(session: Session, user: User) -> None:
    """Two admins must not switch each other off in the same moment; the rows stay locked until the transaction ends."""
    admins = session.scalars(_active_admins().order_by(User.id).with_for_update()).all()
    if user.id in admins and len(admins) == 1:
        raise ValidationError({"user_id": "This is the last administrator; make another one first."})


def _active_admins():
    return select(User.id).where(User.role == Role.ADMIN, User.account_state == AccountState.ACTIVE)


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
