"""Skin type, family and history."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from db.models import Diagnosis, RiskAnswers
from services import lesions, photos, reminders, risk
from services.errors import ValidationError
from services.fields import today
from services.risk import FITZPATRICK
from services.unit_of_work import reading
from tests.helpers import photo_bytes


def skin(points: int) -> dict[str, str]:
    """Answers to the eight questions that together give so many points."""
    given = {}
    for question in FITZPATRICK:
        given[question.key] = question.options[min(4, points)]
        points -= min(4, points)
    return given


@pytest.mark.parametrize(
    ("points", "skin_type"),
    [(0, "I"), (6, "I"), (7, "II"), (12, "II"), (13, "III"), (18, "III"), (19, "IV"), (24, "IV"), (25, "V"), (30, "V"), (31, "VI"),
     (32, "VI")],
)  # fmt: skip
def test_points_of_the_questionnaire_give_the_skin_type(patient, points: int, skin_type: str) -> None:
    found = risk.answer(patient, version=0, answers=skin(points))
    assert (found.score, found.skin_type) == (points, skin_type)


def test_without_all_eight_answers_there_is_no_skin_type(patient) -> None:
    found = risk.answer(patient, version=0, answers={key: value for key, value in skin(8).items() if key != "eyes"})
    assert (found.score, found.skin_type) == (None, None)


@pytest.mark.parametrize(
    "answers",
    [{"own_cancer": "Yes, melanoma"}, {"own_cancer": "Yes, another kind"}, {"family": "One"}, {"moles": "51 to 100"}, {"atypical": "Yes"},
     {"immune": "Yes"}, skin(5) | {"sunburns": "5 or more"}],
)  # fmt: skip
def test_each_strong_factor_raises_the_risk_and_is_named(patient, answers: dict[str, str]) -> None:
    assert len(risk.answer(patient, version=0, answers=answers).raised) == 1
    with reading() as session:
        assert risk.raised_for(session, [patient.id]) == {patient.id}


def test_nothing_said_or_not_known_raises_nothing(patient) -> None:
    assert risk.answers_of(patient).raised == ()
    assert risk.answer(patient, version=0, answers={"family": "I do not know", "sunburns": "5 or more"} | skin(20)).raised == ()
    with reading() as session:
        assert risk.raised_for(session, [patient.id]) == set()


def test_each_answer_is_a_new_version_and_who_answers_over_a_newer_one_is_told(patient) -> None:
    first = risk.answer(patient, version=0, answers={"family": "None"})
    second = risk.answer(patient, version=first.version, answers={"family": "One", "medicines": " Aspirin\r\n"})
    assert second.answers == {"family": "One", "medicines": "Aspirin"}
    with pytest.raises(ValidationError, match="changed elsewhere"):
        risk.answer(patient, version=first.version, answers={})
    assert risk.answers_of(patient) == second
    with reading() as session:
        assert session.scalar(select(func.count(RiskAnswers.id))) == 2


@pytest.mark.parametrize("answers", [{"eyes": "Pink"}, {"unknown": "Yes"}, {"medicines": "x" * 1001}])
def test_answer_that_there_is_not_is_refused(patient, answers: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        risk.answer(patient, version=0, answers=answers)
    assert list(caught.value.fields) == list(answers)
    assert risk.answers_of(patient).version == 0


def test_raised_risk_brings_the_next_date_forward_and_changes_no_result(patient, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=today())

    def result() -> tuple:
        with reading() as session:
            found = session.scalars(select(Diagnosis)).one()
            return found.malignant_probability, found.diagnosis, found.confidence, found.measurements

    before, (due,) = result(), reminders.list_due(patient)
    risk.answer(patient, version=0, answers={"family": "One"})
    assert result() == before
    assert (reminders.list_due(patient)[0].due_on - today()) * 2 == due.due_on - today()
