"""The engine and how its transactions begin."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another one before the database counts as locked."""

WRITING = {"moletrail_writing": True}
"""Execution option of a transaction that writes: SQLite then takes its one write lock at the start, where waiting for
it is possible, and not halfway, where it would have to fail because another writer was quicker."""


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for another one."""
    address = make_url(url)
    return Path(address.database or "").absolute() if address.get_backend_name() == "sqlite" else None


def make_engine(url: str, *, create: bool = False, enforce_foreign_keys: bool = True) -> Engine:
    """Return an engine for `url`; a SQLite file is made only with `create`: a lost one must not pass for an empty one.

    SQLite runs in write-ahead mode (readers never wait for the writer) with synchronous=FULL, so that a committed
    row survives a power cut: NORMAL may lose the last commits, and a saved photo must not vanish. Errors do not repeat
    the values of a statement: they end up in logs, and the values are people's.
    """
    path = sqlite_file(url)
    if path is None:
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, creator=lambda: _connect(path, "rwc" if create else "rw"), hide_parameters=True)

    @event.listens_for(engine, "connect")
    def set_up(connection, record) -> None:
        record.info["file"] = _identity(path)
        record.info["writable"] = os.access(path.parent, os.W_OK)
        # The driver's own, late BEGIN is switched off; begin() below opens every transaction.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            f"foreign_keys = {'ON' if enforce_foreign_keys else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "checkout")
    def require_same_file(_connection, record, _proxy) -> None:
        # Of a file that was removed or replaced, a connection would go on writing into what nobody finds again.
        # One that began on a disk that could only be read stays read-only; what the disk does now counts.
        if record.info["file"] != _identity(path) or record.info["writable"] != os.access(path.parent, os.W_OK):
            raise DisconnectionError

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("moletrail_writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file; on a disk that can only be read, where SQLite cannot make the files of its write-ahead log, as it stands.

    That is safe only while no log waits to be read, and the disk changes nothing either.
    """

    def connect(how: str) -> sqlite3.Connection:
        return sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False)

    log = path.with_name(path.name + "-wal")
    if path.exists() and not os.access(path.parent, os.W_OK) and not log.exists():
        return connect("mode=ro&immutable=1")
    return connect(f"mode={mode}")


def damage(url: str) -> str | None:
    """What SQLite's own check finds wrong with its file; None where it is sound, or for another database."""
    if sqlite_file(url) is None:
        return None
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        return None if found == "ok" else found
    finally:
        engine.dispose()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
