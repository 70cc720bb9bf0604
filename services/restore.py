"""`python -m services.restore FOLDER`: put a backup of services.backup in place, in a data folder that holds nothing yet.

The backup is compared with its manifest first, and what was put in place after. Whatever is there already stays: move it away.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from db.engine import sqlite_file
from services import anchor, audit, backup, storage
from services.audit import Operation
from services.backup import Backup
from services.errors import ServiceError, StorageFailed
from services.settings import settings
from services.unit_of_work import transaction


def restore(folder: Path) -> Backup:
    """Put the backup in `folder` in place; raises StorageFailed, and changes nothing where something is there already."""
    database = sqlite_file(settings().database_url)
    if database is None:
        raise StorageFailed("This restores SQLite databases. For another one take its own tool (PostgreSQL: pg_restore) and copy files.")
    found = backup.verify(folder)
    _require_nothing_there(database)
    with backup.disk_in_words(f"The backup could not be put in place in {settings().data}"):
        settings().data.mkdir(mode=0o700, parents=True, exist_ok=True)
        manifest = backup.read_manifest(folder)
        names = manifest["files"]
        # The database last: until it is there nothing refers to the files, and this can be done again after moving them away.
        for name in sorted(names, key=lambda name: name == backup.DATABASE):
            target = database if name == backup.DATABASE else settings().data / name
            storage.write(target, folder / name)
            if backup.hash_of(target) != names[name]["sha256"]:
                raise StorageFailed(f"{name} was not written as it was read. Nothing was put in use; look after the disk.")
        if anchored := backup.anchor_of(manifest):
            anchor.advance(anchored)
    with transaction() as session:
        audit.record(session, actor_id=None, action=Operation.RESTORE)
    return found


def _require_nothing_there(database: Path) -> None:
    there = [path for path in (database, anchor.path()) if path.exists()]
    if settings().files.exists():
        there += [path for path in settings().files.rglob("*") if path.is_file()]
    if there:
        raise StorageFailed(
            f"There is data in {settings().data} already ({there[0].name}). Nothing was changed. "
            "Stop Moletrail and move that folder away first, or name another one in MOLETRAIL_DATA."
        )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.restore", description="Put a backup in place where nothing is yet.")
    parser.add_argument("folder", type=Path, help="folder of the backup")
    folder = parser.parse_args(arguments).folder.absolute()
    try:
        print(f"Restored into {settings().data} from {restore(folder).in_words()}")
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
