from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from db.models import ConsentRecord, Upload
from services import accounts, consent, lesions, photos
from services.consent import ConsentText
from services.errors import ConsentMissing, ValidationError
from services.unit_of_work import reading
from tests.helpers import photo_bytes, sign_up_arguments


@pytest.fixture
def newcomer(moletrail):
    """Has agreed to nothing yet."""
    return accounts.sign_up(**sign_up_arguments())


def add_photo(person, lesion, **more):
    return photos.add_photo(person, lesion_id=lesion.id, data=photo_bytes(**more), taken_on=date(2024, 5, 1))


def test_no_photo_is_taken_in_before_the_consent(newcomer, tiny) -> None:
    lesion = lesions.add_lesion(newcomer, name="Nape", body_site="nape")
    with pytest.raises(ConsentMissing, match="read and accept"):
        add_photo(newcomer, lesion)
    assert tiny.seen == [], "nothing was analysed"
    with reading() as session:
        assert session.scalar(select(Upload.id)) is None
    assert consent.state(newcomer).version is None
    consent.accept(newcomer, version=consent.current().version)
    assert consent.state(newcomer).in_force
    assert add_photo(newcomer, lesion).photo


def test_what_was_accepted_is_kept_by_version_and_hash(newcomer) -> None:
    text = consent.current()
    consent.accept(newcomer, version=text.version)
    consent.accept(newcomer, version=text.version)
    with reading() as session:
        (record,) = session.scalars(select(ConsentRecord))
    assert (record.version, record.text_hash) == (text.version, text.hash)


def test_withdrawn_consent_stops_new_photos_and_leaves_the_old(patient, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    kept = add_photo(patient, lesion)
    consent.withdraw(patient)
    state = consent.state(patient)
    assert not state.in_force
    assert state.withdrawn_at is not None
    with pytest.raises(ConsentMissing):
        add_photo(patient, lesion, radius=20)
    assert photos.photo_file(patient, upload_id=kept.photo.id, size="thumb")
    consent.accept(patient, version=consent.current().version)
    assert len(add_photo(patient, lesion, radius=20).photos) == 2


def test_consent_withdrawn_while_the_photo_is_analysed_stores_nothing(patient, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    with pytest.raises(ConsentMissing):
        photos.add_photo(
            patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1),
            on_step=lambda step: step == "classifying" and consent.withdraw(patient),
        )
    assert lesions.timeline(patient, lesion_id=lesion.id).visits == ()


def test_new_version_asks_again(patient, tiny, monkeypatch) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    monkeypatch.setattr(consent, "current", lambda: ConsentText("1000", "Something else."))
    state = consent.state(patient)
    assert (state.in_force, state.version) == (False, "1")
    with pytest.raises(ConsentMissing):
        add_photo(patient, lesion)
    with pytest.raises(ValidationError, match="read it again"):
        consent.accept(patient, version="1")
    consent.accept(patient, version="1000")
    assert add_photo(patient, lesion)


def test_text_in_force_is_the_highest_version() -> None:
    assert consent.current().version == max((path.stem for path in consent.TEXTS.glob("*.md")), key=int)
    assert "not a medical device" in consent.current().text
