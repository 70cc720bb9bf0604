"""Tiles of noise that lesions and skin are woven from, and how to read them at any place on the skin.

Every tile is periodic and made once a process from a fixed seed. A mole owns no tile: it reads the shared ones at its own
random offset and rotation, so a mole costs no memory and looks the same at every photo size.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

TILE = 512
"""Side of a tile in tile pixels."""


class Cells(NamedTuple):
    """A cellular tile: distances in units of one cell, and one random value a cell (0 to 1)."""

    nearest: Plane
    """Distance to the nearest cell centre (F1 of Worley 1996)."""
    border: Plane
    """Distance from the border between two cells (F2 - F1): 0 on the net of lines."""
    value: Plane


def require_seed(seed: int) -> None:
    """ValueError unless random numbers can start from `seed`."""
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"A seed is a whole number, 0 or more; it was {seed}.")


def stream(seed: int, name: str) -> np.random.Generator:
    """Random numbers for one purpose: drawing more for one thing leaves all others as they were."""
    return np.random.default_rng([seed, crc32(name.encode())])


@lru_cache(maxsize=16)
def cloud_tile(slope: float, lowest: int, highest: int, variant: int = 0) -> Plane:
    """Periodic noise, mean 0 and deviation 1, amplitude falling as frequency ** -slope from `lowest` to `highest` waves a tile."""
    rng = np.random.default_rng([variant, lowest, highest, round(slope * 100)])
    waves = np.fft.fftfreq(TILE, 1 / TILE)
    frequency = np.hypot(waves[:, None], waves[None, :])
    band = (frequency >= lowest) & (frequency <= highest)
    amplitude = np.where(band, np.maximum(frequency, 1) ** -slope, 0)
    tile = np.fft.ifft2(np.fft.fft2(rng.standard_normal((TILE, TILE))) * amplitude).real
    return ((tile - tile.mean()) / tile.std()).astype(np.float32)


@lru_cache(maxsize=8)
def cell_tile(across: int, jitter: float, variant: int = 0) -> Cells:
    """Periodic cells around jittered grid points, `across` of them a side (Worley, "A cellular texture basis function", 1996)."""
    rng = np.random.default_rng([variant, across, round(jitter * 100)])
    offset = 0.5 + jitter * (rng.random((across, across, 2), dtype=np.float32) - 0.5)
    value_of = rng.random((across, across), dtype=np.float32)
    place = (np.arange(TILE, dtype=np.float32) + 0.5) * (across / TILE)
    cell = place.astype(int)
    first = np.full((TILE, TILE), 9, np.float32)
    second = first.copy()
    value = np.zeros_like(first)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            rows, columns = (cell + down) % across, (cell + right) % across
            point = offset[rows[:, None], columns[None, :]]
            distance = np.hypot(
                (cell + down)[:, None] + point[..., 0] - place[:, None],
                (cell + right)[None, :] + point[..., 1] - place[None, :],
            )
            closer = distance < first
            second = np.where(closer, first, np.minimum(second, distance))
            value = np.where(closer, value_of[rows[:, None], columns[None, :]], value)
            first = np.where(closer, distance, first)
    return Cells(*(plane.astype(np.float32) for plane in (first, second - first, value)))


def read(tile: Plane, x: Plane, y: Plane, period: float, rng: np.random.Generator, stretch: float = 1.0) -> Plane:
    """`tile` at places (x, y), repeating every `period` of their unit, turned and shifted at random, drawn out by `stretch` on one axis."""
    scale = TILE / period
    turn, shift_x, shift_y = rng.random(3) * (2 * np.pi, TILE, TILE)
    cos, sin = np.float32(np.cos(turn) * scale), np.float32(np.sin(turn) * scale)
    across = x * cos + y * sin + np.float32(shift_x)
    down = (y * cos - x * sin) / np.float32(stretch) + np.float32(shift_y)
    return cv2.remap(tile, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def smoothstep(low: float, high: float, value: Plane) -> Plane:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return t * t * (3 - 2 * t)
