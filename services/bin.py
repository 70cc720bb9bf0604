"""The bin: deleted moles and photos are seen nowhere else, can be taken back for 30 days, and are then erased."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.base import now
from db.models import Lesion, Upload, Visit
from services import audit, body_sites, erasing, policy, reminders
from services.audit import Action
from services.unit_of_work import WITH_BIN, reading, record_view, transaction
from services.views import Person

KEPT = timedelta(days=30)


@dataclass(frozen=True)
class BinnedMole:
    id: int
    name: str
    body_site_label: str
    photo_count: int
    deleted_at: datetime

    @property
    def erased_on(self) -> date:
        return (self.deleted_at + KEPT).astimezone().date()


@dataclass(frozen=True)
class BinnedPhoto:
    """A photo of a mole that is not in the bin itself."""

    id: int
    lesion_name: str
    visited_on: date
    deleted_at: datetime

    @property
    def erased_on(self) -> date:
        return (self.deleted_at + KEPT).astimezone().date()


@dataclass(frozen=True)
class Bin:
    """What can be taken back, the newest first."""

    moles: tuple[BinnedMole, ...]
    photos: tuple[BinnedPhoto, ...]


def delete_lesion(actor: Person, *, lesion_id: int) -> None:
    """Put one of one's own moles, with all its visits, into the bin."""
    with transaction() as session:
        lesion = session.get(Lesion, lesion_id, with_for_update=True)
        policy.require(session, actor, Action.DELETE_LESION, patient_id=lesion.patient_id if lesion else None)
        lesion.deleted_at = now()
        _record(session, actor, Action.DELETE_LESION, lesion)


def list_bin(actor: Person) -> Bin:
    moles = (
        select(Lesion, select(func.count(Upload.id)).join(Visit).where(Visit.lesion_id == Lesion.id).scalar_subquery())
        .where(Lesion.patient_id == actor.id, Lesion.deleted_at > now() - KEPT)
        .order_by(Lesion.deleted_at.desc(), Lesion.id)
    )
    photos = (
        select(Upload, Visit.visited_on, Lesion.name)
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
        .where(Lesion.patient_id == actor.id, Lesion.deleted_at.is_(None), Upload.deleted_at > now() - KEPT)
        .order_by(Upload.deleted_at.desc(), Upload.id)
    )
    with reading() as session:
        policy.require(session, actor, Action.LIST_BIN)
        found = Bin(
            tuple(
                BinnedMole(lesion.id, lesion.name, body_sites.label(lesion.body_site), count, lesion.deleted_at)
                for lesion, count in session.execute(moles.execution_options(**WITH_BIN))
            ),
            tuple(
                BinnedPhoto(upload.id, name, day, upload.deleted_at)
                for upload, day, name in session.execute(photos.execution_options(**WITH_BIN))
            ),
        )
    record_view(actor, Action.LIST_BIN, subject=f"user:{actor.id}", patient_id=actor.id)
    return found


def restore_lesion(actor: Person, *, lesion_id: int) -> None:
    """Take a mole back; where its name was given to another one meanwhile, with a number behind it."""
    with transaction() as session:
        lesion = _binned_lesion(session, actor, Action.RESTORE_LESION, lesion_id)
        lesion.name = _free_name(session, lesion)
        lesion.deleted_at = None
        reminders.keep(session, [lesion.id])
        _record(session, actor, Action.RESTORE_LESION, lesion)


def restore_photo(actor: Person, *, upload_id: int) -> None:
    """Take a photo back."""
    with transaction() as session:
        upload, patient_id = _binned_photo(session, actor, Action.RESTORE_PHOTO, upload_id)
        upload.deleted_at = None
        reminders.keep(session, [upload.visit.lesion_id])
        audit.record(session, actor_id=actor.id, action=Action.RESTORE_PHOTO, subject=f"upload:{upload_id}", patient_id=patient_id)


def erase_lesion(actor: Person, *, lesion_id: int) -> None:
    """Erase a mole in the bin at once and for good."""
    with transaction() as session:
        lesion = _binned_lesion(session, actor, Action.ERASE_LESION, lesion_id)
        _record(session, actor, Action.ERASE_LESION, lesion)
        files = erasing.erase_lesions(session, Lesion.id == lesion_id)
    erasing.remove_files(files)


def erase_photo(actor: Person, *, upload_id: int) -> None:
    """Erase a photo in the bin at once and for good."""
    with transaction() as session:
        _, patient_id = _binned_photo(session, actor, Action.ERASE_PHOTO, upload_id)
        audit.record(session, actor_id=actor.id, action=Action.ERASE_PHOTO, subject=f"upload:{upload_id}", patient_id=patient_id)
        files = erasing.erase_photos(session, Upload.id == upload_id)
    erasing.remove_files(files)


def purge() -> None:
    """Erase what lay in the bin for 30 days. A chore of the server; nobody's leave is asked."""
    due = now() - KEPT
    lesions = select(Lesion.id, Lesion.patient_id).where(Lesion.deleted_at <= due).execution_options(**WITH_BIN)
    photos = (
        select(Upload.id, Lesion.patient_id)
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
        .where(Upload.deleted_at <= due)
        .execution_options(**WITH_BIN)
    )
    with reading() as session:
        if not session.execute(lesions.limit(1)).first() and not session.execute(photos.limit(1)).first():
            return
    with transaction() as session:
        for action, query, table in ((Action.ERASE_PHOTO, photos, "upload"), (Action.ERASE_LESION, lesions, "lesion")):
            for number, patient_id in session.execute(query):
                audit.record(session, actor_id=None, action=action, subject=f"{table}:{number}", patient_id=patient_id)
        files = erasing.erase_photos(session, Upload.deleted_at <= due) | erasing.erase_lesions(session, Lesion.deleted_at <= due)
    erasing.remove_files(files)


def _binned_lesion(session: Session, actor: Person, action: Action, lesion_id: int) -> Lesion:
    lesion = session.get(Lesion, lesion_id, with_for_update=True, execution_options=WITH_BIN)
    if lesion is not None and lesion.deleted_at is None:
        lesion = None
    policy.require(session, actor, action, patient_id=lesion.patient_id if lesion else None)
    return lesion


def _binned_photo(session: Session, actor: Person, action: Action, upload_id: int) -> tuple[Upload, int]:
    """The photo and whose it is; of a mole in the bin no single photo is taken back."""
    row = session.execute(
        select(Upload, Lesion.patient_id)
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
        .where(Upload.id == upload_id, Upload.deleted_at.is_not(None), Lesion.deleted_at.is_(None))
        .execution_options(**WITH_BIN)
    ).one_or_none()
    policy.require(session, actor, action, patient_id=row.patient_id if row else None)
    return row.Upload, row.patient_id


def _free_name(session: Session, lesion: Lesion) -> str:
    taken = {name.casefold() for name in session.scalars(select(Lesion.name).where(Lesion.patient_id == lesion.patient_id))}
    name, number = lesion.name, 1
    while name.casefold() in taken:
        number += 1
        name = f"{lesion.name} ({number})"
    return name


def _record(session: Session, actor: Person, action: Action, lesion: Lesion) -> None:
    audit.record(session, actor_id=actor.id, action=action, subject=f"lesion:{lesion.id}", patient_id=lesion.patient_id)
