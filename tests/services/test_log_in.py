from __future__ import annotations

import time
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from db.base import now
from db.models import LoginSession, LoginThrottle, User
from services import accounts, passwords, throttle
from services.errors import LoginFailed
from services.unit_of_work import reading, transaction
from tests.helpers import PASSWORD

WRONG = "The e-mail address or the password is wrong."


def set_session(**values) -> None:
    with transaction() as session:
        session.execute(update(LoginSession).values(**values))


def end_waiting() -> None:
    with transaction() as session:
        session.execute(update(LoginThrottle).values(blocked_until=now() - timedelta(seconds=1)))


def test_log_in_trades_a_ticket_for_a_token_that_names_the_person(patient, token_of) -> None:
    token = token_of(patient)
    assert accounts.person_of(token=token) == patient
    with reading() as session:
        login = session.scalar(select(LoginSession))
    stored = [str(value) for value in vars(login).values()]
    assert not any(token in value for value in stored), "only hashes of secrets are stored"


def test_address_is_taken_in_any_case_and_with_spaces(patient) -> None:
    assert accounts.log_in(email="  ANN@Example.org ", password=PASSWORD)


def test_ticket_works_once(patient) -> None:
    ticket = accounts.log_in(email=patient.email, password=PASSWORD)
    accounts.redeem_ticket(ticket=ticket)
    with pytest.raises(LoginFailed, match="took too long or was used already"):
        accounts.redeem_ticket(ticket=ticket)


def test_ticket_ends_after_a_minute(patient) -> None:
    ticket = accounts.log_in(email=patient.email, password=PASSWORD)
    set_session(ticket_expires_at=now() - timedelta(seconds=1))
    with pytest.raises(LoginFailed):
        accounts.redeem_ticket(ticket=ticket)


@pytest.mark.parametrize("ticket", ["", "made up", "x" * 5000])
def test_invented_ticket_opens_nothing(patient, ticket: str) -> None:
    with pytest.raises(LoginFailed):
        accounts.redeem_ticket(ticket=ticket)


@pytest.mark.parametrize("token", ["", "made up", "x" * 5000])
def test_invented_token_is_nobody(patient, token: str) -> None:
    assert accounts.person_of(token=token) is None
    accounts.log_out(token=token)


def test_log_out_ends_the_session_on_the_server(patient, token_of) -> None:
    token, elsewhere = token_of(patient), token_of(patient)
    accounts.log_out(token=token)
    accounts.log_out(token=token)
    assert accounts.person_of(token=token) is None
    assert accounts.person_of(token=elsewhere) == patient


def test_session_ends_when_unused_for_long(moletrail, patient, token_of) -> None:
    token = token_of(patient)
    set_session(last_seen_at=now() - moletrail.session_idle - timedelta(seconds=1))
    assert accounts.person_of(token=token) is None


def test_session_ends_however_busy(patient, token_of) -> None:
    token = token_of(patient)
    set_session(expires_at=now() - timedelta(seconds=1))
    assert accounts.person_of(token=token) is None


def test_being_there_is_noted_at_most_once_a_minute(patient, token_of) -> None:
    token = token_of(patient)

    def last_seen():
        with reading() as session:
            return session.scalar(select(LoginSession.last_seen_at))

    first = last_seen()
    accounts.person_of(token=token)
    assert last_seen() == first
    set_session(last_seen_at=first - timedelta(minutes=2))
    accounts.person_of(token=token)
    assert last_seen() > first


def test_unknown_account_and_wrong_password_read_the_same(patient) -> None:
    for email in (patient.email, "nobody@example.org"):
        with pytest.raises(LoginFailed) as caught:
            accounts.log_in(email=email, password="not this one")
        assert str(caught.value) == WRONG


def test_unknown_account_takes_the_same_work(patient, monkeypatch) -> None:
    passwords.use_hasher(PasswordHasher(time_cost=4, memory_cost=16 * 1024, parallelism=1))
    try:
        with transaction() as session:
            session.execute(update(User).values(password_hash=passwords.hash_of(PASSWORD)))
        took = {}
        passwords.matches(None, "warm up")
        for email in (patient.email, "nobody@example.org"):
            begun = time.process_time()
            with pytest.raises(LoginFailed):
                accounts.log_in(email=email, password="not this one")
            took[email] = time.process_time() - begun
        known, unknown = took.values()
        assert 0.5 < known / unknown < 2
    finally:
        passwords.use_hasher(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_password_is_hashed_anew_when_the_parameters_change(patient, token_of) -> None:
    def stored() -> str:
        with reading() as session:
            return session.scalar(select(User.password_hash))

    old = stored()
    token_of(patient)
    assert stored() == old
    passwords.use_hasher(PasswordHasher(time_cost=1, memory_cost=16, parallelism=1))
    try:
        token_of(patient)
        assert "m=16," in stored()
        token_of(patient)
    finally:
        passwords.use_hasher(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_real_hashes_cost_at_least_what_owasp_asks() -> None:
    from importlib.util import find_spec, module_from_spec

    spec = find_spec("services.passwords")
    fresh = module_from_spec(spec)
    spec.loader.exec_module(fresh)
    parameters = fresh.hash_of("x").split("$")[3]
    memory, passes, _lanes = (int(part.split("=")[1]) for part in parameters.split(","))
    assert memory >= 19 * 1024
    assert passes >= 2


@pytest.mark.parametrize("email", ["ann@example.org", "nobody@example.org"])
def test_guessing_has_to_wait_longer_and_longer(patient, email: str) -> None:
    for _ in range(throttle.FREE_TRIES):
        with pytest.raises(LoginFailed, match=WRONG):
            accounts.log_in(email=email, password="a guess")
    waits = []
    for _ in range(7):
        with pytest.raises(LoginFailed, match=r"Too many wrong tries\. Please wait .* and try again"):
            accounts.log_in(email=email, password=PASSWORD)
        with reading() as session:
            row = session.scalar(select(LoginThrottle))
        waits.append(round((row.blocked_until - row.last_failed_at).total_seconds()))
        end_waiting()
        with pytest.raises(LoginFailed, match=WRONG):
            accounts.log_in(email=email, password="a guess")
    assert waits == [30, 60, 120, 240, 480, 900, 900]


def test_right_password_ends_the_waiting(patient) -> None:
    for _ in range(throttle.FREE_TRIES - 1):
        with pytest.raises(LoginFailed):
            accounts.log_in(email=patient.email, password="a guess")
    assert accounts.log_in(email=patient.email, password=PASSWORD)
    with reading() as session:
        assert session.scalar(select(LoginThrottle)) is None


def test_old_failures_are_forgotten(patient) -> None:
    with pytest.raises(LoginFailed):
        accounts.log_in(email="nobody@example.org", password="a guess")
    with transaction() as session:
        session.execute(update(LoginThrottle).values(last_failed_at=now() - timedelta(hours=25)))
    accounts.log_in(email=patient.email, password=PASSWORD)
    with reading() as session:
        assert session.scalar(select(LoginThrottle)) is None


def test_disabled_account_is_out_at_once_and_told_so_only_with_the_right_password(admin, patient, token_of) -> None:
    token = token_of(patient)
    accounts.disable_account(admin, user_id=patient.id)
    assert accounts.person_of(token=token) is None
    with pytest.raises(LoginFailed, match=WRONG):
        accounts.log_in(email=patient.email, password="a guess")
    with pytest.raises(LoginFailed, match="switched off"):
        accounts.log_in(email=patient.email, password=PASSWORD)
    accounts.enable_account(admin, user_id=patient.id)
    assert accounts.person_of(token=token) is None, "an ended session stays ended"
    assert token_of(patient)
