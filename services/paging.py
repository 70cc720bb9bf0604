"""Long lists: slices of them, and conditions that name many."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select, bindparam, false, func, select
from sqlalchemy.orm import Session

from services.views import Page

T = TypeVar("T")
LARGEST = 200


def page_of(
    session: Session, query: Select[Any], *, page: int, size: int, view: Callable[[Row[Any]], T], total: int | None = None
) -> Page[T]:
    """Return slice `page` (from 1, kept within what there is) of an ordered query, each row turned into what pages hold.

    `total` says how many rows there are where that is known for less than counting them.
    """
    size = _size(size)
    if total is None:
        total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    number = _number(page, total, size)
    rows = session.execute(query.limit(size).offset((number - 1) * size))
    return Page(items=tuple(view(row) for row in rows), total=total, number=number, size=size)


def numbered(items: Sequence[T], *, page: int, size: int) -> Page[T]:
    """Return slice `page` (from 1, kept within what there is) of what is at hand in order."""
    size = _size(size)
    number = _number(page, len(items), size)
    return Page(items=tuple(items[(number - 1) * size : number * size]), total=len(items), number=number, size=size)


def finder(search: str) -> Callable[..., bool]:
    """Return a test whether some texts together hold each word of `search`, whatever the capitals and accents; everything
    holds none. Personal texts may be sealed, so they are searched here and never by the database."""
    sought = _folded(search).split()

    def matches(*texts: str) -> bool:
        text = _folded(" ".join(texts)) if sought else ""
        return all(word in text for word in sought)

    return matches


def _folded(text: str) -> str:
    """Without capitals and accents, so that tomas finds Tomás."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def one_of(column: Any, numbers: Iterable[int]) -> ColumnElement[bool]:
    """The column holds one of these numbers. They are written into the statement itself, as databases limit how many
    parameters it takes."""
    numbers = list(numbers)
    return column.in_(bindparam(None, numbers, expanding=True, literal_execute=True)) if numbers else false()


def _size(size: int) -> int:
    return min(max(size, 1), LARGEST)


def _number(page: int, total: int, size: int) -> int:
    return min(max(page, 1), max(1, -(-total // size)))
