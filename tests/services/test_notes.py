from __future__ import annotations

from datetime import date

import pytest

from services import evolution, lesions, notes, notifications, photos, sharing
from services.errors import NotFound, ValidationError
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


def test_note_for_doctors_is_not_the_patients_to_read(patient, doctor, other_doctor, visit_id) -> None:
    sharing.share_with(patient, doctor_email=other_doctor.email)
    kept = notes.add_note(doctor, visit_id=visit_id, text="Doubtful.", for_patient=False)
    told = notes.add_note(doctor, visit_id=visit_id, text="Come back in May.")
    lesion_id = lesions.visit(doctor, visit_id=visit_id).lesion_id
    assert lesions.visit(other_doctor, visit_id=visit_id).notes == (kept, told)
    assert lesions.timeline(doctor, lesion_id=lesion_id).visits[0].notes == (kept, told)
    assert lesions.visit(patient, visit_id=visit_id).notes == lesions.timeline(patient, lesion_id=lesion_id).visits[0].notes == (told,)


def test_patient_hears_only_of_notes_for_them(patient, doctor, visit_id) -> None:
    before = len(notifications.unread(patient))
    notes.add_note(doctor, visit_id=visit_id, text="Doubtful.", for_patient=False)
    assert len(notifications.unread(patient)) == before
    notes.add_note(doctor, visit_id=visit_id, text="Come back in May.")
    assert len(notifications.unread(patient)) == before + 1


def test_note_outlives_the_photos_of_its_day(patient, doctor, visit_id) -> None:
    told = notes.add_note(doctor, visit_id=visit_id, text="Come back in May.")
    visit = lesions.visit(patient, visit_id=visit_id)
    photos.withdraw_photo(patient, upload_id=visit.photo.id)
    for who in (patient, doctor):
        (left,) = lesions.timeline(who, lesion_id=visit.lesion_id).visits
        assert (left.id, left.photos, left.notes) == (visit_id, (), (told,))
        assert lesions.visit(who, visit_id=visit_id) == left
        assert [marker.text for marker in evolution.evolution(who, lesion_id=visit.lesion_id).markers] == ["Come back in May."]


def test_day_without_photos_shows_only_to_who_may_read_a_note_of_it(patient, doctor, visit_id) -> None:
    kept = notes.add_note(doctor, visit_id=visit_id, text="Doubtful.", for_patient=False)
    visit = lesions.visit(patient, visit_id=visit_id)
    photos.withdraw_photo(patient, upload_id=visit.photo.id)
    assert lesions.timeline(doctor, lesion_id=visit.lesion_id).visits[0].notes == (kept,)
    assert lesions.timeline(patient, lesion_id=visit.lesion_id).visits == ()
    with pytest.raises(NotFound):
        lesions.visit(patient, visit_id=visit_id)


# Templates


def keep(doctor, title: str = "Fine", **more):
    return notes.save_template(doctor, **{"title": title, "text": "All well.", "for_patient": True} | more)


def test_templates_are_ones_own_and_by_title(doctor, other_doctor) -> None:
    later, first = keep(doctor, "Fine"), keep(doctor, "Biopsy", for_patient=False)
    assert notes.list_templates(doctor) == (first, later)
    assert notes.list_templates(other_doctor) == ()
    with pytest.raises(NotFound):
        notes.delete_template(other_doctor, template_id=first.id)
    notes.delete_template(doctor, template_id=first.id)
    assert notes.list_templates(doctor) == (later,)


def test_same_title_replaces_the_template(doctor) -> None:
    first = keep(doctor)
    assert keep(doctor, " FINE ", text="All well so far.").id == first.id
    assert [(template.title, template.text) for template in notes.list_templates(doctor)] == [("FINE", "All well so far.")]


def test_template_without_name_or_words_is_told(doctor) -> None:
    with pytest.raises(ValidationError) as caught:
        keep(doctor, " ", text="")
    assert set(caught.value.fields) == {"title", "text"}
    with pytest.raises(ValidationError, match="at most 60"):
        keep(doctor, "x" * 61)


def test_places_of_a_template_are_filled_in() -> None:
    text = "On [visit] [mole] looked as on [visit before]."
    about = {"visit": date(2024, 5, 1), "mole": "Nape", "words": str}
    assert notes.filled(text, before=date(2024, 1, 1), **about) == "On 2024-05-01 Nape looked as on 2024-01-01."
    assert notes.filled(text, before=None, **about) == "On 2024-05-01 Nape looked as on no visit before."
