from __future__ import annotations

from datetime import date

import pytest

from services import lesions, notes, photos, sharing
from services.errors import ValidationError
from tests.helpers import photo_bytes


@pytest.fixture
def visit_id(patient, doctor, tiny) -> int:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    sharing.share_with(patient, doctor_email=doctor.email)
    return photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1)).id


def test_note_is_read_by_patient_and_doctor(patient, doctor, visit_id) -> None:
    note = notes.add_note(doctor, visit_id=visit_id, text=" First line. \r\nSecond <b>line</b>. ")
    assert (note.author, note.text) == ("Dora Dale", "First line.\nSecond <b>line</b>.")
    assert lesions.visit(patient, visit_id=visit_id).notes == lesions.visit(doctor, visit_id=visit_id).notes == (note,)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The note is empty; please write something first."),
        (" \n ", "The note is empty; please write something first."),
        ("x" * 4001, "The text may have at most 4000 characters; it has 4001."),
        ("a\x00b", "Please leave out invisible and special control characters."),
    ],
)
def test_each_mistake_has_its_sentence(doctor, visit_id, text: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        notes.add_note(doctor, visit_id=visit_id, text=text)
    assert caught.value.fields == {"text": sentence}
