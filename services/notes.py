"""What a doctor writes about a visit; the patient reads it too."""

from __future__ import annotations

from sqlalchemy import select

from db.models import Lesion, Note, User, Visit
from services import audit, fields, mapping, notifications, policy
from services.audit import Action
from services.errors import ValidationError
from services.unit_of_work import transaction
from services.views import NoteView, Person

LONGEST = 4000


def add_note(actor: Person, *, visit_id: int, text: str) -> NoteView:
    """Add a note to a visit of a patient who shares with this doctor. Raises ValidationError with the key text."""
    with transaction() as session:
        lesion = session.scalar(select(Lesion).join(Visit).where(Visit.id == visit_id, Lesion.deleted_at.is_(None)))
        patient_id = lesion.patient_id if lesion else None
        policy.require(session, actor, Action.ADD_NOTE, patient_id=patient_id)
        note = Note(visit_id=visit_id, author=session.get_one(User, actor.id), text=_checked(text))
        session.add(note)
        session.flush()
        audit.record(session, actor_id=actor.id, action=Action.ADD_NOTE, subject=f"note:{note.id}", patient_id=patient_id)
        notifications.notify(
            session, user_id=patient_id, kind=notifications.Kind.NOTE, lesion_id=lesion.id, visit_id=visit_id, about_id=actor.id
        )
        return mapping.note(note)


def _checked(text: str) -> str:
    try:
        checked = fields.text_of_lines(text, longest=LONGEST)
    except ValueError as error:
        raise ValidationError({"text": str(error)}) from None
    if not checked:
        raise ValidationError({"text": "The note is empty; please write something first."})
    return checked
