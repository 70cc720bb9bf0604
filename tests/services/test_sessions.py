from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from db.models import AuditEvent, KnownDevice, LoginSession
from services import accounts, devices, sessions
from services.errors import LoginFailed, NotFound
from services.unit_of_work import reading
from tests.helpers import PASSWORD

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"


def log_in(person, user_agent: str = "", **more: str) -> str:
    return accounts.redeem_ticket(ticket=accounts.log_in(email=person.email, password=PASSWORD, user_agent=user_agent), **more)


def actions(person) -> list[str]:
    with reading() as session:
        return list(session.scalars(select(AuditEvent.action).where(AuditEvent.actor_id == person.id).order_by(AuditEvent.id)))


def test_sessions_are_told_apart_by_device_and_this_one_comes_first(patient, clock) -> None:
    here = log_in(patient, FIREFOX)
    clock.move(minutes=3)
    log_in(patient, PHONE)
    shown = sessions.list_sessions(patient, token=here)
    assert [(one.device, one.is_this_one) for one in shown] == [("Firefox on Linux", True), ("Safari on an iPhone", False)]


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (EDGE, "Edge on Windows"), ("", "An unknown browser"), ("curl/8", "An unknown browser"), ("Thing (Linux)", "A browser on Linux"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
    ],
)
def test_device_is_said_in_words(user_agent: str, words: str) -> None:
    assert sessions.device_words(user_agent) == words


def test_ended_idle_expired_and_unredeemed_sessions_are_not_listed(moletrail, patient, clock) -> None:
    ended, idle = log_in(patient), log_in(patient)
    accounts.log_out(token=ended)
    accounts.log_in(email=patient.email, password=PASSWORD)
    clock.move(seconds=moletrail.session_idle.total_seconds() + 1)
    here = log_in(patient)
    assert len(sessions.list_sessions(patient, token=here)) == 1
    assert accounts.person_of(token=idle) is None


def test_one_session_can_be_ended_from_another(patient) -> None:
    here, there = log_in(patient), log_in(patient)
    other = next(one for one in sessions.list_sessions(patient, token=here) if not one.is_this_one)
    for _ in range(2):
        sessions.end_session(patient, session_id=other.id)
    assert accounts.person_of(token=there) is None
    assert accounts.person_of(token=here) == patient
    assert actions(patient).count("end_session") == 1


def test_all_others_can_be_ended_at_once_even_one_that_is_just_beginning(patient, other_patient) -> None:
    here, there, stranger = log_in(patient), log_in(patient), log_in(other_patient)
    beginning = accounts.log_in(email=patient.email, password=PASSWORD)
    assert sessions.end_others(patient, token=here) == 2
    assert accounts.person_of(token=there) is None
    assert accounts.person_of(token=here) == patient
    assert accounts.person_of(token=stranger) == other_patient
    with pytest.raises(LoginFailed):
        accounts.redeem_ticket(ticket=beginning)


def test_session_of_someone_else_does_not_exist(patient, other_patient) -> None:
    token = log_in(other_patient)
    theirs = sessions.list_sessions(other_patient, token=token)[0].id
    told = set()
    for session_id in (theirs, 10**9):
        with pytest.raises(NotFound) as caught:
            sessions.end_session(patient, session_id=session_id)
        told.add(str(caught.value))
    assert len(told) == 1
    assert accounts.person_of(token=token) == other_patient


def test_log_in_gives_a_new_token_and_ends_the_one_the_browser_held(patient) -> None:
    before = log_in(patient)
    after = log_in(patient, replaces=before)
    assert after != before
    assert accounts.person_of(token=before) is None
    assert accounts.person_of(token=after) == patient


def test_renewed_session_is_another_and_the_old_one_is_over(patient, other_patient) -> None:
    before, elsewhere, theirs = log_in(patient), log_in(patient), log_in(other_patient)
    after = accounts.redeem_ticket(ticket=sessions.renew(patient, token=before))
    assert accounts.person_of(token=before) is None
    assert accounts.person_of(token=after) == accounts.person_of(token=elsewhere) == patient
    for token in (before, theirs, "made up"):
        with pytest.raises(NotFound):
            sessions.renew(patient, token=token)
    assert accounts.person_of(token=theirs) == other_patient


def test_new_role_ends_every_session(patient, admin) -> None:
    token = log_in(patient)
    accounts.set_role(admin, user_id=patient.id, role="doctor")
    assert accounts.person_of(token=token) is None


def test_sessions_over_for_a_day_are_deleted_at_the_next_log_in(moletrail, patient, clock) -> None:
    accounts.log_out(token=log_in(patient))
    log_in(patient)
    clock.move(seconds=(moletrail.session_idle + timedelta(days=1)).total_seconds() + 1)
    log_in(patient)
    with reading() as session:
        assert session.scalar(select(func.count(LoginSession.id))) == 1


# Known devices


def test_device_cookie_of_nobody_is_not_taken_over(patient) -> None:
    given = devices.remember(token=log_in(patient), device="planted")
    assert given != "planted"
    with reading() as session:
        assert devices.is_known(session, user_id=patient.id, device=given)
        assert not devices.is_known(session, user_id=patient.id, device="planted")
        assert given not in session.scalar(select(KnownDevice.token_hash)), "only its hash is stored"


def test_two_people_share_a_browser_and_its_cookie(patient, other_patient) -> None:
    given = devices.remember(token=log_in(patient))
    assert devices.remember(token=log_in(other_patient), device=given) == given
    with reading() as session:
        assert all(devices.is_known(session, user_id=person.id, device=given) for person in (patient, other_patient))


def test_device_is_forgotten_without_a_log_in_for_half_a_year(patient, clock) -> None:
    given = devices.remember(token=log_in(patient))
    clock.move(days=170)
    assert devices.remember(token=log_in(patient), device=given) == given
    clock.move(days=170)
    with reading() as session:
        assert devices.is_known(session, user_id=patient.id, device=given)
    clock.move(days=11)
    with reading() as session:
        assert not devices.is_known(session, user_id=patient.id, device=given)


def test_device_of_an_ended_session_is_not_remembered(patient) -> None:
    token = log_in(patient)
    accounts.log_out(token=token)
    given = devices.remember(token=token)
    with reading() as session:
        assert not devices.is_known(session, user_id=patient.id, device=given)
