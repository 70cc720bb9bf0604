"""What comes before the first page: `python -m services.start` checks the settings, brings the database to the current
schema, says whether someone administers it, and offers the demo accounts once."""

from __future__ import annotations

import sys

from sqlalchemy import make_url, select

from db import migrate
from db.models import User
from services import accounts, storage
from services.errors import ServiceError, StorageFailed
from services.settings import settings
from services.unit_of_work import outages_in_words, reading

OFFERED = "demo-offered"
"""A file of this name in the data folder: the demo was offered here and is not offered again."""


def prepare() -> None:
    """Make the data folder, migrate the database, and remove what an interrupted upload left behind."""
    try:
        settings().data.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings().files.mkdir(exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"The data folder {settings().data} cannot be written: {error.strerror}.") from error
    with outages_in_words():
        _require_not_lost()
        migrate.upgrade(settings().database_url)
    storage.sweep()


def _require_not_lost() -> None:
    """Photos without any database: it was moved, or the address is wrong. A new one would bury that."""
    if any(settings().files.iterdir()) and migrate.current(settings().database_url) is None:
        raise StorageFailed(
            f"There are photos in {settings().data} but no database at {_shown_address()}. Nothing was changed. Put the "
            "database back, correct DATABASE_URL, or use another data folder to begin anew."
        )


def _shown_address() -> str:
    return make_url(settings().database_url).render_as_string(hide_password=True)


def main() -> int:
    try:
        prepare()
        if _nobody_here() and _demo_wanted():
            from services import demo

            return demo.main([])
        if not accounts.admin_exists():
            print("Nobody administers Moletrail yet. To make an administrator's account: make admin")
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _nobody_here() -> bool:
    with reading() as session:
        return session.scalar(select(User.id).limit(1)) is None


def _demo_wanted() -> bool:
    marker = settings().data / OFFERED
    if marker.exists() or not sys.stdin.isatty():
        return False
    answer = input("The database is empty. Fill it with generated patients to look around? [y/N] ")
    marker.touch()
    return answer.strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main())
