"""Tell plain camera photos from dermoscope ones by what the classifier saw, so that nobody is shown confidence that it does not earn there.

Nearly all photos that the networks learned from were taken through a dermoscope; on sources of camera photos that they had not seen
they were sure and wrong. A few of the classifier's features tell the two apart. Fitted by training.evaluate on everything but the
test part; the drawn photos are a check on cameras that nobody fitted on.
"""

from __future__ import annotations

import numpy as np

from core.classification import camera_logit, look
from core.runtime import Network
from core.segmentation import candidates
from core.synthetic.capture import photograph
from core.synthetic.mole import Mole
from training.logistic import logistic

SOURCES = ("mednode",)
"""Taken without a dermoscope."""
FEATURES = 24
RIDGE = 3.0
DRAWN = 48
FALSE_ALARMS = 0.01
"""Share of the dermoscope photos fitted on that may count as camera photos."""


def fit(dermoscope: np.ndarray, camera: np.ndarray) -> dict:
    """Ridge logistic regression on the FEATURES that differ most between the pooled features of both kinds (n x C each).

    Returns `features` (their indices), `weights` and `intercept`; a logit of 0 or more counts as a camera photo.
    """
    spread = np.sqrt((dermoscope.var(axis=0) + camera.var(axis=0)) / 2) + 1e-6
    chosen = np.sort(np.argsort(-np.abs(dermoscope.mean(axis=0) - camera.mean(axis=0)) / spread)[:FEATURES])
    both = np.concatenate([dermoscope, camera])[:, chosen]
    centre, scale = both.mean(axis=0), both.std(axis=0) + 1e-6
    labels = np.repeat([0.0, 1.0], [len(dermoscope), len(camera)])
    # Both kinds count the same, however many there are of each.
    shares = np.repeat([0.5 / len(dermoscope), 0.5 / len(camera)], [len(dermoscope), len(camera)]) * len(both)
    inputs = np.column_stack([(both - centre) / scale, np.ones(len(both))])
    found = logistic(inputs, labels, shares, ridge=np.append(np.full(FEATURES, RIDGE), 1e-6))
    weights = found[:-1] / scale
    intercept = found[-1] - weights @ centre
    edge = np.quantile(dermoscope[:, chosen] @ weights + intercept, 1 - FALSE_ALARMS)
    return {
        "features": [int(one) for one in chosen],
        "weights": [round(float(one), 5) for one in weights],
        "intercept": round(float(intercept - edge), 5),
    }


def hits(looks: list[np.ndarray], found: dict) -> np.ndarray:
    """Return which photos count as camera photos."""
    return np.array([camera_logit(one, found) >= 0 for one in looks])


def drawn(segmenters: dict[str, Network], classifier: Network, kind: str) -> list[np.ndarray]:
    """Return what the classifier sees in drawn photos of a look, `dermoscope` or `phone`."""
    looks = []
    for seed in range(DRAWN):
        mole = Mole.random(2000 + seed, skin_tone=1 + seed % 6)
        rgb = photograph(mole, size=(640, 480), look=kind, hair=(seed % 5) / 5).rgb
        found = candidates(segmenters, rgb)
        mask = max(found.values(), key=lambda one: one.lesion.sum()).mask
        looks.append(look(classifier, rgb, [mask]).features)
    return looks
