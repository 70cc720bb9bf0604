"""How two photos of one mole lie over each other: worked out once for each pair, kept beside them, and the pictures made of it."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import numpy as np
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from core import overlay as pictures
from core import registration
from core.analysis import Mask
from core.photo import encode_jpeg
from core.preprocess import RGB, lesion_square
from core.registration import Registration
from db.models import Alignment, Diagnosis, Lesion, Upload, Visit
from services import policy, stored
from services.audit import Action
from services.cache import cached
from services.errors import NotFound, StorageFailed
from services.unit_of_work import reading, record_view, transaction
from services.views import Person

KINDS = ("first", "second", "difference", "outlines")
"""Pictures of a pair, all in the second photo's frame: the first photo turned, moved and stretched onto it; the second itself;
where they differ; the second with both outlines."""
SHOWN_PX, SHOWN_QUALITY = 1200, 85
FULL_DIFFERENCE = 25.0
"""Distance in CIELAB at which the map of differences is darkest; lesion and skin are some 30 apart."""
AROUND = 2.2
"""The pictures show the lesion with so much around it, as a multiple of its size."""

COMPLETE_S = 4.0
"""So long at a time are photos laid over each other that were not yet: other chores wait meanwhile."""

logger = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()
"""Registration takes all cores for a moment, and two pictures of the same pair need it once."""


@dataclass(frozen=True)
class Shot:
    """A photo as stored, with the outline of its current diagnosis."""

    upload_id: int
    lesion_id: int
    patient_id: int
    visited_on: date
    content_hash: str
    measurements: Mapping[str, float]
    mask_hash: str


def aligned_file(actor: Person, *, first_upload_id: int, second_upload_id: int, kind: str) -> bytes:
    """A picture of the pair as JPEG, see KINDS. Raises NotFound where the two cannot be laid over each other."""
    if kind not in KINDS:
        raise NotFound
    first, second = pair(actor, first_upload_id=first_upload_id, second_upload_id=second_upload_id)
    if kind == "outlines":  # which tell what the networks make of the photos
        with reading() as session:
            for shot in (first, second):
                policy.require(session, actor, Action.VIEW_OVERLAY, patient_id=shot.patient_id, upload_id=shot.upload_id)
    found = align(first, second)
    if not found.accepted:
        raise NotFound("These two photos could not be laid over each other.")
    hashes = (first.content_hash, first.mask_hash, second.content_hash, second.mask_hash, sha256(found.matrix.tobytes()).hexdigest())
    return cached("-".join([*(name[:24] for name in hashes), f"{kind}.jpg"]), lambda: _picture(first, second, found, kind))


def pair(actor: Person, *, first_upload_id: int, second_upload_id: int) -> tuple[Shot, Shot]:
    """Two measured photos of the same mole, when the actor may see them; leaves the audit events."""
    with reading() as session:
        found = {shot.upload_id: shot for shot in shots(session, (first_upload_id, second_upload_id))}
        first, second = found.get(first_upload_id), found.get(second_upload_id)
        together = first is not None and second is not None and first.lesion_id == second.lesion_id
        policy.require(session, actor, Action.VIEW_PHOTO, patient_id=first.patient_id if together else None)
    for shot in (first, second):
        record_view(actor, Action.VIEW_PHOTO, subject=f"upload:{shot.upload_id}", patient_id=shot.patient_id)
    return first, second


def shots(session: Session, upload_ids: Sequence[int]) -> list[Shot]:
    """Those of these photos that were measured and are in no bin, for services that passed the policy already."""
    rows = session.execute(_measured().where(Upload.id.in_(upload_ids)).order_by(Diagnosis.id))
    newest = {row.id: Shot(*row[:-2], row.masks[row.chosen_model]) for row in rows}
    return list(newest.values())


def last_shot(session: Session, lesion_id: int) -> Shot | None:
    """The newest measured photo of a mole, for services that passed the policy already."""
    order = Visit.visited_on.desc(), Upload.id.desc(), Diagnosis.id.desc()
    row = session.execute(_measured().where(Visit.lesion_id == lesion_id).order_by(*order).limit(1)).first()
    return Shot(*row[:-2], row.masks[row.chosen_model]) if row else None


def _measured():
    return (
        select(
            Upload.id, Visit.lesion_id, Lesion.patient_id, Visit.visited_on, Upload.content_hash, Diagnosis.measurements,
            Diagnosis.masks, Diagnosis.chosen_model,
        )
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
        .join(Diagnosis, Diagnosis.upload_id == Upload.id)
        .where(Upload.accepted, Upload.deleted_at.is_(None), Lesion.deleted_at.is_(None))
    )


def align(first: Shot, second: Shot) -> Registration:
    """How the first photo lies over the second: as kept, or worked out and kept now. For services that passed the policy already."""
    with _one_at_a_time:
        with reading() as session:
            if known := _kept(session, first, second):
                return known
        found = _register(first, second)
        with transaction() as session:
            session.add(kept(first.upload_id, second.upload_id, found))
        return found


def kept(first_upload_id: int, second_upload_id: int, found: Registration) -> Alignment:
    """The registration as a row."""
    return Alignment(
        first_upload_id=first_upload_id, second_upload_id=second_upload_id, accepted=found.accepted, reason=found.reason,
        matrix=found.matrix.tolist(), relative_scale=found.relative_scale, by_skin=found.by_skin,
    )


def complete(seconds: float = COMPLETE_S) -> int:
    """Lay photos over the one before, where that was never done, for so long; returns how many pairs were done.

    For the server itself: after registration has changed, and for photos that came in when it could not be done.
    """
    until = time.monotonic() + seconds
    done = 0
    for first_upload_id, second_upload_id in _missing():
        if time.monotonic() > until:
            break
        with reading() as session:
            found = {shot.upload_id: shot for shot in shots(session, (first_upload_id, second_upload_id))}
        if len(found) < 2:
            continue
        try:
            align(found[first_upload_id], found[second_upload_id])
        except StorageFailed as error:  # One damaged file must not keep the others from it.
            logger.error("Two photos could not be laid over each other: %s", error)
            continue
        done += 1
    return done


def _missing() -> list[tuple[int, int]]:
    """Neighbours by date of all moles that were never laid over each other."""
    measured = _measured().with_only_columns(Upload.id, Visit.lesion_id, Visit.visited_on, maintain_column_froms=True).distinct().subquery()
    before = func.lag(measured.c.id).over(partition_by=measured.c.lesion_id, order_by=(measured.c.visited_on, measured.c.id))
    pairs = select(before.label("first"), measured.c.id.label("second")).subquery()
    known = exists().where(Alignment.first_upload_id == pairs.c.first, Alignment.second_upload_id == pairs.c.second)
    wanted = select(pairs).where(pairs.c.first.is_not(None), ~known).order_by(pairs.c.second.desc())
    with reading() as session:
        return [tuple(row) for row in session.execute(wanted)]


def _kept(session: Session, first: Shot, second: Shot) -> Registration | None:
    row = session.scalar(
        select(Alignment).where(Alignment.first_upload_id == first.upload_id, Alignment.second_upload_id == second.upload_id)
    )
    return row and Registration(
        matrix=np.array(row.matrix), relative_scale=row.relative_scale, by_skin=row.by_skin, accepted=row.accepted, reason=row.reason,
        # What is not kept was only needed to judge the match.
        rotation_degrees=math.nan, overlap=math.nan, residual_px=math.nan, agreement=math.nan, features=0, skin_agreement=math.nan,
        outline_overlap=math.nan,
    )


def _register(first: Shot, second: Shot) -> Registration:
    rgbs = [stored.pixels(shot.content_hash) for shot in (first, second)]
    masks = [stored.outline(shot.mask_hash) for shot in (first, second)]
    return registration.register(*rgbs, *masks)


def _picture(first: Shot, second: Shot, found: Registration, kind: str) -> bytes:
    below, seen = stored.pixels(second.content_hash), stored.outline(second.mask_hash)
    mask = registration.warp_to(stored.outline(first.mask_hash).astype(np.uint8) * 255, found, seen.shape) > 127
    match kind:
        case "second":
            picture = below
        case "outlines":
            picture = pictures.outlines(below, mask, seen)
        case "first":
            picture = registration.warp_to(stored.pixels(first.content_hash), found, seen.shape)
        case "difference":
            values = registration.difference(stored.pixels(first.content_hash), below, found)
            picture = pictures.difference_map(below, values, FULL_DIFFERENCE)
    return encode_jpeg(pictures.shrink_to(_around(picture, mask | seen), SHOWN_PX), SHOWN_QUALITY)


def _around(picture: RGB, mask: Mask) -> RGB:
    """The part of the picture that shows the lesion and some skin around it, as wide as 4:3 where the photo allows."""
    square = lesion_square(mask, AROUND)
    width, height = (min(side, size) for side, size in zip((square.side * 4 / 3, square.side), picture.shape[1::-1], strict=True))
    left = int(np.clip(square.centre_x - width / 2, 0, picture.shape[1] - width))
    top = int(np.clip(square.centre_y - height / 2, 0, picture.shape[0] - height))
    return picture[top : top + int(height), left : left + int(width)]
