"""Bring a database to the current schema, and write new migrations."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from db.engine import make_engine, sqlite_file

MIGRATIONS = Path(__file__).parent / "migrations"


def configuration(url: str) -> Config:
    """Alembic's configuration; there is no ini file beside it."""
    config = Config(attributes={"url": url})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`, all or nothing; makes it if missing."""
    command.upgrade(configuration(url), revision)


def downgrade(url: str, revision: str) -> None:
    command.downgrade(configuration(url), revision)


def write_revision(url: str, *, message: str, number: str) -> None:
    """Write the migration that leads from the database at `url` to the models; to be read before it is committed."""
    command.revision(configuration(url), message=message, autogenerate=True, rev_id=number)


def current(url: str) -> str | None:
    """The revision the database at `url` is at, None where there is none or it was never migrated."""
    if (file := sqlite_file(url)) is not None and not file.exists():
        return None
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def newest() -> str:
    """The revision that the models stand for."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()
