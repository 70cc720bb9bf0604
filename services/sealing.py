"""Small secrets that must be read again, such as those of authenticator apps: encrypted (Fernet: AES-128-CBC and HMAC-SHA256).

The key is MOLETRAIL_KEY: one or several, separated by commas, of which the first one seals and all unseal, so that a new one
can be put in front. Without it a key is made once and kept in the data folder, readable by its owner only: that keeps
the secrets from who gets the database, not from who gets the whole folder or a backup of it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.errors import StorageFailed
from services.settings import settings

KEY_FILE = "key"


def seal(text: str, *, about: str) -> str:
    """`about` says what it belongs to, e.g. "totp:17", and has to be said again to open it: moved to another row it opens nothing."""
    return _box().encrypt(f"{about}\n{text}".encode()).decode()


def unseal(sealed: str, *, about: str) -> str:
    """Raises StorageFailed where the key is another one than it was sealed with, or it was tampered with or moved."""
    try:
        said, _, text = _box().decrypt(sealed.encode()).decode().partition("\n")
    except InvalidToken:
        said, text = None, ""
    if said != about:
        raise StorageFailed("A stored secret cannot be opened with this server's key. Please tell whoever runs this site.")
    return text


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings().keys or (_kept_key(),)])


def _kept_key() -> str:
    path = settings().data / KEY_FILE
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
