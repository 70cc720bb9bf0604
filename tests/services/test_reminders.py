"""When each mole is to be looked at next, who is told, and the calendar file."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import vobject
from sqlalchemy import select, update

import core
from db.base import now
from db.models import Lesion, OutgoingMail, Reminder, User
from services import bin, lesions, photos, reminders, risk, states
from services.errors import NotFound, ValidationError
from services.fields import today
from services.unit_of_work import reading, transaction
from services.words import Preferences
from tests.helpers import photo_bytes


@pytest.fixture
def mole(patient, tiny) -> int:
    return lesions.add_lesion(patient, name="Nape; left, upper", body_site="nape").id


def add(patient, mole: int, days_ago: int = 0, *, shift: int = 0):
    """`shift` makes it another photo of a mole that did not change."""
    return photos.add_photo(
        patient, lesion_id=mole, data=photo_bytes(shift=shift), taken_on=today() - timedelta(days=days_ago)
    ).photos[-1]


def dates(patient) -> list[tuple[int, str]]:
    """Days from today, and who chose."""
    return [((due.due_on - today()).days, due.chosen_by) for due in reminders.list_due(patient)]


def doctor_says(mole: int, days: int, doctor) -> None:
    """As services.reviews sets it down."""
    with transaction() as session:
        row = session.scalars(select(Reminder).where(Reminder.lesion_id == mole)).one()
        row.due_on, row.reason, row.set_by_id = today() + timedelta(days=days), "doctor", doctor.id


def test_what_comes_out_of_the_bin_brings_its_date(patient, mole) -> None:
    newest = add(patient, mole, 10)
    photos.withdraw_photo(patient, upload_id=newest.id)
    assert dates(patient) == []
    bin.restore_photo(patient, upload_id=newest.id)
    assert dates(patient) == [(170, "state")]
    bin.delete_lesion(patient, lesion_id=mole)
    risk.answer(patient, version=0, answers={"family": "One"})
    assert dates(patient) == []
    bin.restore_lesion(patient, lesion_id=mole)
    assert dates(patient) == [(80, "state")], "what was said meanwhile counts for it too"


def test_mole_without_a_photo_has_no_date(patient, mole) -> None:
    assert reminders.list_due(patient) == ()


def test_date_follows_the_newest_photo_and_how_the_mole_stands(patient, mole, tiny) -> None:
    add(patient, mole, 100)
    assert dates(patient) == [(80, "state")]
    newest = add(patient, mole, 10, shift=9)
    assert dates(patient) == [(170, "state")]
    tiny.probability = 0.97
    worse = add(patient, mole, 1, shift=18)
    assert dates(patient) == [(13, "state")]
    photos.withdraw_photo(patient, upload_id=worse.id)
    assert dates(patient) == [(170, "state")]
    photos.withdraw_photo(patient, upload_id=newest.id)
    assert dates(patient) == [(80, "state")]


def test_call_that_leaves_doubt_makes_a_mole_that_stands_fine_due_sooner(patient, mole, tiny) -> None:
    tiny.confidence = core.Confidence.MEDIUM
    add(patient, mole, 10)
    assert dates(patient) == [(80, "state")]
    risk.answer(patient, version=0, answers={"family": "One"})
    assert dates(patient) == [(80, "state")], "two reasons do not add up"
    tiny.confidence = core.Confidence.HIGH
    add(patient, mole, 0, shift=9)
    assert dates(patient) == [(90, "state")], "the raised risk still counts"


def test_mole_that_was_overdue_is_due_at_its_usual_time_after_the_next_photo(patient, mole) -> None:
    add(patient, mole, 400)
    assert reminders.list_due(patient)[0].is_due
    add(patient, mole, 0, shift=9)
    assert dates(patient) == [(180, "state")]


@pytest.mark.parametrize("days_ago", [179, 180, 400])
def test_old_first_photo_was_due_half_a_year_after_it(patient, mole, days_ago: int) -> None:
    add(patient, mole, days_ago)
    assert dates(patient) == [(180 - days_ago, "state")]
    with reading() as session:
        reason = states.states(session, [mole])[mole].reason
    day = Preferences().date(today() + timedelta(days=180 - days_ago))
    assert reason == (f"Next photo on {day}" if days_ago < 180 else f"A new photo was due on {day}")


def test_patient_chooses_an_interval_and_goes_back_to_the_usual_one(patient, mole) -> None:
    add(patient, mole)
    assert reminders.set_interval(patient, lesion_id=mole, days=30) == today() + timedelta(days=30)
    assert dates(patient) == [(30, "patient")]
    reminders.set_interval(patient, lesion_id=mole, days=None)
    assert dates(patient) == [(180, "state")]
    with pytest.raises(ValidationError):
        reminders.set_interval(patient, lesion_id=mole, days=5)


def test_date_of_a_doctor_stays_until_there_is_a_photo_of_it(patient, mole, doctor) -> None:
    add(patient, mole, 20)
    doctor_says(mole, 10, doctor)
    reminders.set_interval(patient, lesion_id=mole, days=365)
    assert dates(patient) == [(10, "doctor")]
    add(patient, mole, 0, shift=9)
    assert dates(patient) == [(10, "doctor")], "ten days before is not the photo that was asked for"
    doctor_says(mole, 5, doctor)
    add(patient, mole, 0, shift=18)
    assert dates(patient) == [(365, "patient")]


def test_calendar_file_opens_in_another_reader(patient, mole) -> None:
    add(patient, mole)
    second = lesions.add_lesion(patient, name="Ünlike", body_site="nape").id
    add(patient, second, 10)
    lesions.add_lesion(patient, name="No photo", body_site="nape")
    events = vobject.readOne(reminders.calendar_file(patient).decode()).vevent_list
    assert {(event.summary.value, event.dtstart.value) for event in events} == {
        ("Photograph Nape; left, upper", today() + timedelta(days=180)), ("Photograph Ünlike", today() + timedelta(days=170)),
    }
    (event,) = vobject.readOne(reminders.calendar_file(patient, lesion_id=second).decode()).vevent_list
    assert event.summary.value == "Photograph Ünlike"
    assert event.valarm.trigger.value == timedelta(hours=9)
    before = event.uid.value
    reminders.set_interval(patient, lesion_id=second, days=30)
    (event,) = vobject.readOne(reminders.calendar_file(patient, lesion_id=second).decode()).vevent_list
    assert (event.uid.value, event.dtstart.value) == (before, today() + timedelta(days=20)), "a newer file moves the date"


def test_what_is_overdue_stands_in_the_calendar_today(patient, mole) -> None:
    add(patient, mole, 300)
    (event,) = vobject.readOne(reminders.calendar_file(patient).decode()).vevent_list
    assert (event.dtstart.value, event.dtend.value) == (today(), today() + timedelta(days=1))


def test_mole_in_the_bin_has_no_reminder(patient, mole) -> None:
    add(patient, mole)
    with transaction() as session:
        session.get_one(Lesion, mole).deleted_at = now()
    assert reminders.list_due(patient) == ()
    with pytest.raises(NotFound):
        reminders.calendar_file(patient, lesion_id=mole)


@pytest.fixture
def mails():
    def read() -> list[str]:
        with reading() as session:
            return list(session.scalars(select(OutgoingMail.body)))

    return read


def wants_emails(patient) -> None:
    with transaction() as session:
        session.execute(update(User).where(User.id == patient.id).values(reminder_emails=True))


def test_nobody_gets_an_email_unasked(patient, mole, mails) -> None:
    add(patient, mole, 400)
    assert (reminders.queue_emails(), mails()) == (0, [])


def test_one_email_tells_of_all_moles_that_became_due_without_naming_them(patient, mole, mails) -> None:
    wants_emails(patient)
    add(patient, mole, 400)
    add(patient, lesions.add_lesion(patient, name="Other", body_site="nape").id, 300)
    add(patient, lesions.add_lesion(patient, name="Fresh", body_site="nape").id, 3)
    assert [reminders.queue_emails(), reminders.queue_emails()] == [1, 0]
    (body,) = mails()
    assert body.startswith("2 moles are due for a photo.")
    assert "under My account you stop these e-mails" in body
    assert not [name for name in ("Nape", "Other", "Fresh") if name in body]


def test_next_date_is_told_again(patient, mole, mails) -> None:
    wants_emails(patient)
    add(patient, mole, 400)
    reminders.queue_emails()
    add(patient, mole, 200, shift=9)
    assert reminders.queue_emails() == 1
    assert len(mails()) == 2


def test_due_on_needs_a_visit() -> None:
    assert reminders.due_on(Lesion(recheck_days=None), None, "fine") is None
    assert reminders.due_on(Lesion(recheck_days=None), date(2024, 1, 1), "fine", sooner=True) == date(2024, 3, 31)
