"""Numbers of a lesion's outline and colour, from its mask and photo."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.analysis import Mask, Scale
from core.preprocess import RGB, resize

COLOUR_SIDE_PX = 512
"""Colours are averages, so they are taken from a photo of at most this longest side."""


def measure(mask: Mask, rgb: RGB | None = None, scale: Scale | None = None) -> dict[str, float]:
    """Measure the lesion of an H x W mask; empty where the mask is.

    area_px                  pixels of the lesion
    area_fraction            area as a share of the frame, 0 to 1
    equivalent_diameter_px   diameter of the disc of the same area
    longest_diameter_px      largest distance between two points of the outline (Feret)
    shortest_diameter_px     smallest distance between two parallel lines that hold the lesion
    perimeter_px             length of the outline by Crofton's formula in four directions
    circularity              4 pi area / perimeter squared: 1 for a disc, less the more irregular
    solidity                 area over the area of its convex hull: 1 where the outline has no notch
    elongation               longest over shortest diameter: 1 for a disc
    asymmetry                share of the area that its mirror image leaves uncovered, mean of both principal axes, 0 to 1
    frame_contact            share of the outline that lies on the edge of the photo, 0 to 1

    With the photo (H x W x 3), in CIELAB units (CIE 15:2018, D65):
    colour_contrast          distance between the mean colours of the lesion and of the skin around it, where there is skin
    colour_variation         root mean square distance of the lesion's pixels from their mean colour

    With a scale also area_mm2, equivalent_diameter_mm, longest_diameter_mm, shortest_diameter_mm and perimeter_mm.
    """
    if not mask.any():
        return {}
    area = float(np.count_nonzero(mask))
    outline = _outline(mask)
    longest, shortest = _diameters(outline)
    perimeter = perimeter_px(mask)
    found = {
        "area_px": area,
        "area_fraction": area / mask.size,
        "equivalent_diameter_px": float(np.sqrt(4 * area / np.pi)),
        "longest_diameter_px": longest,
        "shortest_diameter_px": shortest,
        "perimeter_px": perimeter,
        "circularity": min(1.0, float(4 * np.pi * area / perimeter**2)),
        "solidity": min(1.0, area / _hull_area(mask)),
        "elongation": longest / shortest,
        "asymmetry": asymmetry(mask),
        "frame_contact": frame_contact(mask),
    }
    if rgb is not None:
        found |= _colour(mask, rgb)
    if scale is not None:
        found["area_mm2"] = area * scale.mm_per_pixel**2
        for name in ("equivalent_diameter", "longest_diameter", "shortest_diameter", "perimeter"):
            found[f"{name}_mm"] = found[f"{name}_px"] * scale.mm_per_pixel
    return found


def perimeter_px(mask: Mask) -> float:
    """Return the outline's length by Crofton's formula: how often lines in four directions cross it.

    Counting pixel edges would make a disc's outline 27 % too long; this is within about 3 % for smooth outlines.
    """
    padded = np.pad(_bounding_box(mask), 1)
    crossings = [
        np.count_nonzero(padded[:, 1:] != padded[:, :-1]),
        np.count_nonzero(padded[1:] != padded[:-1]),
        np.count_nonzero(padded[1:, 1:] != padded[:-1, :-1]),
        np.count_nonzero(padded[1:, :-1] != padded[:-1, 1:]),
    ]
    # Half the sum over directions, pi / 4 apart, of crossings times the distance of the lines: 1, or 1 / sqrt(2) slanting.
    return float(np.pi / 8 * (crossings[0] + crossings[1] + (crossings[2] + crossings[3]) / np.sqrt(2)))


def asymmetry(mask: Mask) -> float:
    """Return the share of the area that the lesion's mirror image leaves uncovered, mean of both principal axes."""
    size = 129
    rows, columns = np.nonzero(_shrunk(mask))
    points = np.column_stack([columns, rows]).astype(np.float64)
    points -= points.mean(axis=0)
    _, axes = np.linalg.eigh(points.T @ points)
    reach = np.abs(points).max() * np.sqrt(2) + 1
    step = 2 * reach / size
    # Turn the lesion onto its principal axes, so that both mirror images are flips of an array.
    small = _shrunk(mask).astype(np.float32)
    centre = np.array([columns.mean(), rows.mean()])
    backwards = axes * step
    matrix = np.column_stack([backwards, centre - backwards @ np.full(2, (size - 1) / 2)])
    turned = cv2.warpAffine(small, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP) > 0.5
    total = max(1, np.count_nonzero(turned))
    return float(np.mean([np.count_nonzero(turned & ~mirrored) / total for mirrored in (turned[:, ::-1], turned[::-1])]))


def frame_contact(mask: Mask) -> float:
    """Return the share of the outline that lies on the edge of the photo, 0 to 1."""
    edges = sum(int(np.count_nonzero(edge)) for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    return min(1.0, edges / max(1.0, perimeter_px(mask)))


def _bounding_box(mask: Mask) -> Mask:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _shrunk(mask: Mask) -> Mask:
    box = _bounding_box(mask)
    shrink = min(1.0, 256 / max(box.shape))
    size = (max(1, round(box.shape[1] * shrink)), max(1, round(box.shape[0] * shrink)))
    small = cv2.resize(box.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    return small if small.any() else np.ones_like(small)


def _outline(mask: Mask) -> NDArray[np.float64]:
    """Return the corners of the convex hull of the lesion's pixels (their corners, not their centres)."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    centres = np.concatenate(contours)[:, 0].astype(np.float32)
    corners = np.concatenate([centres + shift for shift in ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5))])
    return cv2.convexHull(corners.astype(np.float32))[:, 0].astype(np.float64)


def _diameters(hull: NDArray[np.float64]) -> tuple[float, float]:
    longest = max(float(np.hypot(*(hull - corner).T).max()) for corner in hull)
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.column_stack([-edges[:, 1], edges[:, 0]]) / np.hypot(*edges.T)[:, None]
    heights = hull @ normals.T
    return longest, float((heights.max(axis=0) - heights.min(axis=0)).min())


def _hull_area(mask: Mask) -> float:
    return float(cv2.contourArea(_outline(mask).astype(np.float32)))


def colour_contrast(mask: Mask, rgb: RGB) -> float:
    """Return the CIELAB distance between the mean colours of the lesion and of the skin around it; infinite without skin."""
    lesion, skin = _lesion_and_skin(mask, rgb)
    if not len(lesion):
        return 0.0
    return float(np.linalg.norm(lesion.mean(axis=0) - skin.mean(axis=0))) if len(skin) else np.inf


def _colour(mask: Mask, rgb: RGB) -> dict[str, float]:
    lesion, skin = _lesion_and_skin(mask, rgb)
    if not len(lesion):
        return {}
    middle = lesion.mean(axis=0)
    found = {"colour_variation": float(np.sqrt(((lesion - middle) ** 2).sum(axis=1).mean()))}
    if len(skin):
        found["colour_contrast"] = float(np.linalg.norm(middle - skin.mean(axis=0)))
    return found


def _lesion_and_skin(mask: Mask, rgb: RGB) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the CIELAB pixels (n x 3) inside the lesion, and in a ring around it a quarter as wide as the lesion."""
    shrink = min(1.0, COLOUR_SIDE_PX / max(mask.shape))
    size = (max(1, round(mask.shape[1] * shrink)), max(1, round(mask.shape[0] * shrink)))
    lab = cv2.cvtColor(resize(rgb, *size).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    inside = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
    width = max(2, round(0.25 * np.sqrt(4 * max(1, np.count_nonzero(inside)) / np.pi)))
    # The outline is rarely sharp: what lies right beside it is neither lesion nor skin.
    near, far = (cv2.dilate(inside.astype(np.uint8), _disc(reach)) > 0 for reach in (max(1, width // 4), width))
    return lab[inside], lab[far & ~near]


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
