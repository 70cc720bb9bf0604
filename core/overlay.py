"""Pictures for people: the lesion's outline, two outlines, the heat map or differences over the photo, and square thumbnails."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.analysis import Mask
from core.preprocess import RGB, Square, crop, lesion_square, resize

RED = (255, 32, 32)
BLUE = (70, 200, 255)


def overlay(rgb: RGB, mask: Mask, colour: tuple[int, int, int] = RED, *, fill: float = 0.18) -> RGB:
    """Return a copy of an H x W x 3 photo with the lesion lightly filled and thinly outlined in `colour`."""
    drawn = rgb.copy()
    if not mask.any():
        return drawn
    drawn[mask] = (drawn[mask] * (1 - fill) + np.array(colour, np.float32) * fill).astype(np.uint8)
    # Shown at about the width of a screen, the line is two to three pixels wide whatever the photo's size.
    cv2.drawContours(drawn, _contours(mask), -1, colour, max(1, round(max(mask.shape) / 300)), cv2.LINE_AA)
    return drawn


def heat(rgb: RGB, heat_map: NDArray[np.float32], *, strongest: float = 0.7) -> RGB:
    """Return an H x W x 3 photo under an h x w heat map (0 to 1): the stronger, the less of the photo shows.

    Viridis, whose lightness rises evenly and which colour-blind people read alike (Smith and van der Walt, 2015).
    """
    height, width = rgb.shape[:2]
    strength = np.clip(cv2.resize(heat_map, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    colours = cv2.applyColorMap(np.rint(strength * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[:, :, ::-1]
    share = (np.float32(strongest) * strength)[..., None]
    return np.rint(rgb + share * (colours.astype(np.float32) - rgb)).astype(np.uint8)


def thumbnail(rgb: RGB, mask: Mask | None, size: int) -> RGB:
    """Return the photo as size x size x 3: the lesion in the middle, or the photo's middle where there is no mask."""
    height, width = rgb.shape[:2]
    if mask is None or not mask.any():
        return crop(rgb, Square(width / 2, height / 2, min(width, height)), size)
    square = lesion_square(mask, 1.8)
    side = min(square.side, min(width, height))
    # Move the square into the photo: a thumbnail with mirrored skin would show a mole that is not there.
    x = float(np.clip(square.centre_x, side / 2, width - side / 2))
    y = float(np.clip(square.centre_y, side / 2, height - side / 2))
    return crop(rgb, Square(x, y, side), size)


def shrink_to(rgb: RGB, longest_side: int) -> RGB:
    """Return the photo with at most `longest_side` pixels a side, for a page."""
    shrink = min(1.0, longest_side / max(rgb.shape[:2]))
    return rgb if shrink == 1.0 else resize(rgb, round(rgb.shape[1] * shrink), round(rgb.shape[0] * shrink))


def outlines(rgb: RGB, first: Mask, second: Mask) -> RGB:
    """Return a copy of an H x W x 3 photo with two outlines: `first` dashed in light blue, `second` whole in red."""
    drawn = rgb.copy()
    width = max(2, round(max(second.shape) / 300))
    for contour in _contours(second):
        cv2.drawContours(drawn, [contour], -1, RED, width, cv2.LINE_AA)
    for contour in _contours(first):
        points = contour[:, 0]
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        shown = along // (6 * width) % 2 == 0
        for index in np.flatnonzero(shown[:-1] & shown[1:]):
            cv2.line(drawn, points[index].tolist(), points[index + 1].tolist(), BLUE, width, cv2.LINE_AA)
    return drawn


def difference_map(rgb: RGB, values: NDArray[np.float32], full: float) -> RGB:
    """Return the H x W x 3 photo in grey with `values` (H x W) over it: nothing at 0, through orange to dark red at `full` and above."""
    grey = np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.float32)
    strength = np.clip(values / full, 0, 1)[..., None]
    colour = (1 - strength) * np.array((255, 190, 60), np.float32) + strength * np.array((170, 0, 20), np.float32)
    cover = np.clip(1.6 * strength, 0, 0.85)
    return ((1 - cover) * grey + cover * colour + 0.5).astype(np.uint8)


def outline(mask: Mask, most_points: int = 120) -> list[list[tuple[float, float]]]:
    """Return the edge of each part of an H x W mask as corners, in shares of width and height, at most about `most_points` a part."""
    height, width = mask.shape
    parts = (contour[:: max(1, len(contour) // most_points), 0] for contour in _contours(mask))
    return [[(float(x) / width, float(y) / height) for x, y in part] for part in parts]


def _contours(mask: Mask) -> list[np.ndarray]:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return list(contours)
