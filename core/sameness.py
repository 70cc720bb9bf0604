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


@dataclass(frozen=True, eq=False)
class Sameness:
    score: float
    """Log odds that both show one mole, were both as likely beforehand."""
    same: bool | None
    """False below DIFFERENT_BELOW: ask. True from SAME_FROM on. None in between: cannot tell, and nothing to ask."""
    registration: Registration


def same_mole(first: Seen, second: Seen) -> Sameness:
    """Judge whether two photos show one mole, by how well they lie over each other and how alike shape and colour are."""
    registration = register(first.rgb, second.rgb, first.mask, second.mask)
    score = float(evidence(first, second, registration) @ WEIGHTS + INTERCEPT)
    return Sameness(score, True if score >= SAME_FROM else False if score < DIFFERENT_BELOW else None, registration)


EVIDENCE = (
    "agreement", "skin_agreement", "features", "outline_overlap",
    "elongation", "solidity", "colour_contrast", "colour_variation", "colours",
)  # fmt: skip
WEIGHTS = np.array([9.03, 3.57, 1.02, 0.506, -5.91, -9.48, -0.0789, -0.0778, -7.13])
INTERCEPT = -1.44
"""Fitted by `python -m benchmarks.same_mole --fit` on the 240 ham10000 lesions with several photos in the parts held back for fits, and as
many swaps."""
SAME_FROM, DIFFERENT_BELOW = 1.0, -1.0
"""One in a hundred of those swaps lies above -1.40, one in a hundred of the pairs below -0.36."""
_SHARES = ("white", "red", "light_brown", "dark_brown", "blue_grey", "black")


def evidence(first: Seen, second: Seen, registration: Registration) -> NDArray[np.float64]:
    """Return what the score is made of, in the order of EVIDENCE: four of the registration, then how far measurements are apart."""

    def apart(name: str) -> float:
        both = first.measurements.get(name), second.measurements.get(name)
        return 0.0 if None in both else abs(both[0] - both[1])

    shares = sum(apart(name) for name in _SHARES) / 2
    # Too little skin to tell is no evidence.
    skin = max(0.0, registration.skin_agreement)
    fit = (registration.agreement, skin, np.log1p(registration.features), registration.outline_overlap)
    return np.array([*fit, *(apart(name) for name in EVIDENCE[4:8]), shares])
