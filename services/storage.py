"""Photos and masks as files named by the SHA-256 of their content, under the data folder.

With a key they are sealed (services.sealing); their names are the hashes of what was sealed.

A file is whole and on the disk before any row refers to it: written to a temporary name, synced, renamed, its folder synced.
What a failed transaction leaves behind is at worst a file that nothing refers to, which `sweep` removes. What is read back
is compared with its name: a file that the disk damaged is told, never shown.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Diagnosis, Review, Upload
from services import sealing
from services.errors import StorageFailed
from services.settings import settings
from services.unit_of_work import WITH_BIN, reading

logger = logging.getLogger(__name__)

TEMPORARY = ".part"
YOUNG_SECONDS = 3600
"""A file younger than this may belong to a transaction of another process that is still on its way; the sweep leaves it alone."""
IN_USE = "in-use"
"""File in the data folder that every process locks, shared, from its first save to its end; the kernel takes the lock from the dead."""
DAMAGED = "The stored file of this photo is damaged; please tell whoever runs this site."

_lock = threading.Lock()
_held: dict[Path, int] = {}
"""Data folder -> descriptor of its lock. A process has one; a test that goes on to another gives the last one up."""


def save(data: bytes, suffix: str) -> str:
    """Store `data` durably and return its hash; `suffix` is the file's ending, e.g. ".jpg". The same content is one file."""
    content_hash = hashlib.sha256(data).hexdigest()
    path = _path(content_hash, suffix)
    with _disk_told_in_words("saved"):
        _hold_lock()
        if path.exists() and _holds(path, data):
            os.utime(path)  # young again: see YOUNG_SECONDS
        else:
            write(path, sealing.seal_file(data))
        _sync_folder(path.parent)
    return content_hash


def read(content_hash: str, suffix: str) -> bytes:
    """Raises StorageFailed where the file is missing, cannot be read or is not what was stored."""
    with _disk_told_in_words("opened"):
        data = sealing.unseal_file(_path(content_hash, suffix).read_bytes())
    if hashlib.sha256(data).hexdigest() != content_hash:
        logger.error("A stored file is damaged: %s", content_hash)
        raise StorageFailed(DAMAGED)
    return data


def write(path: Path, data: bytes | Path) -> None:
    """Put a whole file in place, or none, readable by its owner only; `data` may be the file to copy."""
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        _sync_folder(path.parent.parent)
    with NamedTemporaryFile(dir=path.parent, suffix=TEMPORARY, delete=False) as file:
        try:
            if isinstance(data, Path):
                with data.open("rb") as source:
                    shutil.copyfileobj(source, file)
            else:
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def sweep(*, young_seconds: float | None = None) -> int:
    """Remove files that no row refers to, and temporary ones that were left behind; returns how many.

    Where no other process stores files in this folder, whatever nothing refers to was left by one that died, however young
    it is; else only what is older than YOUNG_SECONDS goes (`young_seconds` names another age). Where no row refers to
    any file, the database is more likely lost than all photos unwanted: only temporary files go.
    """
    with alone() as nobody_else:
        if young_seconds is None:
            young_seconds = float("-inf") if nobody_else else YOUNG_SECONDS
        files = settings().files
        # Listed before asked for: what is saved and referred to in between is not in the list.
        candidates = [path for path in files.rglob("*") if path.is_file() and _age(path) > young_seconds]
        with reading() as session:
            referred = {name.rpartition(".")[0] for name in referred_files(session)}
        removed = 0
        for path in candidates:
            wanted = path.stem in referred or (not referred and path.suffix != TEMPORARY)
            if not wanted and _age(path) > young_seconds:
                path.unlink(missing_ok=True)
                removed += 1
        return removed


def remove_unreferred(names: set[str]) -> set[str]:
    """Remove those of these files to which no row refers any more, and return their names.

    Moved out of the way first and looked again: the same content may be stored anew in this very moment.
    """
    with reading() as session:
        gone = names - referred_files(session)
    aside = {name: path_of(name).with_name(name + TEMPORARY) for name in gone}
    for name, path in aside.items():
        with suppress(FileNotFoundError):
            path_of(name).rename(path)
    with reading() as session:
        again = gone & referred_files(session)
    for name, path in aside.items():
        if name in again and not path_of(name).exists():
            path.rename(path_of(name))
        path.unlink(missing_ok=True)
    return gone - again


def referred_files(session: Session) -> set[str]:
    """Names of all files that rows refer to."""
    names = {f"{content_hash}.jpg" for content_hash in session.scalars(select(Upload.content_hash).execution_options(**WITH_BIN))}
    for masks, heat_map in session.execute(select(Diagnosis.masks, Diagnosis.heat_map)):
        names.update(f"{content_hash}.png" for content_hash in (*masks.values(), heat_map) if content_hash)
    names.update(f"{content_hash}.png" for content_hash in session.scalars(select(Review.mask).where(Review.mask.is_not(None))))
    return names


def path_of(name: str, *, folder: Path | None = None) -> Path:
    """Where the file of this name lies, below `folder` (None: the data folder's)."""
    return (folder or settings().files) / name[:2] / name


@contextmanager
def alone() -> Iterator[bool]:
    """Whether no process, this one included, has stored files in this folder; none begins to before the exit."""
    descriptor = os.open(settings().data / IN_USE, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            nobody_else = True
        except OSError:
            nobody_else = False
        yield nobody_else
    finally:
        os.close(descriptor)


def release() -> None:
    """Store nothing any more, as far as other processes are concerned; the next save says otherwise again."""
    with _lock:
        _release()


def _release() -> None:
    while _held:
        os.close(_held.popitem()[1])


def _hold_lock() -> None:
    data = settings().data
    with _lock:
        if data in _held:
            return
        _release()
        descriptor = os.open(data / IN_USE, os.O_RDONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits while another process sweeps
        except OSError as error:  # a file system without locks: nobody is ever alone there
            logger.warning("The data folder cannot be locked: %s", error.strerror)
        _held[data] = descriptor


def _holds(path: Path, data: bytes) -> bool:
    try:
        return sealing.unseal_file(path.read_bytes()) == data
    except StorageFailed:
        return False


def _path(content_hash: str, suffix: str) -> Path:
    return path_of(f"{content_hash}{suffix}")


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
