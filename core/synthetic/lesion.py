"""The pigment of one mole at one visit: outline, border, network, globules and the colours that malignancy brings.

Structures follow the vocabulary of Kittler et al., "Standardization of terminology in dermoscopy" (J. Am. Acad. Dermatol. 74, 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.synthetic.mole import Mole
from core.synthetic.noise import Plane, cell_tile, cloud_tile, read, smoothstep, stream

_ANGLES = 4096


@dataclass(frozen=True, eq=False)
class Lesion:
    """Planes of H x W over the same places as the skin's."""

    inside: Plane
    """Density of pigment cells, 0 outside to 1 inside; the lesion ends where it is 0.5."""
    melanin: Plane
    blood: Plane
    veil: Plane
    """Share of blue-white veil, 0 to 1."""
    scar: Plane
    """Share of white regression, 0 to 1."""


def _outline(mole: Mole, visit: int) -> NDArray[np.float32]:
    """Radius over mean radius at _ANGLES directions; border irregularity rises with progress, the base shape stays."""
    rng = stream(mole.seed, "outline")
    angle = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)
    progress = mole.progress(visit)
    shape = rng.uniform(0.02, 0.26) * np.cos(2 * (angle - rng.uniform(0, np.pi)))
    for wave in range(3, 26):
        calm, ragged = rng.normal(size=2), rng.normal(size=2)
        size = 0.10 / wave**1.35 * calm + (0.30 * progress / wave**1.3) * ragged
        shape += size[0] * np.cos(wave * angle) + size[1] * np.sin(wave * angle)
    radius = np.exp(np.clip(shape, -0.9, 0.6))
    return (radius / np.sqrt(np.mean(radius**2))).astype(np.float32)


def _around(table: NDArray[np.float32], x: Plane, y: Plane) -> Plane:
    """Value of a table over directions at each place."""
    index = (np.arctan2(y, x) * np.float32(_ANGLES / (2 * np.pi))).astype(np.int32) % _ANGLES
    return table[index]


def _depth(mole: Mole, visit: int, x: Plane, y: Plane, radius_mm: float) -> Plane:
    """Distance inward from the border in mm (negative outside), along the ray from the centre."""
    rng = stream(mole.seed, "border")
    ragged = 0.014 + 0.04 * mole.progress(visit)
    u, v = x / np.float32(radius_mm), y / np.float32(radius_mm)
    bend = np.float32(0.05 + 0.10 * mole.progress(visit))
    u = u + bend * read(cloud_tile(1.6, 2, 30, 3), u, v, 8.0, rng)
    v = v + bend * read(cloud_tile(1.6, 2, 30, 4), u, v, 8.0, rng)
    fray = read(cloud_tile(1.0, 5, 80, 3), x, y, 10.0, rng)
    return (_around(_outline(mole, visit), u, v) - np.hypot(u, v) + np.float32(ragged) * fray * 0.8) * np.float32(radius_mm)


def radius_mm(mole: Mole, visit: int) -> float:
    """Mean radius that gives the drawn lesion, fraying included, exactly the area of the mole at `visit`."""
    target = np.pi * (mole.diameter_mm(visit) / 2) ** 2
    radius = mole.diameter_mm(visit) / 2
    for _ in range(3):
        side = np.linspace(-3 * radius, 3 * radius, 241, dtype=np.float32)
        x, y = np.meshgrid(side, side)
        area = np.count_nonzero(_depth(mole, visit, x, y, radius) > 0) * float(side[1] - side[0]) ** 2
        radius *= np.sqrt(target / area)
    return float(radius)


def draw(mole: Mole, visit: int, x: Plane, y: Plane, skin_melanin: float) -> Lesion:
    """The lesion of `mole` at places (x, y) in mm from its centre, on skin of that melanin density."""
    radius = radius_mm(mole, visit)
    depth = _depth(mole, visit, x, y, radius)
    u, v = x / np.float32(radius), y / np.float32(radius)
    rng = stream(mole.seed, "lesion")
    inside = 1 / (1 + np.exp(np.clip(-3 * depth / _softness(rng, u, v, radius), -30, 30)))
    zones = read(cloud_tile(1.5, 2, 20, 5), u, v, 7.0, rng)
    mottle = read(cloud_tile(1.0, 6, 90, 5), u, v, 6.0, rng)

    # All structure modulates `inside`, so that the lesion ends where that is 0.5. Pigment thickens from a thin rim inward: measured on
    # HAM10000 and PH2, the experts' outline lies where a sixth to a quarter of the contrast is reached, and half of it 0.15 radii inside.
    progress = mole.progress(visit)
    core = smoothstep(-0.05, 0.85, depth / np.float32(radius))
    level = 0.85 + np.float32(rng.uniform(-0.15, 0.7) * (1 - progress)) * (core - 0.3)
    level = level + np.float32(0.10 + 0.22 * progress) * zones + np.float32(0.06 + 0.05 * progress) * mottle
    level = level + _network(mole, progress, x, y, zones) * (1.15 - 0.6 * core) + _globules(mole, progress, x, y, u, v)
    rim, reach = rng.uniform(0.22, 0.6), rng.uniform(0.25, 0.55)
    thick = rim + np.float32(1 - rim) * smoothstep(-0.1, reach, depth / np.float32(radius))
    melanin = np.float32(_strength(mole, rng) + 0.3 * skin_melanin) * thick * np.maximum(level, 0.25)
    blood = np.float32(rng.uniform(0.04, 0.48)) * (1 + 0.3 * mottle)
    halo = np.exp(-((depth / np.float32(0.16 * radius)) ** 2)) * np.float32(rng.choice((0, 0.10), p=(0.6, 0.4)))

    # Colours of malignancy: light brown, black and red first, blue-white veil and white regression later.
    blotch, veil, scar, red, tan = (_zone(mole, name, u, v, mottle) for name in ("blotch", "veil", "scar", "red", "tan"))
    early, late = (np.float32(max(0.0, progress - start) / (1 - start)) for start in (0.25, 0.4))
    has_veil, has_scar = rng.random(2) < (0.7, 0.45)
    melanin = melanin * (1 - 0.62 * tan * early) + blotch * early * np.float32(rng.uniform(1.6, 3.6))
    blood = blood + red * early * np.float32(rng.uniform(0.3, 0.7))
    return Lesion(
        inside=inside,
        melanin=inside * melanin + _satellites(mole, x, y),
        blood=inside * blood + halo,
        veil=inside * veil * late * np.float32(0.8 * has_veil) * np.clip(0.8 + 0.15 * mottle + 0.2 * zones, 0, 1),
        scar=inside * scar * late * np.float32(0.6 * has_scar) * np.clip(0.8 + 0.25 * mottle, 0, 1),
    )


def _softness(rng: np.random.Generator, u: Plane, v: Plane, radius: float) -> Plane:
    """Width in mm over which the border fades: abrupt in some sectors, gradual in others."""
    angle = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)
    waves = zip(range(1, 9), rng.normal(size=8), rng.uniform(0, 2 * np.pi, 8), strict=True)
    swing = sum(size * np.cos(wave * angle + phase) / wave for wave, size, phase in waves)
    width = rng.uniform(0.10, 0.26) * radius * np.exp(0.6 * swing)
    return _around(np.clip(width, 0.06 * radius, 0.42 * radius).astype(np.float32), u, v)


def _strength(mole: Mole, rng: np.random.Generator) -> float:
    """Melanin density of the lesion: light brown to nearly black; what is not benign is never faint."""
    drawn = float(rng.choice((0.8, 1.4, 2.3, 3.6), p=(0.14, 0.36, 0.34, 0.16))) * rng.uniform(0.85, 1.15)
    return drawn if mole.kind == "benign" else max(drawn, 1.1)


def _network(mole: Mole, progress: float, x: Plane, y: Plane, zones: Plane) -> Plane:
    """Lines of the pigment network about their mean; thicker and more broken with progress."""
    rng = stream(mole.seed, "network")
    weight = {"reticular": 0.5, "globular": 0.12, "homogeneous": 0.08}[mole.pattern]
    cell_mm = rng.uniform(0.2, 0.34)
    bend = np.float32(0.04 + 0.04 * progress)
    x, y = (
        x + bend * read(cloud_tile(1.5, 3, 30, 6), x, y, 6.0, rng),
        y + bend * read(cloud_tile(1.5, 3, 30, 7), x, y, 6.0, rng),
    )
    border = read(cell_tile(40, 0.8, 3).border, x, y, 40 * cell_mm, rng)
    thickness = np.maximum(0.17 + (0.03 + 0.09 * progress) * zones, 0.07)
    lines = np.exp(-((border / thickness) ** 2)) - 0.38
    broken = np.clip(1 + (0.25 + 0.6 * progress) * zones, 0.1, 2)
    return np.float32(weight) * lines * broken


def _globules(mole: Mole, progress: float, x: Plane, y: Plane, u: Plane, v: Plane) -> Plane:
    """Round clods of pigment; of one size when calm, of many sizes and unevenly spread with progress."""
    weight = {"reticular": 0.0, "globular": 0.52, "homogeneous": 0.0}[mole.pattern] + 0.4 * progress
    if not weight:
        return np.zeros_like(x)
    rng = stream(mole.seed, "globules")
    cell_mm, cobbled = rng.uniform(0.24, 0.42), mole.pattern == "globular" and rng.random() < 0.5
    tile, spread = cell_tile(32, 0.9, 4), read(cloud_tile(1.5, 2, 16, 6), u, v, 6.0, rng)
    shift = read(cloud_tile(1.2, 4, 60, 8), x, y, 5.0, rng) * np.float32(0.05)
    turn = int(rng.integers(2**31))
    near, border, chance = (read(plane, x + shift, y - shift, 32 * cell_mm, np.random.default_rng(turn)) for plane in tile)
    if cobbled:
        soft = smoothstep(-0.05, 0.5, border) * (0.35 + 1.0 * chance) - 0.4
        return np.float32(0.8 * weight) * soft * np.clip(1 + 0.4 * spread, 0.2, 1.6)
    size = 0.30 + np.float32(0.25 + 0.15 * progress) * (chance - 0.5)
    kept = smoothstep(-0.5, 0.5, 0.6 - chance + np.float32(0.35 + 0.4 * progress) * spread)
    return np.float32(weight) * smoothstep(0.16, -0.16, near - size) * kept


def _zone(mole: Mole, name: str, u: Plane, v: Plane, mottle: Plane) -> Plane:
    """A patch of the lesion off its centre, 0 to 1, with an uneven border."""
    rng = stream(mole.seed, name)
    angle, distance, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.6), rng.uniform(0.32, 0.55)
    du, dv = u - np.float32(distance * np.cos(angle)), v - np.float32(distance * np.sin(angle))
    hill = np.exp(-(du * du + dv * dv) / np.float32(2 * size * size))
    uneven = read(cloud_tile(1.4, 3, 50, 8), u, v, 6.0, rng)
    return smoothstep(0.3, 0.95, hill + 0.14 * uneven + 0.05 * mottle)


def _satellites(mole: Mole, x: Plane, y: Plane) -> Plane:
    """A few small dots of pigment just outside the border: landmarks that stay where they are on the skin."""
    rng = stream(mole.seed, "satellites")
    dots = np.zeros_like(x)
    for _ in range(int(rng.integers(0, 4 if mole.kind == "benign" else 8))):
        angle, away = rng.uniform(0, 2 * np.pi), mole.diameter_mm() * rng.uniform(0.62, 0.95)
        size, weight = rng.uniform(0.05, 0.13), rng.uniform(0.4, 1.3)
        square = (x - np.float32(away * np.cos(angle))) ** 2 + (y - np.float32(away * np.sin(angle))) ** 2
        dots = dots + np.float32(weight) * np.exp(-((square / np.float32(size * size)) ** 1.5))
    return dots
