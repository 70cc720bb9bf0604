"""Plain, frozen data that services hand to pages. No page ever holds a database object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from services.body_figure import MapPoint

T = TypeVar("T")


@dataclass(frozen=True)
class Person:
    """An account as its owner, a doctor who was granted access, or an admin may see it."""

    id: int
    role: str
    """patient, doctor or admin."""
    account_state: str
    """pending, active or disabled."""
    first_name: str
    surname: str
    email: str
    birth_date: date | None
    created_at: datetime
    email_verified: bool = False
    """A link sent to the address was opened by its owner."""
    second_step_missing: bool = False
    """The role requires the second step of log-in, and it is not set up: nothing else may be done before."""
    units: str = "mm"
    """How this person reads sizes (services.words.UNITS) ..."""
    date_style: str = "en-GB"
    """... and dates (services.words.DATE_STYLES)."""

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.surname}".strip()


@dataclass(frozen=True)
class SessionView:
    """One browser in which a person is logged in."""

    id: int
    device: str
    """E.g. "Firefox on Windows", as the browser says of itself."""
    since: datetime
    last_seen_at: datetime
    is_this_one: bool


@dataclass(frozen=True)
class Finding:
    """One analysis of one photo, as stored (the current diagnosis of an upload)."""

    id: int
    upload_id: int
    malignant_probability: float
    interval: tuple[float, float]
    diagnosis: str
    """benign, malignant or uncertain."""
    confidence: str
    """low, medium or high."""
    chosen_model: str
    expected_dice: float | None
    area_fraction: float
    area_mm2: float | None
    models: tuple[str, ...]
    """Names of the segmentation models whose masks are stored."""
    measurements: dict[str, float]
    model_versions: dict[str, str]
    elapsed_ms: float
    created_at: datetime
    has_heat_map: bool = False


@dataclass(frozen=True)
class ScaleView:
    """How large a pixel of a photo is on the skin."""

    mm_per_pixel: float
    source: str
    """card, ruler, coin, field or points."""
    relative_error: float
    """Standard error as a share."""


@dataclass(frozen=True)
class PhotoView:
    """One uploaded photo; its pixels come from photo_address, never through this object."""

    id: int
    width: int
    height: int
    accepted: bool
    reasons: tuple[str, ...]
    """Sentences, ready to show."""
    warnings: tuple[str, ...]
    """Sentences, ready to show."""
    finding: Finding | None
    by_camera: bool = False
    """One of the warnings says that it looks as if taken without a dermoscope."""
    scale: ScaleView | None = None
    """None: sizes are relative to the frame."""
    unjudged: bool = False
    """Its finding is kept from a doctor who wants to judge first, see services.blind."""


@dataclass(frozen=True)
class NoteView:
    id: int
    author: str
    text: str
    created_at: datetime
    for_patient: bool = True
    """The patient reads it too."""


@dataclass(frozen=True)
class VisitView:
    """One visit of one mole: photos and notes of that day."""

    id: int
    lesion_id: int
    lesion_name: str
    patient_id: int
    visited_on: date
    note: str
    photos: tuple[PhotoView, ...]
    notes: tuple[NoteView, ...]

    @property
    def finding(self) -> Finding | None:
        """The finding that stands for the visit: that of its newest accepted photo."""
        return next((photo.finding for photo in reversed(self.photos) if photo.accepted and photo.finding), None)

    @property
    def photo(self) -> PhotoView | None:
        """The photo that stands for the visit: the newest accepted one, else the newest."""
        accepted = [photo for photo in self.photos if photo.accepted]
        return (accepted or list(self.photos) or [None])[-1]


@dataclass(frozen=True)
class LesionSummary:
    """A mole as a list shows it."""

    id: int
    patient_id: int
    name: str
    body_site: str
    """Code."""
    body_site_label: str
    """Plain words, e.g. Left shoulder."""
    first_noticed: date | None
    visit_count: int
    last_visited_on: date | None
    last_upload_id: int | None
    """Newest accepted photo, for the thumbnail."""
    last_finding: Finding | None
    place: MapPoint | None = None
    """Where the owner put it on the body map; None: only the body site is known."""
    recheck_days: int | None = None
    """So many days after the last visit the next is due, as the patient or a doctor chose; None: by its state."""
    version: int = 1
    """Goes back with a change, which is refused where another was made meanwhile."""
    unjudged: bool = False
    """Its newest finding is kept from a doctor who wants to judge first, see services.blind."""


@dataclass(frozen=True)
class Timeline:
    """One mole with all its visits, oldest first."""

    lesion: LesionSummary
    patient: Person
    visits: tuple[VisitView, ...]


@dataclass(frozen=True)
class PatientSummary:
    """A patient as a doctor's list shows them."""

    person: Person
    lesion_count: int
    photo_count: int
    last_visited_on: date | None
    highest_probability: float | None
    """Over the newest finding of each mole."""
    highest_call: tuple[str, str] | None
    """Diagnosis and confidence of the photo that it is of."""
    shared_since: datetime


@dataclass(frozen=True)
class Grant:
    """Who may see a patient's moles, since when."""

    id: int
    doctor: Person
    since: datetime
    last_looked_at: datetime | None = None
    """When the doctor last saw something of this patient's, as the audit trail says."""


@dataclass(frozen=True)
class DiagnosisRecord:
    """One row of the admin's list and of the CSV, in that order of columns. The patient is a number, not a name."""

    diagnosis_id: int
    created_at: datetime
    patient_id: int
    lesion_id: int
    lesion_name: str
    body_site: str
    visited_on: date
    diagnosis: str
    malignant_probability: float
    interval_low: float
    interval_high: float
    confidence: str
    chosen_model: str
    expected_dice: float | None
    area_fraction: float
    area_mm2: float | None
    photo_width: int
    photo_height: int
    model_versions: str
    elapsed_ms: float


@dataclass(frozen=True)
class Page(Generic[T]):
    """A slice of a long list, with the count of the whole."""

    items: tuple[T, ...]
    total: int
    number: int
    """From 1."""
    size: int

    @property
    def count(self) -> int:
        return max(1, -(-self.total // self.size))
