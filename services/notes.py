"""What a doctor writes about a visit, for the patient or for doctors only, and the words they begin with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from db.models import Lesion, Note, NoteTemplate, User, Visit
from services import audit, fields, mapping, notifications, policy
from services.audit import Action
from services.errors import ValidationError
from services.unit_of_work import reading, transaction
from services.views import NoteView, Person

LONGEST = 4000
LONGEST_TITLE = 60
PLACES = ("[visit]", "[visit before]", "[mole]")
"""What a template may leave open: the dates of the visit and of the one before, and the mole's name."""


@dataclass(frozen=True)
class Template:
    """Words that a doctor writes often."""

    id: int
    title: str
    text: str
    for_patient: bool
    """What a note that begins with it is."""


def add_note(actor: Person, *, visit_id: int, text: str, for_patient: bool = True) -> NoteView:
    """Add a note to a visit of a patient who shares with this doctor; not `for_patient`, only doctors read it.

    Raises ValidationError with the key text.
    """
    with transaction() as session:
        lesion = session.scalar(select(Lesion).join(Visit).where(Visit.id == visit_id, Lesion.deleted_at.is_(None)))
        patient_id = lesion.patient_id if lesion else None
        policy.require(session, actor, Action.ADD_NOTE, patient_id=patient_id)
        note = Note(visit_id=visit_id, author=session.get_one(User, actor.id), text=_checked(text), for_patient=for_patient)
        session.add(note)
        session.flush()
        audit.record(session, actor_id=actor.id, action=Action.ADD_NOTE, subject=f"note:{note.id}", patient_id=patient_id)
        if for_patient:
            notifications.notify(
                session, user_id=patient_id, kind=notifications.Kind.NOTE, lesion_id=lesion.id, visit_id=visit_id, about_id=actor.id
            )
        return mapping.note(note)


def list_templates(actor: Person) -> tuple[Template, ...]:
    """One's own templates, by title."""
    with reading() as session:
        policy.require(session, actor, Action.KEEP_TEMPLATES)
        found = session.scalars(select(NoteTemplate).where(NoteTemplate.author_id == actor.id))
        return tuple(sorted(map(_template, found), key=lambda template: (template.title.casefold(), template.id)))


def save_template(actor: Person, *, title: str, text: str, for_patient: bool) -> Template:
    """Keep words for later notes; one's template of the same title is replaced.

    Raises ValidationError with the keys title and text.
    """
    with transaction() as session:
        policy.require(session, actor, Action.KEEP_TEMPLATES)
        session.get_one(User, actor.id, with_for_update=True)  # two clicks make one template
        title, text = _checked_template(title, text)
        own = session.scalars(select(NoteTemplate).where(NoteTemplate.author_id == actor.id))
        template = next((one for one in own if one.title.casefold() == title.casefold()), None) or NoteTemplate(author_id=actor.id)
        template.title, template.text, template.for_patient = title, text, for_patient
        session.add(template)
        session.flush()
        audit.record(session, actor_id=actor.id, action=Action.KEEP_TEMPLATES, subject=f"note_template:{template.id}")
        return _template(template)


def delete_template(actor: Person, *, template_id: int) -> None:
    """Forget one of one's own templates; notes that began with it stay."""
    with transaction() as session:
        template = session.get(NoteTemplate, template_id)
        policy.require_own(session, actor, Action.KEEP_TEMPLATES, owner_id=template.author_id if template else None)
        session.delete(template)
        audit.record(session, actor_id=actor.id, action=Action.KEEP_TEMPLATES, subject=f"note_template:{template_id}", outcome="deleted")


def filled(text: str, *, visit: date, before: date | None, mole: str, words: Callable[[date], str]) -> str:
    """A template's text with its PLACES filled in; `words` writes a date. Without a visit before, that place says so."""
    places = dict(zip(PLACES, (words(visit), words(before) if before else "no visit before", mole), strict=True))
    for place, value in places.items():
        text = text.replace(place, value)
    return text


def _template(template: NoteTemplate) -> Template:
    return Template(template.id, template.title, template.text, template.for_patient)


def _checked_template(title: str, text: str) -> tuple[str, str]:
    mistakes = {}
    try:
        title = fields.one_line(title)
        if not title:
            mistakes["title"] = "Please give the template a name."
        elif len(title) > LONGEST_TITLE:
            mistakes["title"] = f"The name may have at most {LONGEST_TITLE} characters."
    except ValueError as error:
        mistakes["title"] = str(error)
    try:
        text = _checked(text)
    except ValidationError as error:
        mistakes |= error.fields
    if mistakes:
        raise ValidationError(mistakes)
    return title, text


def _checked(text: str) -> str:
    try:
        checked = fields.text_of_lines(text, longest=LONGEST)
    except ValueError as error:
        raise ValidationError({"text": str(error)}) from None
    if not checked:
        raise ValidationError({"text": "The note is empty; please write something first."})
    return checked
