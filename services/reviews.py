"""A doctor's word on a diagnosis: it stands beside the networks' answer, is signed, and is never overwritten.

Whoever changes a review adds a version that supersedes it; each version is superseded once, so that of two who change the
same one the second is told. Doctors who review one diagnosis independently each have a review of their own: both stand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased, contains_eager

import core
from core.measurement import measure
from core.photo import encode_mask_png
from db.models import Diagnosis, Lesion, Management, Reminder, Review, Upload, User, Verdict, Visit
from services import audit, fields, mapping, notifications, outlines, policy, reminders, snomed, storage, stored
from services import blind as blind_rule
from services.audit import Action
from services.errors import Conflict, ValidationError
from services.unit_of_work import reading, record_view, transaction
from services.views import Person
from services.words import Preferences

LONGEST = 2000
FURTHEST_YEARS = 10

MANAGEMENT: dict[str, str] = {
    Management.NONE: "No action",
    Management.RECHECK: "Re-check",
    Management.DERMOSCOPY: "Dermoscopy",
    Management.BIOPSY: "Biopsy",
    Management.EXCISE: "Excision",
}
"""What is to be done -> the field's term."""

PLAIN: dict[str, str] = {
    Management.NONE: "Nothing needs to be done about it now.",
    Management.RECHECK: "It is to be looked at again.",
    Management.DERMOSCOPY: "It is to be looked at through a dermoscope, a lit magnifying glass: please make an appointment.",
    Management.BIOPSY: "A small piece of it is to be taken and examined in the laboratory: please make an appointment.",
    Management.EXCISE: "It is to be removed and examined in the laboratory: please make an appointment.",
}
"""The same in the patient's words."""


@dataclass(frozen=True)
class ReviewView:
    """One version of a doctor's word, in the field's terms: for doctors."""

    id: int
    diagnosis_id: int
    author_id: int
    author: str
    created_at: datetime
    supersedes_id: int | None
    opinion_id: int | None
    """The question of a colleague that this answers."""
    verdict: str
    """agree or overrule."""
    malignant: bool
    code: str
    term: str
    """What the doctor holds it for; empty where they agreed without naming it."""
    reason: str
    for_patient: str
    management: str
    follow_up_on: date | None
    blind: bool
    histology_code: str
    histology_term: str
    histology_malignant: bool | None
    histology_on: date | None
    corrected: bool
    """The doctor drew the outline anew."""
    measurements: dict[str, float] | None
    """Of the corrected outline."""

    @property
    def held_for(self) -> str:
        """E.g. "Melanoma" or "benign"."""
        return self.term or ("malignant" if self.malignant else "benign")


@dataclass(frozen=True)
class PatientReview:
    """What the patient reads of a review."""

    author: str
    created_at: datetime
    words: str
    """What the doctor wrote for them."""
    management: str
    """What is to be done, in plain words."""
    follow_up_on: date | None


def record_review(
    actor: Person, *, diagnosis_id: int, verdict: str = "", code: str = "", reason: str = "", for_patient: str = "",
    management: str = "none", follow_up_on: date | None = None, recheck_days: int | None = None, supersedes_id: int | None = None,
    opened_at: datetime | None = None, blind: bool = False, mask: bytes | None = None, keep_mask: bool = True,
) -> ReviewView:
    """Sign a review of a diagnosis of a patient who shares with this doctor.

    `verdict` is agree or overrule; of a `blind` one (given before the answer was shown) it follows from `code`. `recheck_days`
    says the follow-up as an interval. `supersedes_id` is the version that this one replaces: its outline is kept unless `mask`
    (PNG, white is lesion) brings another or `keep_mask` is off. `opened_at` is when the doctor last saw what others said of it.
    Raises ValidationError with these argument names as keys, Conflict where another doctor was quicker.
    """
    with reading() as session:
        case = case_of(session, diagnosis_id)
        policy.require(session, actor, Action.RECORD_REVIEW, patient_id=case.lesion.patient_id if case else None)
    values = checked(
        case.diagnosis, verdict=verdict, code=code, reason=reason, for_patient=for_patient, management=management,
        follow_up_on=follow_up_on, recheck_days=recheck_days, blind=blind,
    )
    if mask:  # decoded and measured while no transaction is open
        values |= corrected(case.upload, mask)
    with _one_wins(), transaction() as session:
        case = case_of(session, diagnosis_id, for_update=True)
        policy.require(session, actor, Action.RECORD_REVIEW, patient_id=case.lesion.patient_id if case else None)
        before = _superseded(session, actor, case, supersedes_id, opened_at)
        if before is not None:
            values |= {name: getattr(before, name) for name in ("histology_code", "histology_malignant", "histology_on")}
            if not mask and keep_mask:
                values |= {"mask": before.mask, "measurements": before.measurements}
        review = Review(
            diagnosis_id=diagnosis_id, author=session.get_one(User, actor.id), supersedes_id=supersedes_id, blind=blind, **values
        )
        session.add(review)
        session.flush()
        _set_reminder(session, case.lesion, review)
        patient_id = case.lesion.patient_id
        audit.record(session, actor_id=actor.id, action=Action.RECORD_REVIEW, subject=f"review:{review.id}", patient_id=patient_id)
        notifications.notify(
            session, user_id=patient_id, kind=notifications.Kind.REVIEW, lesion_id=case.lesion.id, visit_id=case.visit.id,
            about_id=actor.id,
        )
        return view(review)


def record_histology(actor: Person, *, review_id: int, code: str, found_on: date) -> ReviewView:
    """Add what the laboratory found, as a version of the review that says all the rest again.

    Raises ValidationError with code and found_on as keys, Conflict where the review was changed meanwhile.
    """
    with _one_wins(), transaction() as session:
        before = session.get(Review, review_id)
        case = case_of(session, before.diagnosis_id, for_update=True) if before else None
        patient_id = case.lesion.patient_id if case else None
        policy.require(session, actor, Action.RECORD_HISTOLOGY, patient_id=patient_id)
        mistakes = {}
        if code not in snomed.CONCEPTS:
            mistakes["code"] = "Please choose what the laboratory found."
        if mistake := fields.date_mistake(found_on, born=None):
            mistakes["found_on"] = mistake
        if mistakes:
            raise ValidationError(mistakes)
        _superseded(session, actor, case, review_id, None)
        kept = (
            "diagnosis_id", "opinion_id", "verdict", "malignant", "code", "reason", "for_patient", "management", "follow_up_on",
            "blind", "mask", "measurements",
        )
        review = Review(
            **{name: getattr(before, name) for name in kept}, author=session.get_one(User, actor.id), supersedes_id=review_id,
            histology_code=code, histology_malignant=snomed.CONCEPTS[code].malignant, histology_on=found_on,
        )
        session.add(review)
        session.flush()
        audit.record(session, actor_id=actor.id, action=Action.RECORD_HISTOLOGY, subject=f"review:{review.id}", patient_id=patient_id)
        return view(review)


def reviews_of(actor: Person, *, diagnosis_id: int) -> tuple[ReviewView, ...]:
    """Every version of every doctor's review of a diagnosis's photo, the newest first; `standing` picks those in force. None for a
    doctor who is to judge the photo before they read them."""
    with reading() as session:
        case = case_of(session, diagnosis_id)
        patient_id = case.lesion.patient_id if case else None
        policy.require(session, actor, Action.VIEW_REVIEWS, patient_id=patient_id)
        found = session.scalars(_with_author().where(Review.diagnosis_id.in_(of_same_photo(diagnosis_id))).order_by(Review.id.desc()))
        shown = () if blind_rule.keeps(session, actor, upload_id=case.upload.id) else tuple(view(review) for review in found)
    record_view(actor, Action.VIEW_REVIEWS, subject=f"diagnosis:{diagnosis_id}", patient_id=patient_id)
    return shown


def outline_of(actor: Person, *, diagnosis_id: int, review_id: int | None = None) -> bytes:
    """The outline to begin a correction from, as PNG of the size on which it is drawn: the chosen network's, or a review's."""
    with reading() as session:
        case = case_of(session, diagnosis_id)
        patient_id = case.lesion.patient_id if case else None
        policy.require(session, actor, Action.VIEW_REVIEWS, patient_id=patient_id)
        policy.require(session, actor, Action.VIEW_OVERLAY, patient_id=patient_id, upload_id=case.upload.id)
        mask = case.diagnosis.masks.get(case.diagnosis.chosen_model)
        if review_id is not None:
            about_it = Review.id == review_id, Review.diagnosis_id.in_(of_same_photo(diagnosis_id))
            mask = session.scalar(select(Review.mask).where(*about_it)) or mask
    record_view(actor, Action.VIEW_REVIEWS, subject=f"diagnosis:{diagnosis_id}", patient_id=patient_id)
    return outlines.to_draw_on(mask)


def said_to_patient(actor: Person, *, visit_id: int) -> tuple[PatientReview, ...]:
    """The reviews in force of a visit's photos as the patient reads them, the newest first; none for a doctor who is to judge first."""
    with reading() as session:
        patient_id = session.scalar(select(Lesion.patient_id).join(Visit).where(Visit.id == visit_id, Lesion.deleted_at.is_(None)))
        policy.require(session, actor, Action.VIEW_VISIT, patient_id=patient_id)
        found = session.scalars(
            _with_author()
            .join(Review.diagnosis)
            .join(Diagnosis.upload)
            .where(Upload.visit_id == visit_id, Upload.deleted_at.is_(None), in_force(), Review.opinion_id.is_(None))
            .order_by(Review.id.desc())
        )
        shown = tuple(
            PatientReview(mapping.person(one.author).full_name, one.created_at, one.for_patient, PLAIN[one.management], one.follow_up_on)
            for one in found
            if not blind_rule.keeps(session, actor, upload_id=one.diagnosis.upload_id)
        )
    record_view(actor, Action.VIEW_VISIT, subject=f"visit:{visit_id}", patient_id=patient_id)
    return shown


def prefers_blind(actor: Person) -> bool:
    """Whether this doctor wants to judge before the networks' answer is shown."""
    with reading() as session:
        policy.require(session, actor, Action.CHOOSE_BLIND)
        return session.get_one(User, actor.id).blind_reviews


def judges_first(actor: Person, *, diagnosis_id: int) -> bool:
    """Whether this doctor is to judge the diagnosis's photo before they are told what others make of it, and has not yet."""
    with reading() as session:
        case = case_of(session, diagnosis_id)
        policy.require(session, actor, Action.VIEW_REVIEWS, patient_id=case.lesion.patient_id if case else None)
        return blind_rule.keeps(session, actor, upload_id=case.upload.id)


def choose_blind(actor: Person, *, blind: bool) -> None:
    """Remember whether this doctor judges before seeing the networks' answer."""
    with transaction() as session:
        policy.require(session, actor, Action.CHOOSE_BLIND)
        session.get_one(User, actor.id).blind_reviews = blind
        audit.record(session, actor_id=actor.id, action=Action.CHOOSE_BLIND, subject="on" if blind else "off")


def standing(reviews: Collection[ReviewView]) -> tuple[ReviewView, ...]:
    """Those that no later version replaced, in the order given."""
    replaced = {review.supersedes_id for review in reviews}
    return tuple(review for review in reviews if review.id not in replaced)


# --- for services that passed the policy already ---


@dataclass(frozen=True, eq=False)
class Case:
    """A diagnosis with the photo, the visit and the mole it belongs to."""

    diagnosis: Diagnosis
    upload: Upload
    visit: Visit
    lesion: Lesion


def case_of(session: Session, diagnosis_id: int, *, for_update: bool = False) -> Case | None:
    """None where there is no such diagnosis, or its mole or photo is in the bin."""
    query = (
        select(Diagnosis, Upload, Visit, Lesion)
        .join(Upload, Diagnosis.upload_id == Upload.id)
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
        .where(Diagnosis.id == diagnosis_id, Upload.deleted_at.is_(None), Lesion.deleted_at.is_(None))
    )
    row = session.execute(query.with_for_update(of=Diagnosis) if for_update else query).first()
    return Case(*row) if row else None


def of_same_photo(diagnosis_id: int):
    """SQL query: this diagnosis and the others of its photo. What a doctor said of a photo stands when it is measured anew."""
    upload_id = select(Diagnosis.upload_id).where(Diagnosis.id == diagnosis_id).scalar_subquery()
    return select(Diagnosis.id).where(Diagnosis.upload_id == upload_id)


def in_force():
    """SQL condition on Review: no later version replaced it."""
    later = aliased(Review)
    return ~select(later.id).where(later.supersedes_id == Review.id).exists()


def newest_of(session: Session, diagnosis_ids: Collection[int]) -> dict[int, ReviewView]:
    """Diagnosis id -> its newest review in force by who cares for the patient; answers of colleagues are no reviews."""
    query = _with_author().where(Review.diagnosis_id.in_(diagnosis_ids), in_force(), Review.opinion_id.is_(None)).order_by(Review.id)
    return {review.diagnosis_id: view(review) for review in session.scalars(query)}


def view(review: Review) -> ReviewView:
    return ReviewView(
        id=review.id,
        diagnosis_id=review.diagnosis_id,
        author_id=review.author_id,
        author=mapping.person(review.author).full_name,
        created_at=review.created_at,
        supersedes_id=review.supersedes_id,
        opinion_id=review.opinion_id,
        verdict=str(review.verdict),
        malignant=review.malignant,
        code=review.code,
        term=snomed.term(review.code),
        reason=review.reason,
        for_patient=review.for_patient,
        management=str(review.management),
        follow_up_on=review.follow_up_on,
        blind=review.blind,
        histology_code=review.histology_code,
        histology_term=snomed.term(review.histology_code),
        histology_malignant=review.histology_malignant,
        histology_on=review.histology_on,
        corrected=review.mask is not None,
        measurements=dict(review.measurements) if review.measurements else None,
    )


def checked(
    diagnosis: Diagnosis, *, verdict: str, code: str, reason: str, for_patient: str, management: str, follow_up_on: date | None,
    recheck_days: int | None, blind: bool,
) -> dict[str, object]:
    """The columns of a review; raises ValidationError."""
    mistakes: dict[str, str] = {}
    texts = {}
    for name, typed in (("reason", reason), ("for_patient", for_patient)):
        try:
            texts[name] = fields.text_of_lines(typed, longest=LONGEST)
        except ValueError as error:
            mistakes[name] = str(error)
    says = _says(diagnosis)
    held = snomed.CONCEPTS.get(code)
    if code and held is None:
        mistakes["code"] = "Please choose a diagnosis of the list."
    elif blind:
        # Who did not see the answer can neither agree nor overrule: that follows.
        if held is None:
            mistakes["code"] = "Please choose your diagnosis."
        verdict = Verdict.AGREE if held and held.malignant == says else Verdict.OVERRULE
    elif mistake := _verdict_mistake(verdict, says, held):
        mistakes |= mistake
    elif verdict == Verdict.OVERRULE and not texts.get("reason") and "reason" not in mistakes:
        mistakes["reason"] = "Please say why you overrule; whoever reads this later will ask."
    if management not in set(Management):
        mistakes["management"] = "Please choose what is to be done."
    if recheck_days is not None and follow_up_on is None:
        follow_up_on = fields.today() + timedelta(days=recheck_days)
    if follow_up_on is not None and follow_up_on < fields.today():
        mistakes["follow_up_on"] = "The follow-up lies in the past."
    elif follow_up_on is not None and follow_up_on > fields.today() + timedelta(days=366 * FURTHEST_YEARS):
        mistakes["follow_up_on"] = f"The follow-up lies more than {FURTHEST_YEARS} years ahead; please check the year."
    elif management == Management.RECHECK and follow_up_on is None:
        mistakes["follow_up_on"] = "Please say when it is to be checked again: a date or an interval."
    if mistakes:
        raise ValidationError(mistakes)
    return texts | {
        "verdict": Verdict(verdict), "malignant": held.malignant if held else bool(says), "code": code,
        "management": Management(management), "follow_up_on": follow_up_on,
    }


def corrected(upload: Upload, mask: bytes) -> dict[str, object]:
    """Store a corrected outline and measure it as the networks' was: the columns mask and measurements. Raises ValidationError."""
    outline = outlines.checked(upload, mask)
    scale = None
    if upload.scale_mm_per_pixel is not None:
        scale = core.Scale(upload.scale_mm_per_pixel, upload.scale_source or "", upload.scale_relative_error or 0.0)
    return {
        "mask": storage.save(encode_mask_png(outline), outlines.PNG),
        "measurements": measure(outline, stored.pixels(upload.content_hash), scale),
    }


# --- steps ---


def _with_author():
    return select(Review).join(Review.author).options(contains_eager(Review.author))


def _says(diagnosis: Diagnosis) -> bool | None:
    """Whether the networks hold it for malignant; None where they cannot tell."""
    return None if diagnosis.diagnosis == core.Diagnosis.UNCERTAIN else diagnosis.diagnosis == core.Diagnosis.MALIGNANT


def _verdict_mistake(verdict: str, says: bool | None, held: snomed.Concept | None) -> dict[str, str] | None:
    word = {True: "malignant", False: "benign"}
    if verdict not in set(Verdict):
        return {"verdict": "Please agree or overrule."}
    if verdict == Verdict.AGREE and says is None:
        return {"verdict": "The networks could not tell, so there is nothing to agree with: please overrule with your diagnosis."}
    if verdict == Verdict.AGREE and held is not None and held.malignant != says:
        return {"code": f"{held.term} counts as {word[held.malignant]}; the networks say {word[says]}: please overrule, or choose another."}
    if verdict == Verdict.OVERRULE and held is None:
        return {"code": "Please choose the diagnosis that you hold it for."}
    if verdict == Verdict.OVERRULE and held.malignant == says:
        return {"code": f"{held.term} counts as {word[says]}, as the networks say: please agree, or choose another."}
    return None


def _superseded(
    session: Session, actor: Person, case: Case, supersedes_id: int | None, opened_at: datetime | None
) -> Review | None:
    """The version to replace; raises Conflict where it is not what stands, or others spoke since `opened_at`."""
    about_it = Review.diagnosis_id.in_(of_same_photo(case.diagnosis.id)), Review.opinion_id.is_(None)
    others = session.scalars(_with_author().where(*about_it).order_by(Review.id)).all()
    replaced = {review.supersedes_id: review for review in others}
    if supersedes_id is not None:
        before = next((review for review in others if review.id == supersedes_id), None)
        if before is None:
            raise ValidationError({"supersedes_id": "The review to change is not one of this photo."})
        if supersedes_id in replaced:
            raise _told(actor, replaced[supersedes_id], "changed")
        return before
    mine = next((review for review in others if review.author_id == actor.id and review.id not in replaced), None)
    if mine is not None:
        raise _told(actor, mine, "reviewed")
    for review in reversed(others):
        if opened_at is not None and review.created_at > opened_at:
            raise _told(actor, review, "reviewed")
    return None


def _told(actor: Person, review: Review, did: str) -> Conflict:
    who = "You" if review.author_id == actor.id else mapping.person(review.author).full_name
    moment = review.created_at.astimezone()
    what = "this review" if did == "changed" else "this photo"
    return Conflict(
        f"{who} {did} {what} on {Preferences.of(actor).date(moment)} at {moment:%H:%M}, after you opened it. Nothing was overwritten, "
        "and what you typed is still here: look at what stands now, then save again if you still want to."
    )


@contextmanager
def _one_wins() -> Iterator[None]:
    """Two transactions may both pass the look at what stands; the unique column lets one through."""
    try:
        yield
    except IntegrityError as error:
        if "supersedes" not in str(error.orig):
            raise
        raise Conflict(
            "Another doctor changed this review at the same moment. Nothing was overwritten, and what you typed is still here: "
            "look at what stands now, then save again if you still want to."
        ) from error


def _set_reminder(session: Session, lesion: Lesion, review: Review) -> None:
    """The doctor's date is the mole's next one."""
    if review.follow_up_on is None:
        return
    reminder = session.scalar(select(Reminder).where(Reminder.lesion_id == lesion.id))
    if reminder is None:
        reminder = Reminder(lesion_id=lesion.id)
        session.add(reminder)
    reminder.due_on, reminder.reason, reminder.set_by_id = review.follow_up_on, reminders.BY_DOCTOR, review.author_id
    reminder.emailed_at = None
