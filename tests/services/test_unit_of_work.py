"""What people read when the database does not answer, and that it comes back."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from db.models import Lesion
from services import accounts, lesions, unit_of_work
from services.errors import StorageFailed
from services.unit_of_work import reading, transaction

pytestmark = pytest.mark.usefixtures("sqlite_only")


def database_file(settings):
    return settings.data / "moletrail.db"


def test_lock_held_by_another_program_is_told_and_passes(moletrail, patient, monkeypatch) -> None:
    monkeypatch.setattr("db.engine.BUSY_TIMEOUT_MS", 50)
    unit_of_work.reset()
    other = sqlite3.connect(database_file(moletrail), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageFailed, match="busy with something else right now"):
        lesions.add_lesion(patient, name="Nape", body_site="nape")
    assert accounts.person_of(token="") is None, "reading goes on meanwhile"
    other.execute("ROLLBACK")
    other.close()
    assert lesions.add_lesion(patient, name="Nape", body_site="nape")


def test_damaged_file_is_told(moletrail, patient) -> None:
    unit_of_work.engine().dispose()
    path = database_file(moletrail)
    path.write_bytes(b"no database at all" + path.read_bytes()[18:])
    with pytest.raises(StorageFailed, match="The database file is damaged"):
        lesions.list_lesions(patient)


def test_lost_database_does_not_pass_for_an_empty_one(moletrail, patient) -> None:
    unit_of_work.engine().dispose()
    path = database_file(moletrail)
    elsewhere = path.rename(path.with_name("elsewhere.db"))
    with pytest.raises(StorageFailed, match="cannot be opened"):
        lesions.list_lesions(patient)
    assert not path.exists()
    elsewhere.rename(path)
    assert lesions.list_lesions(patient) == ()


def test_database_that_was_never_set_up_is_told(moletrail, patient) -> None:
    unit_of_work.engine().dispose()
    for path in moletrail.data.glob("moletrail.db*"):
        path.unlink()
    database_file(moletrail).touch()
    with pytest.raises(StorageFailed, match="not set up yet"):
        lesions.list_lesions(patient)


def test_full_database_is_told_and_keeps_what_it_had(moletrail, patient) -> None:
    kept = lesions.add_lesion(patient, name="Nape", body_site="nape")

    def fill(size: int) -> None:
        with transaction() as session:
            session.execute(text(f"PRAGMA max_page_count = {size}"))
            session.add_all(Lesion(patient_id=patient.id, name=f"{number:0100}", body_site="nape") for number in range(2000))

    with pytest.raises(StorageFailed, match="The disk is full"):
        fill(1)
    assert lesions.list_lesions(patient) == (kept,)


def test_read_only_database_is_told(moletrail, patient) -> None:
    lesions.list_lesions(patient)
    with unit_of_work.engine().connect() as connection:
        connection.execute(text("PRAGMA query_only = ON"))
    with pytest.raises(StorageFailed, match="can only be read at the moment"):
        lesions.add_lesion(patient, name="Nape", body_site="nape")


def test_mistakes_of_ours_are_not_called_outages(patient) -> None:
    with pytest.raises(IntegrityError) as caught, transaction() as session:
        session.add(Lesion(patient_id=999, name="Ann's nape", body_site=""))
    assert "Ann" not in str(caught.value), "what ends up in a log names nobody"
    with pytest.raises((OperationalError, StorageFailed)), reading() as session:
        session.execute(text("SELECT nonsense"))


def test_reading_does_not_write(patient) -> None:
    with pytest.raises(RuntimeError, match="use transaction"), reading() as session:
        session.add(Lesion(patient_id=patient.id, name="", body_site=""))


def test_transaction_is_all_or_nothing(patient) -> None:
    with pytest.raises(KeyboardInterrupt), transaction() as session:
        session.add(Lesion(patient_id=patient.id, name="Half", body_site="nape"))
        session.flush()
        raise KeyboardInterrupt
    assert lesions.list_lesions(patient) == ()
