from __future__ import annotations

import pytest
from sqlalchemy import select

from db.models import AuditEvent, LoginThrottle
from services import accounts, devices, throttle, unit_of_work
from services.errors import LoginFailed, ValidationError
from services.unit_of_work import reading, transaction
from tests.helpers import PASSWORD, sign_up_arguments

ELSEWHERE = "203.0.113.7"


def guess(email: str, times: int = 1, **more: str) -> list[str]:
    """The sentence each wrong try got."""
    told = []
    for _ in range(times):
        with pytest.raises(LoginFailed) as caught:
            accounts.log_in(email=email, password="a guess", **more)
        told.append(str(caught.value))
    return told


def waits(sentence: str) -> bool:
    return sentence.startswith("Too many wrong tries.")


def lock_out(email: str, clock, **more: str) -> None:
    """Guess as fast as the waits let one, until the account is locked."""
    for _ in range(throttle.LIMITS["account"].lock_after):
        assert not waits(guess(email, **more)[0])
        clock.move(minutes=16)


def test_account_is_locked_for_an_hour_after_many_tries_and_the_trail_says_so(patient, clock) -> None:
    lock_out(patient.email, clock)
    with pytest.raises(LoginFailed, match="Please wait 44 minutes"):
        accounts.log_in(email=patient.email, password=PASSWORD)
    with reading() as session:
        locks = session.scalars(select(AuditEvent).where(AuditEvent.action == "lock")).all()
    assert [(event.actor_id, event.subject) for event in locks] == [(None, f"user:{patient.id}")]
    clock.move(minutes=45)
    assert accounts.log_in(email=patient.email, password=PASSWORD)


def test_owner_gets_in_from_a_known_browser_while_the_account_is_locked(patient, token_of, clock) -> None:
    device = devices.remember(token=token_of(patient))
    lock_out(patient.email, clock)
    with pytest.raises(LoginFailed, match="Too many wrong tries"):
        accounts.log_in(email=patient.email, password=PASSWORD)
    assert accounts.log_in(email=patient.email, password=PASSWORD, device=device)
    with pytest.raises(LoginFailed, match="Too many wrong tries"):
        accounts.log_in(email=patient.email, password=PASSWORD)


def test_known_browser_is_let_in_from_an_address_that_guessed(patient, token_of) -> None:
    device = devices.remember(token=token_of(patient))
    for number in range(throttle.LIMITS["address"].free_tries):
        guess(f"nobody{number}@example.org", client_address=ELSEWHERE)
    with pytest.raises(LoginFailed, match="Too many wrong tries"):
        accounts.log_in(email=patient.email, password=PASSWORD, client_address=ELSEWHERE)
    assert accounts.log_in(email=patient.email, password=PASSWORD, client_address=ELSEWHERE, device=device)


def test_stolen_device_cookie_buys_no_more_guesses_than_any_browser_has(patient, token_of) -> None:
    device = devices.remember(token=token_of(patient))
    told = guess(patient.email, throttle.FREE_TRIES + 1, device=device)
    assert [waits(sentence) for sentence in told] == [False] * throttle.FREE_TRIES + [True]


def test_device_cookie_of_another_account_or_made_up_counts_for_nothing(patient, other_patient, token_of) -> None:
    device = devices.remember(token=token_of(other_patient))
    guess(patient.email, throttle.FREE_TRIES)
    assert all(waits(guess(patient.email, device=cookie)[0]) for cookie in (device, "made up", "x" * 5000))


def test_one_address_cannot_try_many_accounts(moletrail, clock) -> None:
    free = throttle.LIMITS["address"].free_tries
    told = [guess(f"nobody{number}@example.org", client_address=ELSEWHERE)[0] for number in range(free + 5)]
    assert [waits(sentence) for sentence in told] == [False] * free + [True] * 5
    assert not waits(guess("nobody@example.org", client_address="203.0.113.8")[0])


def test_own_log_ins_do_not_buy_an_address_new_guesses(patient) -> None:
    free = throttle.LIMITS["address"].free_tries
    for number in range(free - 1):
        guess(f"nobody{number}@example.org", client_address=ELSEWHERE)
        accounts.log_in(email=patient.email, password=PASSWORD, client_address=ELSEWHERE)
    guess("one@example.org", client_address=ELSEWHERE)
    assert waits(guess("two@example.org", client_address=ELSEWHERE)[0])


def test_count_of_an_address_fades(moletrail, clock) -> None:
    free = throttle.LIMITS["address"].free_tries
    for number in range(3 * free):
        assert not waits(guess(f"nobody{number}@example.org", client_address=ELSEWHERE)[0])
        clock.move(minutes=6)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True), ("203.0.113.7", "203.0.113.8", False), ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff::1", True), ("2001:db8:1:2::3", "2001:db8:1:3::3", False),
    ],
)
def test_addresses_that_one_customer_holds_count_as_one(one: str, other: str, same: bool) -> None:
    assert (throttle.address_key(one) == throttle.address_key(other)) is same


@pytest.mark.parametrize("address", ["", "127.0.0.1", "::1", "::ffff:127.0.0.1", "unknown", "testclient"])
def test_what_is_no_address_of_a_client_is_not_counted(address: str) -> None:
    assert throttle.address_key(address) is None


def test_counts_survive_a_restart(patient) -> None:
    guess(patient.email, throttle.FREE_TRIES)
    unit_of_work.reset()
    assert waits(guess(patient.email)[0])


def test_no_address_or_device_is_stored_as_text(patient) -> None:
    guess(patient.email, client_address=ELSEWHERE)
    with reading() as session:
        keys = session.scalars(select(LoginThrottle.key)).all()
    assert len(keys) == 2
    assert not any(ELSEWHERE in key or patient.email in key for key in keys)


def test_try_that_must_wait_is_not_counted(patient) -> None:
    guess(patient.email, throttle.FREE_TRIES + 10)
    with reading() as session:
        assert session.scalar(select(LoginThrottle.failures)) == throttle.FREE_TRIES


def test_wait_is_the_longest_of_all_keys(moletrail, clock) -> None:
    with transaction() as session:
        one, other = throttle.key("account", "one"), throttle.key("account", "other")
        for _ in range(throttle.FREE_TRIES):
            throttle.count_try(session, one)
        assert throttle.count_try(session, other, one, None).total_seconds() == 30


def test_sign_ups_from_one_network_have_to_wait_after_a_while(moletrail) -> None:
    free = throttle.LIMITS["sign_up"].free_tries
    for number in range(free):
        accounts.sign_up(**sign_up_arguments(email=f"new{number}@example.org"), client_address=ELSEWHERE)
    with pytest.raises(ValidationError, match="from your network"):
        accounts.sign_up(**sign_up_arguments(email="one-more@example.org"), client_address=ELSEWHERE)
    assert accounts.sign_up(**sign_up_arguments(email="one-more@example.org"), client_address="203.0.113.8")


def test_sign_up_that_is_not_in_order_counts_as_none(moletrail) -> None:
    for _ in range(throttle.LIMITS["sign_up"].free_tries + 1):
        with pytest.raises(ValidationError, match="at least 8"):
            accounts.sign_up(**sign_up_arguments(password="short"), client_address=ELSEWHERE)
    assert accounts.sign_up(**sign_up_arguments(), client_address=ELSEWHERE)
