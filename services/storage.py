"""Photos and masks as files named by the SHA-256 of their content, under the data folder.

A file is whole and on the disk before any row refers to it: written to a temporary name, synced, renamed, its folder synced.
What a failed transaction leaves behind is at worst a file that nothing refers to, which `sweep` removes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import select

from db.models import Diagnosis, Upload
from services.errors import StorageFailed
from services.settings import settings
from services.unit_of_work import reading

TEMPORARY = ".part"
YOUNG_SECONDS = 3600
"""A file younger than this may belong to a transaction that is still on its way; the sweep leaves it alone."""


def save(data: bytes, suffix: str) -> str:
    """Store `data` durably and return its hash; `suffix` is the file's ending, e.g. ".jpg". The same content is one file."""
    content_hash = hashlib.sha256(data).hexdigest()
    path = _path(content_hash, suffix)
    with _disk_told_in_words("saved"):
        if path.exists() and path.stat().st_size == len(data):
            os.utime(path)  # young again: see YOUNG_SECONDS
        else:
            write(path, data)
        _sync_folder(path.parent)
    return content_hash


def read(content_hash: str, suffix: str) -> bytes:
    with _disk_told_in_words("opened"):
        return _path(content_hash, suffix).read_bytes()


def write(path: Path, data: bytes) -> None:
    """Put a whole file in place, or none."""
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        _sync_folder(path.parent.parent)
    with NamedTemporaryFile(dir=path.parent, suffix=TEMPORARY, delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def sweep(*, young_seconds: float = YOUNG_SECONDS) -> int:
    """Remove files that no row refers to, and temporary ones that were left behind; returns how many.

    Where no row refers to any file, the database is more likely lost than all photos unwanted: only temporary files go.
    """
    files = settings().files
    # Listed before asked for: what is saved and referred to in between is not in the list.
    candidates = [path for path in files.rglob("*") if path.is_file() and _age(path) > young_seconds]
    with reading() as session:
        referred = set(session.scalars(select(Upload.content_hash)))
        for masks in session.scalars(select(Diagnosis.masks)):
            referred.update(masks.values())
    removed = 0
    for path in candidates:
        wanted = path.stem in referred or (not referred and path.suffix != TEMPORARY)
        if not wanted and _age(path) > young_seconds:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _path(content_hash: str, suffix: str) -> Path:
    return settings().files / content_hash[:2] / f"{content_hash}{suffix}"


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_told_in_words(done: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise StorageFailed("A file of this photo is missing on the disk; please tell whoever runs this site.") from error
    except OSError as error:
        reason = {
            errno.ENOSPC: "The disk is full",
            errno.EDQUOT: "The disk is full",
            errno.EROFS: "The disk can only be read at the moment",
            errno.EACCES: "The data folder is closed to this program",
        }.get(error.errno, "The disk reports an error")
        raise StorageFailed(f"{reason}, so the photo could not be {done}. What was stored before is safe.") from error
