"""From a photo to lesion masks at its own size: lesion probabilities, threshold, morphology, expected Dice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.analysis import Mask
from core.measurement import colour_contrast
from core.preprocess import RGB, frame_for, lesion_square, normalise, resize
from core.runtime import Network, UnusableWeights

WORKING_SIDE_PX = 512
"""Longest side at which masks are cleaned, whatever the photo's size: finer than any network here sees."""
SMOOTHING_PX = 7
"""Diameter of opening and closing at the working size; also the size below which nothing is kept."""
SECOND_LESION_SHARE = 0.25
"""Area of another region, as a share of the lesion's, from which the photo counts as showing several lesions."""

FUSION = "fusion"
"""Name of the mask of all networks together, beside those of each."""
SMALL_SHARE = 0.06
"""Share of the frame below which a lesion is looked at again from nearer, as it would be were the camera nearer."""
CLOSER_CONTEXT = 3.0
"""Side of that second look over the lesion's larger extent: about what the photos show that the networks learned from."""
SMALLEST_REGION_PX = 32
EDGE_REACH_PX = 6
"""How far, at the working size, an outline is moved to the photo's own edge: about two pixels of a network's input."""
EDGE_CONTRAST = 0.05
"""Luminance contrast (0 to 1) from which something counts as an edge."""

MIRRORED = ((1, 1), (1, -1), (-1, 1), (-1, -1))
"""Steps along rows and columns of a picture and its mirror images."""

SLIGHTEST = 0.15
"""Probability from which pixels joined to a lesion count towards the area to expect of it."""
THRESHOLD_REACH = 0.2
"""How far a photo's own threshold may lie from the card's."""
SUREST_SHARE = 0.75
"""Of the probability of a lesion's surest pixels, at most which its threshold may be: where a network is nowhere sure, the level that
encloses what its probabilities add up to would cut through the middle of a lesion of one even probability."""
SUREST = 90
"""Percentile of a lesion's probabilities that counts as its surest pixels."""

JUST_NOTICEABLE = 2.3
"""CIELAB distance that people just notice (Mahy, Van Eycken, Oosterlinck, 1994). Networks that learned from lesions alone see
some in bare skin too; of 548 held-out ham10000 photos the experts' outlines of all but one stand out by more than this."""
FILLING = 0.5
"""Share of the photo from which a lesion fills it. What little stands out from its surroundings in 346 photos of bare skin, corners of
the validation part's photos and drawn ones (training.hard_cases), takes up a fifth at most."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """One network's answer, or that of all together. `probabilities` and `lesion` are at the working size, `mask` at the photo's."""

    probabilities: NDArray[np.float32]
    lesion: Mask
    mask: Mask
    several: bool
    """Another region is large enough to be a lesion of its own."""


def candidates(segmenters: dict[str, Network], rgb: RGB) -> dict[str, Segmentation]:
    """Find the lesion in an H x W x 3 photo with every network and, where there are several, with all of them together.

    FUSION is the mean of their probabilities, cut at the mean of their thresholds; networks that were not measured together have none.
    """
    height, width = rgb.shape[:2]
    shrink = WORKING_SIDE_PX / max(height, width)
    working = resize(rgb, max(1, round(width * shrink)), max(1, round(height * shrink)))
    thresholds = {name: network.card.details["threshold"] for name, network in segmenters.items()}
    maps = {name: _probabilities(network, rgb, working.shape, thresholds[name]) for name, network in segmenters.items()}
    if fuses(segmenters):
        maps[FUSION] = np.mean(list(maps.values()), axis=0)
        thresholds[FUSION] = float(np.mean(list(thresholds.values())))
    return {name: _outlined(one, thresholds[name], working, width, height) for name, one in maps.items()}


def tell_what_they_do_together(folder: Path, segmenters: dict[str, Network]) -> None:
    """Put the fit of `folder`/fusion.json into the cards of the networks that it was made for; for others there is no common mask.

    Raises UnusableWeights where the file is damaged.
    """
    path = folder / f"{FUSION}.json"
    if not path.exists():
        return
    try:
        fit = json.loads(path.read_text(encoding="utf-8"))
        fitted_on = fit["networks"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableWeights(f"{path} is damaged: {error!r}.") from error
    if fitted_on == {name: network.card.details["sha256"] for name, network in segmenters.items()}:
        for network in segmenters.values():
            network.card.details[FUSION] = fit


def fuses(segmenters: dict[str, Network]) -> bool:
    """Tell whether these networks have a mask of all together."""
    return len(segmenters) > 1 and all(FUSION in network.card.details for network in segmenters.values())


def segment(network: Network, rgb: RGB) -> Segmentation:
    """Find the lesion in an H x W x 3 photo with one network."""
    return candidates({network.card.name: network}, rgb)[network.card.name]


def _probabilities(network: Network, rgb: RGB, shape: tuple[int, ...], threshold: float) -> NDArray[np.float32]:
    """Return lesion probabilities at the working size; where the lesion is small, from a second, closer look at it."""
    found = _enlarged(lesion_probabilities(network, rgb), shape[1], shape[0])
    lesion, _ = keep_lesion(found, threshold)
    if not 0 < lesion.mean() < SMALL_SHARE:
        return found
    square, side = lesion_square(lesion, CLOSER_CONTEXT), max(shape[:2])
    # In shares of the longer side, which both sizes have in common.
    reach = square.side / 2
    left, top = max(0.0, square.centre_x - reach), max(0.0, square.centre_y - reach)
    right, bottom = min(shape[1], square.centre_x + reach), min(shape[0], square.centre_y + reach)
    edges = np.array((left, top, right, bottom)) / side
    at_photo, here = ([round(edge) for edge in edges * longest] for longest in (max(rgb.shape[:2]), side))
    region = rgb[at_photo[1] : at_photo[3], at_photo[0] : at_photo[2]]
    if min(region.shape[:2]) < SMALLEST_REGION_PX:
        return found
    place = found[here[1] : here[3], here[0] : here[2]]
    closer = _enlarged(lesion_probabilities(network, region), place.shape[1], place.shape[0])
    if closer.max() > threshold:
        place[:] = closer
    return found


def _enlarged(probabilities: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    return np.clip(cv2.resize(probabilities, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)


def _outlined(probabilities: NDArray[np.float32], threshold: float, working: RGB, width: int, height: int) -> Segmentation:
    refined = _along_edges(probabilities, working)
    lesion, several = keep_lesion(refined, threshold)
    if lesion.any():
        lesion = of_expected_area(refined, lesion, threshold)
    if not is_visible(lesion, working):
        lesion = np.zeros_like(lesion)
    return Segmentation(probabilities, lesion, _to_size(lesion, width, height), several)


def _along_edges(probabilities: NDArray[np.float32], rgb: RGB) -> NDArray[np.float32]:
    """Move the slopes of the probabilities, as coarse as the network's input, to where the photo's own edges are.

    Guided filter (He, Sun, Tang, 2013): in every window the probability becomes a linear function of the luminance.
    """
    guide = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    window = (2 * EDGE_REACH_PX + 1, 2 * EDGE_REACH_PX + 1)

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.boxFilter(values, -1, window, borderType=cv2.BORDER_REFLECT)

    middle, level = mean(guide), mean(probabilities)
    slope = (mean(guide * probabilities) - middle * level) / (mean(guide * guide) - middle * middle + EDGE_CONTRAST**2)
    return np.clip(mean(slope) * guide + mean(level - slope * middle), 0, 1)


def lesion_probabilities(network: Network, rgb: RGB) -> NDArray[np.float32]:
    """Return the h x w lesion probabilities at the network's own size: the mean over the photo's eight mirror images and quarter turns.

    Nothing says which way up a mole was photographed, and of an unsure outline networks say something else each way
    (training/EXPERIMENTS.md has what that does to one mole photographed again).
    """
    details = network.card.details["input"]
    frames = tuple((frame["width"], frame["height"]) for frame in details["frames"])
    small = normalise(resize(rgb, *frame_for(rgb.shape[1], rgb.shape[0], frames))[None], details["normalisation"])[0]
    upright, lying = (network(np.stack([one[:, ::y, ::x] for y, x in MIRRORED]))[0][:, 0] for one in (small, small.transpose(0, 2, 1)))
    turned = [one[::y, ::x] for one, (y, x) in zip(upright, MIRRORED, strict=True)]
    turned += [one[::y, ::x].T for one, (y, x) in zip(lying, MIRRORED, strict=True)]
    return np.mean(turned, axis=0, dtype=np.float32)


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
    """Tell whether the lesion differs from the skin around it. Of one that fills the frame nobody can tell by the little around it, which
    may be its own rim: it counts as visible.
    """
    return bool(mask.mean() > FILLING) or colour_contrast(mask, rgb) >= JUST_NOTICEABLE


def of_expected_area(probabilities: NDArray[np.float32], lesion: Mask, threshold: float) -> Mask:
    """Cut h x w probabilities anew where a lesion was found, at the threshold that encloses as much as they add up to there.

    Calibrated probabilities add up to an unbiased estimate of the size (Popordanoska, Bertels, Vandermeulen, Maes, Blaschko, "On the
    relationship between calibrated predictors and unbiased volume estimation", MICCAI 2021). Of a rim as likely lesion as skin a fixed
    threshold takes all in one photo and nothing in the next; so cut, masks of one mole photographed again differ less
    (training/EXPERIMENTS.md).
    """
    joined = cv2.connectedComponents((probabilities > SLIGHTEST).astype(np.uint8))[1]
    near = np.isin(joined, np.unique(joined[lesion & (joined > 0)])).astype(np.uint8)
    near = cv2.dilate(near, np.ones((SMOOTHING_PX, SMOOTHING_PX))) > 0
    values = probabilities[near]
    expected = min(round(float(values.sum(dtype=np.float64))), values.size - 1)
    own = float(-np.partition(-values, expected)[expected])
    own = min(own, SUREST_SHARE * surest(probabilities, lesion))
    cut, _ = keep_lesion(np.where(near, probabilities, 0), float(np.clip(own, threshold - THRESHOLD_REACH, threshold + THRESHOLD_REACH)))
    return cut


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


def agreement(masks: dict[str, Mask], truth: Mask) -> dict[str, tuple[float, float]]:
    """Return Dice and Jaccard of every H x W mask with an expert's, which may be of another size and is brought to theirs."""
    found = {}
    for name, mask in masks.items():
        dice = overlap(mask, cv2.resize(truth.astype(np.uint8), mask.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(bool))
        found[name] = dice, dice / (2 - dice)
    return found


def surest(probabilities: NDArray[np.float32], lesion: Mask) -> float:
    """Return the probability that the surest tenth of a lesion's pixels has at least; 0 where there is no lesion."""
    return float(np.percentile(probabilities[lesion], SUREST)) if lesion.any() else 0.0


def is_faint(segmenters: dict[str, Network], found: Segmentation) -> bool:
    """Tell whether these networks are less sure of a lesion than they are of nearly every other: it may be skin a little redder than
    the rest. Networks that were not measured together cannot tell.
    """
    fit = next(iter(segmenters.values())).card.details.get(FUSION, {})
    return surest(found.probabilities, found.lesion) < fit.get("sure_from", 0.0)


def certainty(found: Segmentation) -> float:
    """Return the Dice to expect if every pixel were right as often as its probability says."""
    total = float(np.count_nonzero(found.lesion) + found.probabilities.sum())
    return 2 * float(found.probabilities[found.lesion].sum()) / total if total else 0.0


def dice_features(found: Segmentation, *others: Segmentation | None) -> tuple[float, float]:
    """Return what the expected Dice is computed from: the mask's own certainty and its mean overlap with the networks' other masks."""
    overlaps = [overlap(found.lesion, other.lesion) for other in others if other]
    return certainty(found), float(np.mean(overlaps)) if overlaps else 1.0


def features_of(found: dict[str, Segmentation], name: str) -> tuple[float, float]:
    """Return `dice_features` of one of the candidates."""
    return dice_features(found[name], *(one for other, one in found.items() if other not in (name, FUSION)))


def expected_dice(segmenters: dict[str, Network], found: dict[str, Segmentation], name: str) -> float:
    """Return the Dice to expect between this candidate's mask and an expert's, by the common fit where there is one, else the card's."""
    own, agreement = features_of(found, name)
    details = next(iter(segmenters.values())).card.details
    fit = details[FUSION]["expected_dice"][name] if FUSION in details else segmenters[name].card.details["expected_dice"]
    value = fit["intercept"] + fit["certainty"] * own + fit["agreement"] * agreement
    return float(np.clip(value, 0.0, 1.0)) if found[name].mask.any() else 0.0
