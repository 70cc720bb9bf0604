"""Photos: adding one (checked, stripped of metadata, analysed, stored) and handing out its pixels."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

import core
from core import isolation
from core import overlay as pictures
from core.photo import decode_heat_map_png, encode_heat_map_png, encode_jpeg, encode_mask_png
from core.runtime import UnusableWeights
from core.sameness import Sameness, Seen, same_mole
from core.segmentation import agreement
from db.base import now
from db.models import Diagnosis, Lesion, Review, Upload, User, Visit
from services import alignments, audit, consent, fields, lesions, metrics, policy, reminders, running, storage, stored, throttle
from services.audit import Action
from services.cache import cached
from services.errors import LooksDifferent, NotFound, PhotoRefused, ServiceError, StorageFailed, ValidationError
from services.settings import settings
from services.unit_of_work import WITH_BIN, reading, record_view, transaction
from services.views import Person, VisitView
from services.words import Preferences

logger = logging.getLogger(__name__)

MAX_UPLOAD_BYTES = 15 * 1024 * 1024
LONGEST_NOTE = 2000
STORED_QUALITY = 95
SHOWN_QUALITY = 85
LARGE_PX = 1600
THUMBNAIL_PX = 320
PREVIEW_PX = 640
SIZES = ("full", "large", "thumb")
JPEG, PNG = ".jpg", ".png"

MOST_STRETCH = 0.05
"""By how much, in logarithm, a mask's proportions may differ from its photo's."""

_lock = threading.Lock()
_analyser: core.Analyser | None = None
_places = threading.BoundedSemaphore(2)
"""So many photos are decoded and analysed at once; a decoded photo of 50 megapixels takes 150 MB."""


@dataclass(frozen=True)
class Outline:
    """The edge of the lesion in a photo of so many pixels."""

    width: int
    height: int
    parts: tuple[tuple[tuple[float, float], ...], ...]
    """Corners of each part, as shares of width and height."""


def analyser() -> core.Analyser:
    """The networks of settings().weights, loaded once a process."""
    global _analyser
    with _lock:
        if _analyser is None:
            try:
                _analyser = core.Analyser.load(settings().weights)
            except UnusableWeights as error:
                raise ServiceError(f"Photos cannot be analysed at the moment: the networks could not be loaded. {error}") from error
        return _analyser


def use_analyser(other: core.Analyser | None) -> None:
    """For tests: analyse with this object; None loads the networks again."""
    global _analyser
    with _lock:
        _analyser = other


def warm_up() -> None:
    """Load the networks, and start a process that decodes photos, before somebody waits for them."""
    analyser()
    try:
        isolation.decoder.start()
    except isolation.WorkersUnavailable as error:
        raise _unavailable(error) from error


def bands() -> tuple[tuple[float, float, str, str], ...]:
    """The bands of the malignancy probability in rising order: low edge, high edge, diagnosis, confidence. One that no probability
    can lie in is left out.
    """
    edges = analyser().classifiers[0].card.details["bands"]
    benign, malignant = str(core.Diagnosis.BENIGN), str(core.Diagnosis.MALIGNANT)
    high, medium, low = str(core.Confidence.HIGH), str(core.Confidence.MEDIUM), str(core.Confidence.LOW)
    all_of_them = (
        (0.0, edges["high_benign"], benign, high),
        (edges["high_benign"], edges["medium_benign"], benign, medium),
        (edges["medium_benign"], edges["malignant"], benign, low),
        (edges["malignant"], edges["medium_malignant"], malignant, low),
        (edges["medium_malignant"], edges["high_malignant"], malignant, medium),
        (edges["high_malignant"], 1.0, malignant, high),
    )
    return tuple(band for band in all_of_them if band[0] < band[1])


def suggested_date(data: bytes) -> date | None:
    """The day the camera wrote into the photo; None where there is none, it lies ahead, or the photo cannot be read."""
    photo = _readable(data)
    return photo.taken_on if photo and photo.taken_on and photo.taken_on <= fields.today() else None


def preview(data: bytes) -> bytes | None:
    """The photo upright as JPEG of at most 640 px a side, to show before it is sent; None where it cannot be read."""
    photo = _readable(data)
    return _jpeg(pictures.shrink_to(photo.rgb, PREVIEW_PX)) if photo else None


@running.to_its_end
@metrics.counted_analysis()
def add_photo(
    actor: Person, *, lesion_id: int, data: bytes, taken_on: date, note: str = "", confirmed_same: bool = False,
    on_step: Callable[[str], None] | None = None,
) -> VisitView:
    """Store and analyse a photo of one of one's own moles, and return the visit it belongs to.

    Two photos of the same mole and day share the visit; the very same photo again changes nothing. What cannot be
    judged is stored too, with the reasons, so that the timeline can show the gap. `on_step` is called with reading,
    checking, finding, classifying, comparing (where there is a photo to compare with) and saving as each begins.
    Raises PhotoRefused where the file is no usable photo, ValidationError for date and note, ConsentMissing before the
    patient accepted the consent text, and LooksDifferent where it shows another mole than the last photo, unless the person
    has `confirmed_same`; nothing is stored then.
    """
    with reading() as session:
        lesion = _own_lesion(session, actor, lesion_id)
        consent.require_in_force(session, patient_id=lesion.patient_id)
        patient = session.get_one(User, lesion.patient_id)
        note = _checked(patient, taken_on, note)
        last = alignments.last_shot(session, lesion_id)
    _count_attempt(actor)
    step = on_step or (lambda name: None)
    step("reading")
    # The analysis takes seconds: no transaction is open meanwhile.
    with _places:
        prepared = _prepare(data, step)
        likeness = _likeness(last, prepared, step)
    if likeness and likeness.same is False and not confirmed_same:
        raise LooksDifferent(Preferences.of(actor).date(last.visited_on), last.upload_id)
    step("saving")
    masks = {name: storage.save(mask, PNG) for name, mask in prepared.masks.items()}
    heat_map = storage.save(prepared.heat_map, PNG) if prepared.heat_map else None
    content_hash = storage.save(prepared.jpeg, JPEG)
    with transaction() as session:
        lesion = _own_lesion(session, actor, lesion_id, for_update=True)
        consent.require_in_force(session, patient_id=lesion.patient_id)
        visit = _visit_on(session, lesion, taken_on)
        _add_note(visit, note)
        same = select(Upload).where(Upload.visit_id == visit.id, Upload.content_hash == content_hash)
        upload = session.scalar(same.execution_options(**WITH_BIN))
        if upload is None:
            upload = prepared.upload(visit, content_hash, masks, heat_map)
            session.add(upload)
            session.flush()
            if likeness:
                session.add(alignments.kept(last.upload_id, upload.id, likeness.registration))
        upload.deleted_at = None  # the very same photo again brings it back
        reminders.keep(session, [lesion.id])
        audit.record(session, actor_id=actor.id, action=Action.ADD_PHOTO, subject=f"upload:{upload.id}", patient_id=lesion.patient_id)
        session.expire_all()
        return lesions.load_visit(session, visit.id, lesion)


def withdraw_photo(actor: Person, *, upload_id: int) -> None:
    """Put a photo of one's own into the bin: it counts and shows nowhere any more, and is erased after 30 days."""
    with transaction() as session:
        upload = session.scalar(_in_use(upload_id).with_for_update(of=Upload))
        patient_id = upload.visit.lesion.patient_id if upload else None
        policy.require(session, actor, Action.WITHDRAW_PHOTO, patient_id=patient_id)
        upload.deleted_at = now()
        reminders.keep(session, [upload.visit.lesion_id])
        audit.record(session, actor_id=actor.id, action=Action.WITHDRAW_PHOTO, subject=f"upload:{upload_id}", patient_id=patient_id)


def photo_file(actor: Person, *, upload_id: int, size: str) -> bytes:
    """The photo as JPEG: full as stored; large at most 1600 px a side; thumb 320 px square with the lesion in the middle."""
    if size not in SIZES:
        raise NotFound
    content_hash, masks, chosen, _ = _files_of(actor, upload_id, seen=Action.DOWNLOAD_PHOTO if size == "full" else Action.VIEW_PHOTO)
    if size == "full":
        return storage.read(content_hash, JPEG)
    return sized(content_hash, masks.get(chosen), size)


def sized(content_hash: str, mask_hash: str | None, size: str) -> bytes:
    """A photo as large or thumb, for services that passed the policy; the mask says where its middle is."""
    if size == "large":
        return cached(f"{content_hash}-large.jpg", lambda: _jpeg(pictures.shrink_to(stored.pixels(content_hash), LARGE_PX)))
    return cached(f"{content_hash}-thumb-{mask_hash or 'none'}.jpg", lambda: _thumbnail(content_hash, mask_hash))


def overlay_file(actor: Person, *, upload_id: int, model: str | None = None, review_id: int | None = None) -> bytes:
    """The large photo as JPEG with the lesion outlined and lightly filled: as this model saw it (None: the chosen one), or as the
    doctor of this review corrected it."""
    content_hash, masks, chosen, _ = _files_of(actor, upload_id, seen=Action.VIEW_OVERLAY)
    mask_hash = masks.get(chosen if model is None else model) if review_id is None else _corrected(upload_id, review_id)
    if mask_hash is None:
        raise NotFound("There is no outline of this photo.")
    return outlined(content_hash, mask_hash)


def outlined(content_hash: str, mask_hash: str) -> bytes:
    """A photo with its outline, for services that passed the policy."""
    return cached(f"{content_hash}-overlay-{mask_hash}.jpg", lambda: _overlay(content_hash, mask_hash))


def outline_of(actor: Person, *, upload_id: int) -> Outline:
    """The edge of the lesion as the chosen network saw it, to draw over another picture."""
    _, masks, chosen, _ = _files_of(actor, upload_id, seen=Action.VIEW_OVERLAY)
    if chosen not in masks:
        raise NotFound("There is no outline of this photo.")
    mask = stored.outline(masks[chosen])
    return Outline(mask.shape[1], mask.shape[0], tuple(tuple(part) for part in pictures.outline(mask)))


@dataclass(frozen=True)
class Agreement:
    """How far a network's outline agrees with an expert's: twice the overlap over the sum, and overlap over union, 0 to 1."""

    model: str
    dice: float
    jaccard: float


def agreement_with(actor: Person, *, upload_id: int, mask: bytes) -> tuple[Agreement, ...]:
    """Every network's outline against an expert's mask (a picture in which the lesion is white), which is not kept.

    Raises ValidationError with the key mask where it cannot be one of this photo.
    """
    _, masks, _, _ = _files_of(actor, upload_id, seen=Action.VIEW_OVERLAY)
    if not masks:
        raise NotFound("There is no outline of this photo.")
    _count_attempt(actor)
    read = _readable(mask)
    if read is None:
        raise ValidationError({"mask": "The mask could not be read. Please use a PNG, JPG or BMP in which the lesion is white."})
    found = {name: stored.outline(one) for name, one in masks.items()}
    height, width = next(iter(found.values())).shape  # the photo's own
    if abs(np.log(read.rgb.shape[1] / read.rgb.shape[0] * height / width)) > MOST_STRETCH:
        raise ValidationError({"mask": f"The mask has other proportions than the photo, which has {width} x {height} pixels."})
    expert = read.rgb.max(axis=2) > 127
    if not expert.any() or expert.all():
        raise ValidationError({"mask": "The mask is all of one colour. The lesion is to be white and everything else black."})
    return tuple(Agreement(name, *both) for name, both in agreement(found, expert).items())


def heat_map_file(actor: Person, *, upload_id: int) -> bytes:
    """The large photo as JPEG under the map of where the classifier sees signs of malignancy."""
    content_hash, _, _, heat_map = _files_of(actor, upload_id, seen=Action.VIEW_OVERLAY)
    if heat_map is None:
        raise NotFound("There is no heat map of this photo.")
    return cached(f"{content_hash}-heat-{heat_map}.jpg", lambda: _heat(content_hash, heat_map))


# --- adding ---


def _readable(data: bytes) -> core.Photo | None:
    if len(data) > MAX_UPLOAD_BYTES:
        return None
    try:
        with _places:
            return isolation.read_photo(data)
    except (core.UnreadablePhoto, isolation.WorkersUnavailable):
        return None


def _unavailable(error: isolation.WorkersUnavailable) -> ServiceError:
    logger.error("%s", error)
    return ServiceError("Photos cannot be read at the moment. Please try again in a minute.")


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A photo and what was found in it, ready to be stored."""

    jpeg: bytes
    masks: dict[str, bytes]
    """Model name -> mask as PNG."""
    heat_map: bytes | None
    """PNG."""
    analysis: core.Analysis
    original_format: str
    original_bytes: int

    def upload(self, visit: Visit, content_hash: str, masks: dict[str, str], heat_map: str | None) -> Upload:
        found = self.analysis
        judged = found.accepted and found.chosen is not None
        diagnosis = Diagnosis(
            malignant_probability=found.malignant_probability,
            interval_low=found.interval[0],
            interval_high=found.interval[1],
            diagnosis=str(found.diagnosis),
            confidence=str(found.confidence),
            chosen_model=found.chosen,
            expected_dice=found.expected_dice,
            area_fraction=found.measurements["area_fraction"],
            area_mm2=found.measurements.get("area_mm2"),
            masks=masks,
            measurements=found.measurements,
            differential=found.differential,
            heat_map=heat_map,
            features=None if found.features is None else found.features.astype("<f2").tobytes(),
            model_versions=found.model_versions,
            elapsed_ms=found.elapsed_ms,
        ) if judged else None
        return Upload(
            visit_id=visit.id,
            content_hash=content_hash,
            width=found.width,
            height=found.height,
            original_format=self.original_format,
            original_bytes=self.original_bytes,
            scale_mm_per_pixel=found.scale.mm_per_pixel if found.scale else None,
            scale_source=found.scale.source if found.scale else None,
            scale_relative_error=found.scale.relative_error if found.scale else None,
            accepted=judged,
            reasons=list(found.reasons),
            warnings=list(found.warnings),
            diagnoses=[diagnosis] if diagnosis else [],
        )


def _prepare(data: bytes, step: Callable[[str], None]) -> _Prepared:
    if len(data) > MAX_UPLOAD_BYTES:
        megabytes = MAX_UPLOAD_BYTES // 1024**2
        raise PhotoRefused(f"The photo is larger than {megabytes} MB. Please send a smaller copy.", "too_many_bytes")
    try:
        original = isolation.read_photo(data)
    except core.UnreadablePhoto as error:
        raise PhotoRefused(str(error), error.code) from error
    except isolation.WorkersUnavailable as error:
        raise _unavailable(error) from error
    # Written anew, so that neither place nor camera nor anything hidden in the file is kept; what is analysed is what is kept.
    # This is the first file of the photo that the server itself decodes, and it is Moletrail's own.
    jpeg = encode_jpeg(original.rgb, STORED_QUALITY)
    analysis = analyser().analyse(core.read_photo(jpeg).rgb, on_step=lambda name: name == "reading" or step(name))
    masks = {name: encode_mask_png(mask) for name, mask in analysis.masks.items()} if analysis.accepted else {}
    heat_map = encode_heat_map_png(analysis.heat_map) if analysis.accepted and analysis.heat_map is not None else None
    return _Prepared(jpeg, masks, heat_map, analysis, original.format, len(data))


def _count_attempt(actor: Person) -> None:
    """Each photo costs seconds of the server, so one person cannot send any number of them."""
    with transaction() as session:
        wait = throttle.count_try(session, throttle.key("photo", str(actor.id)))
    if wait is not None:
        raise PhotoRefused(
            f"You have sent very many photos within a short time. Please wait {throttle.in_words(wait)} and send this one again.",
            "too_many_photos",
        )


def _likeness(last: alignments.Shot | None, prepared: _Prepared, step: Callable[[str], None]) -> Sameness | None:
    """How like the last photo of the mole this one is; None where either was not measured."""
    found = prepared.analysis
    if last is None or not found.accepted or found.chosen is None:
        return None
    step("comparing")
    new = Seen(core.read_photo(prepared.jpeg).rgb, found.masks[found.chosen], found.measurements)
    try:
        before = Seen(stored.pixels(last.content_hash), stored.outline(last.mask_hash), last.measurements)
    except StorageFailed as error:  # a damaged file must not keep the next photo out
        logger.error("A new photo could not be compared with the last one: %s", error)
        return None
    return same_mole(before, new)


def _own_lesion(session: Session, actor: Person, lesion_id: int, *, for_update: bool = False) -> Lesion:
    lesion = lesions.in_use(session, lesion_id, for_update=for_update)
    policy.require(session, actor, Action.ADD_PHOTO, patient_id=lesion.patient_id if lesion else None)
    return lesion


def _checked(patient: User, taken_on: date, note: str) -> str:
    mistakes = {}
    if mistake := fields.date_mistake(taken_on, born=patient.birth_date):
        mistakes["taken_on"] = mistake
    try:
        note = fields.text_of_lines(note, longest=LONGEST_NOTE)
    except ValueError as error:
        mistakes["note"] = str(error)
    if mistakes:
        raise ValidationError(mistakes)
    return note


def _visit_on(session: Session, lesion: Lesion, day: date) -> Visit:
    visit = session.scalar(select(Visit).where(Visit.lesion_id == lesion.id, Visit.visited_on == day))
    if visit is None:
        visit = Visit(lesion_id=lesion.id, visited_on=day, note="")
        session.add(visit)
        session.flush()
    return visit


def _add_note(visit: Visit, note: str) -> None:
    if not note or note in visit.note.split("\n\n"):
        return
    joined = f"{visit.note}\n\n{note}".strip()
    if len(joined) > LONGEST_NOTE:
        raise ValidationError({"note": f"The notes of this day may have at most {LONGEST_NOTE} characters together."})
    visit.note = joined


# --- handing out ---


def _in_use(upload_id: int):
    """The photo of this number, unless it or its mole lies in the bin."""
    return (
        select(Upload).join(Upload.visit).join(Visit.lesion)
        .where(Upload.id == upload_id, Upload.deleted_at.is_(None), Lesion.deleted_at.is_(None))
    )  # fmt: skip


def _files_of(actor: Person, upload_id: int, *, seen: Action) -> tuple[str, dict[str, str], str | None, str | None]:
    """Hashes of a photo and of its masks by model, the chosen model, the heat map's hash; passes the policy and leaves the audit event."""
    with reading() as session:
        row = session.execute(
            select(Upload.content_hash, Lesion.patient_id, Diagnosis.masks, Diagnosis.chosen_model, Diagnosis.heat_map)
            .join(Visit, Upload.visit_id == Visit.id)
            .join(Lesion, Visit.lesion_id == Lesion.id)
            .outerjoin(Diagnosis, Diagnosis.upload_id == Upload.id)
            .where(Upload.id == upload_id, Upload.deleted_at.is_(None), Lesion.deleted_at.is_(None))
            .order_by(Diagnosis.id.desc())
            .limit(1)
        ).first()
        policy.require(session, actor, seen, patient_id=row.patient_id if row else None, upload_id=upload_id)
    record_view(actor, seen, subject=f"upload:{upload_id}", patient_id=row.patient_id)
    return row.content_hash, row.masks or {}, row.chosen_model, row.heat_map


def _corrected(upload_id: int, review_id: int) -> str | None:
    with reading() as session:
        return session.scalar(select(Review.mask).join(Diagnosis).where(Review.id == review_id, Diagnosis.upload_id == upload_id))


def _thumbnail(content_hash: str, mask_hash: str | None) -> bytes:
    found = stored.outline(mask_hash) if mask_hash else None
    return _jpeg(pictures.thumbnail(stored.pixels(content_hash), found, THUMBNAIL_PX))


def _overlay(content_hash: str, mask_hash: str) -> bytes:
    rgb = pictures.shrink_to(stored.pixels(content_hash), LARGE_PX)
    small = pictures.shrink_to(stored.outline(mask_hash).astype("uint8") * 255, LARGE_PX)
    return _jpeg(pictures.overlay(rgb, small > 127))


def _heat(content_hash: str, heat_map: str) -> bytes:
    rgb = pictures.shrink_to(stored.pixels(content_hash), LARGE_PX)
    return _jpeg(pictures.heat(rgb, decode_heat_map_png(storage.read(heat_map, PNG))))


def _jpeg(rgb) -> bytes:
    return encode_jpeg(rgb, SHOWN_QUALITY)
