from __future__ import annotations

import pytest
from sqlalchemy import update

from db.base import now
from db.models import Lesion
from services import lesions, notifications, sharing
from services.unit_of_work import transaction


def notify(person, kind: str, **more) -> None:
    with transaction() as session:
        notifications.notify(session, user_id=person.id, kind=kind, **more)


def test_notice_is_there_until_it_is_read(patient, other_patient, doctor) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    notify(patient, "note", lesion_id=lesion.id, about_id=doctor.id)
    notify(patient, "review", lesion_id=lesion.id, about_id=doctor.id)
    first, second = notifications.unread(patient)
    assert (first.kind, second.kind) == ("review", "note"), "the newest first"
    assert (first.lesion_name, first.about) == ("Nape", "Dora Dale")
    notifications.mark_read(other_patient, notice_id=first.id)
    assert len(notifications.unread(patient)) == 2, "nobody reads another's notices away"
    notifications.mark_read(patient, notice_id=first.id)
    assert notifications.unread(patient) == (second,)
    notifications.mark_read(patient)
    assert notifications.unread(patient) == ()


def test_the_same_thing_is_told_again_only_after_it_was_read(patient, doctor) -> None:
    notify(patient, "note", about_id=doctor.id)
    notify(patient, "note", about_id=doctor.id)
    assert len(notifications.unread(patient)) == 1
    notifications.mark_read(patient)
    notify(patient, "note", about_id=doctor.id)
    assert len(notifications.unread(patient)) == 1


def test_mole_in_the_bin_is_told_of_no_more(patient) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    notify(patient, "review", lesion_id=lesion.id)
    with transaction() as session:
        session.execute(update(Lesion).values(deleted_at=now()))
    assert notifications.unread(patient) == ()


def test_doctor_reads_no_name_of_a_mole_and_nothing_of_a_share_that_ended(patient, doctor) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    notify(doctor, "opinion_asked", lesion_id=lesion.id)
    grant = sharing.share_with(patient, doctor_email=doctor.email)
    assert [(notice.kind, notice.about, notice.lesion_name) for notice in notifications.unread(doctor)] == [
        ("share", "Ann Archer", ""), ("opinion_asked", "", ""),
    ]
    sharing.revoke(patient, grant_id=grant.id)
    assert [notice.kind for notice in notifications.unread(doctor)] == ["opinion_asked"]


def test_only_known_kinds_are_stored(patient) -> None:
    with pytest.raises(ValueError):
        notify(patient, "party")
