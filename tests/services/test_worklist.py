from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from db.models import Diagnosis, Reminder, Review, SecondOpinion, Upload, Verdict, Visit
from services import accounts, lesions, photos, reviews, risk, sharing, worklist
from services.errors import ValidationError
from services.fields import today
from services.unit_of_work import transaction
from services.worklist import WorkFilter
from tests.helpers import photo_bytes

LONG_AGO = date(2024, 5, 1)


@pytest.fixture
def add(tiny):
    """add(patient, name, ...) gives a mole with one photo, or none: its id."""

    def add_mole(
        patient, name: str, *, probability: float | None = 0.03, day: date = LONG_AGO, due: date | None = None, site: str = "nape"
    ) -> int:
        lesion = lesions.add_lesion(patient, name=name, body_site=site)
        if probability is not None:
            tiny.probability = probability
            photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=day)
        set_due(lesion.id, due or today() + timedelta(days=30))
        return lesion.id

    return add_mole


@pytest.fixture
def shared(patient, doctor):
    return sharing.share_with(patient, doctor_email=doctor.email)


def set_due(lesion_id: int, day: date) -> None:
    with transaction() as session:
        row = session.scalar(select(Reminder).where(Reminder.lesion_id == lesion_id)) or Reminder(lesion_id=lesion_id, reason="patient")
        row.due_on = day
        session.add(row)


def names(found: worklist.WorkList) -> list[str]:
    return [case.lesion_name for case in found.cases.items]


def diagnosis_of(lesion_id: int) -> int:
    with transaction() as session:
        newest = select(Diagnosis.id).join(Upload, Diagnosis.upload_id == Upload.id).join(Visit).where(Visit.lesion_id == lesion_id)
        return session.scalars(newest.order_by(Diagnosis.id.desc())).first()


def review(lesion_id: int, doctor) -> None:
    with transaction() as session:
        session.add(Review(diagnosis_id=diagnosis_of(lesion_id), author_id=doctor.id, verdict=Verdict.AGREE, malignant=False))


def ask(lesion_id: int, asker, colleague, *, blind: bool = False) -> None:
    about = {"asker_id": asker.id, "colleague_id": colleague.id, "blind": blind}
    diagnosis_id = diagnosis_of(lesion_id)
    with transaction() as session:
        session.add(SecondOpinion(diagnosis_id=diagnosis_id, **about))


def test_most_urgent_comes_first_with_its_reason(patient, doctor, shared, add) -> None:
    add(patient, "New low", probability=0.02)
    add(patient, "New higher", probability=0.3)
    add(patient, "Late", due=today() - timedelta(days=3))
    add(patient, "Later still", due=today() - timedelta(days=30))
    add(patient, "Likely", probability=0.7)
    add(patient, "Very likely", probability=0.9)
    add(patient, "No photo", probability=None)
    found = worklist.work_list(doctor)
    assert [(case.lesion_name, case.kind) for case in found.cases.items] == [
        ("Very likely", "refer"), ("Likely", "refer"), ("Later still", "overdue"), ("Late", "overdue"),
        ("New higher", "new"), ("New low", "new"),
    ]  # fmt: skip
    assert found.counts == {"refer": 2, "opinion": 0, "changed": 0, "overdue": 2, "uncertain": 0, "new": 2}
    assert found.waiting == found.cases.total == 6
    first = found.cases.items[0]
    assert first.reason == "The newest photo looks malignant, high confidence"
    assert (first.patient_name, first.body_site_label, first.probability) == ("Ann Archer", "Nape of the neck", 0.9)


def test_of_equal_urgency_who_is_at_raised_risk_comes_first(patient, other_patient, doctor, shared, add) -> None:
    sharing.share_with(other_patient, doctor_email=doctor.email)
    add(other_patient, "Likely, raised", probability=0.7, day=today())
    add(other_patient, "New, raised", probability=0.02, day=today())
    add(patient, "Very likely", probability=0.9, day=today())
    add(patient, "New", probability=0.3, day=today())
    assert names(worklist.work_list(doctor)) == ["Very likely", "Likely, raised", "New", "New, raised"]
    risk.answer(other_patient, version=0, answers={"family": "One"})
    found = worklist.work_list(doctor)
    assert names(found) == ["Likely, raised", "Very likely", "New, raised", "New"]
    assert [case.raised_risk for case in found.cases.items] == [True, False, True, False]
    risk.answer(other_patient, version=1, answers={"family": "None"})
    assert names(worklist.work_list(doctor)) == ["Very likely", "Likely, raised", "New", "New, raised"]


def test_risk_of_a_patient_who_does_not_share_is_not_told(patient, doctor, other_doctor, shared, add) -> None:
    ask(add(patient, "Nape"), doctor, other_doctor)
    risk.answer(patient, version=0, answers={"family": "One"})
    assert [case.raised_risk for case in worklist.work_list(doctor).cases.items] == [True]
    assert [case.raised_risk for case in worklist.work_list(other_doctor).cases.items] == [False]


def test_reviewed_mole_waits_no_more_but_when_it_is_overdue(patient, doctor, shared, add) -> None:
    calm, late = add(patient, "Calm", probability=0.9), add(patient, "Late", due=today() - timedelta(days=1))
    for lesion_id in (calm, late):
        review(lesion_id, doctor)
    (case,) = worklist.work_list(doctor).cases.items
    assert (case.lesion_name, case.kind, case.overdue_since) == ("Late", "overdue", today() - timedelta(days=1))


def test_what_is_due_today_is_not_overdue(patient, doctor, shared, add) -> None:
    review(add(patient, "Today", due=today()), doctor)
    assert worklist.work_list(doctor).waiting == 0


def test_list_closes_when_the_share_ends(patient, doctor, other_doctor, shared, add) -> None:
    lesion_id = add(patient, "Nape")
    assert names(worklist.work_list(doctor)) == ["Nape"]
    assert worklist.work_list(other_doctor).waiting == 0
    sharing.revoke(patient, grant_id=shared.id)
    assert worklist.work_list(doctor).waiting == 0
    assert worklist.case_of(doctor, lesion_id=lesion_id) is None
    assert worklist.following(doctor) == ()


@pytest.fixture
def two_patients(patient, other_patient, doctor, shared, add) -> None:
    sharing.share_with(other_patient, doctor_email=doctor.email)
    add(patient, "Old on the leg", site="left_thigh")
    add(patient, "Malignant", probability=0.9, day=today())
    add(other_patient, "Bo's", day=date(2025, 1, 1))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"kind": "refer"}, ["Malignant"]),
        ({"region": "legs"}, ["Old on the leg"]),
        ({"since": date(2025, 1, 1)}, ["Malignant", "Bo's"]),
        ({"search": "BERG bo"}, ["Bo's"]),
        ({"search": "bo@example"}, ["Bo's"]),
        ({"search": "archer", "kind": "new"}, ["Old on the leg"]),
        ({"search": "%"}, []),
        ({"search": "nobody"}, []),
    ],
)
def test_filters(two_patients, doctor, asked: dict, found: list[str]) -> None:
    assert names(worklist.work_list(doctor, filter=WorkFilter(**asked))) == found


def test_patient_is_found_by_number_and_without_accents(sign_up, doctor, add) -> None:
    person = sign_up(first_name="Zoë", surname="Łuk-Señor", email="z@example.org")
    sharing.share_with(person, doctor_email=doctor.email)
    add(person, "Nape")
    for search in (f"p-{person.id}", "zoe", "senor zoë"):
        assert names(worklist.work_list(doctor, filter=WorkFilter(search=search))) == ["Nape"]


def test_counts_are_of_what_passes_the_filter_whatever_reason_is_chosen(two_patients, doctor) -> None:
    found = worklist.work_list(doctor, filter=WorkFilter(kind="refer", search="archer"))
    assert (found.counts["refer"], found.counts["new"], found.cases.total) == (1, 1, 1)


@pytest.mark.parametrize("asked", [{"kind": "nothing"}, {"kind": "x"}, {"region": "tail"}])
def test_unknown_choice_is_told(doctor, asked: dict) -> None:
    with pytest.raises(ValidationError) as caught:
        worklist.work_list(doctor, filter=WorkFilter(**asked))
    assert set(caught.value.fields) == set(asked)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_together_are_the_whole_list_in_order(patient, doctor, shared, add, size: int) -> None:
    for number, probability in enumerate((0.9, 0.02, 0.8, 0.03, 0.7, 0.04, 0.05)):
        add(patient, f"{number}", probability=probability, due=today() - timedelta(days=1) if number == 3 else None)
    whole = names(worklist.work_list(doctor))
    pages = [worklist.work_list(doctor, page=page, size=size) for page in range(1, -(-7 // size) + 1)]
    assert [name for page in pages for name in names(page)] == whole == ["0", "2", "4", "3", "6", "5", "1"]
    assert names(worklist.work_list(doctor, page=99, size=size)) == names(pages[-1])


def test_walk_goes_in_the_order_of_the_list(patient, doctor, shared, add) -> None:
    low, high = add(patient, "Low"), add(patient, "High", probability=0.9)
    assert worklist.following(doctor) == (high, low)
    assert worklist.following(doctor, filter=WorkFilter(kind="new")) == (low,)
    assert worklist.case_of(doctor, lesion_id=low).lesion_name == "Low"


# Second opinions


def test_questions_come_as_they_were_asked_whatever_the_answer(patient, doctor, other_doctor, shared, add) -> None:
    moles = [add(patient, f"Mole {number}", probability=probability) for number, probability in enumerate((0.3, 0.02, 0.9))]
    sharing.share_with(patient, doctor_email=other_doctor.email)
    for lesion_id in (moles[1], moles[2], moles[0]):
        ask(lesion_id, doctor, other_doctor, blind=True)
    found = worklist.work_list(other_doctor, filter=WorkFilter(kind="opinion"))
    assert [case.lesion_id for case in found.cases.items] == [moles[1], moles[2], moles[0]]


def test_colleague_who_is_asked_sees_the_case_without_the_patient(patient, doctor, other_doctor, shared, add) -> None:
    lesion_id = add(patient, "Nape", probability=0.9)
    ask(lesion_id, doctor, other_doctor)
    (case,) = worklist.work_list(other_doctor).cases.items
    assert (case.kind, case.asked_by, case.lesion_id) == ("opinion", "Dora Dale", lesion_id)
    assert (case.patient_id, case.patient_name, case.lesion_name, case.probability, case.overdue_since) == (None, "", "", None, None)
    assert worklist.work_list(other_doctor, filter=WorkFilter(search="Archer")).waiting == 0


def test_blind_question_tells_no_probability_to_who_sees_the_patient_anyway(patient, doctor, other_doctor, shared, add) -> None:
    sharing.share_with(patient, doctor_email=other_doctor.email)
    ask(add(patient, "Nape", probability=0.9), doctor, other_doctor, blind=True)
    (case,) = worklist.work_list(other_doctor).cases.items
    assert (case.kind, case.patient_name, case.probability, case.reason) == ("opinion", "Ann Archer", None, "")


def test_question_about_ones_own_patient_tells_what_else_the_mole_waits_for(patient, doctor, other_doctor, shared, add) -> None:
    sharing.share_with(patient, doctor_email=other_doctor.email)
    ask(add(patient, "Nape", probability=0.9), doctor, other_doctor, blind=False)
    (case,) = worklist.work_list(other_doctor).cases.items
    assert (case.kind, case.reason) == ("opinion", "The newest photo looks malignant, high confidence")


@pytest.mark.parametrize("end", ["answered", "withdrawn", "share revoked", "asker disabled"])
def test_question_that_is_over_is_on_no_list(patient, doctor, other_doctor, admin, shared, add, end: str) -> None:
    ask(add(patient, "Nape"), doctor, other_doctor)
    assert worklist.work_list(other_doctor).counts["opinion"] == 1
    if end == "share revoked":
        sharing.revoke(patient, grant_id=shared.id)
    elif end == "asker disabled":
        accounts.disable_account(admin, user_id=doctor.id)
    else:
        with transaction() as session:
            setattr(session.scalars(select(SecondOpinion)).one(), f"{end}_at", patient.created_at)
    assert worklist.work_list(other_doctor).waiting == 0


def test_who_judges_blind_reads_nothing_of_the_networks_from_the_list(patient, doctor, shared, add) -> None:
    add(patient, "Older", probability=0.02, day=date(2024, 1, 1))
    add(patient, "Newer", probability=0.9, day=date(2024, 6, 1))
    late = add(patient, "Late", probability=0.9, due=today() - timedelta(days=1))
    reviews.choose_blind(doctor, blind=True)
    found = worklist.work_list(doctor)
    assert found.blind
    assert [(case.lesion_name, case.kind) for case in found.cases.items] == [("Late", "overdue"), ("Older", "new"), ("Newer", "new")]
    assert {(case.probability, case.change, case.reason) for case in found.cases.items} == {(None, None, "")}
    assert worklist.case_of(doctor, lesion_id=late).probability is None
