"""Second opinions: a doctor asks a colleague about one photo, and the colleague sees that photo and nothing else of the patient.

Asked to judge blind, the colleague gets neither the networks' answer nor the first opinion before giving their own: neither is
sent, and the pictures that would show it are closed (services.policy, TOLD_COLLEAGUE). Afterwards both see how far they agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

import core
from db.base import now
from db.models import AccountState, Review, Role, SecondOpinion, User
from services import audit, blind, body_sites, fields, mapping, notifications, policy, reviews, sealing
from services.audit import Action
from services.errors import Conflict, ValidationError
from services.reviews import Case, ReviewView
from services.unit_of_work import reading, record_view, transaction
from services.views import Finding, Person

LONGEST = 1000
NO_COLLEAGUE = "There is no doctor with this e-mail address on Moletrail. Please check the address."


@dataclass(frozen=True)
class Opinion:
    """A question to a colleague, and their answer once it is there."""

    id: int
    diagnosis_id: int
    asker_id: int
    asker: str
    colleague: str
    question: str
    blind: bool
    asked_at: datetime
    answered_at: datetime | None
    withdrawn_at: datetime | None
    answer: ReviewView | None
    agreement: str
    """In words, where there are two opinions to compare."""


@dataclass(frozen=True)
class AskedOfMe:
    """A question as the colleague's list shows it: no name and no number of the patient's."""

    id: int
    upload_id: int
    asker: str
    question: str
    blind: bool
    asked_at: datetime
    answered_at: datetime | None
    body_site: str


@dataclass(frozen=True)
class OpinionCase:
    """What a colleague gets to see: one photo, where it is from, and, unless they are to judge blind, what others make of it."""

    id: int
    lesion_id: int
    upload_id: int
    asker: str
    question: str
    blind: bool
    asked_at: datetime
    body_site: str
    visited_on: date
    age: int | None
    """Of the patient on that day."""
    sex: str
    warnings: tuple[str, ...]
    finding: Finding | None
    """The networks' answer; None before a blind answer is given."""
    first: ReviewView | None
    """The asking doctor's review, where there is one; None before a blind answer is given."""
    answer: ReviewView | None
    agreement: str


def ask(actor: Person, *, diagnosis_id: int, colleague_email: str, question: str = "", blind: bool = True) -> Opinion:
    """Ask a colleague about one photo of a patient who shares with this doctor.

    Raises ValidationError with the keys colleague_email and question.
    """
    with transaction() as session:
        case = reviews.case_of(session, diagnosis_id, for_update=True)
        patient_id = case.lesion.patient_id if case else None
        policy.require(session, actor, Action.ASK_OPINION, patient_id=patient_id)
        colleague, question = _checked(session, actor, diagnosis_id, colleague_email, question)
        opinion = SecondOpinion(
            diagnosis_id=diagnosis_id, asker=session.get_one(User, actor.id), colleague=colleague, question=question, blind=blind
        )
        session.add(opinion)
        session.flush()
        audit.record(session, actor_id=actor.id, action=Action.ASK_OPINION, subject=f"opinion:{opinion.id}", patient_id=patient_id)
        notifications.notify(
            session, user_id=colleague.id, kind=notifications.Kind.OPINION_ASKED, lesion_id=case.lesion.id, visit_id=case.visit.id,
            about_id=actor.id,
        )
        return _opinion(session, opinion)


def withdraw(actor: Person, *, opinion_id: int) -> None:
    """Take a question back: the colleague sees the photo no more. Only who asked, and what was answered stays in the records."""
    with transaction() as session:
        opinion = session.get(SecondOpinion, opinion_id, with_for_update=True)
        case = reviews.case_of(session, opinion.diagnosis_id) if opinion and opinion.asker_id == actor.id else None
        patient_id = case.lesion.patient_id if case else None
        policy.require(session, actor, Action.ASK_OPINION, patient_id=patient_id)
        if opinion.withdrawn_at is None:
            opinion.withdrawn_at = now()
            subject = f"opinion:{opinion.id}:withdrawn"
            audit.record(session, actor_id=actor.id, action=Action.ASK_OPINION, subject=subject, patient_id=patient_id)


def opinions_on(actor: Person, *, diagnosis_id: int) -> tuple[Opinion, ...]:
    """What colleagues were asked about a diagnosis's photo, the newest first, for doctors who care for the patient; nothing for one who
    is to judge the photo first."""
    with reading() as session:
        case = reviews.case_of(session, diagnosis_id)
        patient_id = case.lesion.patient_id if case else None
        policy.require(session, actor, Action.VIEW_REVIEWS, patient_id=patient_id)
        query = _whole().where(SecondOpinion.diagnosis_id.in_(reviews.of_same_photo(diagnosis_id))).order_by(SecondOpinion.id.desc())
        kept = blind.keeps(session, actor, upload_id=case.upload.id)
        shown = () if kept else tuple(_opinion(session, opinion) for opinion in session.scalars(query))
    record_view(actor, Action.VIEW_REVIEWS, subject=f"diagnosis:{diagnosis_id}", patient_id=patient_id)
    return shown


def asked_of_me(actor: Person) -> tuple[AskedOfMe, ...]:
    """What colleagues ask this doctor and may still show them: the open questions first, then the answered, the newest first."""
    with reading() as session:
        policy.require(session, actor, Action.LIST_OPINIONS)
        query = _whole().where(SecondOpinion.colleague_id == actor.id, SecondOpinion.withdrawn_at.is_(None))
        shown = []
        for opinion in session.scalars(query.order_by(SecondOpinion.id.desc())):
            upload_id = opinion.diagnosis.upload_id
            if session.scalar(select(policy.asked_about(upload_id=upload_id, colleague_id=actor.id))):
                case = reviews.case_of(session, opinion.diagnosis_id)
                shown.append(
                    AskedOfMe(
                        opinion.id, upload_id, mapping.person(opinion.asker).full_name, opinion.question, opinion.blind,
                        opinion.created_at, opinion.answered_at, body_sites.label(case.lesion.body_site),
                    )
                )
    record_view(actor, Action.LIST_OPINIONS)
    return tuple(sorted(shown, key=lambda one: one.answered_at is not None))


def opinion_case(actor: Person, *, opinion_id: int) -> OpinionCase:
    """The one photo that a colleague was asked about."""
    with reading() as session:
        opinion, case = _asked(session, actor, Action.VIEW_OPINION, opinion_id)
        patient_id, upload_id = case.lesion.patient_id, case.upload.id
        told = session.scalar(select(policy.asked_about(upload_id=upload_id, colleague_id=actor.id, told=True)))
        patient = session.get_one(User, patient_id)
        whole = _opinion(session, opinion)
        shown = OpinionCase(
            id=opinion.id,
            lesion_id=case.lesion.id,
            upload_id=upload_id,
            asker=whole.asker,
            question=opinion.question,
            blind=opinion.blind,
            asked_at=opinion.created_at,
            body_site=body_sites.label(case.lesion.body_site),
            visited_on=case.visit.visited_on,
            age=fields.age_on(case.visit.visited_on, born=patient.birth_date) if patient.birth_date else None,
            sex=fields.SEXES[patient.sex],
            warnings=tuple(core.sentence(code) for code in case.upload.warnings),
            finding=mapping.finding(case.diagnosis) if told else None,
            first=_first(session, opinion) if told else None,
            answer=whole.answer,
            agreement=whole.agreement if told else "",
        )
    record_view(actor, Action.VIEW_OPINION, subject=f"opinion:{opinion_id}", patient_id=patient_id)
    return shown


def answer(
    actor: Person, *, opinion_id: int, verdict: str = "", code: str = "", reason: str = "", management: str = "none",
    recheck_days: int | None = None,
) -> ReviewView:
    """Give the opinion that was asked for: a signed review beside the others, which tells who asked and changes nothing else.

    Raises ValidationError as reviews.record_review does, Conflict where it was given already.
    """
    with transaction() as session:
        opinion, case = _asked(session, actor, Action.ANSWER_OPINION, opinion_id, for_update=True)
        if opinion.answered_at is not None:
            raise Conflict("You have answered this already. Your answer stands as it was.")
        values = reviews.checked(
            case.diagnosis, verdict=verdict, code=code, reason=reason, for_patient="", management=management, follow_up_on=None,
            recheck_days=recheck_days, blind=opinion.blind,
        )
        review = Review(
            diagnosis_id=case.diagnosis.id, author=session.get_one(User, actor.id), opinion_id=opinion.id, blind=opinion.blind, **values
        )
        session.add(review)
        opinion.answered_at = now()
        session.flush()
        patient_id = case.lesion.patient_id
        audit.record(session, actor_id=actor.id, action=Action.ANSWER_OPINION, subject=f"review:{review.id}", patient_id=patient_id)
        notifications.notify(
            session, user_id=opinion.asker_id, kind=notifications.Kind.OPINION_ANSWERED, lesion_id=case.lesion.id,
            visit_id=case.visit.id, about_id=actor.id,
        )
        return reviews.view(review)


def agreement(first: ReviewView, second: ReviewView) -> str:
    """How far two opinions on the same photo agree, in one sentence."""
    if first.malignant != second.malignant:
        return f"You differ: {first.author} holds it for {first.held_for.lower()}, {second.author} for {second.held_for.lower()}."
    kind = "malignant" if first.malignant else "benign"
    if first.code and second.code and first.code != second.code:
        return (
            f"You agree that it is {kind}, and differ in what it is: {first.author} says {first.term.lower()}, "
            f"{second.author} {second.term.lower()}."
        )
    named = second.term or first.term
    return f"You agree: {named.lower()}, {kind}." if named else f"You agree: {kind}."


def _whole():
    return select(SecondOpinion).options(
        joinedload(SecondOpinion.asker), joinedload(SecondOpinion.colleague), joinedload(SecondOpinion.diagnosis)
    )


def _asked(session: Session, actor: Person, action: Action, opinion_id: int, *, for_update: bool = False) -> tuple[SecondOpinion, Case]:
    """The colleague's own question and its case; passes the policy."""
    opinion = session.get(SecondOpinion, opinion_id, with_for_update=for_update or None)
    mine = opinion is not None and opinion.colleague_id == actor.id and opinion.withdrawn_at is None
    case = reviews.case_of(session, opinion.diagnosis_id, for_update=for_update) if mine else None
    policy.require(
        session, actor, action, patient_id=case.lesion.patient_id if case else None, upload_id=case.upload.id if case else None
    )
    return opinion, case


def _first(session: Session, opinion: SecondOpinion) -> ReviewView | None:
    """The review in force of who asks."""
    query = select(Review).where(
        Review.diagnosis_id.in_(reviews.of_same_photo(opinion.diagnosis_id)), Review.author_id == opinion.asker_id,
        Review.opinion_id.is_(None), reviews.in_force(),
    )
    review = session.scalar(query.order_by(Review.id.desc()).limit(1))
    return reviews.view(review) if review else None


def _opinion(session: Session, opinion: SecondOpinion) -> Opinion:
    given = session.scalar(select(Review).where(Review.opinion_id == opinion.id))
    first, second = _first(session, opinion), reviews.view(given) if given else None
    return Opinion(
        id=opinion.id,
        diagnosis_id=opinion.diagnosis_id,
        asker_id=opinion.asker_id,
        asker=mapping.person(opinion.asker).full_name,
        colleague=mapping.person(opinion.colleague).full_name,
        question=opinion.question,
        blind=opinion.blind,
        asked_at=opinion.created_at,
        answered_at=opinion.answered_at,
        withdrawn_at=opinion.withdrawn_at,
        answer=second,
        agreement=agreement(first, second) if first and second else "",
    )


def _checked(session: Session, actor: Person, diagnosis_id: int, colleague_email: str, question: str) -> tuple[User, str]:
    mistakes = {}
    colleague = None
    try:
        email = fields.email(colleague_email)
    except ValueError as error:
        mistakes["colleague_email"] = str(error)
    else:
        colleague = session.scalar(
            select(User).where(sealing.with_email(email), User.role == Role.DOCTOR, User.account_state == AccountState.ACTIVE)
        )
        if colleague is None:
            mistakes["colleague_email"] = NO_COLLEAGUE
        elif colleague.id == actor.id:
            mistakes["colleague_email"] = "This is your own address; please name a colleague."
        elif session.scalar(
            select(SecondOpinion.id).where(
                SecondOpinion.diagnosis_id.in_(reviews.of_same_photo(diagnosis_id)), SecondOpinion.asker_id == actor.id,
                SecondOpinion.colleague_id == colleague.id, SecondOpinion.answered_at.is_(None), SecondOpinion.withdrawn_at.is_(None),
            )
        ):
            mistakes["colleague_email"] = f"You have asked {mapping.person(colleague).full_name} already; the answer is not in yet."
    try:
        question = fields.text_of_lines(question, longest=LONGEST)
    except ValueError as error:
        mistakes["question"] = str(error)
    if mistakes:
        raise ValidationError(mistakes)
    return colleague, question
