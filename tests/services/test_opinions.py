"""A colleague sees the one photo they were asked about, blind where asked so, and both learn how far they agree."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from db.base import now
from db.models import Notification, Upload
from services import accounts, body, lesions, opinions, photos, reviews, sharing
from services.errors import AccessError, Conflict, NotFound, ValidationError
from services.unit_of_work import reading, transaction
from tests.helpers import photo_bytes

NAEVUS, DYSPLASTIC, MELANOMA = "400096001", "254818000", "93655004"


@pytest.fixture
def grant(patient, doctor):
    return sharing.share_with(patient, doctor_email=doctor.email)


@pytest.fixture
def visit(patient, grant, tiny):
    lesion = lesions.add_lesion(patient, name="Ann's secret", body_site="nape")
    return photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1), note="I am Ann.")


@pytest.fixture
def ask(doctor, other_doctor, visit):
    ours = {"diagnosis_id": visit.finding.id, "colleague_email": other_doctor.email}
    return lambda **changes: opinions.ask(doctor, **(ours | changes))


def sees(call) -> bool:
    try:
        call()
    except AccessError:
        return False
    return True


def pictures(actor, upload_id: int) -> tuple[bool, bool, bool]:
    """Whether the actor gets the photo on the page, its full size, and the outline."""
    return (
        sees(lambda: photos.photo_file(actor, upload_id=upload_id, size="large")),
        sees(lambda: photos.photo_file(actor, upload_id=upload_id, size="full")),
        sees(lambda: photos.overlay_file(actor, upload_id=upload_id)),
    )


def test_blind_colleague_gets_neither_answer_nor_outline_before_their_own(doctor, other_doctor, visit, ask) -> None:
    first = reviews.record_review(doctor, diagnosis_id=visit.finding.id, verdict="agree", code=NAEVUS, mask=None)
    opinion = ask(question="Would you take it off?")
    case = opinions.opinion_case(other_doctor, opinion_id=opinion.id)
    assert (case.finding, case.first, case.answer, case.agreement) == (None, None, None, "")
    assert (case.question, case.asker, case.body_site, case.age, case.sex) == (
        "Would you take it off?", "Dora Dale", "Nape of the neck", 43, "Female",
    )
    assert pictures(other_doctor, visit.photo.id) == (True, False, False)
    assert not sees(lambda: photos.overlay_file(other_doctor, upload_id=visit.photo.id, review_id=first.id))
    opinions.answer(other_doctor, opinion_id=opinion.id, code=DYSPLASTIC)
    case = opinions.opinion_case(other_doctor, opinion_id=opinion.id)
    assert (case.finding.id, case.first) == (visit.finding.id, first)
    assert pictures(other_doctor, visit.photo.id) == (True, False, True)


def test_agreement_is_shown_to_both_afterwards(doctor, other_doctor, visit, ask) -> None:
    reviews.record_review(doctor, diagnosis_id=visit.finding.id, verdict="agree", code=NAEVUS)
    opinion = ask()
    answer = opinions.answer(other_doctor, opinion_id=opinion.id, code=DYSPLASTIC, reason="Irregular.", management="excise")
    assert (answer.author, answer.blind, answer.verdict, answer.opinion_id) == ("Emil Eck", True, "agree", opinion.id)
    (seen,) = opinions.opinions_on(doctor, diagnosis_id=visit.finding.id)
    assert seen.answer == answer
    assert seen.agreement == (
        "You agree that it is benign, and differ in what it is: Dora Dale says melanocytic naevus, Emil Eck dysplastic naevus."
    )
    assert opinions.opinion_case(other_doctor, opinion_id=opinion.id).agreement == seen.agreement


def test_answer_stands_beside_the_review_and_tells_the_patient_nothing(patient, doctor, other_doctor, visit, ask) -> None:
    first = reviews.record_review(doctor, diagnosis_id=visit.finding.id, verdict="agree", for_patient="Calm.")
    opinions.answer(other_doctor, opinion_id=ask().id, code=MELANOMA, reason="Veil.", management="recheck", recheck_days=30)
    with reading() as session:
        assert reviews.newest_of(session, [visit.finding.id]) == {visit.finding.id: first}
    assert [said.words for said in reviews.said_to_patient(patient, visit_id=visit.id)] == ["Calm."]
    assert body.overview(patient).moles[0].standing.state != "refer"


def test_colleague_who_is_not_asked_to_be_blind_sees_what_there_is(doctor, other_doctor, visit, ask) -> None:
    opinion = ask(blind=False)
    assert opinions.opinion_case(other_doctor, opinion_id=opinion.id).finding.id == visit.finding.id
    assert pictures(other_doctor, visit.photo.id) == (True, False, True)
    with pytest.raises(ValidationError, match="agree or overrule"):
        opinions.answer(other_doctor, opinion_id=opinion.id)
    assert opinions.answer(other_doctor, opinion_id=opinion.id, verdict="agree").blind is False


def test_colleague_learns_no_name_and_reaches_nothing_else(patient, doctor, other_doctor, visit, ask, tiny) -> None:
    other = lesions.add_lesion(patient, name="Other", body_site="nose")
    same_mole = photos.add_photo(patient, lesion_id=visit.lesion_id, data=photo_bytes(radius=20), taken_on=date(2024, 6, 1))
    elsewhere = photos.add_photo(patient, lesion_id=other.id, data=photo_bytes(radius=25), taken_on=date(2024, 6, 1))
    opinion = ask(blind=False)
    told = repr(opinions.opinion_case(other_doctor, opinion_id=opinion.id)) + repr(opinions.asked_of_me(other_doctor))
    assert not [name for name in ("Ann", "Archer", "ann@", "secret") if name in told]
    for photo_id in (same_mole.photo.id, elsewhere.photo.id):
        assert pictures(other_doctor, photo_id) == (False, False, False)
    for call in (
        lambda: lesions.visit(other_doctor, visit_id=visit.id),
        lambda: lesions.timeline(other_doctor, lesion_id=visit.lesion_id),
        lambda: lesions.list_lesions(other_doctor, patient_id=patient.id),
        lambda: sharing.patient_of(other_doctor, patient_id=patient.id),
        lambda: reviews.reviews_of(other_doctor, diagnosis_id=visit.finding.id),
        lambda: reviews.record_review(other_doctor, diagnosis_id=visit.finding.id, verdict="agree"),
        lambda: opinions.ask(other_doctor, diagnosis_id=visit.finding.id, colleague_email=doctor.email),
    ):
        assert not sees(call)


@pytest.mark.parametrize("how", ["patient revokes", "asker takes it back", "photo in the bin", "asker disabled"])
@pytest.mark.parametrize("answered", [False, True])
def test_what_ends_the_question_closes_the_photo(patient, doctor, other_doctor, admin, grant, visit, ask, how, answered) -> None:
    opinion = ask()
    if answered:
        opinions.answer(other_doctor, opinion_id=opinion.id, code=NAEVUS)
    assert [asked.id for asked in opinions.asked_of_me(other_doctor)] == [opinion.id]
    if how == "patient revokes":
        sharing.revoke(patient, grant_id=grant.id)
    elif how == "asker takes it back":
        opinions.withdraw(doctor, opinion_id=opinion.id)
    elif how == "asker disabled":
        accounts.disable_account(admin, user_id=doctor.id)
    else:
        with transaction() as session:
            session.get_one(Upload, visit.photo.id).deleted_at = now()
    assert opinions.asked_of_me(other_doctor) == ()
    assert pictures(other_doctor, visit.photo.id) == (False, False, False)
    for call in (
        lambda: opinions.opinion_case(other_doctor, opinion_id=opinion.id),
        lambda: opinions.answer(other_doctor, opinion_id=opinion.id, code=NAEVUS),
    ):
        with pytest.raises(NotFound):
            call()


def test_answer_is_given_once(other_doctor, ask) -> None:
    opinion = ask()
    opinions.answer(other_doctor, opinion_id=opinion.id, code=NAEVUS)
    with pytest.raises(Conflict):
        opinions.answer(other_doctor, opinion_id=opinion.id, code=MELANOMA)


def test_both_are_told_when_it_is_their_turn(doctor, other_doctor, visit, ask) -> None:
    opinions.answer(other_doctor, opinion_id=ask().id, code=NAEVUS)
    with reading() as session:
        told = {(one.user_id, one.kind, one.about_id) for one in session.scalars(select(Notification))}
    assert {(other_doctor.id, "opinion_asked", doctor.id), (doctor.id, "opinion_answered", other_doctor.id)} <= told


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"colleague_email": "nobody@example.org"}, "colleague_email", "no doctor with this e-mail"),
        ({"colleague_email": "ann@example.org"}, "colleague_email", "no doctor with this e-mail"),
        ({"colleague_email": "dora@example.org"}, "colleague_email", "your own address"),
        ({"colleague_email": "x"}, "colleague_email", "does not look like an e-mail address"),
        ({"question": "x" * 1001}, "question", "at most 1000 characters"),
    ],
)
def test_each_mistake_has_its_sentence(ask, changes, field, sentence) -> None:
    with pytest.raises(ValidationError) as caught:
        ask(**changes)
    assert sentence in caught.value.fields[field]


def test_colleague_is_not_asked_twice_at_once(other_doctor, ask) -> None:
    first = ask()
    with pytest.raises(ValidationError, match="You have asked Emil Eck already"):
        ask()
    opinions.answer(other_doctor, opinion_id=first.id, code=NAEVUS)
    assert ask().id != first.id
