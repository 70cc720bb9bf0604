"""The one path from a photo to its findings, for pages, command line and batches alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.analysis import Analysis, Confidence, Diagnosis, Scale
from core.classification import classify
from core.heat_map import heat_map
from core.measurement import frame_contact, measure
from core.photo import read_photo
from core.preprocess import RGB
from core.runtime import Network, UnusableWeights, load_networks
from core.scale import FoundScale, centre, find_scale, measure_flat
from core.segmentation import Segmentation, expected_dice, overlap, segment

SMALLEST_SIDE_PX = 100
"""Below this the outline of a mole is a dozen pixels."""
ADVISED_PX = (1280, 720)
CUT_CONTACT = 0.03
"""Share of the outline on the photo's edge from which the lesion counts as cut."""
LOW_AGREEMENT = 0.75
"""Dice overlap of the two networks' masks below which a person is told that they differ."""
DISAGREEMENT = 0.5
"""The same, below which the networks do not speak of the same lesion and the answer is uncertain."""


class Analyser:
    """Segmentation networks, and classifiers with the one that counts most first.

    Safe to share between threads: nothing changes after loading.
    """

    def __init__(self, segmenters: dict[str, Network], classifiers: list[Network]):
        self.segmenters = segmenters
        self.classifiers = classifiers

    @classmethod
    def load(cls, folder: str | Path = "weights") -> Analyser:
        """Load the networks of a weights folder. Raises UnusableWeights, which names the missing or damaged file."""
        networks = load_networks(folder)
        segmenters = {name: network for name, network in networks.items() if network.card.task == "segmentation"}
        classifiers = [network for network in networks.values() if network.card.task == "classification"]
        if not segmenters or not classifiers:
            raise UnusableWeights(f"{folder} needs at least one segmentation and one classification network.")
        classifiers.sort(key=lambda network: -network.card.details["share"])
        return cls(segmenters, classifiers)

    @property
    def model_versions(self) -> dict[str, str]:
        """Name -> version of every network that takes part in an analysis."""
        return {network.card.name: network.card.version for network in [*self.segmenters.values(), *self.classifiers]}

    def analyse(
        self,
        photo: bytes | str | Path | RGB,
        *,
        force: bool = False,
        model: str | None = None,
        scale: Scale | None = None,
        on_step: Callable[[str], None] | None = None,
    ) -> Analysis:
        """Analyse encoded bytes, a file or an H x W x 3 uint8 RGB array.

        `force` analyses also what would be refused; `reasons` still says why. `model` uses that network's mask rather
        than the better one. `scale` is the size of a pixel where that is known; where not, the printed card is looked for.
        `on_step` is called with reading, checking, finding and classifying as each begins.
        Raises UnreadablePhoto; KeyError for an unknown model.
        """
        begun = time.perf_counter()
        on_step = on_step or (lambda step: None)  # nobody watches
        segmenters = self.segmenters if model is None else {model: self.segmenters[model]}
        on_step("reading")
        rgb = _pixels(photo)
        on_step("checking")
        analysis = _check(rgb)
        if analysis.accepted or force:
            on_step("finding")
            card = find_scale(rgb) if scale is None else None
            analysis = replace(analysis, scale=scale)
            analysis, found = self._find(rgb, analysis, segmenters, card)
            if analysis.chosen is not None:
                on_step("classifying")
                analysis = self._classify(rgb, analysis, found)
        return replace(analysis, model_versions=self.model_versions, elapsed_ms=1000 * (time.perf_counter() - begun))

    def _find(
        self, rgb: RGB, analysis: Analysis, segmenters: dict[str, Network], card: FoundScale | None
    ) -> tuple[Analysis, dict[str, Segmentation]]:
        found = {name: segment(network, rgb) for name, network in segmenters.items()}
        analysis = replace(analysis, masks={name: one.mask for name, one in found.items()})
        expected = {name: expected_dice(network, found[name], _other(found, name)) for name, network in segmenters.items()}
        chosen = max(expected, key=lambda name: (found[name].mask.any(), expected[name]))
        if not found[chosen].mask.any():
            return replace(analysis, accepted=False, reasons=(*analysis.reasons, "no_lesion")), found
        return replace(
            analysis,
            chosen=chosen,
            expected_dice=expected[chosen],
            warnings=(*analysis.warnings, *_warnings(found, chosen)),
            scale=analysis.scale if card is None else card.at(*centre(found[chosen].mask)),
            measurements=measure(found[chosen].mask, rgb, analysis.scale) if card is None else measure_flat(found[chosen].mask, rgb, card),
        ), found

    def _classify(self, rgb: RGB, analysis: Analysis, found: dict[str, Segmentation]) -> Analysis:
        others = [one.mask for name, one in found.items() if name != analysis.chosen]
        judged = classify(self.classifiers, rgb, found[analysis.chosen].mask, others)
        if any(overlap(found[analysis.chosen].mask, other) < DISAGREEMENT for other in others):
            judged = replace(judged, diagnosis=Diagnosis.UNCERTAIN, confidence=Confidence.LOW)
        return replace(
            analysis,
            malignant_probability=judged.probability,
            interval=judged.interval,
            diagnosis=judged.diagnosis,
            confidence=judged.confidence,
            differential=judged.differential,
            heat_map=heat_map(judged.activations, analysis.width, analysis.height),
            features=judged.features,
        )


def _pixels(photo: bytes | str | Path | RGB) -> RGB:
    if not isinstance(photo, np.ndarray):
        return read_photo(Path(photo) if isinstance(photo, str) else photo).rgb
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or photo.size == 0:
        raise ValueError(f"A photo array must be H x W x 3 uint8, not {photo.shape} {photo.dtype}.")
    return photo


def _check(rgb: RGB) -> Analysis:
    """Begin an analysis with what can be said without looking for the lesion."""
    height, width = rgb.shape[:2]
    reasons = ("too_small",) if min(width, height) < SMALLEST_SIDE_PX else ()
    small = max(width, height) < ADVISED_PX[0] or min(width, height) < ADVISED_PX[1]
    return Analysis(width, height, not reasons, reasons, ("below_1280x720",) if small else ())


def _warnings(found: dict[str, Segmentation], chosen: str) -> list[str]:
    warnings = []
    if frame_contact(found[chosen].mask) > CUT_CONTACT:
        warnings.append("lesion_cut_by_frame")
    if found[chosen].several:
        warnings.append("several_lesions")
    other = _other(found, chosen)
    if other is not None and overlap(found[chosen].mask, other.mask) < LOW_AGREEMENT:
        warnings.append("low_agreement")
    return warnings


def _other(found: dict[str, Segmentation], name: str) -> Segmentation | None:
    return next((one for other, one in found.items() if other != name), None)
