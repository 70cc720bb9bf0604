"""What an account says of its owner, and how they read dates and sizes; each changes their own."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.models import Role, User
from services import audit, fields, policy
from services.audit import Action
from services.errors import ValidationError
from services.unit_of_work import reading, transaction
from services.views import Person
from services.words import DATE_STYLES, UNITS

OF_STAFF = ("first_name", "surname")
"""What doctors and administrators say of themselves; patients say all."""


@dataclass(frozen=True)
class Profile(fields.Details):
    """The fields as the form shows them; the e-mail address has its own way, services.change_email."""

    units: str
    date_style: str
    reminder_emails: bool
    listed: bool
    """A doctor whom patients may find, see services.sharing.list_doctors."""


def profile(actor: Person) -> Profile:
    with reading() as session:
        policy.require(session, actor, Action.CHANGE_PROFILE)
        user = session.get_one(User, actor.id)
        return Profile(
            user.first_name, user.surname, user.address, user.second_address, user.city, user.state_region, user.zip_code,
            str(user.sex), user.birth_date, user.units, user.date_style, user.reminder_emails,
            user.listed,
        )


def change_profile(actor: Person, **typed: object) -> None:
    """Set what is typed, by the names of Profile; raises ValidationError with them as keys. What is not typed stays."""
    with transaction() as session:
        user = _own(session, actor)
        allowed = set(OF_STAFF) if user.role != Role.PATIENT else set(fields.LABELS) - {"email", "password"}
        values = fields.cleaned(**{name: value for name, value in typed.items() if name in allowed})
        for name, value in values.items():
            setattr(user, "state_region" if name == "state" else name, value)
        audit.record(session, actor_id=actor.id, action=Action.CHANGE_PROFILE, subject=f"user:{actor.id}")


def change_preferences(actor: Person, *, units: str, date_style: str, reminder_emails: bool, listed: bool = False) -> None:
    """Set how dates and sizes are shown, whether reminders come by e-mail too, and whether patients may find this doctor."""
    mistakes = {}
    if units not in UNITS:
        mistakes["units"] = "Please choose millimetres or inches."
    if date_style not in DATE_STYLES:
        mistakes["date_style"] = "Please choose one of the forms of date."
    with transaction() as session:
        user = _own(session, actor)
        if mistakes:
            raise ValidationError(mistakes)
        user.units, user.date_style, user.reminder_emails = units, date_style, bool(reminder_emails)
        user.listed = bool(listed) and user.role == Role.DOCTOR
        audit.record(session, actor_id=actor.id, action=Action.CHANGE_PROFILE, subject=f"user:{actor.id}")


def _own(session: Session, actor: Person) -> User:
    policy.require(session, actor, Action.CHANGE_PROFILE)
    return session.get_one(User, actor.id, with_for_update=True)
