"""Finding patients by name."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import CareGrant, User
from services.paging import finder


def patients_named(session: Session, doctor_id: int, sought: str) -> list[int]:
    """Ids of the patients who share with this doctor and whose names, e-mail or number (P-17) hold each of the words."""
    query = (
        select(User.id, User.first_name, User.surname, User.email)
        .join(CareGrant, CareGrant.patient_id == User.id)
        .where(CareGrant.doctor_id == doctor_id, CareGrant.revoked_at.is_(None))
    )
    matches = finder(sought)
    return [number for number, *told in session.execute(query) if matches(*told, f"p-{number}")]
