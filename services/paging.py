"""Slices of long lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from services.views import Page

T = TypeVar("T")
LARGEST = 200


def page_of(session: Session, query: Select[Any], *, page: int, size: int, view: Callable[[Row[Any]], T]) -> Page[T]:
    """Return slice `page` (from 1, kept within what there is) of an ordered query, each row turned into what pages hold."""
    size = _size(size)
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
    """Return a test whether one of some texts holds `search`, whatever the capitals; everything holds an empty one."""
    sought = search.strip().casefold()
    return lambda *texts: not sought or any(sought in text.casefold() for text in texts)


def _size(size: int) -> int:
    return min(max(size, 1), LARGEST)


def _number(page: int, total: int, size: int) -> int:
    return min(max(page, 1), max(1, -(-total // size)))
