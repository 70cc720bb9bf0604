from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError

from db.engine import damage, make_engine
from db.models import LoginSession, LoginThrottle, Visit
from db.url import database_url
from services.unit_of_work import reading, transaction
from tests.helpers import damage_a_page


def test_sqlite_is_set_up_for_durable_writes_and_checked_references(moletrail, sqlite_only) -> None:
    engine = make_engine(moletrail.database_url)
    with engine.connect() as connection:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        asked = {name: connection.scalar(text(f"PRAGMA {name}")) for name in names}
    engine.dispose()
    assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_row_cannot_refer_to_nothing(moletrail) -> None:
    with pytest.raises(IntegrityError), transaction() as session:
        session.add(Visit(lesion_id=999, visited_on=datetime(2024, 1, 1, tzinfo=UTC).date(), note=""))


def test_moments_come_back_aware_and_in_utc(moletrail) -> None:
    moment = datetime(2024, 5, 6, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=-7)))
    with transaction() as session:
        session.add(LoginThrottle(key="k", failures=1, last_failed_at=moment))
    with reading() as session:
        stored = session.query(LoginThrottle).one().last_failed_at
    assert stored == moment
    assert stored.utcoffset() == timedelta(0)


def test_moment_without_zone_is_refused(moletrail, patient) -> None:
    with pytest.raises(StatementError, match="time zone"), transaction() as session:
        naive = datetime(2024, 1, 1)  # noqa: DTZ001
        session.add(LoginSession(user_id=patient.id, last_seen_at=naive, expires_at=naive))


def test_writers_wait_for_each_other_and_readers_do_not(moletrail, sqlite_only) -> None:
    inside, done = threading.Event(), []

    def slow_writer() -> None:
        with transaction() as session:
            session.add(LoginThrottle(key="slow", failures=1, last_failed_at=datetime.now(UTC)))
            session.flush()
            inside.set()
            time.sleep(0.3)
            done.append("slow")

    thread = threading.Thread(target=slow_writer)
    thread.start()
    assert inside.wait(5)
    with reading() as session:
        assert session.query(LoginThrottle).count() == 0
        assert done == []
    with transaction() as session:
        assert session.query(LoginThrottle).count() == 1
        done.append("second")
    thread.join()
    assert done == ["slow", "second"]


def test_connection_of_a_replaced_file_is_not_used_again(moletrail, sqlite_only) -> None:
    """Otherwise rows would be acknowledged and go into a file that nobody finds again."""
    with transaction() as session:
        session.add(LoginThrottle(key="first", failures=1, last_failed_at=datetime.now(UTC)))
    path = moletrail.data / "moletrail.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = moletrail.data / "copy.db"
    shutil.copy(path, copy)
    for log in moletrail.data.glob("moletrail.db-*"):
        log.unlink()
    copy.replace(path)
    with transaction() as session:
        session.add(LoginThrottle(key="second", failures=1, last_failed_at=datetime.now(UTC)))
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM login_throttle").fetchone() == (2,)


def test_damage_is_found_and_soundness_too(moletrail, sqlite_only) -> None:
    assert damage(moletrail.database_url) is None
    damage_a_page(moletrail.data / "moletrail.db")
    assert damage(moletrail.database_url)


def test_database_is_in_the_data_folder_unless_named(tmp_path) -> None:
    assert database_url({"MOLETRAIL_DATA": str(tmp_path)}) == f"sqlite:///{tmp_path}/moletrail.db"
    assert database_url({"MOLETRAIL_DATA": str(tmp_path), "DATABASE_URL": "postgresql+psycopg://h/d"}) == "postgresql+psycopg://h/d"
