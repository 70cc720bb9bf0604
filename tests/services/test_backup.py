from __future__ import annotations

import json
import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from db.models import AuditEvent
from services import accounts, anchor, audit, backup, lesions, photos, restore, start, unit_of_work
from services.errors import StorageFailed
from services.unit_of_work import reading
from tests.helpers import PASSWORD, TinyAnalyser, photo_bytes

pytestmark = pytest.mark.usefixtures("sqlite_only")


@pytest.fixture
def site(moletrail, patient, tiny):
    """One patient with a mole and three photos."""
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    for number in range(3):
        add_photo(patient, lesion.id, number)
    return patient, lesion.id


def add_photo(patient, lesion_id: int, number: int) -> None:
    day = date(2024, 5, 1) + timedelta(days=number)
    photos.add_photo(patient, lesion_id=lesion_id, data=photo_bytes(radius=12 + number % 40, size=(160 + number, 120)), taken_on=day)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """move() -> from here on Moletrail runs on another, empty data folder."""

    def move():
        monkeypatch.setenv("MOLETRAIL_DATA", str(tmp_path / "elsewhere"))
        unit_of_work.reset()
        photos.use_analyser(TinyAnalyser())
        return tmp_path / "elsewhere"

    yield move
    unit_of_work.reset()


def outcomes(action: str) -> list[str]:
    with reading() as session:
        return list(session.scalars(select(AuditEvent.outcome).where(AuditEvent.action == action)))


def test_backup_restores_to_the_very_same(site, tmp_path, elsewhere, capsys) -> None:
    patient, lesion_id = site
    before = lesions.timeline(patient, lesion_id=lesion_id)
    pixels = photos.photo_file(patient, upload_id=1, size="full")
    assert backup.last_made() is None
    assert backup.main([str(tmp_path / "backup")]) == 0
    assert "10 photos and masks" in capsys.readouterr().out
    assert outcomes("back_up") == ["ok"]
    assert backup.last_made()

    data = elsewhere()
    assert restore.main([str(tmp_path / "backup")]) == 0
    assert "The audit trail holds" in capsys.readouterr().out
    assert data.stat().st_mode & 0o777 == 0o700
    start.prepare()
    assert lesions.timeline(patient, lesion_id=lesion_id) == before
    assert photos.photo_file(patient, upload_id=1, size="full") == pixels
    assert accounts.log_in(email=patient.email, password=PASSWORD)
    assert outcomes("restore") == ["ok"]
    with reading() as session:
        assert audit.state(session, anchored=anchor.read()).holds


def test_backup_while_photos_are_added_agrees_with_itself(site, tmp_path) -> None:
    patient, lesion_id = site
    stop = threading.Event()

    def add_on() -> None:
        number = 10
        while not stop.is_set():
            add_photo(patient, lesion_id, number)
            number += 1

    thread = threading.Thread(target=add_on)
    thread.start()
    try:
        made = [backup.make(tmp_path / f"backup-{number}") for number in range(4)]
    finally:
        stop.set()
        thread.join()
    assert all(one.trail.holds for one in made)
    assert [one.trail.entries for one in made] == sorted(one.trail.entries for one in made)


def test_backup_is_not_written_over_anything(site, tmp_path, capsys) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "mine").touch()
    assert backup.main([str(tmp_path / "backup")]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "backup").iterdir()] == ["mine"]


def test_restoring_changes_nothing_where_there_is_something(site, tmp_path, moletrail, capsys) -> None:
    backup.make(tmp_path / "backup")
    before = {path: path.read_bytes() for path in moletrail.data.rglob("*") if path.is_file()}
    assert restore.main([str(tmp_path / "backup")]) == 1
    assert "Nothing was changed" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in moletrail.data.rglob("*") if path.is_file()} == before


def test_restoring_does_not_bury_photos_without_a_database(site, tmp_path, moletrail, capsys) -> None:
    backup.make(tmp_path / "backup")
    unit_of_work.engine().dispose()
    (moletrail.data / "moletrail.db").unlink()
    assert restore.main([str(tmp_path / "backup")]) == 1
    assert "There is data in" in capsys.readouterr().err


def damaged_photo(folder) -> None:
    path = next(folder.glob("files/*/*.jpg"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def missing_mask(folder) -> None:
    next(folder.glob("files/*/*.png")).unlink()


def damaged_database(folder) -> None:
    with (folder / "moletrail.db").open("r+b") as file:
        file.seek(5000)
        file.write(b"x")


def no_manifest(folder) -> None:
    (folder / "manifest.json").unlink()


def unreadable_manifest(folder) -> None:
    (folder / "manifest.json").write_text("{")


def manifest_without_a_photo(folder) -> None:
    """As if the copying had been interrupted and the manifest made to fit."""
    manifest = json.loads((folder / "manifest.json").read_text())
    name = next(name for name in manifest["files"] if name.endswith(".jpg"))
    del manifest["files"][name]
    (folder / name).unlink()
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (damaged_photo, "is not what was backed up"),
        (missing_mask, "is missing"),
        (damaged_database, "moletrail.db is not what was backed up"),
        (no_manifest, "holds no finished backup"),
        (unreadable_manifest, "cannot be read"),
        (manifest_without_a_photo, "refers to 1 files that it does not hold"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_backup_that_is_not_whole_is_told_and_not_restored(site, tmp_path, elsewhere, capsys, harm, sentence) -> None:
    backup.make(tmp_path / "backup")
    assert backup.main(["--verify", str(tmp_path / "backup")]) == 0
    harm(tmp_path / "backup")
    assert backup.main(["--verify", str(tmp_path / "backup")]) == 1
    assert sentence in capsys.readouterr().err
    data = elsewhere()
    assert restore.main([str(tmp_path / "backup")]) == 1
    assert not data.exists()


def test_backup_of_a_site_whose_photo_is_missing_fails_and_says_so(site, tmp_path, moletrail, capsys) -> None:
    next(moletrail.files.glob("*/*.jpg")).unlink()
    assert backup.main([str(tmp_path / "backup")]) == 1
    assert "could not be made: No such file" in capsys.readouterr().err
    assert not (tmp_path / "backup" / "manifest.json").exists()
    assert outcomes("back_up") == ["failed"]
    assert backup.last_made() is None


def test_database_that_is_missing_is_told(site, tmp_path, moletrail, capsys) -> None:
    unit_of_work.engine().dispose()
    (moletrail.data / "moletrail.db").unlink()
    assert backup.main([str(tmp_path / "backup")]) == 1
    assert "unable to open database file" in capsys.readouterr().err
    assert not (moletrail.data / "moletrail.db").exists()


def test_trail_that_was_cut_is_backed_up_and_the_loss_stays_known(site, tmp_path, elsewhere, capsys) -> None:
    with unit_of_work.engine().begin() as connection:
        connection.execute(text("DROP TRIGGER audit_event_no_delete"))
        connection.execute(text("DELETE FROM audit_event WHERE id = (SELECT max(id) FROM audit_event)"))
    assert backup.main([str(tmp_path / "backup")]) == 1
    assert "The audit trail is cut" in capsys.readouterr().out
    elsewhere()
    restore.main([str(tmp_path / "backup")])
    assert audit.main(["verify"]) == 1


def test_disk_without_room_for_a_backup_is_told(site, tmp_path, monkeypatch, capsys) -> None:
    def fail(*_arguments) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup.storage, "write", fail)
    assert backup.main([str(tmp_path / "backup")]) == 1
    assert "No space left on device" in capsys.readouterr().err


def test_backup_of_another_database_names_its_tool(site, monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setattr(backup, "sqlite_file", lambda url: None)
    monkeypatch.setattr(restore, "sqlite_file", lambda url: None)
    assert backup.main([str(tmp_path / "backup")]) == 1
    assert "pg_dump" in capsys.readouterr().err
    assert restore.main([str(tmp_path / "backup")]) == 1
    assert "pg_restore" in capsys.readouterr().err
    with pytest.raises(StorageFailed):
        backup.make(tmp_path / "backup")
