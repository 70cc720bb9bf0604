from __future__ import annotations

from dataclasses import replace

import pyotp
import pytest
from sqlalchemy import select, update

from db.base import now
from db.models import AuditEvent, User
from services import accounts, email_links, external, mail, two_factor
from services.errors import LoginFailed, SecondStepNeeded, ValidationError
from services.unit_of_work import reading, transaction
from tests.helpers import sign_up_arguments

DETAILS = sign_up_arguments()["details"]


def claims(email: str = "ann@example.org", **changes) -> dict:
    """As an OpenID Connect provider gives them for a confirmed address."""
    proved = {
        "iss": "https://id.example.org", "sub": "17", "iat": int(now().timestamp()), "email": email, "email_verified": True,
        "given_name": "Ann", "family_name": "Archer", "is_logged_in": True,
    }  # fmt: skip
    return proved | changes


def confirm(person) -> None:
    with transaction() as session:
        session.execute(update(User).where(User.id == person.id).values(email_verified_at=now()))


def outcomes() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(AuditEvent.outcome).where(AuditEvent.action == "log_in").order_by(AuditEvent.id)))


def test_confirmed_address_opens_its_account(patient, other_patient) -> None:
    confirm(patient)
    token = accounts.redeem_ticket(ticket=external.log_in(claims("ANN@example.org"), user_agent="x"))
    assert accounts.person_of(token=token).id == patient.id
    assert outcomes() == ["ok"]


def test_account_whose_address_nobody_confirmed_stays_closed(patient) -> None:
    with pytest.raises(LoginFailed, match="never confirmed"):
        external.log_in(claims())
    assert outcomes() == ["unconfirmed"]


def test_confirming_by_e_mail_opens_this_way(patient, monkeypatch) -> None:
    sent = []
    monkeypatch.setattr(mail, "send", lambda *, to, subject, text: sent.append(text))
    email_links.ask_verification(email=patient.email)
    email_links.verify_email(token=sent[0].partition("token=")[2].split()[0])
    assert external.log_in(claims())


@pytest.mark.parametrize("said", [False, None, "false", 1.5, "yes"])
def test_address_that_the_provider_does_not_vouch_for_opens_nothing(patient, said) -> None:
    confirm(patient)
    with pytest.raises(LoginFailed, match="does not say that your e-mail address is confirmed"):
        external.log_in(claims(email_verified=said))


@pytest.mark.parametrize("email", ["", None, "ann at example.org", ["ann@example.org"]])
def test_claims_without_a_usable_address_open_nothing(patient, email) -> None:
    confirm(patient)
    with pytest.raises(LoginFailed, match="no e-mail address"):
        external.log_in(claims(email))


@pytest.mark.parametrize("changes", [{"iat": 0}, {"iat": None}, {"iat": "now"}, {"iat": 4e9}])
def test_identity_proved_long_ago_or_ahead_of_time_has_to_be_proved_again(patient, changes) -> None:
    confirm(patient)
    with pytest.raises(LoginFailed, match="too old"):
        external.log_in(claims(**changes))


def test_disabled_and_waiting_accounts_stay_closed(patient, admin, sign_up) -> None:
    waiting = sign_up(role="doctor", email="wim@example.org")
    for person in (patient, waiting):
        confirm(person)
    accounts.disable_account(admin, user_id=patient.id)
    with pytest.raises(LoginFailed, match="switched off"):
        external.log_in(claims(patient.email))
    with pytest.raises(LoginFailed, match="has not confirmed"):
        external.log_in(claims(waiting.email))
    assert outcomes() == ["disabled", "pending"]


def test_second_step_is_asked_here_too(patient, token_of, clock) -> None:
    confirm(patient)
    secret = two_factor.set_up(patient).secret.replace(" ", "")
    two_factor.enable(patient, code=pyotp.TOTP(secret).at(clock.now()), token=token_of(patient))
    clock.move(seconds=30)
    with pytest.raises(SecondStepNeeded) as caught:
        external.log_in(claims())
    assert two_factor.finish_log_in(pending=caught.value.pending, code=pyotp.TOTP(secret).at(clock.now()))


def test_unknown_address_signs_up_as_a_patient_with_a_confirmed_address(moletrail) -> None:
    with pytest.raises(external.NoAccount):
        external.log_in(claims("new@example.org"))
    made = external.sign_up(claims("new@example.org"), details=DETAILS)
    assert (made.role, made.account_state, made.email) == ("patient", "active", "new@example.org")
    token = accounts.redeem_ticket(ticket=external.log_in(claims("new@example.org")))
    assert accounts.person_of(token=token).email_verified


def test_sign_up_checks_its_fields_and_takes_no_address_twice(patient) -> None:
    with pytest.raises(ValidationError) as caught:
        external.sign_up(claims("new@example.org"), details=replace(DETAILS, city=""))
    assert set(caught.value.fields) == {"city"}
    with pytest.raises(ValidationError, match="already an account"):
        external.sign_up(claims(patient.email), details=DETAILS)
    with pytest.raises(LoginFailed):
        external.sign_up(claims("new@example.org", email_verified=False), details=DETAILS)
