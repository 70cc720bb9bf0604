from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Stored, UtcDateTime


class Notification(Stored, Base):
    """Something that happened and that a person has not seen yet; words are made when it is shown."""

    __tablename__ = "notification"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    """E.g. review, note, share, opinion_asked, opinion_answered."""
    lesion_id: Mapped[int | None] = mapped_column(ForeignKey("lesion.id", ondelete="CASCADE"))
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id", ondelete="CASCADE"))
    about_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    """Whose deed it was."""
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
