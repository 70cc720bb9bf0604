from __future__ import annotations

import smtplib

import pytest

from services import mail, unit_of_work


class FakeServer:
    """Stands in for smtplib.SMTP and SMTP_SSL; keeps what was done."""

    done: list = []  # noqa: RUF012
    failures = 0

    def __init__(self, host, port, **_more) -> None:
        if FakeServer.failures:
            FakeServer.failures -= 1
            raise ConnectionRefusedError("ann@example.org")
        self.done.append((type(self).__name__, host, port))

    def __enter__(self):
        return self

    def __exit__(self, *_error) -> None:
        pass

    def starttls(self, **_more) -> None:
        self.done.append("starttls")

    def login(self, user, password) -> None:
        self.done.append((user, password))

    def send_message(self, message) -> None:
        self.done.append((message["To"], message["From"], message.get_content()))


@pytest.fixture
def server(monkeypatch, moletrail):
    """server(address) -> what is done with the mail server at this address."""
    monkeypatch.setattr(smtplib, "SMTP", FakeServer)
    monkeypatch.setattr(smtplib, "SMTP_SSL", type("FakeTls", (FakeServer,), {}))
    monkeypatch.setattr(mail, "TRY_AGAIN_AFTER_S", (0, 0))
    monkeypatch.setattr(FakeServer, "failures", 0)

    def use(address: str) -> list:
        monkeypatch.setenv("MOLETRAIL_SMTP", address)
        unit_of_work.settings.cache_clear()
        FakeServer.done = []
        return FakeServer.done

    return use


def send() -> None:
    mail.send(to="ann@example.org", subject="Hello", text="Text\n")
    mail.wait_until_sent()


def test_without_a_server_the_message_is_in_the_log(moletrail, caplog) -> None:
    send()
    assert "To: ann@example.org" in caplog.text
    assert "Text" in caplog.text


def test_message_goes_out_encrypted(server) -> None:
    sent = ("ann@example.org", "Moletrail <no-reply@localhost>", "Text\n")
    done = server("smtp://user%40x:p%2Fw@mail.example.org")
    send()
    assert done == [("FakeServer", "mail.example.org", 587), "starttls", ("user@x", "p/w"), sent]
    done = server("smtps://mail.example.org")
    send()
    assert done == [("FakeTls", "mail.example.org", 465), sent]
    done = server("smtp://localhost:25")
    send()
    assert done == [("FakeServer", "localhost", 25), sent]


def test_message_is_tried_again_and_a_failure_names_nobody(server, caplog, monkeypatch) -> None:
    done = server("smtps://mail.example.org")
    monkeypatch.setattr(FakeServer, "failures", 2)
    send()
    assert len(done) == 2
    assert "ConnectionRefusedError" in caplog.text
    assert "ann@example.org" not in caplog.text
    monkeypatch.setattr(FakeServer, "failures", 3)
    send()
    assert len(done) == 2
    send()
    assert len(done) == 4, "one message given up does not stop the next"
