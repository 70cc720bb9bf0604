from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Stored, UtcDateTime


class LoginThrottle(Stored, Base):
    """Log-ins that failed in a row for one key, whether or not there is such an account."""

    __tablename__ = "login_throttle"

    key: Mapped[str] = mapped_column(String(80), unique=True)
    """What is counted and the SHA-256 of it, e.g. account:5d41...; the text itself is not stored."""
    failures: Mapped[int] = mapped_column(default=0)
    last_failed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    blocked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
