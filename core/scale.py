"""How large a pixel is on the skin: from the printed card, a ruler, a coin, the dermoscope's field of view, or two points.

Every `relative_error` is a standard error of mm_per_pixel, as a share of it. A photo taken at an unknown tilt t sees lengths across the
axis of the tilt shortened by cos(t); people who mean to hold a camera straight are off by up to some 20 degrees, which makes lengths of
unknown direction 0.982 of the truth on average, with a deviation of about 0.02. That is UNKNOWN_TILT, and every source that
cannot see the tilt carries it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core import scale_card
from core.analysis import Mask, Scale
from core.measurement import measure
from core.preprocess import RGB

UNKNOWN_TILT = 0.02
PRINT_ERROR = 0.005
"""The instructions ask for a check line of 100 mm to within half a millimetre."""
CARD_PLANE_ERROR = 0.01
"""Paper (0.1 to 0.3 mm) and a raised mole (about 1 mm) lie at other heights than the skin; seen from 100 mm that is up to 1 %."""

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class FoundScale:
    """The card as found in a photo."""

    scale: Scale
    """At the middle of the card's inner corner, where the mole belongs; `at` tells it for another place."""
    homography: NDArray[np.float64]
    """3 x 3, from pixels of the photo (x, y; the middle of the first pixel is 0, 0) to the card's millimetres (core.scale_card)."""
    tilt_degrees: float
    """Angle between the camera's axis and the card's normal, 0 from straight above."""
    points: NDArray[np.float64]
    """The card's marks as seen, n x 2 pixels ..."""
    places: NDArray[np.float64]
    """... and where they are on the card, n x 2 mm."""

    def at(self, x: float, y: float) -> Scale:
        """Return the scale at a place of the photo: the root of the area on the skin that a pixel there covers."""
        size = _pixel_mm(self.homography, x, y)
        residual = _apply(self.homography, self.points) - self.places
        # Fewer points than twice the unknowns fit too well to tell their own error.
        free = max(1, 2 * len(self.points) - 8)
        seen = float(np.sqrt((residual**2).sum() / free)) / size if len(self.points) > 4 else 0.0
        error = max(seen, SMALLEST_POINT_ERROR_PX if len(self.points) > 4 else MARKER_POINT_ERROR_PX)
        shifts = []
        for index in range(self.points.size):
            moved = self.points.copy()
            moved.flat[index] += error
            shifts.append(_pixel_mm(_fit(moved, self.places), x, y) / size - 1)
        fit = float(np.linalg.norm(shifts))
        return Scale(size, "card", float(np.sqrt(fit**2 + PRINT_ERROR**2 + CARD_PLANE_ERROR**2)))


@dataclass(frozen=True, eq=False)
class Sighted:
    """A coin or a ruler as found in a photo. Whoever says that there is one has to see what was taken for it before it counts."""

    scale: Scale
    marks: tuple[NDArray[np.float64], ...]
    """Lines to draw over it, each n x 2 pixels of the photo (x, y): the coin's edge, closed, or a stroke for each millimetre."""


SMALLEST_POINT_ERROR_PX = 0.1
MARKER_POINT_ERROR_PX = 0.4
"""Of the marker's own corners, which bright paper eats into; measured by benchmarks/scale_card.py."""
_LONGEST_SIDES_PX = (1600, 800)
"""The marker is looked for at these sizes: large photos would take long, and blur is less in a small copy."""


def find_scale(rgb: RGB) -> FoundScale | None:
    """Find the printed card in an H x W x 3 photo, tilted by up to some 45 degrees; None where it is not seen."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    for longest in _LONGEST_SIDES_PX:
        corners = _marker_corners(grey, longest)
        if corners is not None:
            return _found(grey, corners)
    return None


def _marker_corners(grey: NDArray[np.uint8], longest: int) -> NDArray[np.float64] | None:
    shrink = min(1.0, longest / max(grey.shape))
    size = max(1, round(grey.shape[1] * shrink)), max(1, round(grey.shape[0] * shrink))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if shrink < 1 else grey
    settings = cv2.aruco.DetectorParameters()
    settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    dictionary = cv2.aruco.getPredefinedDictionary(scale_card.MARKER_DICTIONARY)
    found, names, _ = cv2.aruco.ArucoDetector(dictionary, settings).detectMarkers(small)
    ours = [corners[0] for corners, name in zip(found, [] if names is None else names.ravel(), strict=True) if name == scale_card.MARKER_ID]
    if not ours:
        return None
    largest = max(ours, key=lambda corners: cv2.contourArea(corners))
    return (largest.astype(np.float64) + 0.5) * (np.array(grey.shape[::-1]) / size) - 0.5


def _found(grey: NDArray[np.uint8], corners: NDArray[np.float64]) -> FoundScale:
    points, places = _refined(grey, corners)
    homography = _fit(points, places)
    middle = (scale_card.ARM_MM + scale_card.SIDE_MM) / 2
    x, y = _apply(np.linalg.inv(homography), np.array([[middle, middle]]))[0]
    stretch = np.linalg.svd(_jacobian(homography, *points.mean(axis=0)), compute_uv=False)
    tilt = float(np.degrees(np.arccos(np.clip(stretch[1] / stretch[0], 0, 1))))
    found = FoundScale(Scale(1.0, "card", 1.0), homography, tilt, points, places)
    return FoundScale(found.at(x, y), homography, tilt, points, places)


def _refined(grey: NDArray[np.uint8], corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Go out from the marker along both arms, point by point: each one found makes the next one's place surer.

    Where checks meet, dark and light are symmetric, so that neither blur nor glaring paper moves the point; the marker's own corners
    are moved by both, and count only where too few others are seen.
    """
    places = scale_card.corner_places()
    points, taken = list(corners), list(places[:4])
    meeting: list[int] = []
    for index in np.argsort(np.linalg.norm(places[4:] - places[2], axis=1), kind="stable"):
        place = places[4 + index]
        inverse = _fit(np.array(taken), np.array(points))
        seen = _meeting_point(grey, inverse, place)
        if seen is not None:
            meeting.append(len(points))
            points.append(seen)
            taken.append(place)
    points, taken = np.array(points), np.array(taken)
    both_arms = len({bool(taken[index][0] > taken[index][1]) for index in meeting}) == 2
    return (points[4:], taken[4:]) if both_arms and len(meeting) >= 8 else (points, taken)


def _meeting_point(grey: NDArray[np.uint8], to_photo: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return where four checks meet near the predicted place, None where the photo shows no such thing there."""
    across = place[1] < place[0]
    (x, y), *around = _apply(to_photo, place + np.array([(0, 0), (0.75, 0.75), (-0.75, -0.75), (0.75, -0.75), (-0.75, 0.75)]))
    check = np.linalg.norm(_apply(to_photo, place + np.array([(1.0, 0)])) - (x, y)) * 3.0
    reach = int(np.clip(round(check * 0.3), 2, 15))
    margin = 2 * reach + 3
    height, width = grey.shape
    if not (margin < x < width - margin and margin < y < height - margin):
        return None
    left, top = int(x) - margin, int(y) - margin
    patch = np.ascontiguousarray(grey[top : top + 2 * margin + 1, left : left + 2 * margin + 1])
    start = np.array([[[x - left, y - top]]], np.float32)
    seen = cv2.cornerSubPix(patch, start, (reach, reach), (-1, -1), (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01))[0, 0]
    moved = seen - (x - left, y - top)
    if np.linalg.norm(moved) > 0.35 * check:
        return None
    smooth = cv2.GaussianBlur(patch, (0, 0), max(0.5, check / 12))
    dark_or_light = [_sample(smooth, *(np.array(point) - (left, top) + moved)) for point in around]
    falling, rising = dark_or_light[:2], dark_or_light[2:]
    # At odd meeting points the black checks lie on the falling diagonal; mirroring one arm onto the other keeps it.
    odd = round((place[0] if across else place[1]) - scale_card.ARM_MM) // 3 % 2 == 1
    contrast = min(rising) - max(falling) if odd else min(falling) - max(rising)
    return np.array([left, top]) + seen if contrast > 12 else None


def _sample(picture: NDArray, x: float, y: float) -> float:
    height, width = picture.shape[:2]
    return float(picture[int(np.clip(round(y), 0, height - 1)), int(np.clip(round(x), 0, width - 1))])


def _fit(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    return cv2.findHomography(source, target, 0)[0]


def _apply(homography: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    return cv2.perspectiveTransform(np.asarray(points, np.float64)[None], homography)[0]


def _jacobian(homography: NDArray[np.float64], x: float, y: float) -> NDArray[np.float64]:
    u, v, w = homography @ (x, y, 1)
    return (homography[:2, :2] - np.outer((u / w, v / w), homography[2, :2])) / w


def _pixel_mm(homography: NDArray[np.float64], x: float, y: float) -> float:
    return float(np.sqrt(abs(np.linalg.det(_jacobian(homography, x, y)))))


def centre(mask: Mask) -> Point:
    """Return the middle (x, y in pixels) of the lesion of an H x W mask that is not empty."""
    moments = cv2.moments(mask.astype(np.uint8), binaryImage=True)
    return moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]


def measure_flat(mask: Mask, rgb: RGB, found: FoundScale) -> dict[str, float]:
    """Measure as `core.measurement.measure` does, with the card's tilt taken out; areas and lengths in pixels stay the photo's own."""
    if not mask.any():
        return {}
    rows, columns = np.nonzero(mask)
    scale = found.at(*centre(mask))
    margin = 0.3 * (np.ptp(columns) + np.ptp(rows) + 2) / 2
    box = [(x, y) for x in (columns.min() - margin, columns.max() + margin) for y in (rows.min() - margin, rows.max() + margin)]
    matrix, size = _flattening(found.homography, np.array(box), scale.mm_per_pixel)
    flat_rgb = cv2.warpPerspective(rgb, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    flat_mask = cv2.warpPerspective(mask.astype(np.uint8) * 255, matrix, size, flags=cv2.INTER_LINEAR) > 127
    flat, own = measure(flat_mask, flat_rgb, scale), measure(mask, rgb)
    return flat | {name: value for name, value in own.items() if name.endswith("_px") or name in ("area_fraction", "frame_contact")}


@dataclass(frozen=True, eq=False)
class CloseUp:
    """The skin in the card's inner corner, where the mole belongs, as seen from straight above."""

    rgb: RGB
    matrix: NDArray[np.float64]
    """3 x 3, from pixels of the photo to pixels of this."""

    def back(self, mask: Mask, shape: tuple[int, ...]) -> Mask:
        """Return a mask of this picture as one of the photo (height, width)."""
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(mask.astype(np.uint8) * 255, self.matrix, shape[1::-1], flags=flags) > 127


_CLOSE_UP_MM = 27.0
_LARGEST_CLOSE_UP_PX = 1200


def close_up(rgb: RGB, found: FoundScale) -> CloseUp:
    """Return the card's inner corner, of about the photo's own pixel size; beyond the photo's edge it goes on as a mirror image."""
    side = int(np.clip(_CLOSE_UP_MM / found.scale.mm_per_pixel, 64, _LARGEST_CLOSE_UP_PX))
    step, start = _CLOSE_UP_MM / side, scale_card.ARM_MM + 0.5
    matrix = np.array([[1 / step, 0, -start / step], [0, 1 / step, -start / step], [0, 0, 1]]) @ found.homography
    flat = cv2.warpPerspective(rgb, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return CloseUp(flat, matrix)


def without_card(rgb: RGB, found: FoundScale) -> RGB:
    """Return the photo with the card painted over in the colour of the skin in its inner corner, lest its marks be taken for moles."""
    arm, side = scale_card.ARM_MM, scale_card.SIDE_MM
    edge = 1.0  # the card's own shadow, and what a pair of scissors leaves
    outline = [(0, 0), (side, 0), (side, arm), (arm, arm), (arm, side), (0, side)]
    shift = [(-edge, -edge), (edge, -edge), (edge, edge), (edge, edge), (edge, edge), (-edge, edge)]
    corners = _apply(np.linalg.inv(found.homography), np.array(outline) + np.array(shift))
    skin = np.median(close_up(rgb, found).rgb.reshape(-1, 3), axis=0)
    return cv2.fillPoly(rgb.copy(), [np.rint(corners).astype(np.int32)], skin.tolist())


def _flattening(homography: NDArray[np.float64], corners: NDArray[np.float64], mm_per_pixel: float) -> tuple[NDArray, tuple[int, int]]:
    """Return the 3 x 3 matrix onto a picture of the card's plane that holds these photo points, and its (width, height)."""
    plane = _apply(homography, corners)
    low, high = plane.min(axis=0), plane.max(axis=0)
    size = np.clip(np.ceil((high - low) / mm_per_pixel), 1, 6000).astype(int)
    to_pixels = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, mm_per_pixel]]) / mm_per_pixel
    return to_pixels @ homography, (int(size[0]), int(size[1]))


def rectify(rgb: RGB, found: FoundScale) -> RGB:
    """Return the photo as seen from straight above the card, upright, with `found.scale.mm_per_pixel` everywhere.

    Shown is what the photo holds within a card's length around the card; where it holds nothing, black.
    """
    side = scale_card.SIDE_MM
    height, width = rgb.shape[:2]
    around = np.array([(-side, -side), (2 * side, -side), (2 * side, 2 * side), (-side, 2 * side)])
    in_photo = _apply(np.linalg.inv(found.homography), around).clip((0, 0), (width - 1, height - 1))
    matrix, size = _flattening(found.homography, in_photo, found.scale.mm_per_pixel)
    return cv2.warpPerspective(rgb, matrix, size, flags=cv2.INTER_AREA if min(size) < min(rgb.shape[:2]) else cv2.INTER_LINEAR)


def correct_colours(rgb: RGB, found: FoundScale) -> RGB:
    """Return the photo with colours as under the light and camera that show the card's patches as printed.

    A 3 x 3 matrix in linear light fitted to the patches, drawn towards a plain white balance where they say little (ridge), as in
    Finlayson, Mackiewicz, Hurlbert, "Color correction using root-polynomial regression" (IEEE Trans. Image Process. 24, 2015), first
    degree. Unchanged where fewer than six patches are seen unclipped.
    """
    seen, meant = _patch_colours(rgb, found)
    if len(seen) < 6:
        return rgb
    gains = (seen * meant).sum(axis=0) / (seen**2).sum(axis=0)
    balanced = seen * gains
    weight = 0.02 * len(seen)
    matrix = np.linalg.solve(balanced.T @ balanced + weight * np.eye(3), balanced.T @ meant + weight * np.eye(3))
    table = _to_linear(np.arange(256, dtype=np.float32) / 255)
    linear = cv2.transform(table[rgb], (np.diag(gains) @ matrix).T)
    back = (_to_srgb(np.linspace(0, 1, 4096)) * 255 + 0.5).astype(np.uint8)
    return back[(linear.clip(0, 1) * 4095).astype(np.uint16)]


def _patch_colours(rgb: RGB, found: FoundScale) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return linear RGB (n x 3) of the patches as seen, and as meant; patches out of the frame or clipped are left out."""
    inverse = np.linalg.inv(found.homography)
    seen, meant = [], []
    for x, y, colour in scale_card.patches():
        spots = _apply(inverse, np.array([(x + dx, y + dy) for dx in np.linspace(-1, 1, 7) for dy in np.linspace(-1, 1, 7)]))
        columns, rows = np.rint(spots).astype(int).T
        if columns.min() < 0 or rows.min() < 0 or columns.max() >= rgb.shape[1] or rows.max() >= rgb.shape[0]:
            continue
        value = np.median(rgb[rows, columns], axis=0)
        if value.max() < 250 and value.min() > 3:
            seen.append(_to_linear(value / 255))
            meant.append(_to_linear(np.array(colour) / 255))
    return np.array(seen).reshape(-1, 3), np.array(meant).reshape(-1, 3)


def _to_linear(value: NDArray) -> NDArray:
    """sRGB to linear light, 0 to 1 (IEC 61966-2-1)."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(value.dtype)


def _to_srgb(value: NDArray) -> NDArray:
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


COINS = {
    "eur_1c": ("1 euro cent", 16.25), "eur_2c": ("2 euro cents", 18.75), "eur_5c": ("5 euro cents", 21.25),
    "eur_10c": ("10 euro cents", 19.75), "eur_20c": ("20 euro cents", 22.25), "eur_50c": ("50 euro cents", 24.25),
    "eur_1": ("1 euro", 23.25), "eur_2": ("2 euros", 25.75),
    "gbp_1p": ("1 penny", 20.3), "gbp_2p": ("2 pence", 25.9), "gbp_5p": ("5 pence", 18.0), "gbp_10p": ("10 pence", 24.5),
    "usd_1c": ("1 cent (penny)", 19.05), "usd_5c": ("5 cents (nickel)", 21.21), "usd_10c": ("10 cents (dime)", 17.91),
    "usd_25c": ("25 cents (quarter)", 24.26), "usd_1": ("1 dollar", 26.49),
    "cad_25c": ("25 cents, Canada", 23.88), "aud_10c": ("10 cents, Australia", 23.60), "aud_1": ("1 dollar, Australia", 25.00),
    "chf_10": ("10 rappen", 19.15), "chf_20": ("20 rappen", 21.05), "chf_50": ("1/2 franc", 18.20), "chf_1": ("1 franc", 23.20),
    "chf_2": ("2 francs", 27.40), "jpy_100": ("100 yen", 22.6), "inr_1": ("1 rupee (2011)", 21.93), "inr_5": ("5 rupees (2011)", 23.0),
}  # fmt: skip
"""Round coins: code -> name, diameter in mm as their mints give it."""
COIN_ERROR = 0.015
"""A coin is 1.7 to 2.4 mm thick: its upper rim is that much nearer to a camera some 120 mm away than the skin is."""


def find_coin(rgb: RGB, coin: str) -> Sighted | None:
    """Find a round coin of COINS that lies flat on the skin; None where no clean ellipse is seen. Raises KeyError for another coin.

    A mole larger than the coin and as round would be taken for it: what was found must be shown to the person who says there is one.
    A tilted circle is an ellipse whose long axis is the diameter; the root of both axes gives the scale that areas are seen at.
    """
    _, diameter_mm = COINS[coin]
    seen = _round_thing(rgb)
    if seen is None:
        return None
    (x, y), (width, height), degrees = seen
    turn, around = np.radians(degrees), np.linspace(0, 2 * np.pi, 73)
    along, across = np.cos(around) * width / 2, np.sin(around) * height / 2
    edge = np.column_stack([x + along * np.cos(turn) - across * np.sin(turn), y + along * np.sin(turn) + across * np.cos(turn)])
    error = float(np.hypot(COIN_ERROR, 1.5 / max(width, height)))
    return Sighted(Scale(diameter_mm / float(np.sqrt(width * height)), "coin", error), (edge,))


_COIN_SIDE_PX = 800
JUST_STANDING_OUT = 8.0
"""CIELAB distance from the skin's median colour."""
LEAST_COIN_OVERLAP = 0.93
"""Dice overlap of what stands out from the skin with an ellipse, from which it is a coin and no mole."""


def _round_thing(rgb: RGB) -> tuple[Point, Point, float] | None:
    """Return the largest thing that stands out from the skin in colour and is an ellipse, whole in the frame.

    Its middle and both axes in pixels, and by how many degrees the first axis is turned (as cv2.RotatedRect).
    """
    shrink = min(1.0, _COIN_SIDE_PX / max(rgb.shape[:2]))
    size = max(1, round(rgb.shape[1] * shrink)), max(1, round(rgb.shape[0] * shrink))
    small = cv2.medianBlur(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), 5)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    apart = np.linalg.norm(lab - np.median(lab.reshape(-1, 3), axis=0), axis=2).clip(0, 100)
    # Most of the frame is skin: what lies beyond its own spread stands out, the silver rim of a golden coin too.
    standing = (apart > max(JUST_STANDING_OUT, 2.5 * float(np.median(apart)))).astype(np.uint8)
    standing = cv2.morphologyEx(standing, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    standing = cv2.morphologyEx(standing, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    contours, _ = cv2.findContours(standing, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:3]:
        left, top, width, height = cv2.boundingRect(contour)
        if min(left, top) < 2 or left + width > size[0] - 2 or top + height > size[1] - 2 or min(width, height) < 0.08 * min(size):
            continue
        filled, ellipse = np.zeros(size[::-1], np.uint8), np.zeros(size[::-1], np.uint8)
        cv2.drawContours(filled, [contour], -1, 1, cv2.FILLED)
        fitted = cv2.fitEllipseDirect(cv2.convexHull(contour))
        cv2.ellipse(ellipse, fitted, 1, cv2.FILLED)
        both = 2 * np.count_nonzero(filled & ellipse) / max(1, np.count_nonzero(filled) + np.count_nonzero(ellipse))
        middle, axes, degrees = fitted
        if both >= LEAST_COIN_OVERLAP and min(axes) > 0.6 * max(axes):
            x, y = _enlarged(np.array(middle), shrink)
            return (float(x), float(y)), (axes[0] / shrink, axes[1] / shrink), degrees
    return None


def _enlarged(points: NDArray[np.float64], shrink: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points (x, y) of a photo made smaller by `shrink` as points of the photo itself; the middles of pixels count."""
    return (points + 0.5) / shrink - 0.5


_RULER_SIDE_PX = 1400
_RULER_WINDOW_PX = 192
_TICK_PERIODS_PX = (5.0, 32.0)
FEWEST_TICKS = 10
COMB_SHARE = 0.4
"""Share of a window's fine structure that must follow one period, for it to show a ruler."""


def find_ruler(rgb: RGB) -> Sighted | None:
    """Find the millimetre ticks of a ruler on the skin; None where no row of at least FEWEST_TICKS of them is seen.

    The strongest period in the photo's spectrum, in any window and direction, is taken for one millimetre: each tick is there at every
    millimetre, longer ones only at some. It is then refined along the whole row. Across the ruler, the tilt stays unknown.
    """
    shrink = min(1.0, _RULER_SIDE_PX / max(rgb.shape[:2]))
    size = max(1, round(rgb.shape[1] * shrink)), max(1, round(rgb.shape[0] * shrink))
    grey = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(np.float32)
    if min(size) < _RULER_WINDOW_PX:
        return None
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 20)
    if min(size) >= 4 * _RULER_WINDOW_PX:
        # Where a millimetre has more pixels than the longest period, half of them are enough.
        half = size[0] // 2, size[1] // 2
        found = find_ruler(cv2.resize(rgb, half, interpolation=cv2.INTER_AREA))
        if found is not None:
            shrunk = np.array(half) / rgb.shape[1::-1]
            told = Scale(found.scale.mm_per_pixel * float(shrunk[0]), "ruler", found.scale.relative_error)
            return Sighted(told, tuple(_enlarged(stroke, shrunk) for stroke in found.marks))
    share, wave, middle = max((_strongest_wave(fine, x, y) for x, y in _windows(size)), key=lambda one: one[0])
    if share < COMB_SHARE:
        return None
    refined = _along_row(fine, wave, middle)
    if refined is None:
        return None
    period, strokes = refined
    counted = 0.3 / len(strokes)  # the row's two ends, each to a fifth of a tick
    error = float(np.sqrt(counted**2 + UNKNOWN_TILT**2 + 0.005**2))
    return Sighted(Scale(shrink / period, "ruler", error), tuple(_enlarged(stroke, shrink) for stroke in strokes))


def _windows(size: tuple[int, int]) -> list[tuple[int, int]]:
    starts = [np.linspace(0, side - _RULER_WINDOW_PX, max(1, 2 * (side // _RULER_WINDOW_PX))).astype(int) for side in size]
    return [(int(x), int(y)) for y in starts[1] for x in starts[0]]


def _strongest_wave(fine: NDArray[np.float32], left: int, top: int) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return the share of a window's energy that its strongest wave and its overtones hold, the wave (cycles a pixel) and the middle."""
    side = _RULER_WINDOW_PX
    taper = np.hanning(side).astype(np.float32)
    power = np.abs(np.fft.fft2(fine[top : top + side, left : left + side] * taper[:, None] * taper)) ** 2
    frequencies = np.fft.fftfreq(side)
    length = np.hypot(frequencies[:, None], frequencies[None, :])
    # Skin, like most of nature, has energy that falls with the frequency squared or faster: measured against that, ticks stand out.
    power *= length**2
    band = (length >= 1 / _TICK_PERIODS_PX[1]) & (length <= 1 / _TICK_PERIODS_PX[0])
    inside = np.where(band, power, 0)
    row, column = np.unravel_index(inside.argmax(), inside.shape)
    wave = np.array([frequencies[column], frequencies[row]])
    # Weighed so, an overtone may stand out more than the ticks' own frequency; by energy alone it never does.
    plain = [_energy(power / np.maximum(length, 1 / side) ** 2, wave * share) for share in (1, 1 / 2, 1 / 3)]
    wave = wave / (1 + int(np.argmax(plain)))
    held = 0.0
    for overtone in (1, 2, 3):
        held += 2 * _energy(power, overtone * wave)
    return held / max(float(power.sum()), 1e-6), wave, np.array([left, top]) + side / 2


def _energy(power: NDArray[np.float64], wave: NDArray[np.float64]) -> float:
    """Return the energy at a wave (cycles a pixel) in a square spectrum; 0 beyond what it holds."""
    side = len(power)
    at = np.rint(wave * side).astype(int)
    if np.abs(at).max() >= side // 2 - 2:
        return 0.0
    return float(power[np.ix_((at[1] + np.arange(-2, 3)) % side, (at[0] + np.arange(-2, 3)) % side)].sum())


def _along_row(
    fine: NDArray[np.float32], wave: NDArray[np.float64], middle: NDArray[np.float64]
) -> tuple[float, list[NDArray[np.float64]]] | None:
    """Follow the row of ticks through `middle` along `wave`; return its period in pixels and a stroke over each of its ticks."""
    frequency = float(np.hypot(*wave))
    along = wave / frequency
    across = np.array([-along[1], along[0]])
    reach = np.arange(-max(fine.shape), max(fine.shape) + 1)
    best = None
    for offset in range(-_RULER_WINDOW_PX // 2, _RULER_WINDOW_PX // 2, 6):
        points = middle + offset * across + reach[:, None] * along
        inside = (points >= 0).all(axis=1) & (points[:, 0] < fine.shape[1] - 1) & (points[:, 1] < fine.shape[0] - 1)
        values = np.zeros(reach.size)
        for shift in (-2, 0, 2):
            spots = (points + shift * across).astype(np.float32)
            values += cv2.remap(fine, spots[:, :1].copy(), spots[:, 1:].copy(), cv2.INTER_LINEAR)[:, 0]
        values[~inside] = 0
        # How strongly each stretch of the line follows the wave: its amplitude over some four periods.
        turned = values * np.exp(-2j * np.pi * frequency * reach)
        width = 4 / frequency
        strength = cv2.GaussianBlur(np.stack([turned.real, turned.imag], -1), (1, 2 * int(2 * width) + 1), 1, sigmaY=width)
        amplitude = np.hypot(strength[..., 0], strength[..., 1]).ravel()
        if best is None or amplitude[abs(reach) < 40].max() > best[0]:
            best = amplitude[abs(reach) < 40].max(), amplitude, values, middle + offset * across
    _, amplitude, values, start = best
    row = _stretch(amplitude > 0.4 * amplitude[abs(reach) < 40].max(), reach.size // 2)
    if (row.stop - row.start) * frequency < FEWEST_TICKS:
        return None
    tried = frequency * np.linspace(0.93, 1.07, 561)
    window = np.hanning(row.stop - row.start)
    answers = np.exp(-2j * np.pi * np.outer(tried, reach[row])) @ (values[row] * window)
    best = np.abs(answers).argmax()
    period = float(1 / tried[best])
    # Ticks are dark: they lie where the wave, cos(2 pi r / period + phase), is lowest.
    first = (np.pi - np.angle(answers[best])) / (2 * np.pi) * period
    places = first + period * np.arange(np.ceil((reach[row][0] - first) / period), np.floor((reach[row][-1] - first) / period) + 1)
    return period, [start + place * along + np.outer((-period, period), across) for place in places]


def _stretch(strong: NDArray[np.bool_], middle: int) -> slice:
    """Return the unbroken run of True about the middle."""
    near = np.flatnonzero(strong)
    if near.size == 0:
        return slice(middle, middle)
    start = stop = int(near[np.abs(near - middle).argmin()])
    while start > 0 and strong[start - 1]:
        start -= 1
    while stop < strong.size and strong[stop]:
        stop += 1
    return slice(start, stop)


def visible_circle(rgb: RGB) -> float | None:
    """Return the diameter in pixels of a dermoscope's round opening where its black surround is seen, else None."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    lit = cv2.morphologyEx((grey > 30).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    corners = [grey[y, x] for y in (2, height - 3) for x in (2, width - 3)]
    contours, _ = cv2.findContours(lit, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if sum(corner <= 30 for corner in corners) < 3 or not contours:
        return None
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))[:, 0].astype(np.float64)
    rim = hull[(hull > 4).all(axis=1) & (hull[:, 0] < width - 5) & (hull[:, 1] < height - 5)]
    if len(rim) < 12:
        return None
    # A circle through points is linear in its middle and (radius squared - middle squared).
    x, y, rest = np.linalg.lstsq(np.column_stack([2 * rim, np.ones(len(rim))]), (rim**2).sum(axis=1), rcond=None)[0]
    radius = float(np.sqrt(max(0.0, rest + x * x + y * y)))
    off = np.abs(np.hypot(rim[:, 0] - x, rim[:, 1] - y) - radius)
    return 2 * radius if np.percentile(off, 90) < 0.015 * radius else None


def scale_from_field(width: int, height: int, field_mm: float, *, circle_px: float | None = None) -> Scale:
    """Return the scale of a dermoscope photo whose field of view is known, in mm across its longer side.

    Where the dermoscope's round opening is seen, `circle_px` is its diameter (`visible_circle`) and `field_mm` the opening's. A
    dermoscope lies flat, so there is no tilt; makers give fields to about half a millimetre in 20 to 30, and lenses are focused
    differently each time: 2 %.
    """
    across = circle_px or max(width, height)
    if not (field_mm > 0 and across > 0):
        raise ValueError("The field of view must be more than 0 mm.")
    return Scale(field_mm / across, "field", 0.02)


def scale_from_two_points(first: Point, second: Point, mm: float, *, click_error_px: float) -> Scale:
    """Return the scale from two points (x, y in pixels) that a person set `mm` apart, each to within `click_error_px` (1 SE)."""
    distance = float(np.hypot(second[0] - first[0], second[1] - first[1]))
    if not (mm > 0 and distance > 0):
        raise ValueError("The two points must be apart, and the distance between them more than 0 mm.")
    clicks = np.sqrt(2) * click_error_px / distance
    # A ruler read by eye is right to about a quarter of a millimetre at each end.
    reading = np.sqrt(2) * 0.25 / mm
    return Scale(mm / distance, "points", float(np.sqrt(clicks**2 + reading**2 + UNKNOWN_TILT**2)))
