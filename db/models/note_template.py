from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, PersonalText, Stored


class NoteTemplate(Stored, Base):
    """Words that a doctor writes often, for a new note to begin with."""

    __tablename__ = "note_template"

    author_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(PersonalText(80))
    text: Mapped[str] = mapped_column(PersonalText(4000))
    for_patient: Mapped[bool]
    """What a note of this kind begins with: whether the patient reads it."""
