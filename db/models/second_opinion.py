from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, PersonalText, Stored, UtcDateTime
from db.models.diagnosis import Diagnosis
from db.models.user import User


class SecondOpinion(Stored, Base):
    """A doctor asks a colleague about one diagnosis. The colleague sees that mole and nothing else of the patient."""

    __tablename__ = "second_opinion"

    diagnosis_id: Mapped[int] = mapped_column(ForeignKey("diagnosis.id", ondelete="CASCADE"), index=True)
    asker_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    colleague_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    question: Mapped[str] = mapped_column(PersonalText(1000), default="")
    blind: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The colleague sees neither the first opinion nor the model's answer before giving theirs."""
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    diagnosis: Mapped[Diagnosis] = relationship()
    asker: Mapped[User] = relationship(foreign_keys=asker_id)
    colleague: Mapped[User] = relationship(foreign_keys=colleague_id)
