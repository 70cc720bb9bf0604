from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from db.models import AuditEvent, MoleLink
from services import bin, lesions, mole_links, notes, photos, sharing
from services.errors import NotFound, ValidationError
from services.unit_of_work import reading
from tests.helpers import photo_bytes

ADDRESS = "203.0.113.7"


@pytest.fixture
def mole(patient, doctor, tiny):
    lesion = lesions.add_lesion(patient, name="Ann's nape", body_site="nape")
    visit = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1), note="Ann was here.")
    sharing.share_with(patient, doctor_email=doctor.email)
    notes.add_note(doctor, visit_id=visit.id, text="Dear Ann.")
    return lesion


def token_of(made: mole_links.MadeLink) -> str:
    return made.address.partition("token=")[2]


def make(patient, mole, days: int = 7) -> str:
    return token_of(mole_links.make_link(patient, lesion_id=mole.id, days=days))


def test_link_shows_the_mole_and_no_name(patient, mole) -> None:
    shown = mole_links.shared_mole(token=make(patient, mole))
    (visit,) = shown.visits
    assert (shown.body_site_label, visit.finding.malignant_probability) == ("Nape of the neck", 0.03)
    assert not any(word in repr(shown) for word in ("Ann", "Archer", "Dora", "Dear"))
    for size in ("large", "thumb", "overlay"):
        assert mole_links.shared_photo(token=make(patient, mole), upload_id=visit.photo.id, size=size)


def test_link_opens_nothing_else(patient, other_patient, mole, tiny) -> None:
    token = make(patient, mole)
    other = lesions.add_lesion(patient, name="Nose", body_site="nose")
    theirs = lesions.add_lesion(other_patient, name="Nose", body_site="nose")
    for person, lesion in ((patient, other), (other_patient, theirs)):
        visit = photos.add_photo(person, lesion_id=lesion.id, data=photo_bytes(radius=20), taken_on=date(2024, 5, 1))
        with pytest.raises(NotFound):
            mole_links.shared_photo(token=token, upload_id=visit.photo.id, size="large")
    own = lesions.timeline(patient, lesion_id=mole.id).visits[0].photo.id
    with pytest.raises(NotFound):
        mole_links.shared_photo(token=token, upload_id=own, size="full")


def test_link_ends_when_it_expires_is_revoked_or_the_mole_is_deleted(patient, mole, clock) -> None:
    upload_id = lesions.timeline(patient, lesion_id=mole.id).visits[0].photo.id

    def works(token: str) -> bool:
        try:
            mole_links.shared_photo(token=token, upload_id=upload_id, size="large")
            return bool(mole_links.shared_mole(token=token))
        except NotFound as error:
            assert str(error) == mole_links.DEAD
            return False

    day, week = make(patient, mole, 1), make(patient, mole, 7)
    assert works(day) and works(week)
    assert len(mole_links.list_links(patient)) == 2
    clock.move(hours=25)
    assert (works(day), works(week)) == (False, True)
    (left,) = mole_links.list_links(patient)
    bin.delete_lesion(patient, lesion_id=mole.id)
    assert not works(week)
    assert mole_links.list_links(patient) == ()
    bin.restore_lesion(patient, lesion_id=mole.id)
    assert works(week)
    mole_links.revoke_link(patient, link_id=left.id)
    mole_links.revoke_link(patient, link_id=left.id)
    assert not works(week)


@pytest.mark.parametrize("token", ["", "made-up", "x" * 5000])
def test_made_up_token_shows_nothing(mole, token: str) -> None:
    with pytest.raises(NotFound):
        mole_links.shared_mole(token=token)


def test_only_a_hash_of_the_token_is_stored_and_opening_is_written_down_once(patient, mole) -> None:
    token = make(patient, mole)
    assert mole_links.list_links(patient)[0].opened_at is None
    for _ in range(3):
        mole_links.shared_mole(token=token)
    assert mole_links.list_links(patient)[0].opened_at is not None
    with reading() as session:
        (link,) = session.scalars(select(MoleLink))
        assert token not in link.token_hash
        opened = select(func.count(AuditEvent.id)).where(AuditEvent.action == "open_link", AuditEvent.patient_id == patient.id)
        assert session.scalar(opened) == 1


def test_guessing_has_to_wait(patient, mole) -> None:
    for _ in range(40):
        with pytest.raises(NotFound):
            mole_links.shared_mole(token="guess", client_address=ADDRESS)
    assert mole_links.must_wait(client_address=ADDRESS)
    assert not mole_links.must_wait(client_address="203.0.113.8")


def test_link_lasts_as_long_as_may_be_chosen(patient, mole) -> None:
    with pytest.raises(ValidationError, match="1 day, 1 week, 30 days"):
        mole_links.make_link(patient, lesion_id=mole.id, days=365)


def test_photo_seen_through_a_link_is_in_the_trail_without_the_page(patient, mole) -> None:
    upload_id = lesions.timeline(patient, lesion_id=mole.id).visits[0].photo.id
    token = make(patient, mole)
    for size in ("thumb", "large", "overlay"):
        mole_links.shared_photo(token=token, upload_id=upload_id, size=size)
    with reading() as session:
        last = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
        count = session.scalar(select(func.count(AuditEvent.id)).where(AuditEvent.action == "view_photo", AuditEvent.actor_id.is_(None)))
    assert (last.action, last.actor_id, last.subject, last.patient_id, count) == (
        "view_photo", None, f"upload:{upload_id}", patient.id, 1,
    )  # fmt: skip
