"""Figures of merit, and their 95 % intervals by resampling groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def dice(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return twice the overlap over the sum of both areas: 1 where both are empty."""
    total = np.count_nonzero(mask) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(mask & truth) / total if total else 1.0


def jaccard(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return the overlap over the union: 1 where both are empty."""
    overlap = dice(mask, truth)
    return overlap / (2 - overlap)


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve (ties count half); NaN where a class is missing."""
    labels = np.asarray(labels, bool)
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return float("nan")
    _values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def bootstrap(figure: Callable[[np.ndarray], float], groups: list[str], *, resamples: int = 1000, seed: int = 1) -> tuple[float, float]:
    """Return the 95 % interval of `figure(indices)` when whole groups are drawn again with replacement."""
    rng = np.random.default_rng(seed)
    _, membership = np.unique(groups, return_inverse=True)
    order = np.argsort(membership, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(membership[order])) + 1)
    values = [figure(np.concatenate([members[group] for group in rng.integers(0, len(members), len(members))])) for _ in range(resamples)]
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Return the mean distance between probability and share of positives in bins of equal width, weighted by count."""
    index = np.minimum((np.asarray(probabilities) * bins).astype(int), bins - 1)
    counts = np.bincount(index, minlength=bins)
    gaps = np.abs(np.bincount(index, probabilities - labels, bins))
    return float(gaps.sum() / max(1, counts.sum()))


def perfect_calibration_error(probabilities: np.ndarray, bins: int = 10, *, resamples: int = 1000, seed: int = 1) -> tuple[float, float]:
    """Return the mean and the 95th percentile of the `expected_calibration_error` of as many photos whose labels follow these
    probabilities exactly: few photos leave a distance by chance (consistency resampling, Bröcker, Smith, "Increasing the reliability
    of reliability diagrams", Weather and Forecasting, 2007).
    """
    rng = np.random.default_rng(seed)
    probabilities = np.asarray(probabilities)
    errors = [
        expected_calibration_error(rng.random(len(drawn)) < drawn, drawn, bins)
        for drawn in (rng.choice(probabilities, len(probabilities)) for _ in range(resamples))
    ]
    return float(np.mean(errors)), float(np.percentile(errors, 95))
