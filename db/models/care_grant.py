from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Stored, UtcDateTime
from db.models.user import User


class CareGrant(Stored, Base):
    """A patient lets a doctor see all their moles, until revoked."""

    __tablename__ = "care_grant"
    __table_args__ = (
        # At most one grant in force between two people, whoever clicks twice.
        Index(
            "uq_care_grant_in_force", "patient_id", "doctor_id", unique=True,
            sqlite_where=text("revoked_at IS NULL"), postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    patient_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    doctor_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """A revoked grant stays as a record; sharing again adds a row."""

    patient: Mapped[User] = relationship(foreign_keys=patient_id)
    doctor: Mapped[User] = relationship(foreign_keys=doctor_id)
