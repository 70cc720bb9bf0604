from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Stored, UtcDateTime, index_where_set

if TYPE_CHECKING:
    from db.models.diagnosis import Diagnosis
    from db.models.lesion import Visit


class Upload(Stored, Base):
    """One photo: a file named by content hash, already re-encoded and free of metadata."""

    __tablename__ = "upload"

    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id", ondelete="CASCADE"), index=True)
    content_hash: Mapped[str] = mapped_column(String(64), index=True)
    """SHA-256 of the stored JPEG; its file name."""
    width: Mapped[int]
    height: Mapped[int]
    original_format: Mapped[str] = mapped_column(String(16))
    original_bytes: Mapped[int]
    accepted: Mapped[bool]
    """False where the photo gate refused it; it then has no diagnosis that counts."""
    reasons: Mapped[list[str]] = mapped_column(JSON, default=list)
    warnings: Mapped[list[str]] = mapped_column(JSON, default=list)
    scale_mm_per_pixel: Mapped[float | None]
    """Size of one pixel of the stored photo; None: sizes are relative to the frame."""
    scale_source: Mapped[str | None] = mapped_column(String(16))
    """Where the scale comes from (core.Scale.source)."""
    scale_relative_error: Mapped[float | None]
    """Relative standard error of the scale."""
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """In the bin since then: shown nowhere else, and erased after 30 days."""

    visit: Mapped[Visit] = relationship(back_populates="uploads")
    diagnoses: Mapped[list[Diagnosis]] = relationship(back_populates="upload", order_by="Diagnosis.id")
    """One a model version; the last is the current one."""


index_where_set(Upload.deleted_at)
