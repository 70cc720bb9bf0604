"""What comes before the first page: `prepare` brings data folder and database into order when the server starts, and
`python -m services.start`, before it, checks the settings and offers the demo accounts once."""

from __future__ import annotations

import hashlib
import json
import logging
import sys

from sqlalchemy import make_url, select

from db import migrate
from db.engine import damage, sqlite_file
from db.models import User
from services import accounts, anchor, audit, sealing, storage, summaries
from services.audit import Operation
from services.errors import ServiceError, StorageFailed
from services.settings import SECRET, settings
from services.unit_of_work import outages_in_words, reading, transaction

logger = logging.getLogger(__name__)

OFFERED = "demo-offered"
"""A file of this name in the data folder: the demo was offered here and is not offered again."""


def prepare() -> None:
    """Make the data folder, migrate the database, and remove what an interrupted upload left behind."""
    _make_folders()
    with outages_in_words():
        _require_not_lost()
        _require_sound()
        migrate.upgrade(settings().database_url)
    with reading() as session:
        sealing.require_opens(session)
        if not sealing.all_sealed(session):
            logger.warning("MOLETRAIL_KEY is set, and what was stored before is not sealed with it. Run: python -m services.sealing")
    summaries.complete()
    if _trail_reaches_the_anchor():
        try:
            storage.sweep()
        except OSError as error:  # a disk that can only be read: what is there can still be seen
            logger.warning("What an interrupted upload left behind could not be removed: %s", error.strerror)
    else:
        # Files that only the missing rows referred to must not go too.
        logger.error("The newest entries of the audit trail are missing, so nothing was swept. See: python -m services.audit verify")
    _record_settings()
    if not accounts.admin_exists():
        logger.warning("Nobody administers Moletrail yet. To make an administrator's account: make admin")


def _make_folders() -> None:
    database = sqlite_file(settings().database_url)
    folders = [settings().data, settings().files] + ([database.parent] if database else [])
    for folder in folders:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFailed(f"The data folder {folder} cannot be written: {error.strerror}.") from error


def _trail_reaches_the_anchor() -> bool:
    anchored = anchor.read()
    with reading() as session:
        return audit.anchor_holds(session, anchored)


def _record_settings() -> None:
    """Leave an entry where the settings differ from those of the last start, by a short hash that tells none of them."""
    # Of a secret only whether there is one: it could be guessed from the hash.
    plain = {name: bool(value) if name in SECRET else str(value) for name, value in vars(settings()).items()}
    subject = f"settings:{hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]}"
    with reading() as session:
        before = audit.last(session, Operation.CHANGE_SETTINGS)
    if before is None or before.subject != subject:
        with transaction() as session:
            audit.record(session, actor_id=None, action=Operation.CHANGE_SETTINGS, subject=subject)


def _require_not_lost() -> None:
    """Photos without any database: it was moved, or the address is wrong. A new one would bury that."""
    if any(settings().files.iterdir()) and migrate.current(settings().database_url) is None:
        raise StorageFailed(
            f"There are photos in {settings().data} but no database at {_shown_address()}. Nothing was changed. Put the "
            "database back, correct DATABASE_URL, or use another data folder to begin anew."
        )


def _require_sound() -> None:
    """A damaged file is said at start, and not when somebody happens upon the damaged page."""
    if migrate.current(settings().database_url) is not None and (found := damage(settings().database_url)):
        raise StorageFailed(
            f"The database at {_shown_address()} is damaged ({' '.join(found.split())}). Nothing was changed. Put a backup in its place: "
            "python -m services.restore."
        )


def _shown_address() -> str:
    return make_url(settings().database_url).render_as_string(hide_password=True)


def main() -> int:
    """Whoever starts the server at a terminal is asked first; the server itself then prepares what there is."""
    try:
        settings()
        if _demo_wanted():
            from services import demo

            return demo.main([])
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _demo_wanted() -> bool:
    marker = settings().data / OFFERED
    if not sys.stdin.isatty() or marker.exists() or not _nobody_here():
        return False
    answer = input("The database is empty. Fill it with generated patients to look around? [y/N] ")
    _make_folders()
    marker.touch()
    return answer.strip().lower() in ("y", "yes")


def _nobody_here() -> bool:
    with outages_in_words():
        if migrate.current(settings().database_url) is None:
            return not settings().files.exists() or not any(settings().files.iterdir())
    with reading() as session:
        return session.scalar(select(User.id).limit(1)) is None


if __name__ == "__main__":
    sys.exit(main())
