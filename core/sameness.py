"""Whether two photos show one and the same mole: asked before a photo is stored with a mole that it does not look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.analysis import Mask
from core.preprocess import RGB
from core.registration import Registration, register


@dataclass(frozen=True, eq=False)
class Seen:
    """A photo of a mole and what core.Analysis says of it."""

    rgb: RGB
    mask: Mask
    """H x W, the chosen one."""
    measurements: Mapping[str, float]
    features: NDArray[np.float32] | None = None
    """What the classifier saw (Analysis.features); None where that was not kept. Only vectors of one model version compare."""


@dataclass(frozen=True, eq=False)
class Sameness:
    score: float
    """Log odds that both show one mole, as against a swap with another mole."""
    same: bool | None
    """False below the score at which 1 % of true pairs lie: ask. True above the one that 1 % of swaps reach. None in between."""
    registration: Registration


def same_mole(first: Seen, second: Seen) -> Sameness:
    """Judge whether two photos show one mole, by how well they lie over each other and how alike shape and colour are."""
    registration = register(first.rgb, second.rgb, first.mask, second.mask)
    score = float(evidence(first, second, registration) @ WEIGHTS + INTERCEPT)
    return Sameness(score, True if score >= SAME_FROM else False if score < DIFFERENT_BELOW else None, registration)


WEIGHTS = np.array([6.0, 1.0, -0.05, -2.0])
INTERCEPT = -3.0
SAME_FROM, DIFFERENT_BELOW = 3.0, -1.5


def evidence(first: Seen, second: Seen, registration: Registration) -> NDArray[np.float64]:
    """Return what the score is made of."""
    colour = _gap(first, second, ("colour_contrast", "colour_variation"))
    shape = _gap(first, second, ("elongation", "solidity", "asymmetry"))
    return np.array([registration.agreement, float(registration.accepted), colour, shape])


def _gap(first: Seen, second: Seen, names: tuple[str, ...]) -> float:
    both = [name for name in names if name in first.measurements and name in second.measurements]
    return float(np.sqrt(sum((first.measurements[name] - second.measurements[name]) ** 2 for name in both)))
