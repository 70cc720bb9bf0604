"""Encryption at rest: `python -m services.sealing` seals everything that is stored with the newest key.

With MOLETRAIL_KEY set, personal columns (db.sealed), photos, masks and the pictures made from them are kept encrypted, by
Fernet (AES-128-CBC and HMAC-SHA256). MOLETRAIL_KEY is one key or several, separated by commas: the first seals, all open, so that
a new one can be put in front while Moletrail runs. The command then seals anew what an older key sealed, or none; stopped half-way it
goes on where it was, and afterwards the older keys can go.

Without it everything but the secrets of authenticator apps is kept as it is. Those are sealed always; the key is made once and
kept in the data folder, which keeps them from who gets the database, not from who gets the whole folder or a backup of it.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import os
import secrets
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import ColumnElement, Table, Text, select, type_coerce, update
from sqlalchemy.orm import Session

from db import sealed
from db.base import Base
from db.engine import BUSY_TIMEOUT_MS, sqlite_file
from db.models import User
from services.errors import ServiceError, StorageFailed
from services.settings import settings

KEY_FILE = "key"
SIGN = "\x02sealed:"
"""How a sealed text begins. No field takes control characters, so nobody can write one that looks sealed."""
FILE_SIGN = b"MOLETRAIL1\n"
"""How a sealed file begins; no picture does."""
REMEMBERED = 20_000
"""So many texts are opened once; names in a list are read at every click."""
AT_ONCE = 200
"""Rows that one transaction seals: others may write in between."""
WRONG_KEY = "What is stored is sealed with a key that this server does not have. Set MOLETRAIL_KEY to that key; nothing was changed."


# Small secrets


def seal(text: str, *, about: str) -> str:
    """`about` says what it belongs to, e.g. "totp:17", and has to be said again to open it: moved to another row it opens nothing."""
    return _secrets_box().encrypt(f"{about}\n{text}".encode()).decode()


def unseal(kept: str, *, about: str) -> str:
    """Raises StorageFailed where the key is another one than it was sealed with, or it was tampered with or moved."""
    try:
        said, _, text = _secrets_box().decrypt(kept.encode()).decode().partition("\n")
    except InvalidToken:
        said, text = None, ""
    if said != about:
        raise StorageFailed("A stored secret cannot be opened with this server's key. Please tell whoever runs this site.")
    return text


def _secrets_box() -> MultiFernet:
    """The one kept in the data folder still opens what it sealed before there was another."""
    path = settings().data / KEY_FILE
    kept = (_kept_key(path),) if path.exists() or not settings().keys else ()
    return _box(settings().keys + kept)


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


# Personal columns


def set_up() -> None:
    """Keep personal columns by this process's settings from now on."""
    sealed.use(Columns(settings().keys))


def with_email(email: str) -> ColumnElement[bool]:
    """SQL condition: the account with this address, whichever of the keys its lookup key was made with."""
    return User.email_key.in_({sealed.Plain().lookup_key(email), *(_keyed_hash(key, email) for key in settings().keys)})


class Columns:
    """Cipher of db.sealed for these keys; without any, text stays as it is."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys
        self._open = lru_cache(maxsize=REMEMBERED)(self._open_anew)

    def seal(self, text: str) -> str:
        if text.startswith(SIGN):
            raise ValueError("Text must not look sealed.")
        return SIGN + _box(self._keys).encrypt(text.encode()).decode() if self._keys else text

    def unseal(self, kept: str) -> str:
        """Raises StorageFailed where no key opens it."""
        return self._open(kept) if kept.startswith(SIGN) else kept

    def lookup_key(self, text: str) -> str:
        return _keyed_hash(self._keys[0], text) if self._keys else sealed.Plain().lookup_key(text)

    def _open_anew(self, kept: str) -> str:
        try:
            if not self._keys:
                raise InvalidToken
            return _box(self._keys).decrypt(kept.removeprefix(SIGN)).decode()
        except InvalidToken:
            raise StorageFailed(WRONG_KEY) from None


def _keyed_hash(key: str, text: str) -> str:
    return hmac.new(b"lookup " + key.encode(), text.encode(), hashlib.sha256).hexdigest()


# Files


def seal_file(data: bytes) -> bytes:
    """What is written to the disk for these bytes."""
    if not settings().keys:
        return data
    # A token is base64 for the sake of web addresses; on the disk its bytes do, and take a quarter less.
    return FILE_SIGN + base64.urlsafe_b64decode(_box(settings().keys).encrypt(data))


def unseal_file(kept: bytes) -> bytes:
    """Raises StorageFailed where no key opens it, or it is damaged."""
    if not kept.startswith(FILE_SIGN):
        return kept
    try:
        if not settings().keys:
            raise InvalidToken
        return _box(settings().keys).decrypt(_token(kept))
    except InvalidToken:
        raise StorageFailed("A stored file cannot be opened with this server's key; please tell whoever runs this site.") from None


def _token(kept: bytes) -> bytes:
    return base64.urlsafe_b64encode(kept.removeprefix(FILE_SIGN))


# Sealing anew


@dataclass
class Sealed:
    """How many things were sealed that were not, or with an older key."""

    texts: int = 0
    secrets: int = 0
    files: int = 0

    def in_words(self) -> str:
        found = ", ".join(f"{getattr(self, field.name)} {field.name}" for field in fields(self))
        return f"Sealed with the first key of MOLETRAIL_KEY: {found}. Everything else was already."


def seal_everything() -> Sealed:
    """Seal with the first key what is stored as it is or sealed with another. May run while Moletrail does.

    Raises StorageFailed where there is no key, or something cannot be opened with any.
    """
    from services import audit, cache, storage
    from services.unit_of_work import transaction

    if not settings().keys:
        raise StorageFailed("There is no key to seal with: set MOLETRAIL_KEY first. README tells how to make one.")
    done = Sealed()
    for table in Base.metadata.sorted_tables:
        done.texts += sum(_seal_rows(transaction, table, name) for name in _personal_columns(table))
    _key_addresses(transaction)
    done.secrets = _seal_secrets(transaction)
    for path in sorted(settings().files.glob("*/*")):
        if path.suffix != storage.TEMPORARY and not _is_fresh_file(kept := path.read_bytes()):
            storage.write(path, seal_file(unseal_file(kept)))
            done.files += 1
    cache.clear()
    with transaction() as session:
        audit.record(session, actor_id=None, action=audit.Operation.SEAL)
    if (file := sqlite_file(settings().database_url)) is not None:
        # Pages that were given up still hold what was on them.
        with closing(sqlite3.connect(file, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return done


def require_opens(session: Session) -> None:
    """Raises StorageFailed where what is stored is sealed with a key that this server does not have."""
    session.scalar(select(User.email).order_by(User.id).limit(1))


def all_sealed(session: Session) -> bool:
    """Whether the first key has sealed everything, as far as the accounts tell."""
    if not settings().keys:
        return True
    kept = session.scalars(select(_kept(User.__table__.c.email)))
    return all(_is_fresh(text) for text in kept)


def _personal_columns(table: Table) -> Iterator[str]:
    return (column.name for column in table.columns if isinstance(column.type, sealed._Personal))


def _kept(column: ColumnElement) -> ColumnElement[str]:
    """The column as the database holds it."""
    return type_coerce(column, Text)


def _seal_rows(transaction, table: Table, name: str) -> int:
    column, cipher = table.c[name], Columns(settings().keys)
    last, done = 0, 0
    while True:
        with transaction() as session:
            rows = session.execute(
                select(table.c.id, _kept(column)).where(table.c.id > last, column.is_not(None)).order_by(table.c.id).limit(AT_ONCE)
            ).all()
            for number, kept in rows:
                if not _is_fresh(kept):
                    new = cipher.seal(cipher.unseal(kept))
                    changed = update(table).where(table.c.id == number, _kept(column) == kept).values({name: type_coerce(new, Text)})
                    done += session.execute(changed).rowcount
        if not rows:
            return done
        last = rows[-1][0]


def _key_addresses(transaction) -> None:
    with transaction() as session:
        for user in session.scalars(select(User)):
            user.email_key = sealed.lookup_key(user.email)


def _seal_secrets(transaction) -> int:
    newest, done = Fernet(settings().keys[0]), 0
    with transaction() as session:
        found = session.execute(select(User.id, User.totp_secret).where(User.totp_secret.is_not(None))).all()
        for number, kept in found:
            if not _opens(newest, kept.encode()):
                try:
                    new = _secrets_box().rotate(kept.encode()).decode()
                except InvalidToken:
                    continue  # its key is gone; the account's second step has to be set up anew, as before
                done += session.execute(update(User).where(User.id == number, User.totp_secret == kept).values(totp_secret=new)).rowcount
    return done


def _is_fresh(kept: str) -> bool:
    return kept.startswith(SIGN) and _opens(Fernet(settings().keys[0]), kept.removeprefix(SIGN).encode())


def _is_fresh_file(kept: bytes) -> bool:
    return kept.startswith(FILE_SIGN) and _opens(Fernet(settings().keys[0]), _token(kept))


def _opens(box: Fernet, token: bytes) -> bool:
    try:
        box.decrypt(token)
    except InvalidToken:
        return False
    return True


# The key in the data folder


def _kept_key(path: Path) -> str:
    try:
        if not path.exists():
            _make_key(path)
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise StorageFailed(f"The key in the data folder cannot be read or made: {error.strerror}.") from error


def _make_key(path: Path) -> None:
    """Written whole under another name first: of two processes at the same moment one wins, and neither sees half a key."""
    draft = path.with_name(f".{KEY_FILE}-{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m services.sealing", description="Seal everything that is stored with the first key of MOLETRAIL_KEY."
    )
    parser.parse_args(arguments)
    try:
        print(seal_everything().in_words())
    except (ServiceError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
