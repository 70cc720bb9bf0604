"""A second photo of what a photo shows, as another visit would take it: tilt, distance, turn, light, blur, noise, JPEG. Truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Conditions:
    """Largest departures of a re-photograph; the defaults are those of a person who means to take the same photo again."""

    tilt_degrees: float = 8.0
    """Standard deviation; cut at 2.5 times that."""
    turn_degrees: float = 45.0
    zoom: float = 1.25
    shift: float = 0.08
    """Of the shorter side."""
    gain: float = 0.2
    cast: float = 0.06
    slope: float = 0.15
    blur: float = 1.2
    """Standard deviation in pixels of a photo whose shorter side has 480."""
    noise: float = 4.0
    """Grey levels."""
    worst_jpeg: int = 60


@dataclass(frozen=True, eq=False)
class Rephotograph:
    rgb: NDArray[np.uint8]
    homography: NDArray[np.float64]
    """3 x 3, from pixels of the photo to pixels of this one."""

    def area_scale(self, x: float, y: float) -> float:
        """How many pixels a pixel at (x, y) of the photo has become."""
        u, v, w = self.homography @ (x, y, 1)
        jacobian = (self.homography[:2, :2] - np.outer((u / w, v / w), self.homography[2, :2])) / w
        return float(abs(np.linalg.det(jacobian)))

    def moved(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Where a mask of the photo (H x W) lies in this one."""
        return cv2.warpPerspective(mask.astype(np.uint8), self.homography, mask.shape[::-1]) > 0


def rephotograph(rgb: NDArray[np.uint8], rng: np.random.Generator, conditions: Conditions | None = None) -> Rephotograph:
    """Photograph an H x W x 3 photo again, at its own size. What lies outside of it is its mirror image.

    The camera stands four to eight frame sides away (a phone at 10 cm over a mole of 6 mm sees it under the same angle, and so the
    same perspective, as one four frame sides from a mole of a quarter of the frame).
    """
    c = conditions or Conditions()
    height, width = rgb.shape[:2]
    short = min(height, width)
    homography = _homography(width, height, rng, c)
    again = cv2.warpPerspective(rgb, homography, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    gains = rng.uniform(1 - c.gain, 1 + c.gain) * rng.uniform(1 - c.cast, 1 + c.cast, 3)
    light = again.astype(np.float32) * gains.astype(np.float32)
    toward = rng.uniform(0, 2 * np.pi)
    x, y = np.linspace(-1, 1, width, dtype=np.float32)[None, :], np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    light *= (1 + np.float32(rng.uniform(0, c.slope)) * (x * np.float32(np.cos(toward)) + y * np.float32(np.sin(toward))))[..., None]
    light = cv2.GaussianBlur(light, (0, 0), max(0.05, rng.uniform(0, c.blur) * short / 480))
    light += rng.normal(0, rng.uniform(0.5, max(0.5, c.noise)), light.shape).astype(np.float32)
    pixels = light.clip(0, 255).astype(np.uint8)
    quality = int(rng.integers(c.worst_jpeg, 96))
    encoded = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return Rephotograph(np.ascontiguousarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[:, :, ::-1]), homography)


def _homography(width: int, height: int, rng: np.random.Generator, c: Conditions) -> NDArray[np.float64]:
    short = min(width, height)
    focal = rng.uniform(4, 8) * short
    tilt = np.radians(np.clip(rng.normal(0, c.tilt_degrees), -2.5 * c.tilt_degrees, 2.5 * c.tilt_degrees))
    toward, turn = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(-c.turn_degrees, c.turn_degrees))
    zoom = np.exp(rng.uniform(-np.log(c.zoom), np.log(c.zoom)))
    shift = rng.uniform(-c.shift, c.shift, 2) * short
    rotation = _about_z(toward) @ _about_x(tilt) @ _about_z(turn - toward)
    plane = np.column_stack([rotation[:, 0], rotation[:, 1], (0, 0, focal / zoom)])
    middle = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
    camera = np.array([[focal, 0, (width - 1) / 2 + shift[0]], [0, focal, (height - 1) / 2 + shift[1]], [0, 0, 1]])
    found = camera @ plane @ middle
    return found / found[2, 2]


def _about_z(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


def _about_x(angle: float) -> NDArray[np.float64]:
    return np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
