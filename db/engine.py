"""The engine and how its transactions begin."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url

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
    file = f"{path.as_uri()}?mode={'rwc' if create else 'rw'}"
    engine = create_engine(
        url,
        creator=lambda: sqlite3.connect(file, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False),
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection, _record) -> None:
        # The driver's own, late BEGIN is switched off; begin() below opens every transaction.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            f"foreign_keys = {'ON' if enforce_foreign_keys else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("moletrail_writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
