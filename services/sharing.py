"""Who may see a patient's moles: the patient grants it to a doctor and takes it back."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from db.base import now
from db.models import AccountState, CareGrant, Diagnosis, Lesion, Role, Upload, User, Visit
from services import audit, fields, mapping, notifications, policy, sealing
from services.audit import Action
from services.errors import NotFound, ValidationError
from services.paging import finder, numbered
from services.unit_of_work import reading, record_view, transaction
from services.views import Grant, Page, PatientSummary, Person

NO_DOCTOR = "There is no doctor with this e-mail address on Moletrail. Please check the address with your doctor."


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
    """The doctors who may see one's moles now, the newest first."""
    with reading() as session:
        policy.require(session, actor, Action.LIST_GRANTS)
        grants = session.scalars(
            select(CareGrant)
            .where(CareGrant.patient_id == actor.id, CareGrant.revoked_at.is_(None))
            .options(joinedload(CareGrant.doctor))
            .order_by(CareGrant.id.desc())
        )
        return tuple(mapping.grant(grant) for grant in grants)


def list_patients(actor: Person, *, search: str = "", page: int = 1, size: int = 25) -> Page[PatientSummary]:
    """Patients who share with this doctor, the highest malignancy probability first, then by surname."""
    in_force = select(CareGrant).where(CareGrant.doctor_id == actor.id, CareGrant.revoked_at.is_(None)).subquery()
    ids = select(in_force.c.patient_id)
    counts = (
        select(
            Lesion.patient_id,
            func.count(Lesion.id.distinct()).label("lesions"),
            func.count(Upload.id).label("photos"),
            func.max(Visit.visited_on).label("last"),
        )
        .outerjoin(Visit, Visit.lesion_id == Lesion.id)
        .outerjoin(Upload, Upload.visit_id == Visit.id)
        .where(Lesion.patient_id.in_(ids))
        .group_by(Lesion.patient_id)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=Lesion.id, order_by=(Visit.visited_on.desc(), Upload.id.desc(), Diagnosis.id.desc())
    )
    ranked = (
        select(Lesion.patient_id, Diagnosis.malignant_probability, place.label("place"))
        .join(Visit, Visit.lesion_id == Lesion.id)
        .join(Upload, Upload.visit_id == Visit.id)
        .join(Diagnosis, Diagnosis.upload_id == Upload.id)
        .where(Lesion.patient_id.in_(ids), Upload.accepted)
        .subquery()
    )
    highest = (
        select(ranked.c.patient_id, func.max(ranked.c.malignant_probability).label("probability"))
        .where(ranked.c.place == 1)
        .group_by(ranked.c.patient_id)
        .subquery()
    )
    query = (
        select(
            User,
            func.coalesce(counts.c.lesions, 0),
            func.coalesce(counts.c.photos, 0),
            counts.c.last,
            highest.c.probability,
            in_force.c.created_at,
        )
        .join(in_force, in_force.c.patient_id == User.id)
        .outerjoin(counts, counts.c.patient_id == User.id)
        .outerjoin(highest, highest.c.patient_id == User.id)
    )
    # Names may be sealed, so they are searched and sorted here; only the page's own rows are then read whole.
    order = (
        select(User.id, User.first_name, User.surname, User.email, highest.c.probability)
        .join(in_force, in_force.c.patient_id == User.id)
        .outerjoin(highest, highest.c.patient_id == User.id)
    )
    with reading() as session:
        policy.require(session, actor, Action.LIST_PATIENTS)
        matches = finder(search)
        rows = [row for row in session.execute(order) if matches(f"{row.first_name} {row.surname}", row.email)]
        rows.sort(key=lambda row: (row.probability is None, -(row.probability or 0), row.surname.casefold(), row.id))
        found = numbered([row.id for row in rows], page=page, size=size)
        summaries = {
            row[0].id: PatientSummary(mapping.person(row[0]), *row[1:]) for row in session.execute(query.where(User.id.in_(found.items)))
        }
        found = replace(found, items=tuple(summaries[number] for number in found.items))
    record_view(actor, Action.LIST_PATIENTS)
    return found


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
