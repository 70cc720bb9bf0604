from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, PersonalText, Stored, UtcDateTime, choice


class LinkPurpose(StrEnum):
    RESET = "reset"
    """Lets a new password be chosen."""
    VERIFY = "verify"
    """Proves that the account's e-mail address is read by its owner."""
    CHANGE = "change"
    """Makes another address the account's."""


class EmailLink(Stored, Base):
    """A link that was sent by e-mail and works once."""

    __tablename__ = "email_link"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[LinkPurpose] = mapped_column(choice(LinkPurpose))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the 256-bit token in the link."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    new_email: Mapped[str | None] = mapped_column(PersonalText(254))
    """The address that the link was sent to, where it is to become the account's."""
