"""Hairs lying over the skin: curved, tapering strokes with a shadow beside and a highlight along them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from core.synthetic.noise import Plane, stream

Colour = tuple[float, float, float]

_COLOURS: tuple[Colour, ...] = ((0.012, 0.009, 0.008), (0.035, 0.020, 0.013), (0.28, 0.27, 0.26), (0.075, 0.040, 0.022), (0.42, 0.28, 0.14))
"""Linear RGB: black, dark brown, grey, brown, blond; the last two only on light skin."""
_SUBPIXEL_BITS = 4


def colour_of(person: int, tone: int) -> Colour:
    """Hair colour of a person with skin of Fitzpatrick type `tone`."""
    share = (0.34, 0.32, 0.04, 0.19, 0.11) if tone <= 3 else (0.74, 0.22, 0.04, 0, 0)
    return _COLOURS[stream(person, "hair colour").choice(5, p=share)]


class _Sort(NamedTuple):
    """What one sort of hair has in common."""

    colour: Colour
    length_mm: tuple[float, float]
    width_mm: tuple[float, float]
    opacity: float
    scatter: float
    """Deviation of the direction in radians."""


def lay(light: Plane, colour: Colour, density: float, mm_per_pixel: float, shadows: bool, rng: np.random.Generator) -> None:
    """Lays `density` (0 to 1) of terminal hair, and always some faint vellus hair, over linear RGB `light` in place."""
    vellus = _Sort((0.6, 0.5, 0.42), (0.5, 2.5), (0.010, 0.02), 0.16, 0.25)
    terminal = _Sort(colour, (1.5, 14.0), (0.02, 0.085), 0.92, 0.32)
    area_cm2 = light.shape[0] * light.shape[1] * mm_per_pixel**2 / 100
    lean = rng.uniform(0, 2 * np.pi)
    _lay_sort(light, vellus, rng.poisson(22 * area_cm2 * rng.uniform(0.2, 1)), lean, mm_per_pixel, False, rng)
    _lay_sort(light, terminal, rng.poisson(30 * area_cm2 * density), lean, mm_per_pixel, shadows, rng)


def _lay_sort(light: Plane, sort: _Sort, count: int, lean: float, mm_per_pixel: float, shadows: bool, rng: np.random.Generator) -> None:
    if not count:
        return
    rows, columns = light.shape[:2]
    cover, gloss = np.zeros((2, rows, columns), np.uint8)
    for _ in range(count):
        angle = rng.normal(lean, sort.scatter) if rng.random() < 0.8 else rng.uniform(0, 2 * np.pi)
        length = rng.uniform(*sort.length_mm) / mm_per_pixel
        width = rng.uniform(*sort.width_mm) / mm_per_pixel
        root = rng.uniform((-0.15 * columns, -0.15 * rows), (1.15 * columns, 1.15 * rows))
        path = _curve(root, angle, length, rng.normal(0, 0.2) * length)
        _fill(cover, path, width, sort.opacity)
        if rng.random() < 0.5:
            start = rng.integers(4, 12)
            _fill(gloss, path[start : start + 6] - 0.15 * width, 0.35 * width, rng.uniform(0.15, 0.5))
    if shadows:
        light *= 1 - _shadow(cover, mm_per_pixel, rng)[..., None]
    share = cover[..., None] * np.float32(1 / 255)
    light += share * (np.array(sort.colour, np.float32) - light)
    light += gloss[..., None] * np.float32(0.22 / 255)


def _shadow(cover: NDArray[np.uint8], mm_per_pixel: float, rng: np.random.Generator) -> Plane:
    """Share of light that the hairs keep from the skin beside them."""
    away, turn = rng.uniform(0.04, 0.12) / mm_per_pixel, rng.uniform(0, 2 * np.pi)
    move = np.array([[1, 0, away * np.cos(turn)], [0, 1, away * np.sin(turn)]], np.float32)
    fallen = cv2.warpAffine(cover, move, cover.shape[::-1])
    return cv2.GaussianBlur(fallen, (0, 0), max(0.5, 0.05 / mm_per_pixel)) * np.float32(0.4 / 255)


def _curve(root: NDArray[np.float64], angle: float, length: float, bow: float) -> NDArray[np.float64]:
    """24 points along a quadratic Bezier curve that bends aside by `bow`."""
    along, aside = np.array((np.cos(angle), np.sin(angle))), np.array((-np.sin(angle), np.cos(angle)))
    middle, tip = root + 0.5 * length * along + bow * aside, root + length * along + 0.3 * bow * aside
    t = np.linspace(0, 1, 24)[:, None]
    return (1 - t) ** 2 * root + 2 * t * (1 - t) * middle + t**2 * tip


def _fill(cover: NDArray[np.uint8], path: NDArray[np.float64], width: float, opacity: float) -> None:
    """A closed outline around the path, full width at the root, nothing at the tip; thinner than a pixel means fainter."""
    slope = np.gradient(path, axis=0)
    normal = np.stack((-slope[:, 1], slope[:, 0]), axis=1) / np.maximum(np.hypot(*slope.T), 1e-6)[:, None]
    # Filling draws about one pixel more than the outline encloses.
    half = max(width - 1, 0.05) / 2 * np.linspace(1, 0.15, len(path))[:, None] ** 0.6
    outline = np.concatenate((path + half * normal, (path - half * normal)[::-1]))
    points = np.rint(outline * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(cover, [points], int(255 * opacity * min(1.0, width)), cv2.LINE_AA, _SUBPIXEL_BITS)
