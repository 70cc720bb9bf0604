from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

import db.__main__
from db import migrate
from db.base import Base
from db.engine import make_engine
from services import unit_of_work
from services.unit_of_work import reading, transaction


def test_migrations_lead_to_the_models(moletrail) -> None:
    with unit_of_work.engine().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrating_again_changes_nothing(moletrail, patient) -> None:
    migrate.upgrade(moletrail.database_url)
    assert migrate.current(moletrail.database_url) == migrate.newest()
    with reading() as session:
        assert session.scalar(text('SELECT count(*) FROM "user"')) == 1


def test_downgrade_removes_every_table_and_upgrade_brings_them_back(tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'folder' / 'moletrail.db'}"
    migrate.upgrade(url)
    migrate.downgrade(url, "base")
    engine = make_engine(url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    migrate.upgrade(url)
    assert set(inspect(engine).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
    engine.dispose()


def test_migration_that_fails_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    from alembic import op

    url = f"sqlite:///{tmp_path / 'moletrail.db'}"

    def broken(*_arguments, **_more) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(op, "execute", broken)  # after all tables, at the first trigger
        migrate.upgrade(url)
    assert migrate.current(url) is None
    migrate.upgrade(url)
    assert migrate.current(url) == migrate.newest()


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET outcome = 'ok'", "DELETE FROM audit_event"])
def test_audit_trail_is_append_only(moletrail, patient, statement: str) -> None:
    held = "SELECT count(*), min(outcome), max(outcome) FROM audit_event"
    with transaction() as session:
        before = session.execute(text(held)).one()
    with pytest.raises(DatabaseError, match="append-only"), unit_of_work.engine().begin() as connection:
        connection.execute(text(statement))
    with transaction() as session:
        assert session.execute(text(held)).one() == before


def test_command_line_migrates_and_tells_the_schema(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'moletrail.db'}")
    for verb in ("upgrade", "current"):
        monkeypatch.setattr("sys.argv", ["db", verb])
        db.__main__.main()
    assert capsys.readouterr().out.strip() == migrate.newest()
