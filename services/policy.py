"""The one place that says who may do what on whose what. Every service asks `require` first."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from db.models import AccountState, CareGrant, Diagnosis, Lesion, Review, Role, SecondOpinion, Upload, User, Visit
from services.audit import Action
from services.errors import AccessError, NotAllowed, NotFound
from services.settings import settings
from services.views import Person


class Relation(StrEnum):
    """How the actor stands to the patient an action is about."""

    OWNER = "owner"
    """The patient themself."""
    CARER = "carer"
    """A doctor whom the patient lets see their moles, and has not revoked."""
    TOLD_CARER = "told_carer"
    """Such a doctor who may see what others make of the photo: not one to judge it blind, or has judged."""
    COLLEAGUE = "colleague"
    """A doctor whom a carer asked about this one photo, for as long as the carer is one and has not taken the question back."""
    TOLD_COLLEAGUE = "told_colleague"
    """Such a doctor who may see what others make of the photo: not asked to judge blind, or has judged."""
    DOCTOR = "doctor"
    """Any doctor; the action is about no patient."""
    PATIENT = "patient"
    """Any patient; the action is about no other one."""
    ADMIN = "admin"
    """Any admin; the action shows no photo, no timeline and no patient's name beside a finding."""


EVERYBODY = frozenset({Relation.PATIENT, Relation.DOCTOR, Relation.ADMIN})
"""For what concerns one's own account."""

ROLE_OF = {
    Relation.OWNER: Role.PATIENT,
    Relation.CARER: Role.DOCTOR,
    Relation.TOLD_CARER: Role.DOCTOR,
    Relation.COLLEAGUE: Role.DOCTOR,
    Relation.TOLD_COLLEAGUE: Role.DOCTOR,
    Relation.DOCTOR: Role.DOCTOR,
    Relation.PATIENT: Role.PATIENT,
    Relation.ADMIN: Role.ADMIN,
}

RULES: dict[Action, frozenset[Relation]] = {
    action: frozenset(relations)
    for action, relations in {
        Action.VIEW_PATIENT: {Relation.OWNER, Relation.CARER},
        Action.VIEW_TIMELINE: {Relation.OWNER, Relation.CARER},
        Action.VIEW_VISIT: {Relation.OWNER, Relation.CARER},
        Action.VIEW_PHOTO: {Relation.OWNER, Relation.CARER, Relation.COLLEAGUE},
        Action.DOWNLOAD_PHOTO: {Relation.OWNER, Relation.CARER},
        Action.ADD_LESION: {Relation.PATIENT},
        Action.ADD_PHOTO: {Relation.OWNER},
        Action.ADD_NOTE: {Relation.CARER},
        Action.SHARE: {Relation.PATIENT},
        Action.REVOKE: {Relation.OWNER},
        Action.LIST_GRANTS: {Relation.PATIENT},
        Action.LIST_PATIENTS: {Relation.DOCTOR},
        Action.VIEW_WORK_LIST: {Relation.DOCTOR},
        Action.KEEP_TEMPLATES: {Relation.DOCTOR},
        Action.VIEW_EVENTS: {Relation.CARER},
        Action.VIEW_PERFORMANCE: {Relation.DOCTOR, Relation.ADMIN},
        Action.LIST_SESSIONS: EVERYBODY,
        Action.END_SESSION: EVERYBODY,
        Action.CHANGE_PASSWORD: EVERYBODY,
        Action.ENABLE_TOTP: EVERYBODY,
        Action.DISABLE_TOTP: EVERYBODY,
        Action.RESET_TOTP: {Relation.ADMIN},
        Action.LIST_ACCOUNTS: {Relation.ADMIN},
        Action.CREATE_ACCOUNT: {Relation.ADMIN},
        Action.CONFIRM_DOCTOR: {Relation.ADMIN},
        Action.CHANGE_ROLE: {Relation.ADMIN},
        Action.DISABLE_ACCOUNT: {Relation.ADMIN},
        Action.ENABLE_ACCOUNT: {Relation.ADMIN},
        Action.LIST_RECORDS: {Relation.ADMIN},
        Action.EXPORT_RECORDS: {Relation.ADMIN},

        Action.EDIT_LESION: {Relation.OWNER},
        Action.WITHDRAW_PHOTO: {Relation.OWNER},
        Action.CHOOSE_FIGURE: {Relation.PATIENT},
        Action.SET_RECHECK: {Relation.OWNER},
        Action.VIEW_REMINDERS: {Relation.OWNER},
        Action.VIEW_RISK: {Relation.OWNER, Relation.CARER},
        Action.ANSWER_RISK: {Relation.PATIENT},
        Action.SET_SCALE: {Relation.OWNER, Relation.CARER},
        Action.EXPORT_TIMELINE: {Relation.OWNER, Relation.CARER},
        # A person's own data.
        Action.READ_NOTICES: EVERYBODY,
        Action.READ_CONSENT: {Relation.PATIENT},
        Action.ACCEPT_CONSENT: {Relation.PATIENT},
        Action.WITHDRAW_CONSENT: {Relation.PATIENT},
        Action.DELETE_LESION: {Relation.OWNER},
        Action.LIST_BIN: {Relation.PATIENT},
        Action.RESTORE_LESION: {Relation.OWNER},
        Action.RESTORE_PHOTO: {Relation.OWNER},
        Action.ERASE_LESION: {Relation.OWNER},
        Action.ERASE_PHOTO: {Relation.OWNER},
        Action.ERASE_ACCOUNT: EVERYBODY,
        Action.EXPORT_MY_DATA: {Relation.PATIENT},
        Action.VIEW_REPORT: {Relation.OWNER, Relation.CARER},
        Action.CHANGE_PROFILE: EVERYBODY,
        Action.CHANGE_EMAIL: EVERYBODY,
        Action.INVITE_DOCTOR: {Relation.PATIENT},
        Action.MAKE_LINK: {Relation.OWNER},
        Action.REVOKE_LINK: {Relation.OWNER},
        # Reviews and second opinions.
        Action.RECORD_REVIEW: {Relation.CARER},
        Action.RECORD_HISTOLOGY: {Relation.CARER},
        Action.VIEW_REVIEWS: {Relation.CARER},
        Action.CHOOSE_BLIND: {Relation.DOCTOR},
        Action.VIEW_OVERLAY: {Relation.OWNER, Relation.TOLD_CARER, Relation.TOLD_COLLEAGUE},
        Action.ASK_OPINION: {Relation.CARER},
        Action.LIST_OPINIONS: {Relation.DOCTOR},
        Action.VIEW_OPINION: {Relation.COLLEAGUE},
        Action.ANSWER_OPINION: {Relation.COLLEAGUE},
    }.items()
}

BEFORE_SECOND_STEP = frozenset({Action.LIST_SESSIONS, Action.END_SESSION, Action.CHANGE_PASSWORD, Action.ENABLE_TOTP})
"""What may be done by who has yet to set up the second step that their role requires."""


def require(
    session: Session, actor: Person, action: Action, *, patient_id: int | None = None, upload_id: int | None = None
) -> None:
    """Pass, or raise NotAllowed (the role never may) or NotFound (this one not).

    `patient_id` is whom the thing acted on belongs to; None where there is no such thing or the action is about no
    patient. `upload_id` is the one photo acted on, where it is one: a colleague who was asked may see that and no other.
    What the role never may is said before anything is looked at, so that no answer depends on what exists.
    The actor is looked up anew: who was disabled or changed role a moment ago may no longer what the page still believes.
    """
    found = session.execute(
        select(User.role, User.totp_enabled_at).where(User.id == actor.id, User.account_state == AccountState.ACTIVE)
    ).one_or_none()
    role, totp_enabled_at = found or (None, None)
    if role and totp_enabled_at is None and action not in BEFORE_SECOND_STEP and settings().requires_totp(role):
        raise _refused(NotAllowed("Please set up the second step of your log-in first, under My account."), actor, action, patient_id)
    relations = {relation for relation in RULES[action] if ROLE_OF[relation] == role}
    if not relations:
        raise _refused(NotAllowed(), actor, action, patient_id)
    if not any(_holds(session, actor, relation, patient_id, upload_id) for relation in relations):
        raise _refused(NotFound(), actor, action, patient_id)


def require_own(session: Session, actor: Person, action: Action, *, owner_id: int | None) -> None:
    """`require`, and the thing of an account that is acted on is the actor's own; None where there is no such thing."""
    require(session, actor, action)
    if owner_id != actor.id:
        raise _refused(NotFound(), actor, action, None)


def cares_for(*, patient_id, doctor_id):
    """SQL condition: this doctor holds a grant of this patient that is in force. Takes values or columns."""
    return select(CareGrant.id).where(
        CareGrant.patient_id == patient_id, CareGrant.doctor_id == doctor_id, CareGrant.revoked_at.is_(None)
    ).exists()


def asked_about(*, upload_id, colleague_id, told: bool = False):
    """SQL condition: who cares for the patient asked this doctor about this photo, and still does. `told`: they may see what others
    make of it."""
    asker = aliased(User)
    query = (
        select(SecondOpinion.id)
        .join(Diagnosis, SecondOpinion.diagnosis_id == Diagnosis.id)
        .join(Upload, Diagnosis.upload_id == Upload.id)
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
        .join(asker, SecondOpinion.asker_id == asker.id)
        .where(
            Upload.id == upload_id,
            SecondOpinion.colleague_id == colleague_id,
            SecondOpinion.withdrawn_at.is_(None),
            Upload.deleted_at.is_(None),
            Lesion.deleted_at.is_(None),
            asker.account_state == AccountState.ACTIVE,
            cares_for(patient_id=Lesion.patient_id, doctor_id=asker.id),
        )
    )
    if told:
        query = query.where(or_(SecondOpinion.blind.is_(False), SecondOpinion.answered_at.is_not(None)))
    return query.exists()


def kept_from(*, upload_id, doctor_id):
    """SQL condition: this doctor is to judge the photo before they are told what others make of it, and has not yet. They chose so for
    all photos, or a colleague asks them so about this one. What was said of a photo stands when it is measured anew."""
    judged = (
        select(Review.id)
        .join(Diagnosis, Review.diagnosis_id == Diagnosis.id)
        .where(Diagnosis.upload_id == upload_id, Review.author_id == doctor_id)
    )
    chose = select(User.id).where(User.id == doctor_id, User.blind_reviews)
    asked = {"upload_id": upload_id, "colleague_id": doctor_id}
    return and_(~judged.exists(), or_(chose.exists(), and_(asked_about(**asked), ~asked_about(**asked, told=True))))


def _holds(session: Session, actor: Person, relation: Relation, patient_id: int | None, upload_id: int | None) -> bool:
    match relation:
        case Relation.OWNER:
            return patient_id == actor.id
        case Relation.CARER:
            return patient_id is not None and bool(session.scalar(select(cares_for(patient_id=patient_id, doctor_id=actor.id))))
        case Relation.TOLD_CARER:
            told = upload_id is not None and not session.scalar(select(kept_from(upload_id=upload_id, doctor_id=actor.id)))
            return told and _holds(session, actor, Relation.CARER, patient_id, upload_id)
        case Relation.COLLEAGUE | Relation.TOLD_COLLEAGUE:
            told = relation == Relation.TOLD_COLLEAGUE
            return upload_id is not None and bool(
                session.scalar(select(asked_about(upload_id=upload_id, colleague_id=actor.id, told=told)))
            )
        case _:
            return True


def _refused(error: AccessError, actor: Person, action: Action, patient_id: int | None) -> AccessError:
    error.attempt = (actor.id, action, patient_id)
    return error
