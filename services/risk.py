"""Skin type, family and history as a patient tells them. Each answer is a new version; older ones stay as they were.

The skin type comes from the eight questions that the Skin Cancer Foundation asks after Fitzpatrick (Archives of Dermatology
124, 1988), 0 to 4 points each, with its bounds: I to 6, II to 12, III to 18, IV to 24, V to 30, VI from 31 points. Other forms
of the questionnaire ask ten questions and have other bounds.

The risk of melanoma counts as raised by any one of these; RR is the relative risk with its 95 % interval:

- melanoma before: a second one is 5 to 10 times likelier (RACGP, Guidelines for preventive activities in general practice)
- another skin cancer before: RR 4.28 (2.80 to 6.55), Gandini et al., European Journal of Cancer 41 (2005), 2040, part III
- melanoma of a close relative: RR 1.74 (1.41 to 2.14), part III
- many moles: RR 6.89 (4.63 to 10.25) at 101 to 120 against under 15, rising with their number, Gandini et al. 41 (2005), 28, part I;
  the line at 50 is ours, well before that
- atypical moles: RR 6.36 (3.80 to 10.33) at five against none, part I
- a weakened immune system: RR 2.71 (2.23 to 3.30) after a transplant, Green and Olsen, Acta Dermato-Venereologica 95 (2015), 923
- fair skin that burned badly: type I against IV RR 2.09 (1.67 to 2.58), part III; the risk rises with every five sun-burns,
  Dennis et al., Annals of Epidemiology 18 (2008), 614

Sun-beds, medicines and illnesses are asked for the doctor who reads them, and raise nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.models import Lesion, RiskAnswers, User
from services import audit, fields, policy, reminders
from services.audit import Action
from services.errors import NotFound, ValidationError
from services.paging import one_of
from services.unit_of_work import reading, record_view, transaction
from services.views import Person

LONGEST_TEXT = 1000


@dataclass(frozen=True)
class Question:
    """One question with the answers to choose from, in the order of their points where they count."""

    key: str
    text: str
    options: tuple[str, ...]


FITZPATRICK: tuple[Question, ...] = (
    Question("eyes", "Colour of your eyes", (
        "Light blue, light grey or light green", "Blue, grey or green", "Hazel or light brown", "Dark brown", "Brownish black")),
    Question("hair", "Natural colour of your hair", ("Red or light blond", "Blond", "Dark blond or light brown", "Dark brown", "Black")),
    Question("skin", "Colour of your skin where the sun does not reach", (
        "Ivory white", "Fair or pale", "Fair to beige, golden undertone", "Olive or light brown", "Dark brown or black")),
    Question("freckles", "Freckles where the sun does not reach", ("Many", "Several", "A few", "Very few", "None")),
    Question("burns", "How your skin responds to the sun", (
        "Always burns, blisters and peels", "Often burns, blisters and peels", "Burns moderately", "Burns rarely", "Never burns")),
    Question("tans", "Does your skin tan?", ("Never", "Seldom", "Sometimes", "Often", "Always")),
    Question("depth", "How deeply do you tan?", (
        "Hardly or not at all", "Lightly", "Moderately", "Deeply", "My skin is naturally dark")),
    Question("face", "How sensitive is your face to the sun?", (
        "Very sensitive", "Sensitive", "Normal", "Resistant", "Never had a problem")),
)  # fmt: skip
SKIN_TYPES = ((6, "I"), (12, "II"), (18, "III"), (24, "IV"), (30, "V"), (32, "VI"))
"""Most points, skin type: the bounds of the Skin Cancer Foundation."""

HISTORY: tuple[Question, ...] = (
    Question("own_cancer", "Have you had skin cancer?", ("No", "Yes, melanoma", "Yes, another kind", "I do not know")),
    Question("family", "Parents, brothers, sisters or children with melanoma", ("None", "One", "Two or more", "I do not know")),
    Question("moles", "How many moles you have", ("Fewer than 20", "20 to 50", "51 to 100", "More than 100", "I do not know")),
    Question("atypical", "Has a doctor called moles of yours atypical?", ("No", "Yes", "I do not know")),
    Question("sunburns", "Sun-burns with blisters", ("None", "1 to 4", "5 or more", "I do not know")),
    Question("sunbeds", "Sun-beds", ("Never", "Sometimes", "Often")),
    Question("immune", "Is your immune system weakened, by an illness or a medicine?", ("No", "Yes", "I do not know")),
)
TEXTS: dict[str, str] = {"medicines": "Medicines you take", "illnesses": "Illnesses a doctor should know of"}


@dataclass(frozen=True)
class RiskView:
    """What was answered, and what follows from it."""

    version: int
    """0: nothing was answered yet."""
    answered_at: datetime | None
    answers: dict[str, str]
    """Key of the question -> the words that were chosen, or written."""
    score: int | None
    skin_type: str | None
    """I to VI; None until all eight questions are answered."""
    raised: tuple[str, ...]
    """What raises the risk, in words; empty: nothing of what was answered."""


def answers_of(actor: Person, *, patient_id: int | None = None) -> RiskView:
    """The newest answers: one's own, or those of a patient who shares with this doctor."""
    whose = actor.id if patient_id is None else patient_id
    with reading() as session:
        policy.require(session, actor, Action.VIEW_RISK, patient_id=whose)
        if session.get(User, whose) is None:
            raise NotFound
        found = _view(_newest(session, whose))
    record_view(actor, Action.VIEW_RISK, subject=f"user:{whose}", patient_id=whose)
    return found


def answer(actor: Person, *, version: int, answers: dict[str, str]) -> RiskView:
    """Add a version of one's own answers; what is not answered may be left out.

    `version` is the one that was read: who answers over a newer one is told. Next dates of one's moles follow, results do not.
    Raises ValidationError with the questions' keys.
    """
    with transaction() as session:
        policy.require(session, actor, Action.ANSWER_RISK)
        cleaned = _checked(answers)
        newest = _newest(session, actor.id)
        stale = ValidationError({"version": "These answers were changed elsewhere meanwhile. Please open the page again and look at them."})
        if version != (newest.version if newest else 0):
            raise stale
        added = RiskAnswers(user_id=actor.id, version=version + 1, answers=json.dumps(cleaned))
        try:
            session.add(added)
            session.flush()
        except IntegrityError as error:
            raise stale from error
        reminders.keep(session, session.scalars(select(Lesion.id).where(Lesion.patient_id == actor.id, Lesion.deleted_at.is_(None))).all())
        audit.record(session, actor_id=actor.id, action=Action.ANSWER_RISK, subject=f"risk_answers:{added.id}", patient_id=actor.id)
        return _view(added)


def raised_for(session: Session, patient_ids: Collection[int]) -> set[int]:
    """Those of these patients whose answers tell of a raised risk, for services that passed the policy. One query."""
    return {number for number, said in _all_newest(session, patient_ids).items() if _raised(said, _skin_type(_score(said)))}


def skin_types(session: Session, patient_ids: Collection[int]) -> dict[int, str | None]:
    """Patient id -> skin type, of those who answered, for services that passed the policy. One query."""
    return {number: _skin_type(_score(said)) for number, said in _all_newest(session, patient_ids).items()}


def _all_newest(session: Session, patient_ids: Collection[int]) -> dict[int, dict[str, str]]:
    """Patient id -> newest answers."""
    last = (
        select(RiskAnswers.user_id, func.max(RiskAnswers.version).label("version"))
        .where(one_of(RiskAnswers.user_id, patient_ids)).group_by(RiskAnswers.user_id).subquery()
    )  # fmt: skip
    newest = session.scalars(
        select(RiskAnswers).join(last, (last.c.user_id == RiskAnswers.user_id) & (last.c.version == RiskAnswers.version))
    )
    return {row.user_id: json.loads(row.answers) for row in newest}


def _newest(session: Session, user_id: int) -> RiskAnswers | None:
    return session.scalar(select(RiskAnswers).where(RiskAnswers.user_id == user_id).order_by(RiskAnswers.version.desc()).limit(1))


def _view(row: RiskAnswers | None) -> RiskView:
    answers = json.loads(row.answers) if row else {}
    score = _score(answers)
    skin_type = _skin_type(score)
    raised = tuple(_raised(answers, skin_type))
    return RiskView(row.version if row else 0, row.created_at if row else None, answers, score, skin_type, raised)


def _score(answers: dict[str, str]) -> int | None:
    if not all(question.key in answers for question in FITZPATRICK):
        return None
    return sum(question.options.index(answers[question.key]) for question in FITZPATRICK)


def _skin_type(score: int | None) -> str | None:
    return None if score is None else next(name for most, name in SKIN_TYPES if score <= most)


def _raised(answers: dict[str, str], skin_type: str | None) -> list[str]:
    said = answers.get
    factors = {
        "skin cancer before": said("own_cancer", "").startswith("Yes"),
        "melanoma in the family": said("family") in ("One", "Two or more"),
        "more than 50 moles": said("moles") in ("51 to 100", "More than 100"),
        "atypical moles": said("atypical") == "Yes",
        "a weakened immune system": said("immune") == "Yes",
        "fair skin with five or more bad sun-burns": skin_type in ("I", "II") and said("sunburns") == "5 or more",
    }
    return [words for words, holds in factors.items() if holds]


def _checked(answers: dict[str, str]) -> dict[str, str]:
    mistakes, cleaned = {}, {}
    known = {question.key: question.options for question in (*FITZPATRICK, *HISTORY)}
    for key, value in answers.items():
        if key in TEXTS:
            try:
                if text := fields.text_of_lines(value, longest=LONGEST_TEXT):
                    cleaned[key] = text
            except ValueError as error:
                mistakes[key] = str(error)
        elif key not in known or value not in known[key]:
            mistakes[key] = "Please choose one of the answers."
        else:
            cleaned[key] = value
    if mistakes:
        raise ValidationError(mistakes)
    return cleaned
