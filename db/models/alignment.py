from __future__ import annotations

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Stored


class Alignment(Stored, Base):
    """How one photo of a mole lies over another, worked out once (core.registration)."""

    __tablename__ = "alignment"
    __table_args__ = (UniqueConstraint("first_upload_id", "second_upload_id"),)

    first_upload_id: Mapped[int] = mapped_column(ForeignKey("upload.id", ondelete="CASCADE"))
    second_upload_id: Mapped[int] = mapped_column(ForeignKey("upload.id", ondelete="CASCADE"), index=True)
    accepted: Mapped[bool]
    """False where the two could not be laid over each other; matrix and scale then say nothing."""
    reason: Mapped[str] = mapped_column(String(40))
    """Why not (core.Registration.reason); empty where accepted."""
    matrix: Mapped[list[list[float]]] = mapped_column(JSON)
    """2 x 3, from pixels of the first photo to pixels of the second."""
    relative_scale: Mapped[float]
    """Pixels of the second photo a pixel of the first."""
    by_skin: Mapped[bool]
    """Whether the skin around the mole bears the match. Else the scale may hide growth, and no size is compared by it."""
