from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import JSON, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Stored

if TYPE_CHECKING:
    from db.models.upload import Upload


class Diagnosis(Stored, Base):
    """One analysis of one photo by one set of model versions. Never overwritten: a new version adds a row."""

    __tablename__ = "diagnosis"

    upload_id: Mapped[int] = mapped_column(ForeignKey("upload.id", ondelete="CASCADE"), index=True)
    malignant_probability: Mapped[float]
    interval_low: Mapped[float]
    interval_high: Mapped[float]
    diagnosis: Mapped[str] = mapped_column(String(16), index=True)
    """benign, malignant or uncertain (core.Diagnosis)."""
    confidence: Mapped[str] = mapped_column(String(8))
    """low, medium or high (core.Confidence)."""
    chosen_model: Mapped[str] = mapped_column(String(40))
    """Name of the mask that was measured; a key of `masks`."""
    expected_dice: Mapped[float | None]
    area_fraction: Mapped[float]
    """Lesion area as a part of the frame."""
    area_mm2: Mapped[float | None]
    """Only where the photo has a scale."""
    masks: Mapped[dict[str, str]] = mapped_column(JSON)
    """Model name -> content hash of the mask's PNG file."""
    measurements: Mapped[dict[str, float]] = mapped_column(JSON)
    differential: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    heat_map: Mapped[str | None] = mapped_column(String(64))
    """Content hash of the PNG file of the classifier's activation map."""
    features: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """What the classifier saw, as float16 numbers: for telling moles apart."""
    model_versions: Mapped[dict[str, str]] = mapped_column(JSON)
    elapsed_ms: Mapped[float]

    upload: Mapped[Upload] = relationship(back_populates="diagnoses")
