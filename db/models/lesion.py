from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, PersonalText, Stored, UtcDateTime, index_where_set
from db.models.user import User


class Lesion(Stored, Base):
    """One mole of one patient, followed over visits."""

    __tablename__ = "lesion"

    patient_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(PersonalText(100))
    body_site: Mapped[str] = mapped_column(String(40))
    """Code of services.body_sites, e.g. left_shoulder."""
    first_noticed: Mapped[date | None]
    map_view: Mapped[str | None] = mapped_column(String(8))
    """Figure of the body map on which the point lies: front or back; None: only the body site is known."""
    map_x: Mapped[float | None]
    """Place of the point as a share of the figure's width, from its left edge, and of its height, from the top."""
    map_y: Mapped[float | None]
    recheck_days: Mapped[int | None]
    """So many days after the last visit the next is due, as the patient or a doctor chose; None: by the mole's state."""
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """In the bin since then: shown nowhere else, and erased after 30 days."""
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Counts the changes, so that who edits an older state is told."""

    patient: Mapped[User] = relationship()
    visits: Mapped[list[Visit]] = relationship(back_populates="lesion", order_by="(Visit.visited_on, Visit.id)")


index_where_set(Lesion.deleted_at)


class Visit(Stored, Base):
    """One day on which one mole was looked at; its photos and notes hang on it."""

    __tablename__ = "visit"
    __table_args__ = (UniqueConstraint("lesion_id", "visited_on"),)

    lesion_id: Mapped[int] = mapped_column(ForeignKey("lesion.id", ondelete="CASCADE"))
    visited_on: Mapped[date]
    note: Mapped[str] = mapped_column(PersonalText(2000), default="")
    """What the patient said on adding the photo."""

    lesion: Mapped[Lesion] = relationship(back_populates="visits")
    uploads: Mapped[list[Upload]] = relationship(back_populates="visit", order_by="Upload.id")
    notes: Mapped[list[Note]] = relationship(back_populates="visit", order_by="Note.id")


from db.models.note import Note  # noqa: E402  (after Visit: the two refer to each other)
from db.models.upload import Upload  # noqa: E402
