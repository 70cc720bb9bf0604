from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, PersonalText, Stored, choice, index_where_set
from db.models.diagnosis import Diagnosis
from db.models.user import User


class Verdict(StrEnum):
    AGREE = "agree"
    OVERRULE = "overrule"


class Management(StrEnum):
    """What is to be done about the mole."""

    NONE = "none"
    RECHECK = "recheck"
    DERMOSCOPY = "dermoscopy"
    BIOPSY = "biopsy"
    EXCISE = "excise"


class Review(Stored, Base):
    """A doctor's word on a diagnosis, beside it and never instead of it. Changing it adds a row; none is overwritten."""

    __tablename__ = "review"

    diagnosis_id: Mapped[int] = mapped_column(ForeignKey("diagnosis.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("review.id", ondelete="CASCADE"), unique=True)
    """The version that this one replaces: each is replaced once, so that two who edit the same one cannot both win."""
    opinion_id: Mapped[int | None] = mapped_column(ForeignKey("second_opinion.id", ondelete="CASCADE"))
    """The question that this answers, where a colleague asked for it."""
    verdict: Mapped[Verdict] = mapped_column(choice(Verdict))
    malignant: Mapped[bool]
    """What the doctor holds it for."""
    code: Mapped[str] = mapped_column(String(20), default="")
    """SNOMED CT concept of the doctor's diagnosis."""
    reason: Mapped[str] = mapped_column(PersonalText(2000), default="")
    for_patient: Mapped[str] = mapped_column(PersonalText(2000), default="")
    """What the patient reads, in plain words."""
    management: Mapped[Management] = mapped_column(choice(Management), default=Management.NONE)
    follow_up_on: Mapped[date | None]
    blind: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Committed before the model's answer was shown."""
    histology_code: Mapped[str] = mapped_column(String(20), default="", server_default="")
    """SNOMED CT concept of what the laboratory found; empty until it did."""
    histology_malignant: Mapped[bool | None]
    histology_on: Mapped[date | None]
    mask: Mapped[str | None] = mapped_column(String(64))
    """Content hash of the outline as this doctor corrected it; the networks' masks stay with the diagnosis."""
    measurements: Mapped[dict[str, float] | None] = mapped_column(JSON)
    """Of the corrected outline."""

    diagnosis: Mapped[Diagnosis] = relationship()
    author: Mapped[User] = relationship()


index_where_set(Review.opinion_id)
