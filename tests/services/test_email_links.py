from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from db.models import AuditEvent, EmailLink, User
from services import accounts, email_links, throttle, unit_of_work
from services.errors import LoginFailed, ValidationError
from services.unit_of_work import reading
from tests.helpers import PASSWORD

NEW = "four green herons sing"


pytestmark = pytest.mark.usefixtures("outbox")


def token_in(text: str) -> str:
    return re.search(r"http://localhost:8501/link/[a-z-]+\?token=(\S{43})\s", text).group(1)


def reset_token(person, outbox) -> str:
    email_links.ask_reset(email=person.email)
    return token_in(outbox[-1][1])


def trail(action: str) -> list[tuple]:
    with reading() as session:
        rows = session.scalars(select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id))
        return [(row.actor_id, row.subject, row.outcome) for row in rows]


# A new password


def test_link_sets_a_new_password_once(patient, outbox) -> None:
    token = reset_token(patient, outbox)
    email_links.reset_password(token=token, new=NEW)
    assert accounts.log_in(email=patient.email, password=NEW)
    with pytest.raises(LoginFailed):
        accounts.log_in(email=patient.email, password=PASSWORD)
    with pytest.raises(ValidationError, match="was used already"):
        email_links.reset_password(token=token, new="five blue swans dance")
    assert trail("reset_password") == [(patient.id, f"user:{patient.id}", "ok")]
    assert "was changed just now" in outbox[-1][1], "the owner learns of it"


def test_every_session_ends_and_the_address_counts_as_confirmed(patient, token_of, outbox) -> None:
    session = token_of(patient)
    email_links.reset_password(token=reset_token(patient, outbox), new=NEW)
    assert accounts.person_of(token=session) is None
    fresh = accounts.redeem_ticket(ticket=accounts.log_in(email=patient.email, password=NEW))
    assert accounts.person_of(token=fresh).email_verified


def test_looking_at_a_link_uses_nothing_up(patient, outbox) -> None:
    token = reset_token(patient, outbox)
    assert all(email_links.works(purpose="reset", token=token) for _ in range(3))
    assert not email_links.works(purpose="verify", token=token)
    email_links.reset_password(token=token, new=NEW)
    assert not email_links.works(purpose="reset", token=token)


def test_password_that_cannot_be_taken_leaves_the_link_usable(patient, outbox) -> None:
    token = reset_token(patient, outbox)
    for new in ("short", "password1", patient.email):
        with pytest.raises(ValidationError) as caught:
            email_links.reset_password(token=token, new=new)
        assert set(caught.value.fields) == {"new"}
    email_links.reset_password(token=token, new=NEW)


def test_link_works_for_half_an_hour(patient, outbox, clock) -> None:
    token = reset_token(patient, outbox)
    clock.move(minutes=29, seconds=59)
    assert email_links.works(purpose="reset", token=token)
    clock.move(seconds=2)
    assert not email_links.works(purpose="reset", token=token)
    with pytest.raises(ValidationError):
        email_links.reset_password(token=token, new=NEW)


def test_only_the_newest_link_works(patient, outbox) -> None:
    first, second = reset_token(patient, outbox), reset_token(patient, outbox)
    assert not email_links.works(purpose="reset", token=first)
    assert email_links.works(purpose="reset", token=second)


@pytest.mark.parametrize("token", ["", "made up", "x" * 5000])
def test_invented_link_opens_nothing(patient, token: str) -> None:
    assert not email_links.works(purpose="reset", token=token)
    with pytest.raises(ValidationError):
        email_links.reset_password(token=token, new=NEW)
    with pytest.raises(ValidationError):
        email_links.verify_email(token=token)


def test_unknown_and_disabled_accounts_get_no_mail_and_no_other_answer(patient, admin, outbox) -> None:
    accounts.disable_account(admin, user_id=patient.id)
    assert [email_links.ask_reset(email=email) for email in (patient.email, "nobody@example.org", "", "x" * 5000)] == [None] * 4
    assert outbox == []


def test_link_of_an_account_disabled_since_is_dead(patient, admin, outbox) -> None:
    token = reset_token(patient, outbox)
    accounts.disable_account(admin, user_id=patient.id)
    assert not email_links.works(purpose="reset", token=token)


def test_nobodys_mailbox_is_flooded(patient, outbox) -> None:
    for _ in range(20):
        email_links.ask_reset(email=patient.email)
    assert len(outbox) == throttle.LIMITS["mail"].free_tries
    assert [outcome for _, _, outcome in trail("ask_reset")].count("throttled") == 17


def test_reset_opens_an_account_that_was_locked_by_guessing(patient, outbox, clock) -> None:
    for _ in range(throttle.LIMITS["account"].lock_after):
        with pytest.raises(LoginFailed):
            accounts.log_in(email=patient.email, password="a guess")
        clock.move(minutes=16)
    email_links.reset_password(token=reset_token(patient, outbox), new=NEW)
    assert accounts.log_in(email=patient.email, password=NEW)


def test_link_leads_to_the_set_address_whatever_a_request_says(patient, outbox, monkeypatch) -> None:
    monkeypatch.setenv("MOLETRAIL_URL", "https://moles.example.org/")
    unit_of_work.settings.cache_clear()
    email_links.ask_reset(email=patient.email)
    assert "https://moles.example.org/link/reset-password?token=" in outbox[-1][1]


def test_only_the_hash_of_a_link_is_stored(patient, outbox) -> None:
    token = reset_token(patient, outbox)
    with reading() as session:
        assert token not in str(vars(session.scalar(select(EmailLink))))


# Confirming an address


def test_link_confirms_the_address(patient, outbox) -> None:
    email_links.ask_verification(email=f" {patient.email.upper()} ")
    token = token_in(outbox[0][1])
    email_links.verify_email(token=token)
    with reading() as session:
        assert session.scalar(select(User.email_verified_at)) is not None
    with pytest.raises(ValidationError):
        email_links.verify_email(token=token)
    assert trail("verify_email") == [(patient.id, f"user:{patient.id}", "ok")]
    email_links.ask_verification(email=patient.email)
    assert len(outbox) == 1, "a confirmed address is not asked again"


def test_confirming_link_works_for_three_days(patient, outbox, clock) -> None:
    email_links.ask_verification(email=patient.email)
    token = token_in(outbox[0][1])
    clock.move(days=2, hours=23)
    assert email_links.works(purpose="verify", token=token)
    clock.move(hours=2)
    assert not email_links.works(purpose="verify", token=token)


def test_link_that_confirms_cannot_set_a_password(patient, outbox) -> None:
    email_links.ask_verification(email=patient.email)
    with pytest.raises(ValidationError):
        email_links.reset_password(token=token_in(outbox[0][1]), new=NEW)
