"""`python -m services.backup FOLDER`: a copy of everything, taken while Moletrail runs, and compared with what its rows say.

The folder holds the database as it was at one moment (SQLite's own online copy), every photo and mask that its rows refer
to, the server's key where it is kept in the data folder, and last of all a manifest with the hash of each file and where
the audit trail ends: without a manifest it is no backup. `--verify` compares one again. services.restore puts it back.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from db import migrate
from db.base import now
from db.engine import damage, make_engine, sqlite_file
from services import anchor, audit, sealing, storage
from services.anchor import Anchor
from services.audit import Operation, TrailState
from services.errors import ServiceError, StorageFailed
from services.settings import settings
from services.unit_of_work import outages_in_words, reading, transaction

MANIFEST, DATABASE, FILES = "manifest.json", "moletrail.db", "files"
FORMAT = 1


@dataclass(frozen=True)
class Backup:
    """What a verified backup holds."""

    folder: Path
    made_at: str
    photos_and_masks: int
    trail: TrailState
    bytes: int

    def in_words(self) -> str:
        megabytes = self.bytes / 1024**2
        return (
            f"{self.folder}: made {self.made_at}, {self.photos_and_masks} photos and masks, {megabytes:.1f} MB. "
            f"Every file is what it was, and there is one for every row. {self.trail.in_words()}"
        )


def make(folder: Path) -> Backup:
    """Back up into `folder`, which must be empty or not exist yet; raises StorageFailed, and leaves no manifest then."""
    source = _require_sqlite()
    require_empty(folder)
    try:
        with disk_in_words(f"The backup in {folder} could not be made"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Before the copy: the trail that is copied must still reach here.
            anchored = anchor.read()
            _copy_database(source, folder / DATABASE)
            with opened(folder / DATABASE) as session:
                names = sorted(storage.referred_files(session))
            for name in names:
                storage.write(storage.path_of(name, folder=folder / FILES), storage.path_of(name))
            if (key := settings().data / sealing.KEY_FILE).exists():
                storage.write(folder / sealing.KEY_FILE, key)
            _write_manifest(folder, anchored)
        made = verify(folder)
    except ServiceError:
        with suppress(OSError):
            (folder / MANIFEST).unlink(missing_ok=True)
        with suppress(ServiceError):  # where the database itself is the trouble
            _leave_entry(outcome="failed")
        raise
    _leave_entry(outcome="ok")
    return made


def verify(folder: Path) -> Backup:
    """Compare a backup with its manifest, its rows with its files, and its audit trail with itself. Raises StorageFailed."""
    with disk_in_words(f"The backup in {folder} cannot be read"):
        manifest = read_manifest(folder)
        for name, said in manifest["files"].items():
            path = folder / name
            if not path.is_file():
                raise StorageFailed(f"The backup in {folder} is not whole: {name} is missing.")
            if hash_of(path) != said["sha256"]:
                raise StorageFailed(f"The backup in {folder} is damaged: {name} is not what was backed up.")
        if found := damage(_url(folder / DATABASE)):
            raise StorageFailed(f"The database in {folder} is damaged ({found}).")
        with opened(folder / DATABASE) as session:
            missing = {f"{FILES}/{name[:2]}/{name}" for name in storage.referred_files(session)} - manifest["files"].keys()
            trail = audit.state(session, anchored=anchor_of(manifest))
        if missing:
            raise StorageFailed(f"The backup in {folder} is not whole: its database refers to {len(missing)} files that it does not hold.")
    return Backup(
        folder=folder,
        made_at=manifest["made_at"],
        photos_and_masks=sum(name.startswith(f"{FILES}/") for name in manifest["files"]),
        trail=trail,
        bytes=sum(said["bytes"] for said in manifest["files"].values()),
    )


# Parts that services.restore uses too


def require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StorageFailed(f"{folder} is not empty. A backup needs a folder of its own; nothing was changed.")


def hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def opened(database: Path) -> Iterator[Session]:
    """A session that reads the database of a backup."""
    engine = make_engine(_url(database))
    try:
        with outages_in_words(), Session(engine) as session:
            yield session
    finally:
        engine.dispose()


@contextmanager
def disk_in_words(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageFailed(f"{what}: {error}.") from error
    except OSError as error:
        place = f" ({Path(error.filename).name})" if error.filename else ""
        raise StorageFailed(f"{what}: {error.strerror or error}{place}.") from error


# The steps of making one


def _require_sqlite() -> Path:
    source = sqlite_file(settings().database_url)
    if source is None:
        raise StorageFailed(
            "This backs up SQLite databases. For another one take its own tool first (PostgreSQL: pg_dump), "
            f"and after it a copy of {settings().files}."
        )
    return source


def _copy_database(source: Path, target: Path) -> None:
    target.touch(mode=0o600)
    with closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _write_manifest(folder: Path, anchored: Anchor | None) -> None:
    # A trail that lacks what the anchor names is backed up with that anchor, so that the loss stays known.
    with opened(folder / DATABASE) as session:
        last = audit.newest(session) if audit.anchor_holds(session, anchored) else anchored
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        "format": FORMAT,
        "made_at": now().isoformat(timespec="seconds"),
        "schema": migrate.current(_url(folder / DATABASE)),
        "audit": {"last_entry": last.entry_id, "hash": last.hash} if last else None,
        "files": {
            str(path.relative_to(folder)): {"sha256": hash_of(path), "bytes": path.stat().st_size} for path in files
        },
    }
    storage.write(folder / MANIFEST, json.dumps(manifest, indent=1).encode())


def read_manifest(folder: Path) -> dict:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest["format"] != FORMAT or DATABASE not in manifest["files"]:
            raise ValueError
    except FileNotFoundError:
        raise StorageFailed(f"{folder} holds no finished backup: there is no {MANIFEST}.") from None
    except (ValueError, KeyError, TypeError):
        raise StorageFailed(f"The {MANIFEST} in {folder} cannot be read.") from None
    return manifest


def anchor_of(manifest: dict) -> Anchor | None:
    said = manifest["audit"]
    return Anchor(said["last_entry"], said["hash"]) if said else None


def _leave_entry(*, outcome: str) -> None:
    with transaction() as session:
        audit.record(session, actor_id=None, action=Operation.BACK_UP, outcome=outcome)


def _url(database: Path) -> str:
    return f"sqlite:///{database}"


def last_made() -> str | None:
    """When the newest backup that went well was made, as the audit trail says; None where there was none."""
    with reading() as session:
        entry = audit.last(session, Operation.BACK_UP)
    return entry.created_at.isoformat(timespec="seconds") if entry else None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.backup", description="Back up everything, while Moletrail runs.")
    parser.add_argument("folder", type=Path, help="a new folder; with --verify that of a backup")
    parser.add_argument("--verify", action="store_true", help="make nothing; look whether this backup is whole")
    given = parser.parse_args(arguments)
    folder = given.folder.absolute()
    try:
        found = (verify if given.verify else make)(folder)
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    # A trail that is broken or cut is backed up too, and said.
    print(found.in_words())
    return 0 if found.trail.holds else 1


if __name__ == "__main__":
    sys.exit(main())
