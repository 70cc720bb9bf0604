"""Where the audit trail ended last, in a small file beside the database: entries cut off its end are missed, which the chain
of hashes alone cannot show. Each backup holds a copy."""

from __future__ import annotations

import fcntl
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from services.settings import settings

logger = logging.getLogger(__name__)

NAME = "audit.anchor"
_LINE = re.compile(rb"([0-9]{20}) ([0-9a-f]{64})\n")
_BYTES = 20 + 1 + 64 + 1
"""Always the same length, written over the one before in one piece: no moment without an anchor."""


@dataclass(frozen=True)
class Anchor:
    """The last entry that is known to have been there."""

    entry_id: int
    hash: str

    def line(self) -> bytes:
        return f"{self.entry_id:020} {self.hash}\n".encode()


UNREADABLE = Anchor(-1, "")
"""Stands for a file that holds no anchor: no trail ends like this, so that the damage is told and not passed over."""


def path() -> Path:
    return settings().data / NAME


def read(file: Path | None = None) -> Anchor | None:
    """The anchor, None where none was written yet."""
    try:
        return _parsed((file or path()).read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        logger.error("The anchor of the audit trail cannot be read: %s", error.strerror)
        return UNREADABLE


def advance(anchor: Anchor) -> None:
    """Move the anchor on to this entry; never back. A disk that does not take it is logged: the entry itself is stored."""
    try:
        descriptor = os.open(path(), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            before = _parsed(os.pread(descriptor, _BYTES + 1, 0))
            if before is None or (before != UNREADABLE and before.entry_id < anchor.entry_id):
                os.pwrite(descriptor, anchor.line(), 0)
                os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        logger.error("The anchor of the audit trail cannot be written: %s", error.strerror)


def _parsed(data: bytes) -> Anchor | None:
    if not data:
        return None
    found = _LINE.fullmatch(data)
    return Anchor(int(found[1]), found[2].decode()) if found else UNREADABLE
