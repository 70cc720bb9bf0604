"""Erasing for good: rows with all that hangs on them, then the files that no row refers to any more."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from db.models import Diagnosis, Lesion, Note, Review, Upload, Visit
from services import cache, storage
from services.unit_of_work import WITH_BIN


def erase_lesions(session: Session, condition: ColumnElement[bool]) -> set[str]:
    """Delete the moles that meet this, within the caller's transaction; returns the files to hand to `remove_files` after it."""
    uploads = select(Upload.id).join(Visit, Upload.visit_id == Visit.id).join(Lesion, Visit.lesion_id == Lesion.id).where(condition)
    files = _files_of(session, session.scalars(uploads.execution_options(**WITH_BIN)).all())
    # The database deletes visits, photos, diagnoses, reviews, notes, links and reminders with the mole (ON DELETE CASCADE).
    session.execute(delete(Lesion).where(condition).execution_options(synchronize_session=False))
    return files


def erase_photos(session: Session, condition: ColumnElement[bool]) -> set[str]:
    """Delete the photos that meet this, and visits on which nothing is left; otherwise as `erase_lesions`."""
    found = session.execute(select(Upload.id, Upload.visit_id).where(condition).execution_options(**WITH_BIN)).all()
    ids, visit_ids = {row.id for row in found}, {row.visit_id for row in found}
    files = _files_of(session, ids)
    session.execute(delete(Upload).where(Upload.id.in_(ids)).execution_options(synchronize_session=False))
    empty = (
        Visit.id.in_(visit_ids),
        ~select(Upload.id).where(Upload.visit_id == Visit.id).exists(),
        ~select(Note.id).where(Note.visit_id == Visit.id).exists(),
    )
    session.execute(delete(Visit).where(*empty).execution_options(synchronize_session=False))
    return files


def remove_files(names: Iterable[str]) -> None:
    """To be called after the commit. What a crash leaves here, the sweep at the next start removes."""
    names = set(names)
    gone = storage.remove_unreferred(names)
    cache.forget(name.partition(".")[0] for name in gone)


def _files_of(session: Session, upload_ids: Iterable[int]) -> set[str]:
    ids = list(upload_ids)
    files: set[str] = set()
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        photos = select(Upload.content_hash).where(Upload.id.in_(some)).execution_options(**WITH_BIN)
        files |= {f"{content_hash}.jpg" for content_hash in session.scalars(photos)}
        for masks, heat_map in session.execute(select(Diagnosis.masks, Diagnosis.heat_map).where(Diagnosis.upload_id.in_(some))):
            files |= {f"{content_hash}.png" for content_hash in (*masks.values(), heat_map) if content_hash}
        corrected = select(Review.mask).join(Diagnosis).where(Diagnosis.upload_id.in_(some), Review.mask.is_not(None))
        files |= {f"{content_hash}.png" for content_hash in session.scalars(corrected)}
    return files
