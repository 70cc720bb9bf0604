from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Stored, UtcDateTime


class ConsentRecord(Stored, Base):
    """A patient accepted one version of the consent text, until withdrawn."""

    __tablename__ = "consent_record"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    version: Mapped[str] = mapped_column(String(16))
    text_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the text as it was shown."""
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
