from __future__ import annotations

import re

import pyotp
import pytest
from sqlalchemy import select

from db.models import AuditEvent, EmailLink, User
from services import accounts, change_email, email_links, throttle, two_factor
from services.errors import LoginFailed, ValidationError
from services.unit_of_work import reading
from tests.helpers import PASSWORD

NEW = "anna@example.net"


pytestmark = pytest.mark.usefixtures("outbox")


def asked(person, outbox, new: str = NEW) -> str:
    """The token of the link that went to the new address."""
    change_email.ask_change(person, new=new, password=PASSWORD)
    to, text = outbox[-1]
    assert to == new
    return re.search(r"http://localhost:8501/link/change-email\?token=(\S{43})\s", text).group(1)


def outcomes() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(AuditEvent.outcome).where(AuditEvent.action == "change_email").order_by(AuditEvent.id)))


def test_link_to_the_new_address_makes_it_the_accounts_and_the_old_one_is_told(patient, token_of, outbox) -> None:
    session = token_of(patient)
    token = asked(patient, outbox)
    assert accounts.log_in(email=patient.email, password=PASSWORD), "nothing changes before the link is opened"
    with pytest.raises(LoginFailed):
        accounts.log_in(email=NEW, password=PASSWORD)

    assert change_email.confirm_change(token=token) == NEW
    assert accounts.log_in(email=NEW, password=PASSWORD)
    with pytest.raises(LoginFailed):
        accounts.log_in(email=patient.email, password=PASSWORD)
    here = accounts.person_of(token=session)
    assert (here.id, here.email, here.email_verified) == (patient.id, NEW, True)
    to, text = outbox[-1]
    assert to == patient.email
    assert "was changed just now" in text
    assert NEW not in text, "the old mailbox may be somebody else's by now"
    assert outcomes() == ["asked", "ok"]


def test_link_works_once_for_a_day_and_only_the_newest(patient, outbox, clock) -> None:
    first, second = asked(patient, outbox), asked(patient, outbox, "other@example.net")
    assert not email_links.works(purpose="change", token=first)
    clock.move(hours=23)
    assert email_links.works(purpose="change", token=second)
    change_email.confirm_change(token=second)
    with pytest.raises(ValidationError, match="was used already"):
        change_email.confirm_change(token=second)
    third = asked(patient, outbox)
    clock.move(hours=25)
    with pytest.raises(ValidationError):
        change_email.confirm_change(token=third)


def test_links_of_other_kinds_do_not_stand_in_and_those_to_the_old_address_die(patient, outbox) -> None:
    email_links.ask_reset(email=patient.email)
    reset = re.search(r"token=(\S+)", outbox[-1][1]).group(1)
    with pytest.raises(ValidationError):
        change_email.confirm_change(token=reset)
    token = asked(patient, outbox)
    with pytest.raises(ValidationError):
        email_links.reset_password(token=token, new="four green herons sing")
    change_email.confirm_change(token=token)
    assert not email_links.works(purpose="reset", token=reset)


@pytest.mark.parametrize(
    ("new", "password", "field", "sentence"),
    [
        (NEW, "a guess", "password", "not your password"),
        ("no address", PASSWORD, "new", "does not look like an e-mail address"),
        ("ANN@example.org", PASSWORD, "new", "that you have now"),
        ("bo@example.org", PASSWORD, "new", "already an account"),
    ],
)
def test_each_mistake_has_its_sentence_and_sends_nothing(
    patient, other_patient, outbox, new: str, password: str, field: str, sentence: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        change_email.ask_change(patient, new=new, password=password)
    assert list(caught.value.fields) == [field]
    assert sentence in caught.value.fields[field]
    assert outbox == []
    with reading() as session:
        assert session.scalar(select(EmailLink.id)) is None


def test_address_that_somebody_took_meanwhile_stays_theirs(patient, sign_up, outbox) -> None:
    token = asked(patient, outbox)
    other = sign_up(email=NEW)
    with pytest.raises(ValidationError) as caught:
        change_email.confirm_change(token=token)
    assert list(caught.value.fields) == ["link"]
    with reading() as session:
        assert {session.get(User, person.id).email for person in (patient, other)} == {patient.email, NEW}


def test_second_step_is_asked_for_too(patient, outbox) -> None:
    secret = "".join(two_factor.set_up(patient).secret.split())
    codes = two_factor.enable(patient, code=pyotp.TOTP(secret).now(), token="")
    with pytest.raises(ValidationError) as caught:
        change_email.ask_change(patient, new=NEW, password=PASSWORD, code="000000")
    assert list(caught.value.fields) == ["code"]
    change_email.ask_change(patient, new=NEW, password=PASSWORD, code=codes[0])
    assert outbox[-1][0] == NEW


def test_guesses_and_floods_are_throttled(patient, outbox) -> None:
    for _ in range(throttle.LIMITS["mail"].free_tries + 2):
        try:
            change_email.ask_change(patient, new=NEW, password=PASSWORD)
        except ValidationError as error:
            assert list(error.fields) == ["new"]
    assert len(outbox) == throttle.LIMITS["mail"].free_tries
    for _ in range(throttle.LIMITS["change"].free_tries + 1):
        with pytest.raises(ValidationError) as caught:
            change_email.ask_change(patient, new=NEW, password="a guess")
    assert "Too many wrong tries" in caught.value.fields["password"]
    assert outcomes()[-1] == "throttled"
