"""Numbers of a lesion's outline and colour, from its mask and photo.

scikit-image is imported where it is used: it takes longer to import than a page to draw.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.analysis import Mask, Scale
from core.preprocess import DARKEST_SKIN, RGB, resize

COLOUR_SIDE_PX = 512
"""Colours are averages, so they are taken from a photo of at most this longest side."""
_TURNED_SIDE = 129
_SHAPE_SIDE_PX = 256
"""Longest side at which a mask is turned and its convex hull filled."""

SKIN = (194, 150, 130)
"""sRGB that skin is balanced to: "light skin" of the ColorChecker (McCamy, Marcus, Davidson, 1976)."""
DERMOSCOPIC_COLOURS = {
    "white": (228, 204, 194),
    "red": (180, 62, 62),
    "light_brown": (160, 106, 72),
    "dark_brown": (92, 56, 38),
    "blue_grey": (112, 112, 126),
    "black": (40, 32, 30),
}
"""The six colours that dermoscopists count (Stolz et al., 1994), as sRGB on skin balanced to SKIN."""
COLOUR_PRESENT = 0.05
"""Share of the lesion from which a colour counts as present."""
ASYMMETRIC_SHAPE, ASYMMETRIC_COLOUR = 0.15, 8.0
"""From here on the halves beside an axis count as unlike: share of the area, CIELAB distance."""
JUST_VISIBLE = 5.0
"""Difference in CIELAB lightness below which a border is not seen well enough to be called anything."""
ABRUPT = 0.6
"""Share of the step in lightness from skin to lesion that lies within a tenth of the diameter, from which a border counts as abrupt."""


def measure(mask: Mask, rgb: RGB | None = None, scale: Scale | None = None) -> dict[str, float]:
    """Measure the lesion of an H x W mask; empty where the mask is.

    area_px                  pixels of the lesion
    area_fraction            area as a share of the frame, 0 to 1
    equivalent_diameter_px   diameter of the disc of the same area
    longest_diameter_px      largest distance between two points of the outline (Feret)
    shortest_diameter_px     smallest distance between two parallel lines that hold the lesion
    perimeter_px             length of the outline by Crofton's formula in four directions (skimage.measure.perimeter_crofton)
    circularity              4 pi area / perimeter squared: 1 for a disc, less the more irregular
    compactness              its inverse, perimeter squared / (4 pi area): 1 for a disc, more the more irregular the border (Claridge et
                             al., "Shape analysis for classification of malignant melanoma", J. Biomed. Eng. 14, 1992)
    fractal_dimension        of the outline, by counting boxes of 2 to 16 of 256 pixels: 1 where smooth, up to 2 (Claridge et al., 1992)
    solidity                 area over the area of its convex hull: 1 where the outline has no notch
    elongation               longest over shortest diameter: 1 for a disc
    asymmetry_long, _short   share of the area that its mirror image across the longer (shorter) principal axis leaves uncovered, 0 to 1
                             (Stoecker, Li, Moss, "Automatic detection of asymmetry in skin tumors", Comput. Med. Imaging Graph. 16, 1992)
    asymmetry                mean of both
    frame_contact            share of the outline that lies on the edge of the photo, 0 to 1

    With the photo (H x W x 3), in CIELAB units (CIE 15:2018, D65; skimage.color):
    colour_contrast          distance between the mean colours of the lesion and of the skin around it, where there is skin
    colour_variation         root mean square distance of the lesion's pixels from their mean colour; its square is the colour variance
    colour_asymmetry_long, _short   mean distance between the colours at places that mirror each other across a principal axis
    and, where there is skin around, with the photo's colours balanced so that this skin is SKIN:
    white, red, light_brown, dark_brown, blue_grey, black   share of the lesion nearest to each of DERMOSCOPIC_COLOURS, 0 to 1;
                             the rest is as the skin
    colours                  how many of the six make up COLOUR_PRESENT or more, 0 to 6
    abrupt_segments          how many of eight segments about the middle end abruptly in pigment, 0 to 8
    abcd_without_structures  1.3 A + 0.1 B + 0.5 C of the total dermoscopy score (Stolz et al., "ABCD rule of dermatoscopy", Eur. J.
                             Dermatol. 4, 1994; Nachbar et al., J. Am. Acad. Dermatol. 30, 1994). A is the number of principal axes
                             across which shape or colour is unlike, B abrupt_segments, C colours (at least 1). Differential structures are
                             not measured; they would add 0.5 to 2.5, so that a lesion scores suspicious (over 5.45) for certain only where
                             this is over 4.95. Made for melanocytic lesions seen through a dermoscope; it says nothing of others.

    With a scale also area_mm2, equivalent_diameter_mm, longest_diameter_mm, shortest_diameter_mm and perimeter_mm.
    """
    if not mask.any():
        return {}
    area = float(np.count_nonzero(mask))
    outline = _outline(mask)
    longest, shortest = _diameters(outline)
    perimeter = perimeter_px(mask)
    circularity = min(1.0, float(4 * np.pi * area / perimeter**2))
    long, short = asymmetry(mask)
    found = {
        "area_px": area,
        "area_fraction": area / mask.size,
        "equivalent_diameter_px": float(np.sqrt(4 * area / np.pi)),
        "longest_diameter_px": longest,
        "shortest_diameter_px": shortest,
        "perimeter_px": perimeter,
        "circularity": circularity,
        "compactness": 1 / circularity,
        "fractal_dimension": fractal_dimension(mask),
        "solidity": solidity(mask),
        "elongation": longest / shortest,
        "asymmetry_long": long,
        "asymmetry_short": short,
        "asymmetry": (long + short) / 2,
        "frame_contact": frame_contact(mask),
    }
    if rgb is not None:
        found |= _colour(mask, rgb, (long, short))
    if scale is not None:
        found["area_mm2"] = area * scale.mm_per_pixel**2
        for name in ("equivalent_diameter", "longest_diameter", "shortest_diameter", "perimeter"):
            found[f"{name}_mm"] = found[f"{name}_px"] * scale.mm_per_pixel
    return found


def perimeter_px(mask: Mask) -> float:
    """Return the outline's length by Crofton's formula: how often lines in four directions cross it.

    Counting pixel edges would make a disc's outline 27 % too long; this is within 1 % for discs, ellipses and stars.
    """
    from skimage.measure import perimeter_crofton

    return float(perimeter_crofton(np.pad(_bounding_box(mask), 1), directions=4))


def solidity(mask: Mask) -> float:
    """Return the lesion's area over that of its convex hull."""
    from skimage.measure import regionprops

    (region,) = regionprops(_shrunk(mask).astype(np.uint8))
    return float(region.solidity)


def fractal_dimension(mask: Mask) -> float:
    """Return the box-counting dimension of the outline: minus the slope of log(boxes that it enters) over log(side of a box)."""
    small = np.pad(_shrunk(mask), 1).astype(np.uint8)
    line = small - cv2.erode(small, np.ones((3, 3), np.uint8), borderValue=0)
    sides = np.array([2, 3, 4, 6, 8, 12, 16])
    counts = []
    for side in sides:
        padded = np.pad(line, ((0, -line.shape[0] % side), (0, -line.shape[1] % side)))
        boxes = padded.reshape(padded.shape[0] // side, side, -1, side).any(axis=(1, 3))
        counts.append(np.count_nonzero(boxes))
    return float(np.clip(-np.polyfit(np.log(sides), np.log(counts), 1)[0], 1.0, 2.0)) if min(line.shape) > 2 * sides[-1] else 1.0


def asymmetry(mask: Mask) -> tuple[float, float]:
    """Return the share of the area that the lesion's mirror image leaves uncovered, across its longer and its shorter principal axis."""
    turned = _onto_axes(mask, _shrunk(mask).astype(np.float32)) > 0.5
    total = max(1, np.count_nonzero(turned))
    long, short = (float(np.count_nonzero(turned & ~mirrored) / total) for mirrored in (turned[:, ::-1], turned[::-1]))
    return long, short


def _onto_axes(mask: Mask, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn a picture of the lesion's shrunken bounding box so that the longer principal axis runs down and the shorter one across.

    Both mirror images are then flips of the array.
    """
    rows, columns = np.nonzero(_shrunk(mask))
    points = np.column_stack([columns, rows]).astype(np.float64)
    points -= points.mean(axis=0)
    _, axes = np.linalg.eigh(points.T @ points)
    reach = np.abs(points).max() * np.sqrt(2) + 1
    backwards = axes * (2 * reach / _TURNED_SIDE)
    centre = np.array([columns.mean(), rows.mean()])
    matrix = np.column_stack([backwards, centre - backwards @ np.full(2, (_TURNED_SIDE - 1) / 2)])
    return cv2.warpAffine(picture, matrix, (_TURNED_SIDE, _TURNED_SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def frame_contact(mask: Mask) -> float:
    """Return the share of the outline that lies on the edge of the photo, 0 to 1."""
    edges = sum(int(np.count_nonzero(edge)) for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    return min(1.0, edges / max(1.0, perimeter_px(mask)))


def _bounding_box(mask: Mask) -> Mask:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _shrunk(mask: Mask) -> Mask:
    box = _bounding_box(mask)
    shrink = min(1.0, _SHAPE_SIDE_PX / max(box.shape))
    size = (max(1, round(box.shape[1] * shrink)), max(1, round(box.shape[0] * shrink)))
    small = cv2.resize(box.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    return small if small.any() else np.ones_like(small)


def _outline(mask: Mask) -> NDArray[np.float64]:
    """Return the corners of the convex hull of the lesion's pixels (the middles of their edges, not of the pixels)."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    middles = np.concatenate(contours)[:, 0].astype(np.float32)
    edges = np.concatenate([middles + np.float32(shift) for shift in ((-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5))])
    return cv2.convexHull(edges)[:, 0].astype(np.float64)


def _diameters(hull: NDArray[np.float64]) -> tuple[float, float]:
    longest = max(float(np.hypot(*(hull - corner).T).max()) for corner in hull)
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.column_stack([-edges[:, 1], edges[:, 0]]) / np.hypot(*edges.T)[:, None]
    heights = hull @ normals.T
    return longest, float((heights.max(axis=0) - heights.min(axis=0)).min())


def colour_contrast(mask: Mask, rgb: RGB) -> float:
    """Return the CIELAB distance between the mean colours of the lesion and of all that is around it; infinite where nothing is.

    That may be the dark edge of a dermoscope's field, too: a lesion that fills the field stands out from nothing else.
    """
    lesion, around = map(_lab, _lesion_and_surroundings(mask, rgb))
    if not len(lesion):
        return 0.0
    return float(np.linalg.norm(lesion.mean(axis=0) - around.mean(axis=0))) if len(around) else np.inf


def _colour(mask: Mask, rgb: RGB, shape_asymmetry: tuple[float, float]) -> dict[str, float]:
    lesion, around = _lesion_and_surroundings(mask, rgb)
    if not len(lesion):
        return {}
    # What is as dark as the edge of a dermoscope's field is no skin.
    lesion, skin = _lab(lesion), _lab(around[around.mean(axis=1) > DARKEST_SKIN])
    middle = lesion.mean(axis=0)
    across = colour_asymmetry(mask, rgb)
    found = {
        "colour_variation": float(np.sqrt(((lesion - middle) ** 2).sum(axis=1).mean())),
        "colour_asymmetry_long": across[0],
        "colour_asymmetry_short": across[1],
    }
    if not len(skin):
        return found
    shares = colour_shares(lesion, skin)
    present = sum(share >= COLOUR_PRESENT for share in shares.values())
    abrupt = abrupt_segments(mask, rgb)
    unlike = sum(s > ASYMMETRIC_SHAPE or c > ASYMMETRIC_COLOUR for s, c in zip(shape_asymmetry, across, strict=True))
    return found | {
        "colour_contrast": float(np.linalg.norm(middle - skin.mean(axis=0))),
        **shares,
        "colours": float(present),
        "abrupt_segments": float(abrupt),
        "abcd_without_structures": float(1.3 * unlike + 0.1 * abrupt + 0.5 * max(1, present)),
    }


def colour_asymmetry(mask: Mask, rgb: RGB) -> tuple[float, float]:
    """Return the mean CIELAB distance between places of the lesion that mirror each other across its longer and its shorter axis."""
    small = _shrunk(mask)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = resize(rgb[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], *small.shape[::-1])
    # A place is compared with its like to within a few hundredths of the lesion, not pixel by pixel.
    lab = cv2.GaussianBlur(_lab(box), (0, 0), max(0.5, 0.02 * max(small.shape)))
    turned, inside = _onto_axes(mask, lab), _onto_axes(mask, small.astype(np.float32)) > 0.5
    distances = []
    for mirrored, both in ((turned[:, ::-1], inside & inside[:, ::-1]), (turned[::-1], inside & inside[::-1])):
        distances.append(float(np.linalg.norm(turned - mirrored, axis=2)[both].mean()) if both.any() else 0.0)
    return distances[0], distances[1]


def colour_shares(lesion: NDArray[np.float32], skin: NDArray[np.float32]) -> dict[str, float]:
    """Return the share of CIELAB pixels (n x 3) nearest to each of DERMOSCOPIC_COLOURS, after the skin's (n x 3) was balanced to SKIN.

    Lightness is scaled, and the skin's distance from SKIN in a* and b* taken off in proportion to lightness, so that black stays black.
    """
    names = [*DERMOSCOPIC_COLOURS, "skin"]
    references = _lab(np.array([[*DERMOSCOPIC_COLOURS.values(), SKIN]], np.uint8))[0]
    around, target = np.median(skin, axis=0), references[-1]
    brightness = np.clip(lesion[:, :1] / max(around[0], 1.0), 0, 1.3)
    balanced = np.column_stack([brightness * target[0], lesion[:, 1:] + brightness * (target[1:] - around[1:])])
    nearest = np.linalg.norm(balanced[:, None] - references[None], axis=2).argmin(axis=1)
    counts = np.bincount(nearest, minlength=len(names)) / len(lesion)
    return {name: float(share) for name, share in zip(names[:-1], counts, strict=False)}


def abrupt_segments(mask: Mask, rgb: RGB) -> int:
    """Return in how many of eight segments (45 degrees about the middle) pigment ends abruptly at the outline, 0 to 8.

    Abrupt: of the step in lightness from the skin a fifth of the diameter outside to the lesion as far inside, the part ABRUPT or more
    lies within a twentieth on either side of the outline, and the step can be seen at all.
    """
    shrink = min(1.0, COLOUR_SIDE_PX / max(mask.shape))
    size = (max(1, round(mask.shape[1] * shrink)), max(1, round(mask.shape[0] * shrink)))
    inside = (cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127).astype(np.uint8)
    if not inside.any() or inside.all():
        return 0
    light = _lab(resize(rgb, *size))[..., 0]
    # Signed distance from the outline, positive outside, in diameters.
    diameter = np.sqrt(4 * np.count_nonzero(inside) / np.pi)
    away = (cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5) - cv2.distanceTransform(inside, cv2.DIST_L2, 5)) / diameter
    moments = cv2.moments(inside, binaryImage=True)
    y, x = np.mgrid[: size[1], : size[0]]
    angle = np.arctan2(y - moments["m01"] / moments["m00"], x - moments["m10"] / moments["m00"])
    segment = ((angle + np.pi) / (np.pi / 4)).astype(int) % 8
    bands = [np.abs(away - at) < 0.03 for at in (-0.2, -0.05, 0.05, 0.2)]
    abrupt = 0
    for number in range(8):
        places = [band & (segment == number) for band in bands]
        if all(place.any() for place in places):
            deep, near, beyond, skin = (float(np.median(light[place])) for place in places)
            abrupt += bool(skin - deep > JUST_VISIBLE and beyond - near >= ABRUPT * (skin - deep))
    return abrupt


def _lab(rgb: RGB) -> NDArray[np.float32]:
    """Return ... x 3 CIELAB of ... x 3 sRGB."""
    from skimage.color import rgb2lab

    return rgb2lab(rgb.astype(np.float32) / 255)


def _lesion_and_surroundings(mask: Mask, rgb: RGB) -> tuple[RGB, RGB]:
    """Return the pixels (n x 3) inside the lesion, and in a ring around it a quarter as wide as the lesion."""
    shrink = min(1.0, COLOUR_SIDE_PX / max(mask.shape))
    size = (max(1, round(mask.shape[1] * shrink)), max(1, round(mask.shape[0] * shrink)))
    small = resize(rgb, *size)
    inside = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
    width = max(2, round(0.25 * np.sqrt(4 * max(1, np.count_nonzero(inside)) / np.pi)))
    # The outline is rarely sharp: what lies right beside it is neither of both.
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return small[inside], small[(away > max(1, width // 4)) & (away <= width)]
