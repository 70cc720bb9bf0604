"""What core says of one photo: plain, frozen data that pages, services and the command line share."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


class Diagnosis(StrEnum):
    """The call on the malignancy probability; uncertain is an answer of its own."""

    BENIGN = "benign"
    MALIGNANT = "malignant"
    UNCERTAIN = "uncertain"


class Confidence(StrEnum):
    """Band of the calibrated malignancy probability (thresholds live in the classifier's card)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True)
class Scale:
    """Size of one photo pixel in millimetres, where it came from, and its relative standard error."""

    mm_per_pixel: float
    source: str
    relative_error: float


@dataclass(frozen=True, eq=False)
class Analysis:
    """Findings of one photo, H x W pixels.

    `masks` holds one H x W bool array a segmentation model at the photo's own size; `chosen` names the mask that
    was measured. Where the photo is not `accepted` (see `reasons`) or no lesion was found, `chosen` and the
    findings after it are None or empty. Codes in `reasons` and `warnings` are spelled out for people by
    `core.codes.sentence`.
    """

    width: int
    height: int
    accepted: bool
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    masks: dict[str, Mask] = field(default_factory=dict)
    chosen: str | None = None
    expected_dice: float | None = None
    """Dice overlap (0 to 1) to expect between the chosen mask and an expert's."""
    malignant_probability: float | None = None
    interval: tuple[float, float] | None = None
    """Range of the malignancy probability over what the networks disagree on."""
    diagnosis: Diagnosis | None = None
    confidence: Confidence | None = None
    differential: dict[str, float] = field(default_factory=dict)
    measurements: dict[str, float] = field(default_factory=dict)
    """Name with its unit -> value, e.g. area_fraction (of the frame), area_px, equivalent_diameter_px; *_mm only with a scale."""
    heat_map: NDArray[np.float32] | None = None
    """Where the classifiers see signs of malignancy: h x w, 0 to 1, over the whole photo, at most 96 a side (see core.heat_map)."""
    features: NDArray[np.float32] | None = None
    """What the classifier saw in the lesion, C numbers: for telling moles apart."""
    scale: Scale | None = None
    model_versions: dict[str, str] = field(default_factory=dict)
    elapsed_ms: float = 0.0
