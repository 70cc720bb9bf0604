"""Declarative base with the column types and naming that every model shares."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, DateTime, Enum, Index, Integer, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from db.sealed import PersonalText

__all__ = ["Base", "PersonalText", "Stored", "UtcDateTime", "choice", "index_where_set", "now"]


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes on every database; SQLite keeps no zone, and PostgreSQL answers in its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A datetime without a time zone cannot be stored; pass an aware one.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value, dialect):
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def choice(kind: type[StrEnum]) -> Enum:
    """Column of one of the values of `kind`, stored as the value itself and not as the Python name."""
    return Enum(kind, native_enum=False, length=16, values_callable=lambda kind: [member.value for member in kind])


def index_where_set(column: Mapped) -> Index:
    """Index of the few rows in which a column holds something. With all rows in it, a database without statistics takes "holds nothing"
    for a rare thing to begin a search with: it then read every photo that is in no bin to find those of one mole."""
    return Index(None, column, sqlite_where=column.is_not(None), postgresql_where=column.is_not(None))


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    # 64 bits everywhere, so that any number a client may ask for can be looked up; SQLite's INTEGER has them already.
    type_annotation_map: ClassVar[dict] = {int: BigInteger().with_variant(Integer(), "sqlite")}
    # Named constraints, so that Alembic can alter them on SQLite too.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Stored:
    """Identity and creation time, carried by every table."""

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
