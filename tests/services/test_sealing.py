from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError

from db.base import Base
from db.engine import sqlite_file
from db.models import AuditEvent, User
from db.sealed import _Personal
from services import accounts, cache, lesions, notes, photos, sealing, sharing, start, two_factor, unit_of_work
from services.errors import LoginFailed, StorageFailed, ValidationError
from services.settings import settings
from services.unit_of_work import reading, transaction
from tests.helpers import PASSWORD, photo_bytes, sign_up_arguments

OLD, NEW = sealing.Fernet.generate_key().decode(), sealing.Fernet.generate_key().decode()
NOTE = "Looks calm to me since the last visit."


@pytest.fixture
def use_keys(moletrail, monkeypatch):
    """use_keys(*keys): go on as a server that was started with these."""

    def use(*keys: str) -> None:
        monkeypatch.setenv("MOLETRAIL_KEY", ",".join(keys))
        unit_of_work.reset()

    monkeypatch.delenv("MOLETRAIL_KEY", raising=False)
    unit_of_work.reset()
    return use


def person_with_everything(sign_up, doctor) -> int:
    """A patient with a photo, masks, a thumbnail in the cache and a note; returns the photo's id."""
    patient = sign_up(email="ann.sealed@example.org", first_name="Annabella", surname="Archerson")
    mole = lesions.add_lesion(patient, name="Freckle of Ann", body_site="nape")
    visit = photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(), taken_on=date(2024, 5, 1), note="It itched on Monday")
    sharing.share_with(patient, doctor_email=doctor.email)
    notes.add_note(doctor, visit_id=visit.id, text=NOTE)
    photos.photo_file(patient, upload_id=visit.photo.id, size="thumb")
    return visit.photo.id


SECRETS = (
    b"ann.sealed@example.org", b"Annabella", b"Archerson", b"Garden Road", b"62701", b"1980-05-17",
    b"Freckle of Ann", b"It itched on Monday", NOTE.encode(), b"\xff\xd8\xff", b"\x89PNG",
)


def everything_stored(data: Path) -> bytes:
    """All bytes in the data folder."""
    file = sqlite_file(settings().database_url)
    if file is not None:
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        with unit_of_work.engine().connect() as connection:
            rows = [
                connection.execute(text(f'SELECT * FROM "{table}"')).all() for table in ("user", "lesion", "visit", "note")
            ]
        (data / "rows").write_text(str(rows))
    return b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())


def see_everything(upload_id: int) -> tuple:
    patient = accounts.person_of(
        token=accounts.redeem_ticket(ticket=accounts.log_in(email="Ann.Sealed@example.org", password=PASSWORD))
    )
    visit = lesions.timeline(patient, lesion_id=lesions.list_lesions(patient)[0].id).visits[0]
    return (
        patient.full_name, patient.birth_date, visit.lesion_name, visit.note, [note.text for note in visit.notes],
        *(photos.photo_file(patient, upload_id=upload_id, size=size) for size in photos.SIZES),
        photos.overlay_file(patient, upload_id=upload_id),
    )


def test_without_a_key_the_data_folder_tells_everything(use_keys, sign_up, doctor, tiny, moletrail) -> None:
    """So that the tests after this one look for the right things."""
    person_with_everything(sign_up, doctor)
    stored = everything_stored(moletrail.data)
    assert [secret for secret in SECRETS if secret not in stored] == []


def test_with_a_key_nothing_personal_is_readable_on_the_disk(use_keys, sign_up, tiny, admin, moletrail) -> None:
    use_keys(NEW)
    photos.use_analyser(tiny)
    doctor = accounts.create_doctor(admin, first_name="Dora", surname="Dale", email="dora@example.org", password=PASSWORD)
    upload_id = person_with_everything(sign_up, doctor)
    stored = everything_stored(moletrail.data)
    assert [secret for secret in SECRETS if secret in stored] == []
    assert see_everything(upload_id)[:4] == ("Annabella Archerson", date(1980, 5, 17), "Freckle of Ann", "It itched on Monday")


def test_keys_are_set_and_rotated_while_everything_stays_readable(use_keys, sign_up, doctor, tiny, moletrail) -> None:
    upload_id = person_with_everything(sign_up, doctor)
    before = see_everything(upload_id)
    for keys in ((OLD,), (NEW, OLD)):
        use_keys(*keys)
        assert see_everything(upload_id) == before, "before sealing anew"
        done = sealing.seal_everything()
        assert done.texts >= 9 + 3 and done.files >= 3
        assert see_everything(upload_id) == before
        assert sealing.seal_everything() == sealing.Sealed(), "a second run finds nothing to do"
        use_keys(keys[0])
        assert see_everything(upload_id) == before, "with the newest key alone"
        stored = everything_stored(moletrail.data)
        assert [secret for secret in SECRETS[:-2] if secret in stored] == []
    use_keys(OLD)
    with pytest.raises(StorageFailed, match="MOLETRAIL_KEY"), reading() as session:
        session.scalars(select(User)).all()


def test_sealing_stopped_half_way_goes_on_where_it_was(use_keys, sign_up, doctor, tiny, monkeypatch) -> None:
    upload_id = person_with_everything(sign_up, doctor)
    before = see_everything(upload_id)
    use_keys(NEW)
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(sealing, "_seal_secrets", lambda transaction: (_ for _ in ()).throw(KeyboardInterrupt))
        sealing.seal_everything()
    assert see_everything(upload_id) == before
    done = sealing.seal_everything()
    assert done.texts == 0 and done.files > 0
    assert see_everything(upload_id) == before


def test_every_personal_column_is_sealed(use_keys, sign_up, doctor, tiny) -> None:
    """A column of the type that holds something and was missed would be named here."""
    person_with_everything(sign_up, doctor)
    use_keys(NEW)
    sealing.seal_everything()
    with reading() as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, _Personal):
                    kept = session.scalars(select(sealing._kept(column)).where(column.is_not(None))).all()
                    assert [value for value in kept if not value.startswith(sealing.SIGN)] == [], column


def test_authenticator_secrets_move_to_the_key_of_the_server(use_keys, sign_up) -> None:
    patient = sign_up()
    secret = two_factor.set_up(patient).secret
    use_keys(NEW)
    assert two_factor.set_up(patient).secret == secret, "sealed with the key of the data folder"
    assert sealing.seal_everything().secrets == 1
    (settings().data / sealing.KEY_FILE).unlink()
    assert two_factor.set_up(patient).secret == secret


def test_an_address_is_one_account_whichever_key_it_was_stored_with(use_keys, sign_up) -> None:
    patient = sign_up()
    for keys in ((OLD,), (NEW, OLD)):
        use_keys(*keys)
        with pytest.raises(ValidationError, match="already an account"):
            accounts.sign_up(**sign_up_arguments())
        assert accounts.log_in(email=patient.email, password=PASSWORD)
        with pytest.raises(LoginFailed):
            accounts.log_in(email="other@example.org", password=PASSWORD)


def test_two_accounts_with_one_address_are_refused_by_the_database(use_keys, sign_up) -> None:
    use_keys(NEW)
    patient = sign_up()
    with pytest.raises(IntegrityError), transaction() as session:
        session.add(User(email=patient.email, password_hash="x", role="patient", first_name="Other", surname="Person"))


def test_start_says_that_the_key_is_missing(use_keys, sign_up) -> None:
    use_keys(NEW)
    sign_up()
    start.prepare()
    for keys in ((), (OLD,)):
        use_keys(*keys)
        with pytest.raises(StorageFailed, match="Set MOLETRAIL_KEY to that key; nothing was changed"):
            start.prepare()
    use_keys(NEW)
    start.prepare()


def test_start_says_that_something_is_not_sealed_yet(use_keys, sign_up, caplog) -> None:
    sign_up()
    use_keys(NEW)
    start.prepare()
    assert "python -m services.sealing" in caplog.text
    sealing.seal_everything()
    caplog.clear()
    start.prepare()
    assert "services.sealing" not in caplog.text


def test_text_that_looks_sealed_is_refused(use_keys, sign_up) -> None:
    with pytest.raises(StatementError, match="look sealed"), transaction() as session:
        session.add(User(email=f"{sealing.SIGN}x", password_hash="x", role="patient", first_name="A", surname="B"))
        session.flush()


def test_personal_columns_cannot_be_searched_in_the_database(moletrail) -> None:
    for wrong in (lambda: User.email == "x", lambda: User.surname.icontains("x"), lambda: User.surname.desc()):
        with pytest.raises(TypeError, match="in Python"):
            wrong()


def test_damaged_sealed_photo_is_told(use_keys, sign_up, doctor, tiny, moletrail) -> None:
    use_keys(NEW)
    photos.use_analyser(tiny)
    patient = sign_up()
    mole = lesions.add_lesion(patient, name="Nape", body_site="nape")
    visit = photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    path = next(moletrail.files.glob("*/*.jpg"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StorageFailed, match="tell whoever runs this site"):
        photos.photo_file(patient, upload_id=visit.photo.id, size="full")
    photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    assert photos.photo_file(patient, upload_id=visit.photo.id, size="full"), "the same photo sent again mends it"


def test_pictures_that_no_key_opens_are_made_again(use_keys) -> None:
    use_keys(OLD)
    assert cache.cached("abcdef.jpg", lambda: b"first") == b"first"
    assert cache.cached("abcdef.jpg", lambda: b"second") == b"first"
    use_keys(NEW)
    assert cache.cached("abcdef.jpg", lambda: b"second") == b"second"


def test_command_says_what_it_did_and_that_there_is_no_key(use_keys, sign_up, capsys) -> None:
    sign_up()
    assert sealing.main([]) == 1
    assert "set MOLETRAIL_KEY first" in capsys.readouterr().err
    use_keys(NEW)
    assert sealing.main([]) == 0
    assert "texts" in capsys.readouterr().out
    with reading() as session:
        assert session.scalar(select(AuditEvent.action).order_by(AuditEvent.id.desc()).limit(1)) == "seal"
