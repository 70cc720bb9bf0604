from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from sqlalchemy import event

from db.base import now
from db.models import Diagnosis, Lesion, Upload, Visit
from services import lesions, notes, photos, sharing, unit_of_work
from services.body_figure import MapPoint
from services.body_sites import BODY_SITES, label
from services.errors import NotFound, ValidationError
from services.fields import today
from services.unit_of_work import transaction
from tests.helpers import photo_bytes

WRONG = [
    ("name", "", "Please give the mole a name, for example Left shoulder."),
    ("name", "x" * 61, "The name may have at most 60 characters."),
    ("name", "a\x00b", "Please leave out invisible and special control characters."),
    ("body_site", "tail", "Please choose where on the body the mole is."),
    ("first_noticed", today() + timedelta(days=1), "The date lies in the future."),
    ("first_noticed", date(1980, 5, 16), "The date lies before the birth date."),
]


@pytest.mark.parametrize(("field", "value", "sentence"), WRONG)
def test_each_mistake_has_its_sentence(patient, field: str, value: object, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        lesions.add_lesion(patient, **({"name": "Nape", "body_site": "nape", "first_noticed": None} | {field: value}))
    assert caught.value.fields == {field: sentence}
    assert lesions.list_lesions(patient) == ()


def test_new_mole_has_no_visits_yet(patient) -> None:
    lesion = lesions.add_lesion(patient, name=" Left  shoulder ", body_site="left_shoulder", first_noticed=date(2020, 1, 2))
    assert (lesion.name, lesion.body_site_label, lesion.first_noticed) == ("Left shoulder", "Left shoulder", date(2020, 1, 2))
    assert (lesion.visit_count, lesion.last_visited_on, lesion.last_upload_id, lesion.last_finding) == (0, None, None, None)
    assert lesions.list_lesions(patient) == (lesion,)
    assert lesions.timeline(patient, lesion_id=lesion.id).visits == ()


def test_two_moles_have_two_names(patient, other_patient) -> None:
    lesions.add_lesion(patient, name="Nape", body_site="nape")
    with pytest.raises(ValidationError, match="You follow a mole called nape already"):
        lesions.add_lesion(patient, name="nape", body_site="nape")
    assert lesions.add_lesion(other_patient, name="Nape", body_site="nape")


def test_list_shows_the_newest_accepted_photo_whatever_came_in_last(patient, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    newest = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=20), taken_on=date(2024, 6, 1))
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=25), taken_on=date(2024, 1, 1))
    tiny.reasons = ("no_lesion",)
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=30), taken_on=date(2024, 7, 1))
    (listed,) = lesions.list_lesions(patient)
    assert (listed.visit_count, listed.last_visited_on) == (3, date(2024, 7, 1))
    assert (listed.last_upload_id, listed.last_finding) == (newest.photo.id, newest.finding)
    assert lesions.timeline(patient, lesion_id=lesion.id).lesion == listed


def test_moles_without_a_visit_come_first_then_the_one_seen_last(patient, tiny) -> None:
    for name, day in (("Old", date(2023, 1, 1)), ("New", None), ("Recent", date(2024, 1, 1))):
        lesion = lesions.add_lesion(patient, name=name, body_site="nape")
        if day:
            photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=day)
    assert [lesion.name for lesion in lesions.list_lesions(patient)] == ["New", "Recent", "Old"]


def test_timeline_goes_from_the_first_visit_to_the_last_with_what_the_doctor_wrote(patient, doctor, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    for day in (date(2024, 6, 1), date(2023, 1, 1), date(2024, 1, 1)):
        photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=day, note=f"On {day}.")
    sharing.share_with(patient, doctor_email=doctor.email)
    middle = lesions.timeline(doctor, lesion_id=lesion.id).visits[1]
    notes.add_note(doctor, visit_id=middle.id, text="All well.")
    timeline = lesions.timeline(patient, lesion_id=lesion.id)
    assert [visit.visited_on for visit in timeline.visits] == [date(2023, 1, 1), date(2024, 1, 1), date(2024, 6, 1)]
    assert [visit.note for visit in timeline.visits] == ["On 2023-01-01.", "On 2024-01-01.", "On 2024-06-01."]
    assert [(note.author, note.text) for note in timeline.visits[1].notes] == [("Dora Dale", "All well.")]
    assert timeline.patient == patient
    assert lesions.visit(patient, visit_id=middle.id) == timeline.visits[1]


@pytest.mark.parametrize("missing", [0, -1, 10**9, 10**17])
def test_what_does_not_exist_is_not_found(patient, missing: int) -> None:
    for read in (lambda: lesions.timeline(patient, lesion_id=missing), lambda: lesions.visit(patient, visit_id=missing)):
        with pytest.raises(NotFound):
            read()


@contextmanager
def statements():
    counted: list[str] = []

    def count(_connection, _cursor, statement, *_more) -> None:
        if not statement.startswith("BEGIN"):
            counted.append(statement)

    engine = unit_of_work.engine()
    event.listen(engine, "before_cursor_execute", count)
    yield counted
    event.remove(engine, "before_cursor_execute", count)


def fill(patient_id: int, *, moles: int, visits: int) -> int:
    """Rows without files; returns the id of the last mole."""
    with transaction() as session:
        for mole in range(moles):
            lesion = Lesion(patient_id=patient_id, name=f"Mole {mole}", body_site="nape")
            lesion.visits = [
                Visit(
                    visited_on=date(2020, 1, 1) + timedelta(days=visit), note="",
                    uploads=[
                        Upload(
                            content_hash=f"{mole}-{visit}", width=4000, height=3000, original_format="JPEG", original_bytes=1,
                            accepted=True, reasons=[], warnings=["several_lesions"],
                            diagnoses=[
                                Diagnosis(
                                    malignant_probability=0.1, interval_low=0.05, interval_high=0.2, diagnosis="benign",
                                    confidence="medium", chosen_model="unet", expected_dice=0.9, area_fraction=0.1, masks={"unet": "0"},
                                    measurements={f"measurement_{i}": 1.0 for i in range(20)}, model_versions={"unet": "1"}, elapsed_ms=1.0,
                                )
                            ],
                        )
                    ],
                )
                for visit in range(visits)
            ]
            session.add(lesion)
        session.flush()
        return lesion.id


def test_queries_do_not_grow_with_moles_and_visits(patient, other_patient, doctor) -> None:
    fill(patient.id, moles=1, visits=1)
    fill(other_patient.id, moles=30, visits=10)
    for person in (patient, other_patient):
        sharing.share_with(person, doctor_email=doctor.email)
        lesions.list_lesions(person)  # leaves the audit event, once
    counts = []
    for person in (patient, other_patient):
        with statements() as counted:
            assert lesions.list_lesions(person)
        counts.append(len(counted))
    assert counts[0] == counts[1] <= 8


def test_timeline_of_200_visits_grows_no_faster_than_its_visits(patient) -> None:
    spent, counts = [], []
    for visits in (20, 200):
        lesion_id = fill(patient.id, moles=1, visits=visits)
        lesions.timeline(patient, lesion_id=lesion_id)
        times = []
        for _ in range(3):
            begun = time.process_time()
            with statements() as counted:
                assert len(lesions.timeline(patient, lesion_id=lesion_id).visits) == visits
            times.append(time.process_time() - begun)
        spent.append(min(times))
        counts.append(len(counted))
    assert counts[0] == counts[1] <= 14
    assert spent[1] < 25 * spent[0], "ten times the visits; were it by their pairs, a hundred times"


def test_body_sites_go_from_head_to_foot_and_name_both_sides() -> None:
    codes = list(BODY_SITES)
    assert 35 <= len(codes) <= 60
    assert codes.index("scalp") < codes.index("nape") < codes.index("abdomen") < codes.index("left_foot")
    assert all(f"right_{code[5:]}" in BODY_SITES for code in codes if code.startswith("left_"))
    assert label("left_shoulder") == "Left shoulder"
    assert len(set(BODY_SITES.values())) == len(codes)


SHOULDER = MapPoint("front", 0.744, 0.2)


def test_point_is_kept_where_it_lies_on_the_body_site_and_left_out_where_not(patient) -> None:
    assert lesions.add_lesion(patient, name="A", body_site="left_shoulder", place=SHOULDER).place == SHOULDER
    assert lesions.add_lesion(patient, name="B", body_site="left_foot", place=SHOULDER).place is None


def test_edit_keeps_everything_of_the_mole_but_what_was_changed(patient, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape", first_noticed=date(2020, 1, 2))
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 6, 1))
    edited = lesions.edit_lesion(
        patient, lesion_id=lesion.id, version=lesion.version, name="nape", body_site="left_shoulder", first_noticed=None, place=SHOULDER
    )
    assert (edited.name, edited.body_site, edited.first_noticed, edited.place, edited.version) == (
        "nape", "left_shoulder", None, SHOULDER, 2,
    )
    assert lesions.list_lesions(patient) == (edited,)
    assert edited.last_upload_id


def test_edit_of_an_older_state_is_told_and_stores_nothing(patient) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    lesions.edit_lesion(patient, lesion_id=lesion.id, version=1, name="Ear", body_site="left_ear")
    with pytest.raises(ValidationError, match="it is called Ear now, place: left ear") as caught:
        lesions.edit_lesion(patient, lesion_id=lesion.id, version=1, name="Chin", body_site="chin")
    assert list(caught.value.fields) == ["version"]
    assert lesions.list_lesions(patient)[0].name == "Ear"


def test_mole_in_the_bin_shows_nowhere_and_its_name_is_free(patient, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    visit = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 6, 1))
    with transaction() as session:
        session.get_one(Lesion, lesion.id).deleted_at = now()
    assert lesions.list_lesions(patient) == ()
    for read in (
        lambda: lesions.timeline(patient, lesion_id=lesion.id),
        lambda: lesions.visit(patient, visit_id=visit.id),
        lambda: lesions.edit_lesion(patient, lesion_id=lesion.id, version=1, name="Ear", body_site="left_ear"),
        lambda: photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 6, 1)),
        lambda: photos.photo_file(patient, upload_id=visit.photo.id, size="thumb"),
    ):
        with pytest.raises(NotFound):
            read()
    assert lesions.add_lesion(patient, name="Nape", body_site="nape")


def test_suggested_name_is_one_that_is_free() -> None:
    assert lesions.suggested_name("Left shoulder", []) == "Left shoulder"
    assert lesions.suggested_name("Left shoulder", ["left shoulder", "Left shoulder 2"]) == "Left shoulder 3"
