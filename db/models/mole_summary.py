from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Stored
from db.models.lesion import Lesion


class MoleSummary(Stored, Base):
    """How one mole stands for the work list; everything here can be made anew from the other tables.

    Kept by services.summaries in the transaction that changed the mole. A mole in the bin has none.
    """

    __tablename__ = "mole_summary"
    # Holds all that counting what waits needs, so that the rows themselves are read for one page only.
    __table_args__ = (Index("ix_mole_summary_waiting", "patient_id", "urgency", "due_on", "lesion_id"),)

    lesion_id: Mapped[int] = mapped_column(ForeignKey("lesion.id", ondelete="CASCADE"), unique=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    body_site: Mapped[str] = mapped_column(String(40))
    urgency: Mapped[int]
    """Of services.summaries.Urgency, by what the newest photo shows and whether a doctor reviewed it; whether the mole is
    overdue depends on the day and is not in it."""
    upload_id: Mapped[int | None] = mapped_column(ForeignKey("upload.id", ondelete="SET NULL"))
    """The newest accepted photo."""
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id", ondelete="SET NULL"))
    """Of that photo."""
    probability: Mapped[float | None]
    """Of malignancy, on that photo."""
    change: Mapped[float | None]
    """Relative change of the area beyond error, e.g. 0.24; None: none was found."""
    last_visited_on: Mapped[date | None]
    """Day of that photo."""
    due_on: Mapped[date | None]
    raised_risk: Mapped[bool]
    """What the patient told of themself raises their risk, see services.risk."""
    rules: Mapped[str] = mapped_column(String(16), default="", server_default="")
    """Fingerprint of the rules by which the row was made, see services.summaries.RULES."""

    lesion: Mapped[Lesion] = relationship()
