from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Stored


class AuditEvent(Stored, Base):
    """One read or write, by whom, of what.

    Holds ids and codes only, no personal text, and no foreign key, so that it outlives what it tells of.
    """

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_actor_subject", "actor_id", "subject"),)

    actor_id: Mapped[int | None]
    """None where nobody was logged in."""
    action: Mapped[str] = mapped_column(String(40), index=True)
    """Verb of services.audit.Action."""
    subject: Mapped[str] = mapped_column(String(40), default="")
    """What it was done to, as table:id, e.g. upload:17."""
    patient_id: Mapped[int | None] = mapped_column(index=True)
    outcome: Mapped[str] = mapped_column(String(16), default="ok")
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 over this entry and the hash of the one before it: a changed or missing entry breaks the chain."""
