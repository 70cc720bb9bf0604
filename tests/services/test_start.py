from __future__ import annotations

import re
import sqlite3
from datetime import date

import pytest
from sqlalchemy import select

import core
from db import migrate
from db.models import AuditEvent
from services import accounts, demo, lesions, notes, photos, sharing, start, storage, unit_of_work
from services.errors import StorageFailed
from services.unit_of_work import reading
from tests.helpers import TinyAnalyser, damage_a_page, photo_bytes, signed_up


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A data folder that does not exist yet."""
    monkeypatch.setenv("MOLETRAIL_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    unit_of_work.reset()
    photos.use_analyser(TinyAnalyser())
    yield tmp_path / "data"
    unit_of_work.reset()
    photos.use_analyser(None)


@pytest.fixture
def small_demo(monkeypatch) -> None:
    """The demo with drawn discs for photos: the same steps in a tenth of the time."""
    monkeypatch.setattr(demo.DemoMole, "photo", lambda self, visit, taken_on: photo_bytes(radius=20 + visit))


def asked(monkeypatch, answer: str | None) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: answer is not None, raising=False)
    monkeypatch.setattr("builtins.input", lambda _question: answer if answer is not None else pytest.fail("asked"))


def test_start_makes_folder_and_database_and_says_how_to_get_an_admin(empty, caplog) -> None:
    start.prepare()
    assert migrate.current(f"sqlite:///{empty}/moletrail.db") == migrate.newest()
    assert "make admin" in caplog.text
    assert empty.stat().st_mode & 0o777 == 0o700, "other users of the machine have no business there"


@pytest.mark.parametrize("answer", [None, "n"])
def test_asking_before_the_server_starts_leaves_the_preparing_to_it(empty, monkeypatch, answer) -> None:
    asked(monkeypatch, answer)
    monkeypatch.setattr(start, "prepare", lambda: pytest.fail("prepared twice"))
    assert start.main() == 0


def test_start_asks_nothing_where_people_are(empty, monkeypatch) -> None:
    start.prepare()
    signed_up()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _question: pytest.fail("asked"))
    assert start.main() == 0


def test_start_offers_the_demo_once(empty, monkeypatch) -> None:
    asked(monkeypatch, "n")
    assert start.main() == 0
    start.prepare()
    monkeypatch.setattr("builtins.input", lambda _question: pytest.fail("asked twice"))
    assert start.main() == 0
    assert not accounts.admin_exists()


def test_start_fills_the_demo_when_wanted(empty, small_demo, monkeypatch, capsys) -> None:
    asked(monkeypatch, "y")
    assert start.main() == 0
    told = capsys.readouterr().out
    assert "helena@demo.example" in told
    assert accounts.admin_exists()


def test_start_says_what_is_wrong_with_a_setting(empty, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MOLETRAIL_SESSION_HOURS", "forever")
    unit_of_work.reset()
    assert start.main() == 1
    assert "MOLETRAIL_SESSION_HOURS must be a number" in capsys.readouterr().err


def test_start_says_that_the_folder_cannot_be_made(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MOLETRAIL_DATA", str(tmp_path / "file" / "data"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    unit_of_work.reset()
    with pytest.raises(StorageFailed, match="cannot be written"):
        start.prepare()
    unit_of_work.reset()


def test_start_says_that_the_folder_of_the_database_cannot_be_made(empty, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/file/moletrail.db")
    unit_of_work.reset()
    with pytest.raises(StorageFailed, match="cannot be written"):
        start.prepare()


def test_demo_photos_are_as_a_camera_writes_them() -> None:
    mole = demo.PATIENTS[0].moles[0]
    photo = core.read_photo(mole.photo(1, date(2024, 3, 5)))
    assert ((photo.width, photo.height), photo.format, photo.taken_on) == (demo.PHOTO_SIZE, "JPEG", date(2024, 3, 5))


def test_start_does_not_bury_photos_under_a_new_database(empty, small_demo, monkeypatch) -> None:
    assert demo.main([]) == 0
    unit_of_work.reset()
    (empty / "moletrail.db").rename(empty / "moved.db")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _question: pytest.fail("asked to fill what is lost"))
    assert start.main() == 0
    with pytest.raises(StorageFailed, match="There are photos in"):
        start.prepare()
    assert not (empty / "moletrail.db").exists()
    (empty / "moved.db").rename(empty / "moletrail.db")
    start.prepare()


def entries(action: str) -> list[AuditEvent]:
    with reading() as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.action == action)))


def test_settings_that_changed_since_the_last_start_leave_an_entry_without_their_values(empty, monkeypatch) -> None:
    changes = (
        ("MOLETRAIL_SESSION_IDLE_HOURS", "12", 1), ("MOLETRAIL_SESSION_IDLE_HOURS", "12", 1), ("MOLETRAIL_SESSION_IDLE_HOURS", "6", 2),
        ("MOLETRAIL_SESSION_IDLE_HOURS", "12", 3), ("MOLETRAIL_REQUIRE_TOTP", "staff", 4), ("MOLETRAIL_SECURE_COOKIE", "yes", 5),
        ("MOLETRAIL_SMTP", "smtp://u:secret@mail.example.org", 6), ("MOLETRAIL_SMTP", "smtp://u:other@mail.example.org", 6),
    )
    for name, value, count in changes:
        monkeypatch.setenv(name, value)
        unit_of_work.reset()
        start.prepare()
        assert len(entries("change_settings")) == count, (name, value)
    assert all(re.fullmatch("settings:[0-9a-f]{12}", entry.subject) for entry in entries("change_settings"))


def test_older_database_costs_no_photo(empty, caplog) -> None:
    """Its rows are fewer: what they do not refer to may be all that is left of the newest."""
    start.prepare()
    patient = signed_up()
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    unit_of_work.reset()
    with sqlite3.connect(empty / "moletrail.db") as connection:
        connection.execute("VACUUM INTO ?", [str(empty / "older.db")])
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=20), taken_on=date(2024, 6, 1))
    unit_of_work.reset()
    storage.release()
    before = {path.name for path in empty.glob("files/*/*")}
    for log in empty.glob("moletrail.db-*"):
        log.unlink()
    (empty / "older.db").replace(empty / "moletrail.db")
    start.prepare()
    assert {path.name for path in empty.glob("files/*/*")} == before
    assert "nothing was swept" in caplog.text


def test_start_goes_on_where_nothing_can_be_removed(empty, monkeypatch, caplog) -> None:
    def fail() -> None:
        raise OSError(30, "Read-only file system")

    start.prepare()
    monkeypatch.setattr(storage, "sweep", fail)
    start.prepare()
    assert "could not be removed: Read-only file system" in caplog.text


def test_start_says_that_the_database_is_damaged(empty) -> None:
    start.prepare()
    unit_of_work.reset()
    damage_a_page(empty / "moletrail.db")
    with pytest.raises(StorageFailed, match="is damaged"):
        start.prepare()


def password_in(told: str) -> str:
    return next(line.split()[2] for line in told.splitlines() if "lena@demo.example" in line.split())


def test_demo_has_patients_a_doctor_and_an_admin_who_can_log_in(empty, small_demo, capsys) -> None:
    assert demo.main([]) == 0
    password = password_in(capsys.readouterr().out)

    def logged_in(email: str):
        return accounts.person_of(token=accounts.redeem_ticket(ticket=accounts.log_in(email=email, password=password)))

    for described in demo.PATIENTS:
        patient = logged_in(described.email)
        found = {lesion.name: lesion for lesion in lesions.list_lesions(patient)}
        assert {mole.name: len(mole.days_ago) for mole in described.moles} == {name: one.visit_count for name, one in found.items()}
        assert all(one.last_finding for one in found.values())
        assert 2 <= len(found) <= 4
    doctor = logged_in(demo.DOCTOR[2])
    shared = sharing.list_patients(doctor).items
    assert len(shared) == 3
    assert logged_in(demo.ADMIN[2]).role == "admin"
    written = [
        note.text
        for summary in shared
        for lesion in lesions.list_lesions(doctor, patient_id=summary.person.id)
        for visit in lesions.timeline(doctor, lesion_id=lesion.id).visits
        for note in visit.notes
    ]
    assert written == [demo.NOTE]


def test_demo_again_adds_nothing_and_prints_the_same_log_ins(empty, small_demo, capsys, monkeypatch) -> None:
    assert demo.main([]) == 0
    first = capsys.readouterr().out.split("role", 1)[1]
    for module, name in ((photos, "add_photo"), (lesions, "add_lesion"), (accounts, "sign_up"), (notes, "add_note")):
        monkeypatch.setattr(module, name, lambda *_, name=name, **__: pytest.fail(f"{name} again"))
    assert demo.main([]) == 0
    assert capsys.readouterr().out.split("role", 1)[1] == first


def test_demo_leaves_real_people_alone(moletrail, patient, capsys) -> None:
    assert demo.main([]) == 1
    assert "There are other people in this database" in capsys.readouterr().err
    assert not accounts.admin_exists()
