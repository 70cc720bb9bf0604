"""Logistic regression, for everything that is fitted on few photos."""

from __future__ import annotations

import numpy as np

STEPS = 50
CLOSE = 1e-9
"""Largest step in a coefficient after which Newton's method has arrived."""
FLATTEST = 1e-4
"""Of p(1 - p), below which the curvature is not believed: Newton's method would leap."""


def logistic(inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None, *, ridge: float | np.ndarray = 1e-6) -> np.ndarray:
    """Return the coefficients of `inputs` (n x C), most likely given labels (n, 0 or 1), their weights and a ridge, one or one a column.

    A column of ones is the intercept. Newton's method.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    penalty = np.diag(np.broadcast_to(np.asarray(ridge, float), inputs.shape[1]))
    found = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        chances = 1 / (1 + np.exp(-np.clip(inputs @ found, -30, 30)))
        slope = inputs.T @ (weights * (chances - labels)) + penalty @ found
        curvature = (inputs * (weights * np.maximum(chances * (1 - chances), FLATTEST))[:, None]).T @ inputs + penalty
        step = np.linalg.solve(curvature, slope)
        found = found - step
        if np.abs(step).max() < CLOSE:
            break
    return found
