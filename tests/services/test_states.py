"""How the moles of a list stand, and why."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import delete, event, select, update

from core.runtime import read_card
from db.base import now
from db.models import Diagnosis, Lesion, Management, Reminder, Review, Upload, Verdict
from services import lesions, photos, unit_of_work
from services.fields import today
from services.settings import settings
from services.states import DEFAULT_RECHECK_DAYS, DOUBT_FROM, MoleState, states
from services.unit_of_work import reading, transaction
from tests.helpers import photo_bytes


@pytest.fixture
def mole(patient, tiny) -> int:
    return lesions.add_lesion(patient, name="Nape", body_site="nape").id


@pytest.fixture
def add(patient, mole, tiny):
    """add(days_ago) stores a photo of the mole that the networks judge so, and gives its upload's number."""

    def add_photo(
        days_ago: int = 0, *, diagnosis: str = "benign", probability: float = 0.03, reasons: tuple[str, ...] = (), **picture
    ) -> int:
        tiny.probability, tiny.reasons = (0.9 if diagnosis == "malignant" else probability), reasons
        taken_on = today() - timedelta(days=days_ago)
        data = photo_bytes(**{"shift": days_ago % 40} | picture)
        upload = photos.add_photo(patient, lesion_id=mole, data=data, taken_on=taken_on).photos[-1].id
        if diagnosis == "uncertain":
            with transaction() as session:
                session.scalars(select(Diagnosis).where(Diagnosis.upload_id == upload)).one().diagnosis = diagnosis
        return upload

    return add_photo


@pytest.fixture
def review(doctor):
    """review(upload) stores a doctor's word on that photo."""

    def store(upload: int, *, malignant: bool = False, management: Management = Management.NONE, **more) -> int:
        with transaction() as session:
            diagnosis_id = session.scalar(select(Diagnosis.id).where(Diagnosis.upload_id == upload).order_by(Diagnosis.id.desc()))
            made = Review(
                diagnosis_id=diagnosis_id, author_id=doctor.id, verdict=Verdict.OVERRULE, malignant=malignant, management=management, **more
            )
            session.add(made)
            session.flush()
            return made.id

    return store


def state_of(lesion_id: int) -> MoleState:
    with reading() as session:
        return states(session, [lesion_id])[lesion_id]


def said(lesion_id: int) -> tuple[str, str]:
    found = state_of(lesion_id)
    return found.state, found.reason


def in_words(day) -> str:
    return f"{day.day} {day:%B %Y}"


def test_mole_without_a_photo_is_due(mole) -> None:
    assert state_of(mole) == MoleState("due", "No photo could be measured yet", None, None)


def test_refused_photo_is_no_check(mole, add) -> None:
    add(reasons=("no_lesion",))
    assert said(mole) == ("due", "No photo could be measured yet")


def test_benign_mole_is_fine_until_the_usual_time_has_passed(mole, add) -> None:
    add(days_ago=DEFAULT_RECHECK_DAYS - 1)
    tomorrow = today() + timedelta(days=1)
    assert state_of(mole) == MoleState("fine", f"Next photo on {in_words(tomorrow)}", None, tomorrow)


def test_mole_is_due_from_the_day_itself(mole, add) -> None:
    add(days_ago=DEFAULT_RECHECK_DAYS)
    with transaction() as session:
        session.execute(delete(Reminder))
    assert state_of(mole) == MoleState("due", f"A new photo was due on {in_words(today())}", None, today())


def test_time_of_the_mole_itself_goes_before_the_usual_one(mole, add) -> None:
    add(days_ago=30)
    with transaction() as session:
        session.execute(delete(Reminder))
        session.get_one(Lesion, mole).recheck_days = 20
    assert state_of(mole).due_on == today() - timedelta(days=10)


@pytest.mark.parametrize(("days", "state"), [(-1, "due"), (0, "due"), (1, "fine")])
def test_reminder_says_when(mole, add, days: int, state: str) -> None:
    add(days_ago=400)
    due_on = today() + timedelta(days=days)
    with transaction() as session:
        session.execute(update(Reminder).values(due_on=due_on))
    assert (state_of(mole).state, state_of(mole).due_on) == (state, due_on)


def test_malignant_call_refers_whatever_is_due(mole, add) -> None:
    add(days_ago=400, diagnosis="malignant")
    assert said(mole) == ("refer", "The newest photo looks malignant, high confidence")


def test_only_the_newest_photo_counts(mole, add) -> None:
    add(days_ago=20, diagnosis="malignant")
    add(days_ago=2)
    assert state_of(mole).state == "fine"


def test_a_malignant_photo_is_not_hidden_by_a_benign_one_of_the_same_day(mole, add, review) -> None:
    add(days_ago=2, diagnosis="malignant")
    newest = add(days_ago=2, shift=9)
    assert said(mole) == ("refer", "Another photo of the same day as the newest looks malignant, high confidence")
    review(newest)
    assert state_of(mole).state == "fine", "the doctor judged that day"


def test_uncertain_photo_is_to_be_taken_again(mole, add) -> None:
    add(diagnosis="uncertain")
    assert said(mole) == ("due", "The newest photo leaves it uncertain; take another")


def test_benign_call_with_doubt_left_does_not_stand_fine_until_a_doctor_cleared_it(mole, add, review) -> None:
    add(days_ago=20, probability=DOUBT_FROM - 0.01)
    assert state_of(mole).state == "fine"
    newest = add(probability=0.12)
    assert said(mole) == ("due", "The newest photo leaves some doubt; have a doctor look")
    review(newest)
    assert state_of(mole).state == "fine"


def test_doubt_begins_where_pages_begin_to_say_have_a_doctor_look() -> None:
    """The networks in use say from where on; a mole stands so from there, too."""
    cards = [read_card(path).details for path in settings().weights.glob("*/card.json")]
    judging = [card for card in cards if card.get("share")]
    assert {card["bands"]["medium_benign"] for card in judging} == {DOUBT_FROM}
    assert {card["together"]["operating_point"]["threshold"] for card in judging} == {DOUBT_FROM}


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ({"malignant": True}, "A doctor holds it for malignant"),
        ({"management": Management.BIOPSY}, "A doctor asks for a biopsy"),
        ({"malignant": True, "management": Management.EXCISE}, "A doctor asks to have it removed"),
        ({"histology_malignant": True}, "The laboratory found it malignant"),
    ],
)
def test_doctors_word_refers(mole, add, review, word: dict, reason: str) -> None:
    review(add(), **word)
    assert said(mole) == ("refer", reason)


def test_doctors_word_stands_over_a_later_benign_photo_until_a_review_clears_it(mole, add, review) -> None:
    review(add(days_ago=20), management=Management.BIOPSY)
    newest = add()
    assert state_of(mole).state == "refer"
    review(newest, management=Management.RECHECK)
    assert state_of(mole).state == "fine"


def test_laboratory_that_found_it_benign_clears_the_biopsy(mole, add, review) -> None:
    upload = add()
    first = review(upload, management=Management.BIOPSY)
    review(upload, management=Management.BIOPSY, histology_malignant=False, supersedes_id=first)
    assert state_of(mole).state == "fine"


@pytest.mark.parametrize("diagnosis", ["malignant", "uncertain"])
def test_doctor_who_holds_it_for_benign_clears_the_networks_call(mole, add, review, diagnosis: str) -> None:
    review(add(diagnosis=diagnosis))
    assert state_of(mole).state == "fine"


def test_benign_word_with_dermoscopy_still_to_come_clears_nothing(mole, add, review) -> None:
    review(add(diagnosis="malignant"), management=Management.DERMOSCOPY)
    assert state_of(mole).state == "refer"


def test_old_benign_word_does_not_clear_a_newer_malignant_photo(mole, add, review) -> None:
    review(add(days_ago=20))
    add(diagnosis="malignant")
    assert state_of(mole).state == "refer"


def test_replaced_version_of_a_review_counts_no_more(mole, add, review) -> None:
    upload = add()
    first = review(upload, malignant=True)
    review(upload, supersedes_id=first)
    assert state_of(mole).state == "fine"


def test_photo_in_the_bin_counts_no_more(mole, add) -> None:
    add(days_ago=20)
    upload = add(diagnosis="malignant")
    with transaction() as session:
        session.get_one(Upload, upload).deleted_at = now()
    assert state_of(mole).state == "fine"


def test_mole_in_the_bin_and_one_that_does_not_exist_have_no_state(mole, add) -> None:
    with transaction() as session:
        session.get_one(Lesion, mole).deleted_at = now()
    with reading() as session:
        assert states(session, [mole, 10**9]) == {}
        assert states(session, []) == {}


def test_number_of_queries_does_not_grow_with_the_moles(patient, mole, add, tiny) -> None:
    add()
    few = queries_for([mole])
    more = [lesions.add_lesion(patient, name=f"Mole {number}", body_site="nape").id for number in range(20)]
    for lesion_id in more:
        photos.add_photo(patient, lesion_id=lesion_id, data=photo_bytes(shift=lesion_id % 40), taken_on=today())
    assert queries_for([mole, *more]) == few <= 6


def queries_for(lesion_ids: list[int]) -> int:
    with counted_queries() as statements, reading() as session:
        assert len(states(session, lesion_ids)) == len(lesion_ids)
    return len(statements)


@contextmanager
def counted_queries():
    statements: list[str] = []

    def note(_connection, _cursor, statement, *_more) -> None:
        if statement.lstrip().startswith("SELECT"):
            statements.append(statement)

    event.listen(unit_of_work.engine(), "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(unit_of_work.engine(), "before_cursor_execute", note)
