from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from db.models import OutgoingMail, User
from services import accounts, mail, outbox
from services.errors import ValidationError
from services.unit_of_work import reading, transaction


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> dict:
    """A mail server that takes what it is sent while it is `up`."""
    state = {"up": True, "got": []}

    def send_now(*, to: str, subject: str, text: str) -> bool:
        if state["up"]:
            state["got"].append((to, subject, text))
        return state["up"]

    monkeypatch.setattr(mail, "send_now", send_now)
    return state


def queue(person, subject: str = "Hello") -> None:
    with transaction() as session:
        outbox.queue(session, user_id=person.id, subject=subject, body="Text")


def rows() -> list[OutgoingMail]:
    with reading() as session:
        return list(session.scalars(select(OutgoingMail).order_by(OutgoingMail.id)))


def test_mail_goes_out_once_and_to_the_address_of_that_moment(patient, server) -> None:
    queue(patient)
    with transaction() as session:
        session.get_one(User, patient.id).email = "new@example.org"
    assert (outbox.send_due(), outbox.send_due()) == (1, 0)
    assert server["got"] == [("new@example.org", "Hello", "Text")]
    (row,) = rows()
    assert (row.attempts, row.next_try_at) == (1, None)
    assert row.sent_at is not None


def test_mail_of_what_was_rolled_back_never_goes_out(patient, server) -> None:
    with pytest.raises(ValidationError), transaction() as session:
        outbox.queue(session, user_id=patient.id, subject="Hello", body="Text")
        raise ValidationError({})
    assert outbox.send_due() == 0
    assert rows() == []


def test_pauses_grow_until_it_is_given_up(patient, server, clock) -> None:
    server["up"] = False
    queue(patient)
    pauses = []
    while True:
        assert outbox.send_due() == 0
        (row,) = rows()
        if row.next_try_at is None:
            break
        pauses.append(row.next_try_at - clock.now())
        assert outbox.send_due() == 0, "before its time it is not tried"
        assert rows()[0].attempts == row.attempts
        clock.move(seconds=pauses[-1].total_seconds())
    assert pauses == sorted(pauses)
    assert len(pauses) == len(outbox.TRY_AGAIN_AFTER)
    assert (row.attempts, row.sent_at) == (len(pauses) + 1, None)


def test_one_that_fails_does_not_hold_up_the_next_and_goes_out_later(patient, server, clock) -> None:
    server["up"] = False
    queue(patient, "First")
    outbox.send_due()
    server["up"] = True
    queue(patient, "Second")
    outbox.send_due()
    clock.move(minutes=2)
    outbox.send_due()
    assert [subject for _, subject, _ in server["got"]] == ["Second", "First"]


def test_two_processes_do_not_send_the_same_mail(patient, server, monkeypatch) -> None:
    queue(patient)
    again = []

    def send_now(**_message) -> bool:
        again.append(outbox.send_due())  # another process looks while this one is sending
        return True

    monkeypatch.setattr(mail, "send_now", send_now)
    assert outbox.send_due() == 1
    assert again == [0]


def test_nothing_is_sent_to_an_account_that_is_switched_off(patient, admin, server) -> None:
    queue(patient)
    accounts.disable_account(admin, user_id=patient.id)
    assert outbox.send_due() == 0
    assert (server["got"], rows()[0].next_try_at) == ([], None)


def test_old_mail_is_forgotten_and_what_waits_is_not(patient, server, clock) -> None:
    queue(patient, "Sent")
    outbox.send_due()
    clock.move(days=31)
    queue(patient, "Waits")
    with transaction() as session:
        session.execute(update(OutgoingMail).values(created_at=clock.now() - timedelta(days=31)))
    outbox.forget_old()
    assert [row.subject for row in rows()] == ["Waits"]
