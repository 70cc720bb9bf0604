"""From a photo and a lesion mask to a calibrated malignancy probability, its interval, its band and the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.analysis import Confidence, Diagnosis, Mask
from core.heat_map import Activation
from core.preprocess import RGB, Square, crop, lesion_square, normalise, skin_colour, whole_photo, with_skin
from core.runtime import Network


@dataclass(frozen=True, eq=False)
class Seen:
    """What a classifier answers to the views of some masks."""

    malignant: NDArray[np.float32]
    """Malignancy logits, masks x views."""
    classes: NDArray[np.float32]
    """Class logits, masks x classes, the mean over views."""
    cells: NDArray[np.float32]
    """Malignancy logits of the cells of the first mask's views, views x h x w; the views lie as `squares` and then mirrored."""
    squares: list[Square]
    features: NDArray[np.float32] | None
    """C pooled features of the first mask, the mean over views; None from a network that does not tell them."""


@dataclass(frozen=True, eq=False)
class Classification:
    probability: float
    interval: tuple[float, float]
    diagnosis: Diagnosis
    confidence: Confidence
    differential: dict[str, float]
    activations: list[Activation]
    """Where each network, in each view, sees signs of malignancy."""
    features: NDArray[np.float32] | None
    """Pooled features of the first network that tells them."""
    camera: bool
    """Whether the photo counts as taken without a dermoscope."""


def classify(networks: Sequence[Network], rgb: RGB, chosen: Mask, others: Sequence[Mask] = ()) -> Classification:
    """Judge the lesion under `chosen` (H x W) by all networks together. `others`, further masks, count for the interval alone."""
    masks = [chosen, *(mask for mask in others if mask.any())]
    judged = [look(network, rgb, masks) for network in networks]
    shares = shares_of(networks)
    fits = [network.card.details["calibration"] for network in networks]
    logits = [calibrated_logit(seen.malignant, fit) for seen, fit in zip(judged, fits, strict=True)]
    centre = sum(share * one[0].mean() for share, one in zip(shares, logits, strict=True))
    middle, spread = _spread(logits, shares)
    interval = sigmoid(min(middle - spread, centre)), sigmoid(max(middle + spread, centre))
    details = networks[0].card.details
    probability = sigmoid(centre)
    diagnosis, confidence = judge(probability, interval, details["bands"])
    classes = sum(share * seen.classes[0] for share, seen in zip(shares, judged, strict=True)) / sum(shares)
    return Classification(
        probability,
        interval,
        diagnosis,
        confidence,
        differential(probability, classes, details["classes"]),
        [one for seen, fit in zip(judged, fits, strict=True) for one in _activations(seen, fit)],
        next((seen.features for seen in judged if seen.features is not None), None),
        any(is_camera_photo(network, seen) for network, seen in zip(networks, judged, strict=True)),
    )


def is_camera_photo(network: Network, seen: Seen) -> bool:
    """Tell by what a network saw whether the photo was taken without a dermoscope; by the fit in its card, without one never."""
    fit = network.card.details.get("camera")
    return fit is not None and seen.features is not None and camera_logit(seen.features, fit) >= 0


def camera_logit(features: NDArray[np.floating], fit: dict) -> float:
    """Return the logit of "taken without a dermoscope" of C pooled features (training.camera)."""
    return float(features[fit["features"]] @ np.array(fit["weights"]) + fit["intercept"])


def _activations(seen: Seen, calibration: dict[str, float]) -> list[Activation]:
    chances = 1 / (1 + np.exp(-calibrated_logit(seen.cells, calibration)))
    plain, mirrored = np.split(chances, 2)
    return [Activation(square, one) for square, one in zip(seen.squares * 2, [*plain, *mirrored[:, :, ::-1]], strict=True)]


def shares_of(networks: Sequence[Network]) -> list[float]:
    """Return how much each network's calibrated logit counts in the sum of all: fitted for all of them, so 1 for one alone."""
    return [1.0] if len(networks) == 1 else [network.card.details["share"] for network in networks]


def _spread(logits: Sequence[NDArray[np.floating]], shares: Sequence[float]) -> tuple[float, float]:
    """Return the mean over all networks, masks and views, and how far 95 % of what they say lies from it, in the sum's logits."""
    total = sum(shares)
    values = np.concatenate([total * one.ravel() for one in logits])
    weights = np.concatenate([np.full(one.size, share / one.size) for share, one in zip(shares, logits, strict=True)])
    middle = np.average(values, weights=weights)
    return float(middle), float(1.96 * np.sqrt(np.average((values - middle) ** 2, weights=weights)))


def look(network: Network, rgb: RGB, masks: Sequence[Mask]) -> Seen:
    """Run a classifier on all views of every mask (H x W, of an H x W x 3 photo) at once."""
    malignant, classes, cells, *features = network(np.concatenate([views(network, rgb, mask) for mask in masks]))
    squares = squares_of(network, rgb, masks[0])
    return Seen(
        malignant.reshape(len(masks), -1),
        classes.reshape(len(masks), -1, classes.shape[-1]).mean(axis=1),
        cells[: 2 * len(squares)],
        squares,
        features[0][: 2 * len(squares)].mean(axis=0) if features else None,
    )


def squares_of(network: Network, rgb: RGB, mask: Mask) -> list[Square]:
    """Return the squares in which a network looks at a lesion."""
    details = network.card.details["input"]
    squares = [lesion_square(mask, context) for context in details["contexts"]]
    return squares + ([whole_photo(rgb)] if details["whole_photo"] else [])


def views(network: Network, rgb: RGB, mask: Mask) -> NDArray[np.float32]:
    """Return the network's inputs for a lesion, B x 3 x S x S: each width of the crop in the card, the whole photo where the card
    asks for it, and the mirror image of each. What they disagree on widens the interval.
    """
    details = network.card.details["input"]
    if "skin" in details:
        rgb = with_skin(rgb, skin_colour(rgb, mask), details["skin"])
    return mirrored_crops(rgb, squares_of(network, rgb, mask), details["size"], details["normalisation"])


def mirrored_crops(rgb: RGB, squares: Sequence[Square], size: int, normalisation: str) -> NDArray[np.float32]:
    """Return network input of squares of a photo, then of the mirror image of each: B x 3 x `size` x `size`."""
    crops = [crop(rgb, square, size) for square in squares]
    return normalise(np.stack(crops + [picture[:, ::-1] for picture in crops]), normalisation)


def sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


def calibrated_logit(logit, calibration: dict[str, float]):
    """Turn a logit, or an array of them, into a calibrated one by the card's fit (Platt, 1999), made on photos used for nothing else."""
    return calibration["slope"] * logit + calibration["intercept"]


def calibrated(logit: float, calibration: dict[str, float]) -> float:
    """Return the calibrated probability of one network's logit."""
    return sigmoid(calibrated_logit(logit, calibration))


def judge(probability: float, interval: tuple[float, float], bands: dict[str, float]) -> tuple[Diagnosis, Confidence]:
    """Name the band of a probability; uncertain where the interval reaches over the edge between benign and malignant.

    `bands` holds the edges in rising order: high_benign, medium_benign, malignant, medium_malignant, high_malignant.
    """
    edge = bands["malignant"]
    if interval[0] < edge <= interval[1]:
        return Diagnosis.UNCERTAIN, Confidence.LOW
    if probability < edge:
        if probability < bands["high_benign"]:
            return Diagnosis.BENIGN, Confidence.HIGH
        return Diagnosis.BENIGN, Confidence.MEDIUM if probability < bands["medium_benign"] else Confidence.LOW
    if probability > bands["high_malignant"]:
        return Diagnosis.MALIGNANT, Confidence.HIGH
    return Diagnosis.MALIGNANT, Confidence.MEDIUM if probability >= bands["medium_malignant"] else Confidence.LOW


def differential(probability: float, logits: NDArray[np.float32], classes: Sequence[dict]) -> dict[str, float]:
    """Share the probability among the card's malignant classes and the rest among its benign ones; most likely first."""
    weights = np.exp(logits - logits.max())
    shares = {}
    for malignant, total in ((True, probability), (False, 1 - probability)):
        members = [index for index, one in enumerate(classes) if one["malignant"] is malignant]
        for index in members:
            shares[classes[index]["name"]] = float(total * weights[index] / weights[members].sum())
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
