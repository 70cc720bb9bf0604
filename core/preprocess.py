"""What is done to a photo before a network sees it. Training imports it from here, so that it exists once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]

NORMALISATIONS = {
    # name: (mean, standard deviation) of RGB scaled to [0, 1]
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "minus_one_to_one": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}

SKIN_SIDE_PX = 256
"""Longest side at which the skin's colour is looked for."""
SKIN_DISTANCE_PX = 5
"""From the lesion, at that size: its rim is no skin."""
DARKEST_SKIN = 30
"""Mean of RGB; what is darker is the edge of a dermoscope's field, a hair or ink."""
LEAST_SKIN = 0.03
"""Share of the photo."""

FRAMES = ((192, 144), (144, 192), (160, 160))
"""Width and height of the segmentation inputs: landscape, portrait and square photos at about the same number of pixels."""


@dataclass(frozen=True)
class Square:
    """A square of a photo, in photo pixels; it may reach over the photo's edge, which is then mirrored."""

    centre_x: float
    centre_y: float
    side: float


def frame_for(width: int, height: int, frames: tuple[tuple[int, int], ...] = FRAMES) -> tuple[int, int]:
    """Return the (width, height) of `frames` whose aspect ratio distorts a width x height photo least."""
    aspect = np.log(width / height)
    return min(frames, key=lambda frame: abs(np.log(frame[0] / frame[1]) - aspect))


def resize(rgb: RGB, width: int, height: int) -> RGB:
    """Resize without aliasing: area averages when shrinking, bilinear when growing."""
    shrinking = width < rgb.shape[1] or height < rgb.shape[0]
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)


def normalise(rgb: RGB, normalisation: str) -> NDArray[np.float32]:
    """Turn ... x H x W x 3 uint8 pictures into ... x 3 x H x W float32 network input."""
    mean, deviation = (np.asarray(values, np.float32) * 255 for values in NORMALISATIONS[normalisation])
    return np.ascontiguousarray(np.moveaxis((rgb.astype(np.float32) - mean) / deviation, -1, -3))


def skin_colour(rgb: RGB, lesion: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Return the median RGB of the skin around the lesion of an H x W x 3 photo; None where next to none is seen."""
    shrink = min(1.0, SKIN_SIDE_PX / max(rgb.shape[:2]))
    width, height = (max(1, round(side * shrink)) for side in rgb.shape[1::-1])
    small = resize(rgb, width, height)
    lesion = resize(lesion.astype(np.uint8) * 255, width, height)
    skin = (cv2.dilate(lesion, np.ones((2 * SKIN_DISTANCE_PX + 1,) * 2)) == 0) & (small.mean(axis=2) > DARKEST_SKIN)
    return np.median(small[skin], axis=0) if skin.mean() > LEAST_SKIN else None


def with_skin(rgb: RGB, skin: Sequence[float] | None, reference: Sequence[float]) -> RGB:
    """Return a picture whose skin, now of the colour `skin`, has the colour `reference`: light, camera and skin tone differ less then.

    Each channel is multiplied (von Kries, 1902), by no more than four. Where `skin` is None the picture stays as it is.
    """
    if skin is None:
        return rgb
    gains = np.clip(np.asarray(reference) / np.maximum(skin, 1), 0.25, 4)
    return cv2.LUT(rgb, np.clip(np.arange(256)[:, None] * gains, 0, 255).round().astype(np.uint8)[None])


def lesion_square(mask: NDArray[np.bool_], context: float) -> Square:
    """Return the square around the True pixels of an H x W mask, `context` times their larger extent.

    The square is never larger than the photo's longer side. Where the mask is empty it is the whole photo's middle.
    """
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return Square(width / 2, height / 2, min(width, height))
    extent = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    return Square((columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2, float(min(context * extent, max(width, height))))


def whole_photo(rgb: RGB) -> Square:
    """Return the square around the middle of a photo that holds all of it."""
    height, width = rgb.shape[:2]
    return Square(width / 2, height / 2, float(max(width, height)))


def crop(rgb: RGB, square: Square, size: int) -> RGB:
    """Return the square of an H x W x 3 photo as size x size x 3, mirrored where it reaches over the edge."""
    height, width = rgb.shape[:2]
    side = max(round(square.side), 1)
    left, top = round(square.centre_x - side / 2), round(square.centre_y - side / 2)
    inside = rgb[max(top, 0) : min(top + side, height), max(left, 0) : min(left + side, width)]
    borders = (max(-top, 0), max(top + side - height, 0), max(-left, 0), max(left + side - width, 0))
    if any(borders):
        inside = cv2.copyMakeBorder(inside, *borders, cv2.BORDER_REFLECT)
    return resize(inside, size, size)
