"""Passwords: argon2id, no composition rules, the best known ones refused (OWASP ASVS 5, chapter 6)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 8, 128
COMMON = Path(__file__).with_name("common_passwords.txt")

# Above OWASP's least (19 MiB, two passes), and still a few dozen milliseconds on a small server.
_hasher = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


def complaint(password: str, *, about: tuple[str, ...] = ()) -> str | None:
    """Return the sentence that says why this password cannot be taken, or None. `about` are words it must not be."""
    if len(password) < SHORTEST:
        return f"The password needs at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"The password may have at most {LONGEST} characters."
    plain = password.casefold()
    if plain in common() or len(set(plain)) < 3:
        return "This password is among the first that others try. Please choose another one, three or four random words for example."
    if plain in {word.casefold() for word in about}:
        return "The password must not be your own name or e-mail address."
    return None


@lru_cache(maxsize=1)
def common() -> frozenset[str]:
    return frozenset(COMMON.read_text(encoding="utf-8").split())


def hash_of(password: str) -> str:
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is right. Without a hash (no such account) it takes the same work and is wrong."""
    try:
        return _hasher.verify(password_hash or _nobodys_hash(), password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's, and is to be made again at log-in."""
    return _hasher.check_needs_rehash(password_hash)


def use_hasher(hasher: PasswordHasher) -> None:
    """For tests: a hasher that costs less."""
    global _hasher
    _hasher = hasher
    _nobodys_hash.cache_clear()


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")
