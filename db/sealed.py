"""Column types for what people write and for what tells who they are: kept encrypted where the server has a key.

The cipher is not this package's business: services.sealing hands it over with `use`. Until then, and where there is no
key, text is kept as it is. What is sealed looks different each time, so no database can compare, search or sort it.
"""

from __future__ import annotations

import hashlib
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Text
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator


class Cipher(Protocol):
    def seal(self, text: str) -> str: ...
    def unseal(self, kept: str) -> str: ...
    def lookup_key(self, text: str) -> str: ...


class Plain:
    """No key: text as it is, and a plain hash to look it up by."""

    def seal(self, text: str) -> str:
        return text

    def unseal(self, kept: str) -> str:
        return kept

    def lookup_key(self, text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()


_cipher: Cipher = Plain()


def use(cipher: Cipher) -> None:
    """Keep text by this cipher from now on, in the whole process."""
    global _cipher
    _cipher = cipher


def lookup_key(text: str) -> str:
    """What a sealed text is found by: the same for the same text and key, and of no use without the key."""
    return _cipher.lookup_key(text)


class _Personal(TypeDecorator):
    """Any value that goes into one text."""

    impl = Text
    cache_ok = True

    class comparator_factory(TypeDecorator.Comparator):
        def operate(self, op: Any, *other: Any, **more: Any) -> Any:
            if op in (operators.is_, operators.is_not):
                return super().operate(op, *other, **more)
            raise TypeError("A personal column may be encrypted: compare, search and sort it in Python.")

        reverse_operate = operate

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else _cipher.seal(self.to_text(value))

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return None if value is None else self.from_text(_cipher.unseal(value))

    def to_text(self, value: Any) -> str:
        return value

    def from_text(self, text: str) -> Any:
        return text


class PersonalText(_Personal):
    """Text of at most `longest` characters; sealed it is longer, so the limit is the services' to hold."""

    cache_ok = True

    def __init__(self, longest: int) -> None:
        super().__init__()
        self.longest = longest


class PersonalDate(_Personal):
    """A date, as ISO text."""

    cache_ok = True

    def to_text(self, value: date) -> str:
        return value.isoformat()

    def from_text(self, text: str) -> date:
        return date.fromisoformat(text)


class PersonalChoice(_Personal):
    """One of the values of `kind`."""

    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def to_text(self, value: str) -> str:
        return self.kind(value).value

    def from_text(self, text: str) -> StrEnum:
        return self.kind(text)
