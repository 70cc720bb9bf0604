"""The one path from a photo to its findings, for pages, command line and batches alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from core import gate as photo_gate
from core.analysis import Analysis, Confidence, Diagnosis, Scale
from core.classification import classify
from core.heat_map import heat_map
from core.measurement import frame_contact, measure
from core.photo import read_photo
from core.preprocess import RGB
from core.runtime import Network, UnusableWeights, load_gate, load_networks
from core.scale import FoundScale, centre, close_up, find_scale, measure_flat, without_card
from core.segmentation import FUSION, Segmentation, candidates, expected_dice, fuses, is_faint, overlap, tell_what_they_do_together

SMALLEST_SIDE_PX = 100
"""Below this the outline of a mole is a dozen pixels."""
ADVISED_PX = (1280, 720)
CUT_CONTACT = 0.2
"""Share of the outline on the photo's edge from which the lesion counts as cut. Networks let a lesion near the edge spill onto it: on ph2,
where 18 of 100 of the experts' masks lie on the edge with more than 0.03 of their outline, this finds 16 of them and 3 others; 0.03 would
find 18 and 15 others."""
LOW_AGREEMENT = 0.75
"""Dice overlap of the two networks' masks below which a person is told that they differ."""
DISAGREEMENT = 0.5
"""The same, below which the networks do not speak of the same lesion and the answer is uncertain."""

CLEARLY_BETTER = 0.02
"""Expected Dice by which a single network's mask must lead to go before that of all together. Smaller leads say nothing, and whose mask is
the best by them changes from photo to photo of one mole: growth of 20 % in area was then announced in 0.77 instead of 0.85 (40 lesions of
the validation and calibration parts, re-photographed)."""


def best_mask(expected: Mapping[str, float]) -> str:
    """Return the name of the mask to show and measure, by each one's expected Dice."""
    return max(expected, key=lambda name: expected[name] + CLEARLY_BETTER * (name == FUSION))


class Analyser:
    """Segmentation networks, classifiers with the one that counts most first, and the gate (None: only size is checked).

    Safe to share between threads: nothing changes after loading.
    """

    def __init__(self, segmenters: dict[str, Network], classifiers: list[Network], gate: Network | None = None):
        self.segmenters = segmenters
        self.classifiers = classifiers
        self.gate = gate

    @classmethod
    def load(cls, folder: str | Path = "weights") -> Analyser:
        """Load the networks of a weights folder. Raises UnusableWeights, which names the missing or damaged file."""
        networks = load_networks(folder)
        segmenters = {name: network for name, network in networks.items() if network.card.task == "segmentation"}
        classifiers = [network for network in networks.values() if network.card.task == "classification"]
        if not segmenters or not classifiers:
            raise UnusableWeights(f"{folder} needs at least one segmentation and one classification network.")
        tell_what_they_do_together(Path(folder), segmenters)
        classifiers.sort(key=lambda network: -network.card.details["share"])
        # One that counts for nothing would only cost time and blur the heat map.
        classifiers = [network for network in classifiers if network.card.details["share"] > 0] or classifiers[:1]
        return cls(segmenters, classifiers, load_gate(folder))

    @property
    def mask_names(self) -> list[str]:
        """What `model` of an analysis may name: every segmentation network, and all of them together."""
        return [*self.segmenters, *([FUSION] if fuses(self.segmenters) else [])]

    @property
    def model_versions(self) -> dict[str, str]:
        """Name -> version of every network that takes part in an analysis."""
        networks = [*self.segmenters.values(), *self.classifiers, *([self.gate] if self.gate else [])]
        return {network.card.name: network.card.version for network in networks}

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

        `force` analyses also what would be refused; `reasons` still says why. `model` uses the mask of this name (see
        `mask_names`) rather than the best one. `scale` is the size of a pixel where that is known; where not, the printed
        card is looked for. `on_step` is called with reading, checking, finding and classifying as each begins.
        Raises UnreadablePhoto; KeyError for an unknown model.
        """
        begun = time.perf_counter()
        on_step = on_step or (lambda step: None)  # nobody watches
        if model is not None and model not in self.mask_names:
            raise KeyError(model)
        on_step("reading")
        rgb = _pixels(photo)
        on_step("checking")
        card = find_scale(rgb) if scale is None else None
        analysis, unfamiliar = _check(rgb, self.gate, card)
        if analysis.accepted or force:
            on_step("finding")
            analysis = replace(analysis, scale=scale)
            analysis, found = self._find(rgb, analysis, model, card)
            if analysis.chosen is not None:
                on_step("classifying")
                analysis = self._classify(rgb, analysis, found, unfamiliar)
        return replace(analysis, model_versions=self.model_versions, elapsed_ms=1000 * (time.perf_counter() - begun))

    def _find(self, rgb: RGB, analysis: Analysis, model: str | None, card: FoundScale | None) -> tuple[Analysis, dict[str, Segmentation]]:
        segmenters = self.segmenters if model in (None, FUSION) else {model: self.segmenters[model]}
        found = candidates(segmenters, rgb) if card is None else _beside_card(segmenters, rgb, card)
        analysis = replace(analysis, masks={name: one.mask for name, one in found.items()})
        expected = {name: expected_dice(segmenters, found, name) for name in found if model in (None, name)}
        chosen = best_mask({name: value if found[name].mask.any() else -1.0 for name, value in expected.items()})
        if not found[chosen].mask.any():
            return replace(analysis, accepted=False, reasons=(*analysis.reasons, "no_lesion")), found
        return replace(
            analysis,
            chosen=chosen,
            expected_dice=expected[chosen],
            warnings=(*analysis.warnings, *_warnings(segmenters, found, chosen)),
            scale=analysis.scale if card is None else card.at(*centre(found[chosen].mask)),
            measurements=measure(found[chosen].mask, rgb, analysis.scale) if card is None else measure_flat(found[chosen].mask, rgb, card),
        ), found

    def _classify(self, rgb: RGB, analysis: Analysis, found: dict[str, Segmentation], unfamiliar: bool) -> Analysis:
        chosen, others = found[analysis.chosen], _others(found, analysis.chosen)
        # The network that differs most says most of what hangs on the outline.
        other = min(others, key=lambda one: overlap(chosen.lesion, one.lesion), default=None)
        judged = classify(self.classifiers, rgb, chosen.mask, [other.mask] if other else [])
        if unfamiliar or _agreement(found) < DISAGREEMENT or "faint_lesion" in analysis.warnings:
            judged = replace(judged, diagnosis=Diagnosis.UNCERTAIN, confidence=Confidence.LOW)
        if judged.camera:
            judged = replace(judged, confidence=Confidence.LOW)
        return replace(
            analysis,
            warnings=(*analysis.warnings, *(("camera_photo",) if judged.camera else ())),
            malignant_probability=judged.probability,
            interval=judged.interval,
            diagnosis=judged.diagnosis,
            confidence=judged.confidence,
            differential=judged.differential,
            heat_map=heat_map(judged.activations, analysis.width, analysis.height),
            features=judged.features,
        )


def _beside_card(segmenters: dict[str, Network], rgb: RGB, card: FoundScale) -> dict[str, Segmentation]:
    """Find the mole in the card's inner corner, as seen from straight above; where there is none, anywhere but on the card."""
    near = close_up(rgb, card)
    found = candidates(segmenters, near.rgb)
    if any(one.mask.any() for one in found.values()):
        return {name: replace(one, mask=near.back(one.mask, rgb.shape)) for name, one in found.items()}
    return candidates(segmenters, without_card(rgb, card))


def _pixels(photo: bytes | str | Path | RGB) -> RGB:
    if not isinstance(photo, np.ndarray):
        return read_photo(Path(photo) if isinstance(photo, str) else photo).rgb
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or photo.size == 0:
        raise ValueError(f"A photo array must be H x W x 3 uint8, not {photo.shape} {photo.dtype}.")
    return photo


def _check(rgb: RGB, gate: Network | None, card: FoundScale | None = None) -> tuple[Analysis, bool]:
    """Begin an analysis with what can be said without looking for the lesion, and tell whether the photo is unlike those known.

    Of a photo with a scale card the gate sees the card's inner corner, where the mole is: the card itself is no skin.
    """
    height, width = rgb.shape[:2]
    small = max(width, height) < ADVISED_PX[0] or min(width, height) < ADVISED_PX[1]
    warnings = ("below_1280x720",) if small else ()
    if min(width, height) < SMALLEST_SIDE_PX:
        return Analysis(width, height, False, ("too_small",), warnings), False
    if gate is None:
        return Analysis(width, height, True, (), warnings), False
    verdict = photo_gate.check(gate, rgb if card is None else close_up(rgb, card).rgb)
    unfamiliar = not verdict.reasons and verdict.distance > 1
    warnings += verdict.warnings + (("unfamiliar",) if unfamiliar else ())
    return Analysis(width, height, not verdict.reasons, verdict.reasons, warnings), unfamiliar


def _warnings(segmenters: dict[str, Network], found: dict[str, Segmentation], chosen: str) -> list[str]:
    warnings = []
    if frame_contact(found[chosen].mask) > CUT_CONTACT:
        warnings.append("lesion_cut_by_frame")
    if found[chosen].several:
        warnings.append("several_lesions")
    if is_faint(segmenters, found[chosen]):
        warnings.append("faint_lesion")
    if _agreement(found) < LOW_AGREEMENT:
        warnings.append("low_agreement")
    return warnings


def _others(found: dict[str, Segmentation], chosen: str) -> list[Segmentation]:
    """Return the answers of the single networks other than the chosen one."""
    return [one for name, one in found.items() if name not in (chosen, FUSION)]


def _agreement(found: dict[str, Segmentation]) -> float:
    """Return the smallest overlap of two networks' masks; 1 where there is one network."""
    single = [one.lesion for name, one in found.items() if name != FUSION]
    return min((overlap(first, second) for first, second in combinations(single, 2)), default=1.0)
