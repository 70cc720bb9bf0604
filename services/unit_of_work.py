"""Transactions: all of what a service does is stored, or none of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from db.engine import WRITING, make_engine
from db.models import Lesion, Upload
from services import anchor, audit, running, sealing, summaries
from services.audit import Action
from services.errors import AccessError, StorageFailed
from services.settings import settings
from services.views import Person

WITH_BIN = {"moletrail_with_bin": True}
"""Execution option of the few queries that see what is in the bin too; no other query does."""

_lock = threading.Lock()
_engine: Engine | None = None

PROBLEMS = {
    # what the database driver says -> what the person reads
    "locked": "The database is busy with something else right now. Nothing was changed; please try again in a moment.",
    "readonly": "The database can only be read at the moment, so nothing was saved. What was stored before is safe.",
    "disk i/o error": "The disk reports an error. What was stored before is safe; please tell whoever runs this site.",
    "disk is full": "The disk is full, so nothing was saved. What was stored before is safe; please tell whoever runs this site.",
    "malformed": "The database file is damaged. Nothing was changed; please tell whoever runs this site.",
    "not a database": "The database file is damaged. Nothing was changed; please tell whoever runs this site.",
    "no such table": "The database is not set up yet; please tell whoever runs this site.",
    "unable to open": "The database cannot be opened. Nothing was changed; please tell whoever runs this site.",
}
UNKNOWN_PROBLEM = "The database cannot be reached. Nothing was changed; please try again in a moment."


def engine() -> Engine:
    """The one engine of this process."""
    global _engine
    with _lock:
        if _engine is None:
            sealing.set_up()
            _engine = make_engine(settings().database_url)
        return _engine


def reset() -> None:
    """Forget the engine and the settings, so that the next use reads the environment again."""
    global _engine
    with _lock:
        if _engine is not None:
            _engine.dispose()
        _engine = None
        settings.cache_clear()


class _Session(Session):
    """Sees no mole and no photo in the bin, unless a query says WITH_BIN."""


@event.listens_for(_Session, "do_orm_execute")
def _leave_out_the_bin(asked: ORMExecuteState) -> None:
    if asked.is_select and not asked.is_column_load and not asked.is_relationship_load and not asked.execution_options.keys() & WITH_BIN:
        asked.statement = asked.statement.options(*(with_loader_criteria(kind, kind.deleted_at.is_(None)) for kind in (Lesion, Upload)))


@contextmanager
def transaction() -> Iterator[Session]:
    """A session that may write: committed on a clean exit, rolled back otherwise; a server that is told to stop waits for it."""
    writing = engine().execution_options(**WRITING)
    with running.counted(), outages_in_words(), _refusals_audited(), _Session(writing, expire_on_commit=False) as session, session.begin():
        summaries.follow(session)
        yield session
        summaries.refresh_touched(session)
    if last := session.info.get("anchor"):
        anchor.advance(last)


@contextmanager
def reading() -> Iterator[Session]:
    """A session that only reads, and never waits for a writer."""
    with outages_in_words(), _refusals_audited(), _Session(engine(), autoflush=False) as session:
        yield session
        if session.new or session.dirty or session.deleted:
            raise RuntimeError("reading() was used to write; use transaction().")


def record_view(actor: Person, action: Action, *, subject: str = "", patient_id: int | None = None) -> None:
    """Leave the audit event of something that was read, before it is handed out; once within audit.ONE_VIEW."""
    with reading() as session:
        if audit.seen_lately(session, actor_id=actor.id, action=action, subject=subject):
            return
    with transaction() as session:
        audit.record(session, actor_id=actor.id, action=action, subject=subject, patient_id=patient_id)


@contextmanager
def _refusals_audited() -> Iterator[None]:
    """What policy refused is rolled back and then written down."""
    try:
        yield
    except AccessError as error:
        if error.attempt is not None:
            actor_id, action, patient_id = error.attempt
            error.attempt = None
            with transaction() as session:
                audit.record(session, actor_id=actor_id, action=action, patient_id=patient_id, outcome="refused")
        raise


@contextmanager
def outages_in_words() -> Iterator[None]:
    """Outages of the database become StorageFailed, with a sentence."""
    try:
        yield
    except (IntegrityError, ProgrammingError, DataError):
        raise  # wrong statements and broken rules of the schema are our own bugs and no outage
    except DatabaseError as error:
        said = str(error.orig).lower()
        raise StorageFailed(next((words for sign, words in PROBLEMS.items() if sign in said), UNKNOWN_PROBLEM)) from error
