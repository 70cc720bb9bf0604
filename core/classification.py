"""From a photo and a lesion mask to a calibrated malignancy probability, its interval, its band and the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.analysis import Confidence, Diagnosis, Mask
from core.preprocess import RGB, Square, crop, lesion_square, normalise
from core.runtime import Network

WIDTHS = (0.87, 1.0, 1.15)
"""The crop is judged at these multiples of its width, each also mirrored: what they disagree on widens the interval."""


@dataclass(frozen=True)
class Classification:
    probability: float
    interval: tuple[float, float]
    diagnosis: Diagnosis
    confidence: Confidence
    differential: dict[str, float]


def classify(network: Network, rgb: RGB, chosen: Mask, others: Sequence[Mask] = ()) -> Classification:
    """Judge the lesion under `chosen` (H x W). `others`, the other networks' masks, count for the interval alone."""
    details = network.card.details
    logits, classes = lesion_logits(network, rgb, [chosen, *(mask for mask in others if mask.any())])
    probability = calibrated(logits[0].mean(), details["calibration"])
    spread = 1.96 * logits.std()
    interval = tuple(
        float(calibrated(edge, details["calibration"]))
        for edge in (min(logits.mean() - spread, logits[0].mean()), max(logits.mean() + spread, logits[0].mean()))
    )
    diagnosis, confidence = judge(probability, interval, details["bands"])
    return Classification(probability, interval, diagnosis, confidence, differential(probability, classes[0], details["classes"]))


def lesion_logits(network: Network, rgb: RGB, masks: Sequence[Mask]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return malignancy logits (masks x views) and class logits (masks x classes, the mean over views)."""
    details = network.card.details["input"]
    views = [view for mask in masks for view in _views(rgb, lesion_square(mask, details["context"]), details["size"])]
    malignant, classes = network(normalise(np.stack(views), details["normalisation"]))[:2]
    return malignant.reshape(len(masks), -1), classes.reshape(len(masks), -1, classes.shape[-1]).mean(axis=1)


def _views(rgb: RGB, square: Square, size: int) -> list[RGB]:
    crops = [crop(rgb, Square(square.centre_x, square.centre_y, square.side * width), size) for width in WIDTHS]
    return crops + [picture[:, ::-1] for picture in crops]


def calibrated(logit: float, calibration: dict[str, float]) -> float:
    """Turn a logit into a probability by the card's fit (Platt, 1999), which was made on photos used for nothing else."""
    return float(1 / (1 + np.exp(-(calibration["slope"] * logit + calibration["intercept"]))))


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
