from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, PersonalText, Stored


class RiskAnswers(Stored, Base):
    """What a patient said of skin, family and history. Each change is a new version; the newest holds."""

    __tablename__ = "risk_answers"
    __table_args__ = (UniqueConstraint("user_id", "version"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    version: Mapped[int]
    answers: Mapped[str] = mapped_column(PersonalText(8000))
    """The answers as JSON."""
