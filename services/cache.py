"""Pictures made from stored photos, kept on disk so that they are made once. The folder may be deleted at any time."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable

from services import sealing, storage
from services.errors import StorageFailed
from services.settings import settings

logger = logging.getLogger(__name__)

LARGEST_BYTES = 500 * 1024 * 1024
_LOOK_EVERY = 200
_written = 0


def cached(name: str, make: Callable[[], bytes]) -> bytes:
    """Return the picture of this name, made now if it is not there. A full disk costs speed, not the picture."""
    path = settings().cache / name[:2] / name
    try:
        return sealing.unseal_file(path.read_bytes())
    except (OSError, StorageFailed):
        data = make()
    try:
        storage.write(path, sealing.seal_file(data))
        _keep_small()
    except OSError as error:
        logger.warning("The cache of pictures cannot be written: %s", error.strerror)
    return data


def forget(content_hashes: Iterable[str]) -> None:
    """Drop every picture that was made from these files."""
    for content_hash in content_hashes:
        for path in settings().cache.glob(f"{content_hash[:2]}/{content_hash}*"):
            path.unlink(missing_ok=True)


def clear() -> None:
    """Drop everything; it is made again when asked for."""
    shutil.rmtree(settings().cache, ignore_errors=True)


def _keep_small() -> None:
    """Now and then drop the pictures made longest ago, until the folder is three quarters of its largest size."""
    global _written
    _written += 1
    if _written % _LOOK_EVERY:
        return
    made = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in settings().cache.rglob("*.jpg"))
    size = sum(bytes_ for _, bytes_, _ in made)
    if size <= LARGEST_BYTES:
        return
    for _, bytes_, path in made:
        path.unlink(missing_ok=True)
        size -= bytes_
        if size <= LARGEST_BYTES * 3 // 4:
            return
