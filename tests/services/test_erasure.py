from __future__ import annotations

from datetime import date, timedelta

import pyotp
import pytest
from sqlalchemy import func, select

from db.base import Base, now
from db.models import Lesion, MoleLink, Notification, RiskAnswers, User
from services import accounts, audit, bin, email_links, erasure, lesions, notes, outbox, photos, reviews, sharing, two_factor
from services.errors import LoginFailed, ValidationError
from services.settings import settings
from services.unit_of_work import WITH_BIN, reading, transaction
from tests.helpers import PASSWORD, photo_bytes


@pytest.fixture
def full_life(patient, doctor, tiny, token_of):
    """A patient who used everything there is; returns the id of a mole."""
    token_of(patient)
    for name in ("Nape", "Nose"):
        lesion = lesions.add_lesion(patient, name=name, body_site="nape")
        visit = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=len(name) * 5), taken_on=date(2024, 5, 1))
        for size in ("thumb", "large"):
            photos.photo_file(patient, upload_id=visit.photo.id, size=size)
    sharing.share_with(patient, doctor_email=doctor.email)
    notes.add_note(doctor, visit_id=visit.id, text="Come back in May.")
    reviews.record_review(doctor, diagnosis_id=visit.finding.id, verdict="agree", follow_up_on=now().date() + timedelta(days=90))
    email_links.ask_verification(email=patient.email)
    with transaction() as session:
        session.add(MoleLink(lesion_id=lesion.id, token_hash="x", expires_at=now()))
        session.add(RiskAnswers(user_id=patient.id, version=1, answers="{}"))
        session.add(Notification(user_id=doctor.id, kind="share", about_id=patient.id))
        outbox.queue(session, user_id=patient.id, subject="Hello", body="Text")
    bin.delete_lesion(patient, lesion_id=lesion.id)
    return lesion.id


def rows_of(user_id: int) -> dict[str, int]:
    """Rows of every table that refer to this account, and of all tables below a mole."""
    counted = {}
    with reading() as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if any(key.column.table.name == "user" for key in column.foreign_keys):
                    found = session.scalar(select(func.count()).select_from(table).where(column == user_id))
                    counted[f"{table.name}.{column.name}"] = found
        for name in ("lesion", "visit", "upload", "diagnosis", "review", "note", "reminder", "mole_link"):
            counted[name] = session.scalar(select(func.count()).select_from(Base.metadata.tables[name]))
    return counted


def test_nothing_of_a_patient_is_left(patient, full_life, moletrail) -> None:
    before = rows_of(patient.id)
    assert sum(1 for found in before.values() if found) >= 12, before
    erasure.erase_account(patient, password=PASSWORD)
    assert {name: found for name, found in rows_of(patient.id).items() if found} == {}
    assert [path for folder in (settings().files, settings().cache) for path in folder.rglob("*") if path.is_file()] == []
    with reading() as session:
        user = session.get_one(User, patient.id)
        kept = " ".join(str(getattr(user, name)) for name in User.personal_columns).lower()
        assert not any(word in kept for word in ("ann", "archer", "example.org", "garden", "springfield", "illinois", "62701", "1980"))
        assert (user.account_state, user.totp_secret) == ("disabled", None)
        assert user.erased_at is not None
        assert audit.verify(session) is None


def test_erased_person_is_out_everywhere_and_may_sign_up_again(patient, full_life, token_of, sign_up) -> None:
    token = token_of(patient)
    erasure.erase_account(patient, password=PASSWORD)
    assert accounts.person_of(token=token) is None
    with pytest.raises(LoginFailed, match=r"wrong"):
        accounts.log_in(email=patient.email, password=PASSWORD)
    again = sign_up()
    assert again.id != patient.id
    assert lesions.list_lesions(again) == ()


def test_nothing_of_others_goes_with_it(patient, other_patient, full_life, tiny) -> None:
    """Not even where both have the very same photo."""
    theirs = lesions.add_lesion(other_patient, name="Nape", body_site="nape")
    visit = photos.add_photo(other_patient, lesion_id=theirs.id, data=photo_bytes(radius=20), taken_on=date(2024, 5, 1))
    erasure.erase_account(patient, password=PASSWORD)
    assert photos.photo_file(other_patient, upload_id=visit.photo.id, size="full")
    assert photos.overlay_file(other_patient, upload_id=visit.photo.id)


def test_what_a_doctor_signed_stays_under_a_number(patient, doctor, admin, full_life) -> None:
    with transaction() as session:
        session.get(Lesion, full_life, execution_options=WITH_BIN).deleted_at = None
    erasure.erase_account(doctor, password=PASSWORD)
    (visit,) = lesions.timeline(patient, lesion_id=full_life).visits
    assert [(note.author, note.text) for note in visit.notes] == [(f"Doctor no. {doctor.id}", "Come back in May.")]
    assert [review.author for review in reviews.said_to_patient(patient, visit_id=visit.id)] == [f"Doctor no. {doctor.id}"]
    assert sharing.list_grants(patient) == ()
    signed = {name for name, found in rows_of(doctor.id).items() if found and "." in name}
    assert signed == {"note.author_id", "review.author_id", "reminder.set_by_id"}


@pytest.mark.parametrize("typed", ["", "a guess"])
def test_password_is_asked(patient, full_life, typed: str) -> None:
    with pytest.raises(ValidationError) as caught:
        erasure.erase_account(patient, password=typed)
    assert list(caught.value.fields) == ["password"]
    assert len(lesions.list_lesions(patient)) == 1


def test_second_step_is_asked_where_it_is_switched_on(patient, token_of) -> None:
    token = token_of(patient)
    secret = two_factor.set_up(patient).secret.replace(" ", "")
    totp = pyotp.TOTP(secret)
    codes = two_factor.enable(patient, code=totp.now(), token=token)
    with pytest.raises(ValidationError) as caught:
        erasure.erase_account(patient, password=PASSWORD, code="000000")
    assert list(caught.value.fields) == ["code"]
    erasure.erase_account(patient, password=PASSWORD, code=codes[0])
    with reading() as session:
        assert session.get_one(User, patient.id).erased_at


def test_last_administrator_stays(admin) -> None:
    with pytest.raises(ValidationError, match="last administrator"):
        erasure.erase_account(admin, password=PASSWORD)
    assert accounts.admin_exists()
