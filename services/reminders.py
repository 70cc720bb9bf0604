"""When each mole is to be looked at next: by its state and the patient's risk, as the patient chose, or as a doctor said.

The date of each mole is kept in its row of the table, brought up to date by `keep` wherever something that it rests on changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from icalendar import Alarm, Calendar, Event
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.base import now
from db.models import AccountState, Lesion, Reminder, Upload, User, Visit
from services import audit, lesions, outbox, policy, states
from services.audit import Action
from services.errors import ValidationError
from services.fields import today
from services.settings import settings
from services.unit_of_work import reading, record_view, transaction
from services.views import Person

BY_STATE, BY_PATIENT, BY_DOCTOR = "state", "patient", "doctor"
DAYS: dict[str, int] = {states.FINE: 180, states.DUE: 30, states.CHANGED: 30, states.REFER: 14}
"""Days from the last photo to the next, by how the mole stands. Due here means that the last photo left doubt."""
SOONER = 2
"""A raised risk, or doubt left, makes the interval of a mole that stands fine so many times shorter."""
INTERVALS: dict[int, str] = {
    14: "Every 2 weeks", 30: "Every month", 60: "Every 2 months", 90: "Every 3 months", 180: "Every 6 months", 365: "Every year",
}
"""What a patient may choose."""
EARLY = timedelta(days=7)
"""A photo so long before the date that a doctor gave counts as the one of that date."""


@dataclass(frozen=True)
class DueMole:
    """A mole and when it is to be looked at next."""

    lesion_id: int
    name: str
    due_on: date
    chosen_by: str
    """state, patient or doctor."""
    recheck_days: int | None
    """The patient's own interval."""

    @property
    def is_due(self) -> bool:
        return self.due_on <= today()


def due_on(lesion: Lesion, last_visit: date | None, state: str, *, sooner: bool = False) -> date | None:
    """When a mole in this state is to be looked at next, where no doctor gave a date; None before its first photo."""
    if last_visit is None:
        return None
    days = lesion.recheck_days or DAYS[state] // (SOONER if sooner and state == states.FINE else 1)
    return last_visit + timedelta(days=days)


def keep(session: Session, lesion_ids: Sequence[int]) -> None:
    """Bring the dates of these moles up to date, within the caller's transaction, after what they rest on was changed."""
    from services import risk  # which keeps the dates up to date when its answers change

    session.flush()
    moles = session.scalars(select(Lesion).where(Lesion.id.in_(lesion_ids))).all()
    rows = {row.lesion_id: row for row in session.scalars(select(Reminder).where(Reminder.lesion_id.in_(lesion_ids)))}
    last = dict(session.execute(
        select(Visit.lesion_id, func.max(Visit.visited_on)).join(Visit.uploads)
        .where(Visit.lesion_id.in_(lesion_ids), Upload.deleted_at.is_(None), Upload.accepted).group_by(Visit.lesion_id)
    ).all())  # fmt: skip
    free = [mole for mole in moles if not _doctors_date_holds(rows.get(mole.id), last.get(mole.id))]
    before = {lesion_id: row.due_on for lesion_id, row in rows.items()}
    for mole in free:
        if mole.id in last and mole.id not in rows:
            rows[mole.id] = Reminder(lesion_id=mole.id, reason=BY_STATE)
            session.add(rows[mole.id])
        if mole.id in rows:
            rows[mole.id].due_on = date.max  # what counts is how the mole stands apart from its date
    session.flush()
    standing = states.states(session, [mole.id for mole in free])
    raised = risk.raised_for(session, list({mole.patient_id for mole in free}))
    for mole in free:
        stands = standing.get(mole.id)
        sooner = mole.patient_id in raised or (stands is not None and not stands.sure)
        day = due_on(mole, last.get(mole.id), stands.state if stands else states.FINE, sooner=sooner)
        _write(session, mole, rows.get(mole.id), day, before=before.get(mole.id))
    session.flush()


def list_due(actor: Person) -> tuple[DueMole, ...]:
    """One's own moles that have a date, the earliest first."""
    with reading() as session:
        policy.require(session, actor, Action.VIEW_REMINDERS, patient_id=actor.id)
        found = _dated(session, Lesion.patient_id == actor.id)
    record_view(actor, Action.VIEW_REMINDERS, subject=f"user:{actor.id}", patient_id=actor.id)
    return found


def set_interval(actor: Person, *, lesion_id: int, days: int | None) -> date | None:
    """Choose how many days after its last photo one's own mole is due, None: by its state; returns the next date.

    A date that a doctor gave stays until there is a photo of it. Raises ValidationError with the key days.
    """
    with transaction() as session:
        lesion = lesions.in_use(session, lesion_id, for_update=True)
        policy.require(session, actor, Action.SET_RECHECK, patient_id=lesion.patient_id if lesion else None)
        if days is not None and days not in INTERVALS:
            raise ValidationError({"days": "Please choose one of the intervals."})
        lesion.recheck_days = days
        keep(session, [lesion.id])
        audit.record(session, actor_id=actor.id, action=Action.SET_RECHECK, subject=f"lesion:{lesion_id}", patient_id=lesion.patient_id)
        return session.scalar(select(Reminder.due_on).where(Reminder.lesion_id == lesion_id))


def calendar_file(actor: Person, *, lesion_id: int | None = None) -> bytes:
    """The next date of one of one's own moles, or of all, as iCalendar (RFC 5545): a day with an alarm in the morning."""
    with reading() as session:
        lesion = lesions.in_use(session, lesion_id) if lesion_id is not None else None
        whose = actor.id if lesion_id is None else lesion.patient_id if lesion else None
        policy.require(session, actor, Action.VIEW_REMINDERS, patient_id=whose)
        found = _dated(session, Lesion.patient_id == actor.id if lesion_id is None else Lesion.id == lesion_id)
    record_view(actor, Action.VIEW_REMINDERS, subject=f"user:{actor.id}" if lesion_id is None else f"lesion:{lesion_id}", patient_id=whose)
    calendar = Calendar()
    calendar.add("prodid", "-//Moletrail//Reminders//EN")
    calendar.add("version", "2.0")
    for due in found:
        calendar.add_component(_event(due, now()))
    return calendar.to_ical()


def queue_emails() -> int:
    """A chore: one e-mail to each patient who wants them and has moles that became due; returns how many were queued.

    It says how many moles, never which: e-mail is no place for health records.
    """
    with transaction() as session:
        due = session.execute(
            select(Reminder, Lesion.patient_id).join(Reminder.lesion).join(User, User.id == Lesion.patient_id)
            .where(Reminder.due_on <= today(), Reminder.emailed_at.is_(None), Lesion.deleted_at.is_(None),
                   User.reminder_emails, User.account_state == AccountState.ACTIVE)
            .order_by(Lesion.patient_id).with_for_update(of=Reminder)
        ).all()  # fmt: skip
        people: dict[int, int] = {}
        for reminder, patient_id in due:
            reminder.emailed_at = now()
            people[patient_id] = people.get(patient_id, 0) + 1
        for patient_id, count in people.items():
            moles = "1 mole is" if count == 1 else f"{count} moles are"
            outbox.queue(
                session, user_id=patient_id, subject=f"{moles} due for a photo",
                body=f"{moles} due for a photo. Log in to see which: {settings().public_url}\n\n"
                "Under Reminders you choose the intervals, under My account you stop these e-mails.\n",
            )
    return len(people)


def _doctors_date_holds(row: Reminder | None, last_visit: date | None) -> bool:
    return row is not None and row.reason == BY_DOCTOR and (last_visit is None or last_visit < row.due_on - EARLY)


def _write(session: Session, mole: Lesion, row: Reminder | None, day: date | None, *, before: date | None) -> None:
    if day is None:
        if row is not None:
            session.delete(row)
        return
    row.due_on, row.reason, row.set_by_id = day, BY_PATIENT if mole.recheck_days else BY_STATE, None
    if day != before:
        row.emailed_at = None


def _dated(session: Session, whose) -> tuple[DueMole, ...]:
    rows = session.execute(
        select(Lesion, Reminder).join(Reminder, Reminder.lesion_id == Lesion.id)
        .where(whose, Lesion.deleted_at.is_(None)).order_by(Reminder.due_on, Lesion.id)
    )  # fmt: skip
    return tuple(DueMole(mole.id, mole.name, row.due_on, row.reason, mole.recheck_days) for mole, row in rows)


def _event(due: DueMole, made_at: datetime) -> Event:
    event = Event()
    event.add("uid", f"mole-{due.lesion_id}@moletrail")  # the same each time, so that a newer file moves the older date
    event.add("dtstamp", made_at)
    day = max(due.due_on, today())  # a calendar reminds of nothing that has passed
    event.add("dtstart", day)
    event.add("dtend", day + timedelta(days=1))
    event.add("summary", f"Photograph {due.name}")
    event.add("description", "Moletrail: time for the next photo of this mole. See a doctor about any discomfort or suspicious change.")
    event.add("url", f"{settings().public_url}/mole?mole={due.lesion_id}")
    event.add("transp", "TRANSPARENT")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", f"Photograph {due.name}")
    alarm.add("trigger", timedelta(hours=9))
    event.add_component(alarm)
    return event
