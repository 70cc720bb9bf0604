from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Stored, UtcDateTime
from db.models.user import User


class LoginSession(Stored, Base):
    """One log-in of one browser. Only hashes of its secrets are stored."""

    __tablename__ = "login_session"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    ticket_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    """SHA-256 of the single-use ticket that the page trades for the cookie; cleared when used."""
    ticket_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    awaits_code: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The password was right and the second step is still to come: the ticket is worth nothing before."""
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    """SHA-256 of the 256-bit token in the cookie; empty until the ticket was traded."""
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """Absolute end, whatever the activity."""
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    user_agent: Mapped[str] = mapped_column(String(200), default="")

    user: Mapped[User] = relationship()
