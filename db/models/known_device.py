from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Stored, UtcDateTime


class KnownDevice(Stored, Base):
    """A browser from which this account was logged in to: others' wrong guesses do not keep it out."""

    __tablename__ = "known_device"
    __table_args__ = (UniqueConstraint("user_id", "token_hash"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the 256-bit token in the browser's device cookie; people who share a browser share it."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
