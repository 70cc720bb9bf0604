from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, PersonalText, Stored
from db.models.user import User

if TYPE_CHECKING:
    from db.models.lesion import Visit


class Note(Stored, Base):
    """What a doctor wrote about a visit."""

    __tablename__ = "note"

    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    text: Mapped[str] = mapped_column(PersonalText(4000))
    for_patient: Mapped[bool] = mapped_column(default=True, server_default=true())
    """The patient reads it too; otherwise only doctors do."""

    visit: Mapped[Visit] = relationship(back_populates="notes")
    author: Mapped[User] = relationship()
