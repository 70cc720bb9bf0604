"""Next dates as calendar files: who gets them, and what an independent reader finds in them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import vobject

from services import lesions, photos, reminders, sharing
from services.fields import today
from tests.helpers import photo_bytes


@pytest.fixture
def moles(patient, tiny) -> list[int]:
    """Two with a photo, and one without."""
    found = [lesions.add_lesion(patient, name=name, body_site="nape").id for name in ("Nape", "Ear; left, upper", "Fresh")]
    for days, mole in enumerate(found[:2]):
        photos.add_photo(patient, lesion_id=mole, data=photo_bytes(), taken_on=date(2026, 1, 1) + timedelta(days=days))
    return found


def events(answer) -> dict[str, date]:
    """Summary -> day."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    read = vobject.readOne(answer.text)
    return {event.summary.value: event.dtstart.value for event in read.contents.get("vevent", ())}


def test_all_dates_and_that_of_one_mole(browser_of, patient, moles) -> None:
    # What is overdue stands on today: nobody looks for it in the past.
    due = {f"Photograph {one.name}": max(one.due_on, today()) for one in reminders.list_due(patient)}
    browser = browser_of(patient)
    everything = browser.get("/reminders.ics")
    assert events(everything) == due
    assert everything.headers["content-disposition"] == 'attachment; filename="moletrail.ics"'
    one = browser.get(f"/moles/{moles[1]}/reminder.ics")
    assert events(one) == {"Photograph Ear; left, upper": due["Photograph Ear; left, upper"]}
    assert one.headers["content-disposition"] == f'attachment; filename="moletrail-mole-{moles[1]}.ics"'
    assert browser.get(f"/moles/{moles[2]}/reminder.ics").status_code == 200, "a mole without a date gives a file without one"


def test_dates_are_the_owners_alone(new_browser, browser_of, patient, other_patient, doctor, admin, moles) -> None:
    sharing.share_with(patient, doctor_email=doctor.email)
    address = f"/moles/{moles[0]}/reminder.ics"
    for person in (other_patient, doctor, admin):
        assert browser_of(person).get(address).status_code == 404
    assert events(browser_of(other_patient).get("/reminders.ics")) == {}
    assert new_browser().get(address).status_code == 401
    for wrong in ("x", "0", "99999999999999999999"):
        assert browser_of(patient).get(f"/moles/{wrong}/reminder.ics").status_code == 404
