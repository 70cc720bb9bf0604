from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Stored, UtcDateTime


class RecoveryCode(Stored, Base):
    """One of the codes that open an account once when the phone with the authenticator is lost."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the code, which is 80 random bits: too many to try, so a slow hash would add nothing."""
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
