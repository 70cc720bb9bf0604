from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Stored, UtcDateTime
from db.models.lesion import Lesion


class Reminder(Stored, Base):
    """When a mole is to be looked at next. One a mole: kept up to date by whatever changes the date."""

    __tablename__ = "reminder"

    lesion_id: Mapped[int] = mapped_column(ForeignKey("lesion.id", ondelete="CASCADE"), unique=True)
    due_on: Mapped[date] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(String(16))
    """Who or what chose the date: state, patient or doctor."""
    set_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    emailed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When an e-mail for this date was queued."""

    lesion: Mapped[Lesion] = relationship()
