from __future__ import annotations

import pytest
from sqlalchemy import select

from db.models import AuditEvent
from services import accounts, devices, throttle
from services.errors import LoginFailed, ValidationError
from services.unit_of_work import reading
from tests.helpers import PASSWORD

NEW = "four green herons sing"


def change(person, current: str = PASSWORD, new: str = NEW) -> str:
    return accounts.change_password(person, current=current, new=new)


def test_new_password_opens_the_account_and_the_old_one_no_more(patient) -> None:
    change(patient)
    assert accounts.log_in(email=patient.email, password=NEW)
    with pytest.raises(LoginFailed):
        accounts.log_in(email=patient.email, password=PASSWORD)


def test_every_session_ends_but_a_fresh_one_for_this_browser(patient, token_of) -> None:
    here, there = token_of(patient), token_of(patient)
    fresh = accounts.redeem_ticket(ticket=change(patient), replaces=here)
    assert accounts.person_of(token=here) is None
    assert accounts.person_of(token=there) is None
    assert accounts.person_of(token=fresh) == patient


def test_no_browser_is_known_after_it(patient, token_of) -> None:
    device = devices.remember(token=token_of(patient))
    change(patient)
    with reading() as session:
        assert not devices.is_known(session, user_id=patient.id, device=device)


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("not this one", NEW, "current"), (PASSWORD, "short", "new"), (PASSWORD, "x" * 129, "new"), (PASSWORD, "password1", "new"),
        (PASSWORD, "ann@example.org", "new"), (PASSWORD, PASSWORD, "new"),
    ],
)
def test_mistake_is_told_by_field_and_changes_nothing(patient, token_of, current: str, new: str, field: str) -> None:
    token = token_of(patient)
    with pytest.raises(ValidationError) as caught:
        change(patient, current, new)
    assert set(caught.value.fields) == {field}
    assert accounts.person_of(token=token) == patient
    assert accounts.log_in(email=patient.email, password=PASSWORD)


@pytest.mark.parametrize("new", ["aaaabbbbcccc", "correct horse battery", "ÄÖÜ ß 漢字 🦦 x", "abcd" * 32, "no digits no capitals"])
def test_any_kind_of_password_from_8_to_128_characters_is_taken(patient, new: str) -> None:
    change(patient, new=new)
    assert accounts.log_in(email=patient.email, password=new)


def test_guessing_the_current_password_in_a_stolen_session_has_to_wait(patient, clock) -> None:
    for _ in range(throttle.FREE_TRIES):
        with pytest.raises(ValidationError, match="not your password"):
            change(patient, "a guess")
    with pytest.raises(ValidationError, match="Please wait 30 seconds"):
        change(patient)
    clock.move(seconds=31)
    assert change(patient)


def test_changes_and_failures_are_in_the_trail_without_a_password(patient) -> None:
    with pytest.raises(ValidationError):
        change(patient, "not this one")
    change(patient)
    with reading() as session:
        told = [
            (event.actor_id, event.subject, event.outcome)
            for event in session.scalars(select(AuditEvent).where(AuditEvent.action == "change_password").order_by(AuditEvent.id))
        ]
    assert told == [(patient.id, f"user:{patient.id}", "failed"), (patient.id, f"user:{patient.id}", "ok")]
