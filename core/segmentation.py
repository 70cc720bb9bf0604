"""From a photo to lesion masks at its own size: lesion probabilities, threshold, morphology, expected Dice."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.analysis import Mask
from core.measurement import colour_contrast
from core.preprocess import RGB, frame_for, normalise, resize
from core.runtime import Network

WORKING_SIDE_PX = 512
"""Longest side at which masks are cleaned, whatever the photo's size: finer than any network here sees."""
SMOOTHING_PX = 7
"""Diameter of opening and closing at the working size; also the size below which nothing is kept."""
SECOND_LESION_SHARE = 0.25
"""Area of another region, as a share of the lesion's, from which the photo counts as showing several lesions."""

JUST_NOTICEABLE = 2.3
"""CIELAB distance that people just notice (Mahy, Van Eycken, Oosterlinck, 1994). Networks that learned from lesions alone see
some in bare skin too; of 548 held-out ham10000 photos the experts' outlines of all but one stand out by more than this."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """One network's answer. `probabilities` is at the network's own size, `mask` at the photo's."""

    probabilities: NDArray[np.float32]
    mask: Mask
    several: bool
    """Another region is large enough to be a lesion of its own."""


def segment(network: Network, rgb: RGB) -> Segmentation:
    """Find the lesion in an H x W x 3 photo."""
    height, width = rgb.shape[:2]
    probabilities = lesion_probabilities(network, rgb)
    threshold = network.card.details["threshold"]
    working = WORKING_SIDE_PX / max(height, width)
    size = (max(1, round(width * working)), max(1, round(height * working)))
    lesion, several = keep_lesion(cv2.resize(probabilities, size, interpolation=cv2.INTER_LINEAR), threshold)
    if not is_visible(lesion, resize(rgb, *size)):
        lesion = np.zeros_like(lesion)
    return Segmentation(probabilities, _to_size(lesion, width, height), several)


def lesion_probabilities(network: Network, rgb: RGB) -> NDArray[np.float32]:
    """Return the h x w lesion probabilities at the network's own size."""
    details = network.card.details["input"]
    frames = tuple((frame["width"], frame["height"]) for frame in details["frames"])
    small = resize(rgb, *frame_for(rgb.shape[1], rgb.shape[0], frames))
    (probabilities,) = network(normalise(small[None], details["normalisation"]))
    return probabilities[0, 0]


def keep_lesion(probabilities: NDArray[np.float32], threshold: float) -> tuple[Mask, bool]:
    """Threshold h x w probabilities, smooth, fill holes and keep the lesion: the region with the most probability,
    counted the less the further it lies from the middle. Returns its mask and whether another region rivals it.
    """
    found = _smooth((probabilities > threshold).astype(np.uint8))
    count, labels, statistics, centres = cv2.connectedComponentsWithStats(found, connectivity=8)
    if count == 1:
        return np.zeros(found.shape, bool), False
    weights = np.bincount(labels.ravel(), probabilities.ravel(), minlength=count)[1:]
    middle = np.array(found.shape[::-1]) / 2
    distances = np.hypot(*((centres[1:] - middle) / middle).T)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    lesion = int(np.argmax(weights * np.exp(-(distances**2))))
    others = np.delete(areas, lesion)
    several = bool(others.size and others.max() >= SECOND_LESION_SHARE * areas[lesion])
    return fill_holes(labels == lesion + 1), several


def _smooth(found: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Close, then open. Beyond the frame the picture goes on as at its edge; else a lesion near the edge would grow onto it."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (SMOOTHING_PX, SMOOTHING_PX))
    reach = SMOOTHING_PX
    wide = cv2.copyMakeBorder(found, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    smooth = cv2.morphologyEx(cv2.morphologyEx(wide, cv2.MORPH_CLOSE, kernel), cv2.MORPH_OPEN, kernel)
    return np.ascontiguousarray(smooth[reach:-reach, reach:-reach])


def is_visible(mask: Mask, rgb: RGB) -> bool:
    """Tell whether the lesion differs from the skin around it; of a lesion that fills the frame nobody can tell."""
    return colour_contrast(mask, rgb) >= JUST_NOTICEABLE


def fill_holes(mask: Mask) -> Mask:
    """Fill what the regions of an H x W mask enclose."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    return filled.astype(bool)


def _to_size(mask: Mask, width: int, height: int) -> Mask:
    # A blurred mask is a slope across the outline: resized and cut at one half, it gives a smooth outline at any size.
    slope = cv2.GaussianBlur(mask.astype(np.uint8) * 255, (0, 0), 1.5)
    shrinking = width < mask.shape[1] or height < mask.shape[0]
    return cv2.resize(slope, (width, height), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR) > 127


def overlap(first: Mask, second: Mask) -> float:
    """Return the Dice overlap of two H x W masks; 1 where both are empty."""
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return 2 * np.count_nonzero(first & second) / total if total else 1.0


def certainty(found: Segmentation) -> float:
    """Return the Dice to expect if every pixel were right as often as its probability says."""
    probabilities = found.probabilities
    height, width = probabilities.shape
    inside = cv2.resize(found.mask.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA) / np.float32(255)
    total = float(inside.sum() + probabilities.sum())
    return 2 * float((inside * probabilities).sum()) / total if total else 0.0


def dice_features(found: Segmentation, other: Segmentation | None) -> tuple[float, float]:
    """Return what the expected Dice is computed from: the network's own certainty and its overlap with the other network."""
    return certainty(found), overlap(found.mask, other.mask) if other else 1.0


def expected_dice(network: Network, found: Segmentation, other: Segmentation | None) -> float:
    """Return the Dice to expect between this mask and an expert's, by the fit in the network's card."""
    fit = network.card.details["expected_dice"]
    own, agreement = dice_features(found, other)
    value = fit["intercept"] + fit["certainty"] * own + fit["agreement"] * agreement
    return float(np.clip(value, 0.0, 1.0)) if found.mask.any() else 0.0
