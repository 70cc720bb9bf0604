"""Slices of long lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from services.views import Page

T = TypeVar("T")
LARGEST = 200


def page_of(session: Session, query: Select[Any], *, page: int, size: int, view: Callable[[Row[Any]], T]) -> Page[T]:
    """Return slice `page` (from 1, kept within what there is) of an ordered query, each row turned into what pages hold."""
    size = min(max(size, 1), LARGEST)
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    number = min(max(page, 1), max(1, -(-total // size)))
    rows = session.execute(query.limit(size).offset((number - 1) * size))
    return Page(items=tuple(view(row) for row in rows), total=total, number=number, size=size)
