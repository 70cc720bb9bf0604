"""The row of each mole for the work list: what it says, and that it always says what making it anew would say."""

from __future__ import annotations

import contextlib
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import delete, event, select, update

from db.base import now
from db.models import Diagnosis, Lesion, MoleSummary, Reminder, Review, SecondOpinion, Upload, Verdict, Visit
from services import chores, lesions, photos, risk, start, summaries, unit_of_work
from services.errors import NotFound
from services.summaries import Urgency
from services.unit_of_work import WITH_BIN, reading, transaction
from tests.helpers import photo_bytes

COLUMNS = ("lesion_id", "patient_id", "body_site", "urgency", "upload_id", "visit_id", "probability", "change",
           "last_visited_on", "due_on", "raised_risk", "rules")  # fmt: skip


def rows() -> dict[int, dict]:
    with reading() as session:
        return {
            row.lesion_id: {name: getattr(row, name) for name in COLUMNS}
            for row in session.scalars(select(MoleSummary).order_by(MoleSummary.lesion_id))
        }


@pytest.fixture
def mole(patient) -> int:
    return lesions.add_lesion(patient, name="Nape", body_site="nape").id


@pytest.fixture
def add(patient, mole, tiny):
    def add_photo(day: date = date(2024, 5, 1), probability: float = 0.03, lesion_id: int = mole, **more):
        tiny.probability, tiny.reasons = probability, more.get("reasons", ())
        return photos.add_photo(patient, lesion_id=lesion_id, data=photo_bytes(radius=10 + day.toordinal() % 40), taken_on=day)

    return add_photo


def review(upload_id: int, doctor, **more) -> None:
    with transaction() as session:
        diagnosis_id = session.scalar(select(Diagnosis.id).where(Diagnosis.upload_id == upload_id))
        about = {"verdict": Verdict.AGREE, "malignant": False} | more
        session.add(Review(diagnosis_id=diagnosis_id, author_id=doctor.id, **about))


def test_new_mole_waits_for_nobody(mole, patient) -> None:
    assert rows()[mole] == dict.fromkeys(COLUMNS) | {
        "lesion_id": mole, "patient_id": patient.id, "body_site": "nape", "urgency": Urgency.NOTHING, "raised_risk": False,
        "rules": summaries.RULES,
    }  # fmt: skip


def test_row_tells_of_the_newest_accepted_photo(mole, add) -> None:
    newest = add(date(2024, 5, 1), 0.9)
    add(date(2024, 4, 1), 0.1)
    add(date(2024, 6, 1), reasons=("no_lesion",))
    row = rows()[mole]
    assert (row["upload_id"], row["visit_id"], row["probability"]) == (newest.photo.id, newest.id, 0.9)
    assert (row["urgency"], row["last_visited_on"]) == (Urgency.REFER, date(2024, 5, 1))


def test_review_of_the_newest_photo_settles_it_until_the_next_photo(mole, add, doctor) -> None:
    first = add(date(2024, 5, 1))
    assert rows()[mole]["urgency"] == Urgency.NEW
    review(first.photo.id, doctor)
    assert rows()[mole]["urgency"] == Urgency.NOTHING
    add(date(2024, 6, 1))
    assert rows()[mole]["urgency"] == Urgency.NEW


def test_mole_in_the_bin_has_no_row_and_has_one_again_when_it_comes_back(mole, add) -> None:
    add()
    before = rows()
    for moment in (now(), None):
        with transaction() as session:
            session.get_one(Lesion, mole, execution_options=WITH_BIN).deleted_at = moment
        assert rows() == ({} if moment else before)


def test_photo_in_the_bin_does_not_count(mole, add) -> None:
    older, newer = add(date(2024, 5, 1)), add(date(2024, 6, 1), 0.9)
    with transaction() as session:
        session.get_one(Upload, newer.photo.id).deleted_at = now()
    assert (rows()[mole]["upload_id"], rows()[mole]["urgency"]) == (older.photo.id, Urgency.NEW)


def test_visit_that_moves_changes_both_moles(mole, add, patient) -> None:
    other = lesions.add_lesion(patient, name="Belly", body_site="abdomen").id
    visit = add()
    with transaction() as session:
        session.get_one(Visit, visit.id).lesion_id = other
    assert (rows()[mole]["upload_id"], rows()[other]["upload_id"]) == (None, visit.photo.id)


def test_reminder_sets_when_it_is_due(mole, add) -> None:
    add()
    with transaction() as session:
        session.scalars(select(Reminder).where(Reminder.lesion_id == mole)).one().due_on = date(2030, 1, 1)
    assert rows()[mole]["due_on"] == date(2030, 1, 1)


def test_what_the_patient_tells_of_their_risk_is_in_the_rows_of_all_their_moles(mole, add, patient, other_patient) -> None:
    more, others = (lesions.add_lesion(who, name="More", body_site="nose").id for who in (patient, other_patient))
    risk.answer(patient, version=0, answers={"own_cancer": "Yes, melanoma"})
    assert {number: row["raised_risk"] for number, row in rows().items()} == {mole: True, more: True, others: False}


def test_database_from_before_there_were_rows_gets_them_at_start(mole, add) -> None:
    add()
    before = rows()
    with transaction() as session:
        session.execute(delete(MoleSummary))
    start.prepare()
    assert rows() == before


def test_command_makes_all_rows_anew(mole, add, capsys) -> None:
    add(probability=0.9)
    before = rows()
    with transaction() as session:
        session.execute(delete(MoleSummary))
    assert summaries.main() == 0
    assert rows() == before
    assert capsys.readouterr().out == "1 moles are summed up anew.\n"


@pytest.fixture
def moles(patient) -> list[int]:
    return [lesions.add_lesion(patient, name=f"Mole {number}", body_site="nape").id for number in range(5)]


def test_only_rows_that_other_rules_made_are_made_anew(moles, monkeypatch) -> None:
    before = rows()
    with transaction() as session:
        session.execute(update(MoleSummary).where(MoleSummary.lesion_id == moles[1]).values(rules="older", probability=0.5))
        session.execute(update(MoleSummary).where(MoleSummary.lesion_id == moles[2]).values(probability=0.25))
    assert summaries.renew() == 1
    assert summaries.renew() == 0
    assert {number: row["probability"] for number, row in rows().items() if row["probability"]} == {moles[2]: 0.25}
    assert summaries.renew(everything=True) == 5
    assert rows() == before


def test_start_completes_the_list_and_leaves_the_rest_to_the_running_server(moles) -> None:
    with transaction() as session:
        session.execute(update(MoleSummary).values(rules="older"))
        session.execute(delete(MoleSummary).where(MoleSummary.lesion_id == moles[0]))
    start.prepare()
    assert [row["rules"] == summaries.RULES for row in rows().values()] == [True, False, False, False, False]
    assert summaries.renew in [chore.do for chore in chores.CHORES]


def test_whoever_saves_something_meanwhile_waits_for_a_few_rows_only(moles, patient, monkeypatch) -> None:
    """A transaction after each few: what somebody saves between two of them is stored, and in the rows."""
    monkeypatch.setattr(summaries, "AT_ONCE", 2)
    named: list[int] = []

    def save(_seconds: float) -> None:
        named.append(lesions.add_lesion(patient, name=f"Meanwhile {len(named)}", body_site="abdomen").id)
        if len(named) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(summaries.time, "sleep", save)
    with transaction() as session:
        session.execute(update(MoleSummary).values(rules="older"))
    with pytest.raises(KeyboardInterrupt):
        summaries.renew()
    made = {number for number, row in rows().items() if row["rules"] == summaries.RULES}
    assert made == {*moles[:4], *named}, "what was done before it was broken off stays"


def test_no_row_is_made_by_reading_everybodys_photos(mole, add, doctor) -> None:
    """By the database's own account of its way: every search begins with these moles."""
    review(add().photo.id, doctor)
    if unit_of_work.engine().dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by statistics, which an empty database has not")
    asked: list[tuple] = []
    with transaction() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda _c, _cursor, statement, values, *_: asked.append((statement, values)))
        summaries.refresh(session, [mole])
        ways = [
            row[3] for statement, values in list(asked) if statement.startswith("SELECT")
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]  # fmt: skip
    tables = ("lesion", "visit", "upload", "diagnosis", "review", "alignment", "reminder", "mole_summary")
    wrong = (*(f"SCAN {name}" for name in tables), "_deleted_at (", "_opinion_id (")
    assert any("visit" in way for way in ways)
    assert not [way for way in ways if any(sign in way for sign in wrong)]


DEEDS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(("photo", "review", "second opinion", "bin mole", "bin photo", "move", "remind", "forget", "analyse anew")),
        strategies.integers(0, 7), strategies.integers(0, 7),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=DEEDS)
def test_making_the_rows_anew_changes_nothing_whatever_was_done(deeds, patient, doctor, tiny) -> None:
    """The services of these deeds change the same rows in the same way, through the same transaction."""
    moles = [_mole_named(patient, name) for name in ("One", "Two", "Three")]
    for deed, which, how in deeds:
        _do(deed, moles[which % 3], moles[how % 3], how, patient, doctor, tiny)
    kept = rows()
    summaries.renew(everything=True)
    assert rows() == kept


def _mole_named(patient, name: str) -> int:
    """Of this run or of the one before: hypothesis keeps the database."""
    with reading() as session:
        known = [lesion for lesion in session.scalars(select(Lesion).execution_options(**WITH_BIN)) if lesion.name == name]
    return known[0].id if known else lesions.add_lesion(patient, name=name, body_site="nape").id


def _do(deed: str, mole: int, other: int, how: int, patient, doctor, tiny) -> None:
    if deed == "photo":
        tiny.probability = (0.02, 0.45, 0.8, 0.99)[how % 4]
        day = date(2024, 1, 1) + timedelta(days=how)
        with contextlib.suppress(NotFound):  # in the bin
            photos.add_photo(patient, lesion_id=mole, data=photo_bytes(radius=20 + how), taken_on=day, confirmed_same=True)
        return
    with transaction() as session:
        asked = select(Upload).join(Visit).where(Visit.lesion_id == mole).order_by(Upload.id)
        uploads = session.scalars(asked.execution_options(**WITH_BIN)).all()
        upload = uploads[how % len(uploads)] if uploads else None
        diagnosis = upload.diagnoses[-1] if upload and upload.diagnoses else None
        reminder = session.scalar(select(Reminder).where(Reminder.lesion_id == mole))
        match deed:
            case "review" if diagnosis:
                session.add(Review(diagnosis_id=diagnosis.id, author_id=doctor.id, verdict=Verdict.AGREE, malignant=how % 2 == 0))
            case "second opinion" if diagnosis:
                opinion = SecondOpinion(diagnosis_id=diagnosis.id, asker_id=doctor.id, colleague_id=doctor.id)
                session.add(opinion)
                session.flush()
                about = {"verdict": Verdict.AGREE, "malignant": how % 2 == 0, "opinion_id": opinion.id}
                session.add(Review(diagnosis_id=diagnosis.id, author_id=doctor.id, **about))
            case "bin mole":
                lesion = session.get_one(Lesion, mole, execution_options=WITH_BIN)
                lesion.deleted_at = None if lesion.deleted_at else now()
            case "bin photo" if upload:
                upload.deleted_at = None if upload.deleted_at else now()
            case "move" if upload and not session.scalar(
                select(Visit.id).where(Visit.lesion_id == other, Visit.visited_on == upload.visit.visited_on)
            ):
                upload.visit.lesion_id = other
            case "remind":
                session.add(reminder or Reminder(lesion_id=mole, due_on=date(2026, 1, 1), reason="patient"))
                session.flush()
                session.scalar(select(Reminder).where(Reminder.lesion_id == mole)).due_on = date(2025, 1, 1 + how)
            case "forget" if reminder:
                session.delete(reminder)
            case "analyse anew" if diagnosis:
                told = {
                    column.key: getattr(diagnosis, column.key)
                    for column in Diagnosis.__table__.columns if column.key not in ("id", "created_at", "malignant_probability", "features")
                }  # fmt: skip
                session.add(Diagnosis(malignant_probability=0.1 * how, **told))
