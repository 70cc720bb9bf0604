"""The scale of a photo: found in it, or told by who knows; and the sizes in millimetres that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import inspect
from sqlalchemy.orm import Session

import core
from core import scale, scale_card
from core.measurement import measure
from db.models import Diagnosis, Upload
from services import audit, mapping, policy, reminders, stored
from services.audit import Action
from services.errors import Conflict, NotFound, ValidationError
from services.unit_of_work import reading, record_view, transaction
from services.views import Person, ScaleView

PAPERS: dict[str, str] = {"a4": "A4", "letter": "US Letter"}
"""Sheet that the card is printed on -> its name."""
COINS: dict[str, str] = {code: name for code, (name, _) in scale.COINS.items()}
"""Coins that a photo may show beside the mole: code -> name in words."""
POINT_ERROR = 1 / 400
"""Standard error of a point that a person sets, as a share of the photo's longer side: about a pixel of the screen."""
SMALLEST_MM, LARGEST_MM = 1.0, 200.0
"""Distances and fields of view in a photo of a mole."""


@dataclass(frozen=True)
class Coin:
    """A coin lies beside the mole, as flat as the skin."""

    code: str


@dataclass(frozen=True)
class Ruler:
    """A ruler with millimetre ticks lies beside the mole."""


@dataclass(frozen=True)
class Field:
    """The photo was taken through a dermoscope that shows so many millimetres across."""

    mm: float


@dataclass(frozen=True)
class Points:
    """Two places of the photo, as shares of its width and height, are so far apart."""

    first: tuple[float, float]
    second: tuple[float, float]
    mm: float


How = Coin | Ruler | Field | Points


@dataclass(frozen=True)
class Sighting:
    """What was taken for the coin or the ruler, to be looked at before it counts."""

    scale: ScaleView
    lines: tuple[tuple[tuple[float, float], ...], ...]
    """Over the coin's edge or the ruler's millimetres; corners in shares of the photo's width and height."""
    longest_mm: float
    """Longest diameter of the mole by this scale."""


def sight(actor: Person, *, upload_id: int, how: Coin | Ruler) -> Sighting:
    """Look for the coin or the ruler in a photo and store nothing. Raises ValidationError as `set_scale` does."""
    with reading() as session:
        upload = _measured_upload(session, actor, upload_id)
        content_hash, patient_id, diagnosis = upload.content_hash, upload.visit.lesion.patient_id, upload.diagnoses[-1]
        mask_hash = diagnosis.masks[diagnosis.chosen_model]
    record_view(actor, Action.VIEW_PHOTO, subject=f"upload:{upload_id}", patient_id=patient_id)
    rgb = stored.pixels(content_hash)
    found = _sighted(rgb, how)
    size = rgb.shape[1::-1]
    lines = tuple(tuple((float(x), float(y)) for x, y in (line + 0.5) / size) for line in found.marks)
    longest = measure(stored.outline(mask_hash), None, found.scale)["longest_diameter_mm"]
    return Sighting(ScaleView(found.scale.mm_per_pixel, found.scale.source, found.scale.relative_error), lines, longest)


def set_scale(actor: Person, *, upload_id: int, how: How, instead_of: ScaleView | None) -> ScaleView:
    """Store the scale of a photo and measure its lesion in millimetres, in a new diagnosis beside the old one.

    `instead_of` is the photo's scale as it was read: patient and doctor both may set it. Raises Conflict where it is another by now,
    ValidationError where the photo does not show what is told, with the key code, mm, points or how.
    """
    with reading() as session:
        upload = _measured_upload(session, actor, upload_id)
        _require_unchanged(upload, instead_of)
        content_hash, diagnosis = upload.content_hash, upload.diagnoses[-1]
        mask_hash = diagnosis.masks[diagnosis.chosen_model]
    # Decoding and searching take a moment: no transaction is open meanwhile.
    rgb = stored.pixels(content_hash)
    found = _scale(rgb, how)
    measurements = measure(stored.outline(mask_hash), rgb, found)
    with transaction() as session:
        upload = _measured_upload(session, actor, upload_id, for_update=True)
        _require_unchanged(upload, instead_of)
        upload.scale_mm_per_pixel = found.mm_per_pixel
        upload.scale_source = found.source
        upload.scale_relative_error = found.relative_error
        session.add(_measured_anew(upload.diagnoses[-1], measurements))
        reminders.keep(session, [upload.visit.lesion_id])
        patient_id = upload.visit.lesion.patient_id
        audit.record(session, actor_id=actor.id, action=Action.SET_SCALE, subject=f"upload:{upload_id}", patient_id=patient_id)
    return ScaleView(found.mm_per_pixel, found.source, found.relative_error)


def card_pdf(paper: str) -> bytes:
    """The scale card to print. Raises NotFound for a sheet there is none for."""
    if paper not in PAPERS:
        raise NotFound(f"There is no scale card for this paper; there is one for {' and '.join(PAPERS.values())}.")
    return scale_card.scale_card_pdf(paper)


def _require_unchanged(upload: Upload, instead_of: ScaleView | None) -> None:
    if mapping.scale(upload) != instead_of:
        raise Conflict("Somebody else set the scale of this photo meanwhile. It stands above; set yours if it is better.")


def _measured_upload(session: Session, actor: Person, upload_id: int, *, for_update: bool = False) -> Upload:
    """The photo, when the actor may set its scale and it has an outline to measure."""
    upload = session.get(Upload, upload_id, with_for_update=for_update or None)
    lesion = upload.visit.lesion if upload and upload.deleted_at is None else None
    shown = lesion is not None and lesion.deleted_at is None
    policy.require(session, actor, Action.SET_SCALE, patient_id=lesion.patient_id if shown else None)
    if not upload.diagnoses:
        raise ValidationError({"how": "No lesion was found in this photo, so there is nothing to measure in it."})
    return upload


def _scale(rgb, how: How) -> core.Scale:
    height, width = rgb.shape[:2]
    match how:
        case Coin() | Ruler():
            return _sighted(rgb, how).scale
        case Field(mm):
            return scale.scale_from_field(width, height, _checked(mm), circle_px=scale.visible_circle(rgb))
        case Points(first, second, mm):
            first, second = ((x * width, y * height) for x, y in (first, second))
            error = POINT_ERROR * max(width, height)
            if max(abs(first[0] - second[0]), abs(first[1] - second[1])) < 10 * error:
                raise ValidationError({"points": "The two points are too close together; the further apart, the more exact."})
            return scale.scale_from_two_points(first, second, _checked(mm), click_error_px=error)


def _sighted(rgb, how: Coin | Ruler) -> scale.Sighted:
    if isinstance(how, Coin) and how.code not in COINS:
        raise ValidationError({"code": "Please choose one of the coins."})
    if isinstance(how, Coin):
        found, field, otherwise = scale.find_coin(rgb, how.code), "code", "No coin was found in the photo"
    else:
        found, field, otherwise = scale.find_ruler(rgb), "how", "No ruler was found in the photo"
    if found is None:
        raise ValidationError({field: f"{otherwise}. Two points set by hand work with every photo."})
    return found


def _checked(mm: float) -> float:
    if not SMALLEST_MM <= mm <= LARGEST_MM:
        raise ValidationError({"mm": f"Please give between {SMALLEST_MM:g} and {LARGEST_MM:g} mm."})
    return mm


def _measured_anew(old: Diagnosis, measurements: dict[str, float]) -> Diagnosis:
    """The same findings with other measurements: a diagnosis is never overwritten."""
    kept = {column.key: getattr(old, column.key) for column in inspect(Diagnosis).column_attrs if column.key not in ("id", "created_at")}
    return Diagnosis(**kept | {"measurements": measurements, "area_mm2": measurements.get("area_mm2")})
