"""Colour and fine structure of skin.

Colour follows the melanin and haemoglobin model of Tsumura et al., "Image-based skin color and texture analysis/synthesis by
extracting hemoglobin and melanin information in the skin" (ACM SIGGRAPH 2003): the logarithm of reflectance is a sum of pigment
densities times one colour vector a pigment. The vectors follow the absorption of melanosomes (wavelength ** -3.33) and of
oxygenated blood in Jacques, "Optical properties of biological tissues: a review" (Phys. Med. Biol. 58, 2013), averaged over the
bands of a camera.
"""

from __future__ import annotations

import numpy as np

from core.synthetic.noise import Plane, cell_tile, cloud_tile, read, smoothstep, stream

MELANIN = (0.53, 0.78, 1.00)
HAEMOGLOBIN = (0.10, 1.00, 0.82)
DERMIS = (0.86, 0.74, 0.67)
"""Linear reflectance (R, G, B) of skin without pigment."""
SURFACE = 0.016
"""Light that the surface returns unchanged, whatever the pigment."""

TONE_MELANIN = (0.10, 0.25, 0.54, 1.05, 1.95, 3.3)
"""Melanin density of Fitzpatrick types I to VI, set so that the colours follow published skin-type charts."""
BLOOD = 0.40


def tone_melanin(tone: int) -> float:
    """Melanin density of Fitzpatrick type 1 to 6; ValueError otherwise."""
    if tone not in range(1, 7):
        raise ValueError(f"The skin tone is a Fitzpatrick type from 1 to 6; it was {tone}.")
    return TONE_MELANIN[tone - 1]


def reflectance(melanin: Plane, blood: Plane) -> Plane:
    """Linear RGB, H x W x 3, of skin with these densities."""
    density = [melanin * np.float32(m) + blood * np.float32(b) for m, b in zip(MELANIN, HAEMOGLOBIN, strict=True)]
    return np.stack([np.float32(d) * np.exp(-o) + np.float32(SURFACE) for d, o in zip(DERMIS, density, strict=True)], axis=-1)


def relief(seed: int, x: Plane, y: Plane) -> Plane:
    """Height of the skin surface, about -1 (furrow) to 0.3: a coarse and a fine net of furrows and the grain between them."""
    rng = stream(seed, "relief")
    stretch, cell_mm = rng.uniform(1.1, 1.7), rng.uniform(0.3, 0.5)
    bend = read(cloud_tile(1.3, 3, 60), x, y, 9.0, rng) * np.float32(0.09)
    depth = np.clip(0.7 + 0.35 * read(cloud_tile(1.2, 2, 40, 1), x, y, 12.0, rng), 0.1, 1.5)
    coarse = read(cell_tile(24, 0.85).border, x + bend, y - bend, 24 * cell_mm, rng, stretch)
    fine = read(cell_tile(48, 0.9).border, x - bend, y + bend, 48 * cell_mm * 0.42, rng, stretch)
    grain = read(cloud_tile(0.8, 20, 200), x, y, 12.0, rng)
    return -depth * (0.8 * np.exp(-((coarse / 0.2) ** 2)) + 0.5 * np.exp(-((fine / 0.24) ** 2))) + 0.14 * grain


def pigments(seed: int, tone: int, x: Plane, y: Plane, height: Plane, *, freckled: bool = True) -> tuple[Plane, Plane]:
    """Melanin and blood density of skin without the lesion at places (x, y) in mm: mottling, furrows, pores, freckles, vessels."""
    rng = stream(seed, "skin")
    mottling = read(cloud_tile(1.6, 1, 60), x, y, 30.0, rng)
    speckle = read(cloud_tile(0.7, 8, 120, 1), x, y, 14.0, rng)
    flush = read(cloud_tile(1.4, 2, 80, 1), x, y, 26.0, rng)
    base = tone_melanin(tone)
    spread = 0.03 + 0.05 * base
    melanin = base + spread * (0.7 * mottling + 0.5 * speckle) - 0.04 * (0.5 + base) * height
    blood = BLOOD * rng.uniform(0.7, 1.3) / (1 + 0.3 * base) * (1 + 0.16 * flush + 0.09 * speckle)

    freckles = cell_tile(24, 0.95, 1)
    near, chance = (read(t, x, y, 24 * 3.4, r) for t, r in zip((freckles.nearest, freckles.value), _twins(seed, "freckle"), strict=True))
    share = float(rng.choice((0.04, 0.12, 0.35), p=(0.6, 0.28, 0.12))) * (1.2 if tone <= 3 else 0.6)
    blot = smoothstep(0.26, 0.06, near + 0.05 * mottling + 0.03 * speckle) * (chance < share)
    melanin = melanin + freckled * blot * np.float32(rng.uniform(0.15, 0.45)) * (0.5 + chance / share)

    pores = cell_tile(48, 0.9, 2)
    near, chance = (read(t, x, y, 48 * 0.9, r) for t, r in zip((pores.nearest, pores.value), _twins(seed, "pore"), strict=True))
    melanin = melanin + 0.16 * (0.4 + base) * smoothstep(0.16, 0.05, near) * (chance < 0.4)

    thread = read(cloud_tile(1.7, 3, 40, 2), x, y, 22.0, rng)
    region = smoothstep(0.4, 1.6, read(cloud_tile(1.8, 1, 8, 2), x, y, 40.0, rng))
    blood = blood + np.float32(rng.uniform(0.05, 0.4)) * np.exp(-((thread / 0.07) ** 2)) * region
    return np.maximum(melanin, 0.02), np.maximum(blood, 0.02)


def _twins(seed: int, name: str) -> tuple[np.random.Generator, np.random.Generator]:
    """Two equal streams, to read two planes of one cellular tile at the same places."""
    return stream(seed, name), stream(seed, name)
