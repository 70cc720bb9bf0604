from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update

from db.base import now
from db.models import Diagnosis, Lesion, Upload, Visit
from services import bin, lesions, notes, photos, records, sharing, storage
from services.errors import NotFound
from services.settings import settings
from services.unit_of_work import WITH_BIN, reading, transaction
from tests.helpers import photo_bytes


@pytest.fixture
def mole(patient, doctor, tiny):
    """Shared with the doctor; two visits, a note on the first."""
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    for month in (1, 2):
        visit = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=20 + month), taken_on=date(2024, month, 1))
        photos.photo_file(patient, upload_id=visit.photo.id, size="thumb")
    sharing.share_with(patient, doctor_email=doctor.email)
    notes.add_note(doctor, visit_id=lesions.timeline(patient, lesion_id=lesion.id).visits[0].id, text="Fine.")
    return lesion


def withdraw(upload_id: int) -> None:
    with transaction() as session:
        session.execute(update(Upload).where(Upload.id == upload_id).values(deleted_at=now()))


def age_the_bin(days: int) -> None:
    with transaction() as session:
        for kind in (Lesion, Upload):
            session.execute(update(kind).where(kind.deleted_at.is_not(None)).values(deleted_at=now() - timedelta(days=days)))


def count(*kinds) -> list[int]:
    with reading() as session:
        return [session.scalar(select(func.count(kind.id)).execution_options(**WITH_BIN)) for kind in kinds]


def files(folder=None) -> list[str]:
    return sorted(path.name for path in (folder or settings().files).rglob("*") if path.is_file())


def test_mole_in_the_bin_is_seen_nowhere_by_nobody(patient, doctor, admin, mole) -> None:
    (first, second) = lesions.timeline(patient, lesion_id=mole.id).visits
    bin.delete_lesion(patient, lesion_id=mole.id)
    for person in (patient, doctor):
        assert lesions.list_lesions(person, patient_id=patient.id) == ()
        for read in (
            lambda person=person: lesions.timeline(person, lesion_id=mole.id),
            lambda person=person: lesions.visit(person, visit_id=first.id),
            lambda person=person: photos.photo_file(person, upload_id=first.photo.id, size="full"),
            lambda person=person: photos.photo_file(person, upload_id=second.photo.id, size="thumb"),
            lambda person=person: photos.overlay_file(person, upload_id=first.photo.id),
        ):
            with pytest.raises(NotFound):
                read()
    with pytest.raises(NotFound):
        notes.add_note(doctor, visit_id=first.id, text="Late.")
    with pytest.raises(NotFound):
        photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(), taken_on=date(2024, 3, 1))
    (listed,) = sharing.list_patients(doctor).items
    assert (listed.lesion_count, listed.photo_count, listed.highest_probability) == (0, 0, None)
    page = records.list_records(admin)
    assert (page.items, page.total) == ((), 0)
    assert b"".join(records.export_csv(admin)).count(b"\n") == 1


def test_mole_comes_back_as_it_was(patient, mole) -> None:
    before = lesions.timeline(patient, lesion_id=mole.id)
    bin.delete_lesion(patient, lesion_id=mole.id)
    (binned,) = bin.list_bin(patient).moles
    assert (binned.name, binned.photo_count) == ("Nape", 2)
    assert binned.erased_on == (now() + timedelta(days=30)).astimezone().date()
    bin.restore_lesion(patient, lesion_id=mole.id)
    assert lesions.timeline(patient, lesion_id=mole.id) == before
    assert bin.list_bin(patient) == bin.Bin((), ())
    with pytest.raises(NotFound):
        bin.restore_lesion(patient, lesion_id=mole.id)


def test_name_taken_meanwhile_gets_a_number(patient, mole) -> None:
    bin.delete_lesion(patient, lesion_id=mole.id)
    lesions.add_lesion(patient, name="nape", body_site="nape")
    bin.restore_lesion(patient, lesion_id=mole.id)
    assert lesions.timeline(patient, lesion_id=mole.id).lesion.name == "Nape (2)"


def test_withdrawn_photo_is_gone_and_comes_back(patient, doctor, mole) -> None:
    first, second = lesions.timeline(patient, lesion_id=mole.id).visits
    withdraw(second.photo.id)
    for person in (patient, doctor):
        shown = lesions.timeline(person, lesion_id=mole.id)
        assert shown.visits == (first,), "a visit without a photo or a note is none"
        assert (shown.lesion.visit_count, shown.lesion.last_visited_on) == (1, date(2024, 1, 1))
        with pytest.raises(NotFound):
            photos.photo_file(person, upload_id=second.photo.id, size="large")
    withdraw(first.photo.id)
    assert lesions.timeline(patient, lesion_id=mole.id).visits == (replace(first, photos=()),), "what the doctor wrote stays"
    assert [photo.id for photo in bin.list_bin(patient).photos] == [first.photo.id, second.photo.id]
    bin.restore_photo(patient, upload_id=first.photo.id)
    bin.restore_photo(patient, upload_id=second.photo.id)
    assert lesions.timeline(patient, lesion_id=mole.id).visits == (first, second)


def test_same_photo_added_again_comes_out_of_the_bin(patient, mole) -> None:
    second = lesions.timeline(patient, lesion_id=mole.id).visits[1]
    photos.withdraw_photo(patient, upload_id=second.photo.id)
    assert photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(radius=22), taken_on=date(2024, 2, 1)) == second
    assert bin.list_bin(patient).photos == ()
    assert count(Upload) == [2]


def test_bin_is_erased_after_30_days_with_its_files(patient, mole) -> None:
    first, second = lesions.timeline(patient, lesion_id=mole.id).visits
    withdraw(second.photo.id)
    age_the_bin(29)
    bin.purge()
    assert count(Lesion, Visit, Upload, Diagnosis) == [1, 2, 2, 2]
    age_the_bin(31)
    assert bin.list_bin(patient).photos == ()
    before = len(files())
    bin.purge()
    assert count(Lesion, Visit, Upload, Diagnosis) == [1, 1, 1, 1]
    assert len(files()) == before - 3, "a photo and two masks"
    assert photos.photo_file(patient, upload_id=first.photo.id, size="full")
    bin.delete_lesion(patient, lesion_id=mole.id)
    age_the_bin(31)
    bin.purge()
    assert count(Lesion, Visit, Upload, Diagnosis) == [0, 0, 0, 0]
    assert files() == []
    assert files(settings().cache) == [], "nor any picture made from them"


def test_what_is_in_the_bin_keeps_its_files_until_then(patient, mole) -> None:
    before = files()
    bin.delete_lesion(patient, lesion_id=mole.id)
    storage.release()
    assert storage.sweep() == 0
    assert files() == before


def test_bin_is_emptied_at_once_where_that_is_asked(patient, other_patient, mole) -> None:
    first, second = lesions.timeline(patient, lesion_id=mole.id).visits
    with pytest.raises(NotFound):
        bin.erase_lesion(patient, lesion_id=mole.id)  # only what is in the bin
    with pytest.raises(NotFound):
        bin.erase_photo(patient, upload_id=first.photo.id)
    withdraw(second.photo.id)
    with pytest.raises(NotFound):
        bin.erase_photo(other_patient, upload_id=second.photo.id)
    bin.erase_photo(patient, upload_id=second.photo.id)
    assert count(Upload, Visit) == [1, 1]
    bin.delete_lesion(patient, lesion_id=mole.id)
    bin.erase_lesion(patient, lesion_id=mole.id)
    assert (count(Lesion, Visit, Upload, Diagnosis), files()) == ([0, 0, 0, 0], [])
