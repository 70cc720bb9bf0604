"""Fixtures for everything that stores something.

`moletrail`    a fresh data folder and migrated database for this test (SQLite file; MOLETRAIL_TEST_DATABASE_URL names another one)
`sign_up`      sign_up(**changes) -> Person, with arguments that are in order where none are given
`patient`, `other_patient`, `doctor`, `other_doctor`, `admin`   people; the doctors see nobody's moles until someone shares
`token_of`     token_of(person) -> session token of a new log-in
`tiny`         a stand-in for the networks that takes a millisecond (tests.helpers.TinyAnalyser), in place for this test
`outbox`       the e-mails sent during this test, as (address, text)
`analyser`     the real networks; the test is skipped where no weights are exported
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, text

from db import migrate
from db.base import Base
from db.engine import make_engine
from services import accounts, mail, passwords, photos, unit_of_work
from services.settings import Settings, settings
from services.views import Person
from tests.helpers import PASSWORD, TinyAnalyser, signed_up

OTHER_DATABASE = os.environ.get("MOLETRAIL_TEST_DATABASE_URL")


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was sent: (address, text)."""
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(mail, "send", lambda *, to, subject, text: sent.append((to, text)))
    return sent


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> None:
    """argon2id with next to no work; one test makes a hash with the real parameters."""
    passwords.use_hasher(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(scope="session")
def migrated_template(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """Migrated once; each test gets a copy. Another database is migrated once and emptied for each test."""
    if OTHER_DATABASE:
        migrate.upgrade(OTHER_DATABASE)
        return None
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def moletrail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_template: Path | None) -> Iterator[Settings]:
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("MOLETRAIL_DATA", str(data))
    if migrated_template is None:
        monkeypatch.setenv("DATABASE_URL", OTHER_DATABASE)
        _empty(OTHER_DATABASE)
    else:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        shutil.copy(migrated_template, data / "moletrail.db")
    unit_of_work.reset()
    if migrated_template is not None:
        # No power cut threatens a test's database: not waiting for the disk halves the time of the tests.
        event.listen(unit_of_work.engine(), "connect", lambda connection, _record: connection.execute("PRAGMA synchronous = OFF"))
    yield settings()
    unit_of_work.reset()
    photos.use_analyser(None)


def _empty(url: str) -> None:
    engine = make_engine(url)
    tables = ", ".join(f'"{name}"' for name in Base.metadata.tables)
    with engine.begin() as connection:
        # Only the owner of the table can lift the seal of the audit trail.
        connection.execute(text("ALTER TABLE audit_event DISABLE TRIGGER USER"))
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        connection.execute(text("ALTER TABLE audit_event ENABLE TRIGGER USER"))
    engine.dispose()


@pytest.fixture
def sign_up(moletrail: Settings) -> Callable[..., Person]:
    return signed_up


@pytest.fixture
def patient(sign_up) -> Person:
    return sign_up()


@pytest.fixture
def other_patient(sign_up) -> Person:
    return sign_up(first_name="Bo", surname="Berg", email="bo@example.org")


@pytest.fixture
def admin(moletrail: Settings) -> Person:
    return accounts.create_admin(first_name="Ada", surname="Admin", email="ada@example.org", password=PASSWORD)


@pytest.fixture
def doctor(admin: Person) -> Person:
    return accounts.create_doctor(admin, first_name="Dora", surname="Dale", email="dora@example.org", password=PASSWORD)


@pytest.fixture
def other_doctor(admin: Person) -> Person:
    return accounts.create_doctor(admin, first_name="Emil", surname="Eck", email="emil@example.org", password=PASSWORD)


@pytest.fixture
def token_of() -> Callable[[Person], str]:
    return lambda person: accounts.redeem_ticket(ticket=accounts.log_in(email=person.email, password=PASSWORD))


@pytest.fixture
def tiny(moletrail: Settings) -> TinyAnalyser:
    analyser = TinyAnalyser()
    photos.use_analyser(analyser)
    return analyser


@pytest.fixture
def analyser(moletrail: Settings):
    if not list(settings().weights.glob("*/card.json")):
        pytest.skip("No weights are exported yet.")
    return photos.analyser()


@pytest.fixture
def sqlite_only() -> None:
    if OTHER_DATABASE:
        pytest.skip("This is about SQLite's own file and locks.")
