"""Who may see a patient's moles: the patient grants it to a doctor and takes it back."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, joinedload

from db.base import now
from db.models import AccountState, AuditEvent, CareGrant, Diagnosis, Lesion, MoleSummary, Role, Upload, User, Visit
from services import audit, blind, fields, mail, mapping, names, notifications, policy, sealing, throttle
from services.audit import Action
from services.errors import NotFound, ValidationError
from services.paging import one_of, page_of
from services.settings import settings
from services.unit_of_work import reading, record_view, transaction
from services.views import Grant, Page, PatientSummary, Person

INVITATION = """Hello,

{name} follows their moles with Moletrail and would like to show them to you, their doctor.

If you want to see them, sign up as a doctor: {url}/sign-up

Once an administrator has confirmed your account, tell {name} the e-mail address you signed up with; they can then share with you.
This message opens nothing by itself, and if you do nothing, nothing happens.
"""
NO_DOCTOR = "There is no doctor with this e-mail address on Moletrail. Please check the address with your doctor."


def list_doctors(actor: Person) -> tuple[Person, ...]:
    """Doctors who let patients find them and do not see this one's moles yet, by name."""
    with reading() as session:
        policy.require(session, actor, Action.SHARE)
        theirs = select(CareGrant.doctor_id).where(CareGrant.patient_id == actor.id, CareGrant.revoked_at.is_(None))
        found = session.scalars(
            select(User).where(User.role == Role.DOCTOR, User.account_state == AccountState.ACTIVE, User.listed, User.id.not_in(theirs))
        )
        # Names are sealed: the database cannot order them.
        return tuple(sorted(map(mapping.person, found), key=lambda doctor: (doctor.surname.casefold(), doctor.first_name.casefold())))


def share_with(actor: Person, *, doctor_email: str) -> Grant:
    """Let a doctor see all of one's moles; who sees them already keeps that grant.

    Raises ValidationError, with the same sentence for an unknown address and for one that is no doctor's.
    """
    try:
        email = fields.email(doctor_email)
    except ValueError as error:
        with reading() as session:
            policy.require(session, actor, Action.SHARE)
        raise ValidationError({"doctor_email": str(error)}) from None
    with transaction() as session:
        policy.require(session, actor, Action.SHARE)
        # The patient's row stays locked until the end, so that two clicks make one grant.
        session.get_one(User, actor.id, with_for_update=True)
        doctor = session.scalar(
            select(User).where(sealing.with_email(email), User.role == Role.DOCTOR, User.account_state == AccountState.ACTIVE)
        )
        if doctor is None:
            raise ValidationError({"doctor_email": NO_DOCTOR})
        grant = session.scalar(
            select(CareGrant).where(
                CareGrant.patient_id == actor.id, CareGrant.doctor_id == doctor.id, CareGrant.revoked_at.is_(None)
            )
        )
        if grant is None:
            grant = CareGrant(patient_id=actor.id, doctor=doctor)
            session.add(grant)
            session.flush()
            notifications.notify(session, user_id=doctor.id, kind=notifications.Kind.SHARE, about_id=actor.id)
            audit.record(session, actor_id=actor.id, action=Action.SHARE, subject=f"care_grant:{grant.id}", patient_id=actor.id)
        return mapping.grant(grant)


def revoke(actor: Person, *, grant_id: int) -> None:
    """Take back a grant; the doctor sees nothing from now on. Taking it back twice is fine."""
    with transaction() as session:
        grant = session.get(CareGrant, grant_id, with_for_update=True)
        policy.require(session, actor, Action.REVOKE, patient_id=grant.patient_id if grant else None)
        if grant.revoked_at is None:
            grant.revoked_at = now()
            audit.record(session, actor_id=actor.id, action=Action.REVOKE, subject=f"care_grant:{grant.id}", patient_id=actor.id)


def list_grants(actor: Person) -> tuple[Grant, ...]:
    """The doctors who may see one's moles now, and when each last looked, the newest first."""
    with reading() as session:
        policy.require(session, actor, Action.LIST_GRANTS)
        grants = session.scalars(
            select(CareGrant)
            .where(CareGrant.patient_id == actor.id, CareGrant.revoked_at.is_(None))
            .options(joinedload(CareGrant.doctor))
            .order_by(CareGrant.id.desc())
        ).all()
        looked = dict(
            session.execute(
                select(AuditEvent.actor_id, func.max(AuditEvent.created_at))
                .where(
                    AuditEvent.patient_id == actor.id, AuditEvent.outcome == "ok",
                    AuditEvent.actor_id.in_([grant.doctor_id for grant in grants]),
                )
                .group_by(AuditEvent.actor_id)
            ).all()
        )
        return tuple(replace(mapping.grant(grant), last_looked_at=looked.get(grant.doctor_id)) for grant in grants)


def invite(actor: Person, *, doctor_email: str) -> None:
    """Send a doctor who has no account yet an e-mail that asks them to sign up. It opens nothing: sharing is a step of its own.

    Raises ValidationError where the address is none, or too many were sent.
    """
    with reading() as session:
        policy.require(session, actor, Action.INVITE_DOCTOR)
    try:
        email = fields.email(doctor_email)
    except ValueError as error:
        raise ValidationError({"doctor_email": str(error)}) from None
    with transaction() as session:
        policy.require(session, actor, Action.INVITE_DOCTOR)
        keys = (throttle.key("mail", f"invite {actor.id}"), throttle.key("mail", f"invited {email}"))
        wait = throttle.count_try(session, *keys)
        outcome = "ok" if wait is None else "throttled"
        audit.record(session, actor_id=actor.id, action=Action.INVITE_DOCTOR, patient_id=actor.id, outcome=outcome)
    if wait is not None:
        raise ValidationError({"doctor_email": f"Enough invitations for now. Please wait {throttle.in_words(wait)} before the next."})
    text = INVITATION.format(name=actor.full_name, url=settings().public_url)
    mail.send(to=email, subject="A patient would like to show you their moles", text=text)


def list_patients(actor: Person, *, search: str = "", page: int = 1, size: int = 25) -> Page[PatientSummary]:
    """Patients who share with this doctor and whose names, e-mail or number hold each word of `search`; the highest malignancy
    probability first, then who shares longest; a doctor who judges blind gets neither the probability nor its order."""
    with reading() as session:
        policy.require(session, actor, Action.LIST_PATIENTS)
        hidden, asked = blind.judges_blind(session, actor), blind.asked_about(session, actor)
        found = _patients(session, actor, search, ranked=not hidden, page=page, size=size)
        ids = [row.User.id for row in found.items]
        counts = _photo_counts(session, ids)
        calls = {} if hidden else _highest_calls(session, [patient for patient in ids if patient not in asked])
        items = tuple(
            PatientSummary(
                mapping.person(row.User), row.moles, counts.get(row.User.id, 0), row.last,
                None if hidden or row.User.id in asked else row.highest, calls.get(row.User.id), row.since,
            )
            for row in found.items
        )
    record_view(actor, Action.LIST_PATIENTS)
    return replace(found, items=items)


def _patients(session: Session, actor: Person, search: str, *, ranked: bool, page: int, size: int) -> Page[Row]:
    """Only the moles of those who are found are gone through, and nobody is counted twice: there may be ten thousand patients."""
    granted = CareGrant.doctor_id == actor.id, CareGrant.revoked_at.is_(None)
    named = names.patients_named(session, actor.id, search) if search.strip() else None
    total = session.scalar(select(func.count()).select_from(CareGrant).where(*granted)) if named is None else len(named)
    theirs = select(CareGrant.patient_id).where(*granted)
    moles = (
        select(
            MoleSummary.patient_id,
            func.count().label("moles"),
            func.max(MoleSummary.last_visited_on).label("last"),
            func.max(MoleSummary.probability).label("highest"),
        )
        .where(MoleSummary.patient_id.in_(theirs) if named is None else one_of(MoleSummary.patient_id, named))
        .group_by(MoleSummary.patient_id)
        .subquery()
    )
    query = (
        select(User, func.coalesce(moles.c.moles, 0).label("moles"), moles.c.last, moles.c.highest, CareGrant.created_at.label("since"))
        .join(CareGrant, CareGrant.patient_id == User.id)
        .outerjoin(moles, moles.c.patient_id == User.id)
        .where(*granted)
        .order_by(*([moles.c.highest.desc().nulls_last()] if ranked else []), CareGrant.id)
    )
    if named is not None:
        query = query.where(one_of(User.id, named))
    return page_of(session, query, page=page, size=size, view=lambda row: row, total=total)


def _photo_counts(session: Session, patient_ids: list[int]) -> dict[int, int]:
    """Photos that are not in the bin, of these patients only: counting everybody's takes long where there are many."""
    query = (
        select(Lesion.patient_id, func.count())
        .join(Visit, Visit.lesion_id == Lesion.id)
        .join(Upload, Upload.visit_id == Visit.id)
        .where(Lesion.patient_id.in_(patient_ids), Lesion.deleted_at.is_(None), Upload.deleted_at.is_(None))
        .group_by(Lesion.patient_id)
    )
    return dict(session.execute(query).all())


def _highest_calls(session: Session, patient_ids: list[int]) -> dict[int, tuple[str, str]]:
    """Diagnosis and confidence of each patient's newest photo of highest probability, as they were shown: a photo taken without a
    dermoscope is never told of with high confidence, whatever its probability."""
    query = (
        select(MoleSummary.patient_id, Diagnosis.diagnosis, Diagnosis.confidence)
        .join(Diagnosis, Diagnosis.upload_id == MoleSummary.upload_id)
        .where(MoleSummary.patient_id.in_(patient_ids), MoleSummary.probability.is_not(None))
        .order_by(MoleSummary.probability, Diagnosis.id)
    )
    return {patient: (diagnosis, confidence) for patient, diagnosis, confidence in session.execute(query)}


def patient_of(actor: Person, *, patient_id: int) -> Person:
    """The patient themself, for a doctor they share with and for themself."""
    with reading() as session:
        policy.require(session, actor, Action.VIEW_PATIENT, patient_id=patient_id)
        patient = session.get(User, patient_id)
        if patient is None:
            raise NotFound
        found = mapping.person(patient)
    record_view(actor, Action.VIEW_PATIENT, subject=f"user:{patient_id}", patient_id=patient_id)
    return found
