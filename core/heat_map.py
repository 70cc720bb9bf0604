"""Where a classifier sees signs of malignancy: its activation maps (Zhou et al., 2016), placed on the photo and smoothed.

The exported network gives a malignancy logit for every cell of its last layer, whose mean is the logit it answers with. So the
map says exactly what the answer is made of, and nothing has to be differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.preprocess import Square

LONGEST_SIDE_PX = 96
"""Of the map; a cell of the networks here is a quarter to an eighth of the lesion, so more would say no more."""


@dataclass(frozen=True, eq=False)
class Activation:
    """Malignancy (h x w, 0 to 1) of the cells of one view of the photo."""

    square: Square
    cells: NDArray[np.float32]


def heat_map(activations: Sequence[Activation], width: int, height: int) -> NDArray[np.float32]:
    """Return the mean of all views as h x w float32, 0 to 1, for a width x height photo; 0 where no view looked.

    It has the photo's aspect ratio and at most LONGEST_SIDE_PX a side: enlarge it smoothly to draw it.
    """
    shrink = min(1.0, LONGEST_SIDE_PX / max(width, height))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    total, weight = np.zeros((2, size[1], size[0]), np.float32)
    for one in activations:
        # A view counts fully in its middle and not at all at its edge, so that no view's square shows.
        share = _place(_window(one.cells.shape), one.square, size, width, height)
        total += share * _place(one.cells, one.square, size, width, height)
        weight += share
    # Where views only just reach, the map fades out rather than stand at a full value.
    return np.clip(total / np.maximum(weight, 0.5 * max(float(weight.max()), 1e-6)), 0, 1)


def _window(shape: tuple[int, ...]) -> NDArray[np.float32]:
    fine = [np.sin(np.pi * (np.arange(8 * side) + 0.5) / (8 * side)).astype(np.float32) for side in shape]
    return np.outer(*fine)


def _place(cells: NDArray[np.float32], square: Square, size: tuple[int, int], width: int, height: int) -> NDArray[np.float32]:
    """Return the cells of a square, enlarged smoothly, on a map of `size` (width, height) of the whole photo."""
    rows, columns = cells.shape
    map_x = ((np.arange(size[0]) + 0.5) * width / size[0] - square.centre_x) / square.side + 0.5
    map_y = ((np.arange(size[1]) + 0.5) * height / size[1] - square.centre_y) / square.side + 0.5
    x, y = np.meshgrid((map_x * columns - 0.5).astype(np.float32), (map_y * rows - 0.5).astype(np.float32))
    placed = cv2.remap(np.ascontiguousarray(cells), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    inside = (map_x >= 0) & (map_x <= 1), (map_y >= 0) & (map_y <= 1)
    return np.clip(placed, 0, 1) * np.outer(inside[1], inside[0])
