"""Laying two photos of one mole over each other.

Features of skin and mole (SIFT: Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 60, 2004) matched both ways and
sifted by RANSAC (Fischler, Bolles, 1981); where there are too few, the outlines are laid over each other at the turn at which the
photos agree best. Both are then refined on the brightness itself (ECC: Evangelidis, Psarakis, IEEE TPAMI 30, 2008). What comes out is
judged by how well the photos agree: it is refused rather than shown wrongly.

A mole that grew looks like the same mole seen from nearer by. So what lies outside both outlines goes first: only where the skin
itself agrees does the match tell the scale of one photo in the other (`by_skin`). Else the moles are laid over each other, to be looked
at, and nothing is said of size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from core.analysis import Mask
from core.preprocess import RGB

WORKING_SIDE_PX = 480
"""Longest side at which photos are compared, smaller ones enlarged to it; further lengths in pixels are at this size."""
DETAIL_PX = 12.0
"""Standard deviation of the blur whose result counts as slow change of brightness."""
RIM_PX = 10
"""So near the rim of a dermoscope's field is no skin to go by: it is darker there, wherever the dermoscope lies."""
FLATTEST = 1.5
"""Standard deviation of the skin's detail in grey levels, below which it is out of focus or smoothed away. Of 60 photos each of ham10000
and ph2 the least was 3.6."""
DARKEST_SKIN = 25
"""Grey level below which there is the black around a dermoscope's field, if over some pixels."""
FEWEST_FEATURES = 6
ENOUGH_FEATURES = 30
"""From here on features need no help of outlines."""
MOST_BENT = 1.3
"""How much longer one direction may become than another: two photos tilted by 25 degrees about different axes give 1.2."""
LEAST_AGREEMENT = 0.45
"""Between what different moles reach and what re-photographed ones do (benchmarks/registration.py)."""
LEAST_SKIN_AGREEMENT = 0.5
"""The same for the skin alone."""
ENOUGH_ON_SKIN, LEAST_AMONG_HAIR = 40, 0.25
"""So many features of the skin bear a match too, at this agreement: hairs lie otherwise in each photo, and lower it."""
LEAST_SKIN = 0.12
"""Share of the second photo that both must show of skin for it to bear a match."""
AROUND_MOLE = 0.2
"""So wide a border of the mole is no skin, as a share of its diameter: outlines are not certain, and skin gives way to growth. Of moles
that grew by a fifth with a rim beyond their outline (benchmarks/registration.py), at 0.12 eight in 53 passed for photographed from nearer,
at 0.2 none in 54."""
TURNS_DEGREES = (-6, -3, 0, 3, 6)
STRETCHES = tuple(1.03**step for step in range(-16, 8))
"""Turns and scales about the mole at which the skin is sought from a match of the moles: it may have grown to 1.6 times its diameter."""
LARGEST_RATIO = 4.0
LEAST_OVERLAP = 0.15

REASONS = {
    "": "",
    "unlike": "The two photos could not be laid over each other: too little in them looks the same.",
    "implausible": "The two photos could not be laid over each other: the one would have to be bent out of shape.",
    "little_overlap": "The two photos could not be laid over each other: they show too little of the same skin.",
}


@dataclass(frozen=True, eq=False)
class Registration:
    """How the first photo lies over the second. Where it is not `accepted`, the rest is the best guess and not to be shown."""

    matrix: NDArray[np.float64]
    """2 x 3, from pixels of the first photo (x, y) to pixels of the second."""
    relative_scale: float
    """Pixels of the second photo a pixel of the first: the root of the area that one becomes."""
    rotation_degrees: float
    """Clockwise turn of the first photo onto the second, -180 to 180."""
    overlap: float
    """Share of the first photo that the second one shows, 0 to 1."""
    residual_px: float
    """Root mean square distance of matched features in pixels of the second photo; NaN where no feature was used."""
    agreement: float
    """Correlation of the two photos' detail (brightness without its slow changes) where they overlap, -1 to 1."""
    features: int
    """How many places of the skin, matched by what they look like, agree with the matrix."""
    skin_agreement: float
    """The same correlation outside both outlines alone; -1 where the photos show too little skin to tell."""
    by_skin: bool
    """Whether the skin around the mole bears the match, and `relative_scale` with it. Else the mole may have grown by what it says."""
    outline_overlap: float
    """Dice overlap of both outlines once in register, 0 to 1; 0 where a mask is missing."""
    accepted: bool
    reason: str
    """Empty where accepted, else a key of REASONS."""


@dataclass(frozen=True, eq=False)
class _Picture:
    """A photo at the working size, h x w."""

    bright: NDArray[np.uint8]
    """Brightness, local contrast evened."""
    seen: NDArray[np.bool_]
    """False in the black around a dermoscope's round field."""
    mask: Mask | None
    skin: NDArray[np.bool_]
    """What is seen of the skin well outside the outline."""
    scale: float
    """Working pixels a pixel of the photo."""
    smooth: NDArray[np.float32]
    """Without noise and grain: what ECC compares."""
    detail: NDArray[np.float32]
    """Without the slow changes too: a dark blob on light skin looks like any other, what is in it does not."""
    skin_detail: NDArray[np.float32]
    """The same of the skin alone; 0 elsewhere."""


@dataclass(frozen=True, eq=False)
class _Match:
    """A guess of how the first picture lies over the second."""

    matrix: NDArray[np.float64]
    """2 x 3, between the working sizes."""
    features: int = 0
    """How many matched features agree with it."""
    residual: float = np.nan
    """Root mean square distance of those, in working pixels."""


def register(first_rgb: RGB, second_rgb: RGB, first_mask: Mask | None = None, second_mask: Mask | None = None) -> Registration:
    """Lay the first photo (H x W x 3) over the second; masks (H x W) of the mole tell it from the skin. Without them all is skin."""
    first, second = _picture(first_rgb, first_mask), _picture(second_rgb, second_mask)
    matched = _matched(first, second)
    guesses = [guess] if (guess := _fitted(*matched)) else []
    if not (guesses and guesses[0].features >= ENOUGH_FEATURES) and first.mask is not None and second.mask is not None:
        guesses += _by_outlines(first, second)
    guesses = guesses or [_Match(_outer_fit(first, second))]
    if first.mask is not None and second.mask is not None:
        on_skin = _at(first.skin, matched[0]) & _at(second.skin, matched[1])
        matched = tuple(points[on_skin] for points in matched)
        tried = [_refined(first, second, guess, skin=True) for guess in [_fitted(*matched), *_sought(first, second, guesses)] if guess]
        best = max(tried, key=lambda one: _evidence(first, second, one.matrix))
        if _borne_by_skin(first, second, best.matrix, matched):
            return _judged(first, second, best, by_skin=True)
    refined = [_refined(first, second, guess) for guess in guesses]
    best = max(refined, key=lambda one: _agreement(first.detail, second.detail, one.matrix, second.seen))
    # Without outlines all is skin; with them it was just found not to tell.
    by_skin = (first.mask is None or second.mask is None) and _borne_by_skin(first, second, best.matrix, matched)
    return _judged(first, second, best, by_skin=by_skin)


def warp_to(first_rgb: RGB, registration: Registration, shape: tuple[int, int]) -> RGB:
    """Return the first photo as the second one (height, width) sees it; black where it shows nothing."""
    shrinking = registration.relative_scale < 0.7
    if shrinking:
        first_rgb = cv2.GaussianBlur(first_rgb, (0, 0), 0.4 / registration.relative_scale)
    return cv2.warpAffine(first_rgb, registration.matrix, (shape[1], shape[0]), flags=cv2.INTER_LINEAR)


def difference(first_rgb: RGB, second_rgb: RGB, registration: Registration) -> NDArray[np.float32]:
    """Return H x W of the second photo: CIELAB distance (CIE 1976) to the first, 0 where only one photo shows the place.

    The first photo's colours are matched to the second's (mean and deviation where both show skin or mole: Reinhard et al., "Color
    transfer between images", IEEE CG&A 21, 2001), and both are smoothed over 1 % of the frame, so that light, white balance, noise and
    a pixel of misfit are no difference.
    """
    shape = second_rgb.shape[:2]
    both = cv2.warpAffine(np.full(first_rgb.shape[:2], 255, np.uint8), registration.matrix, (shape[1], shape[0])) > 254
    first, second = (_lab(picture, 0.01 * max(shape)) for picture in (warp_to(first_rgb, registration, shape), second_rgb))
    if not both.any():
        return np.zeros(shape, np.float32)
    mean, deviation = first[both].mean(axis=0), first[both].std(axis=0) + 1e-3
    matched = (first - mean) * (second[both].std(axis=0) / deviation) + second[both].mean(axis=0)
    inside = cv2.erode(both.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, round(0.015 * max(shape))), borderValue=0)
    return np.linalg.norm(matched - second, axis=2).astype(np.float32) * inside


def _lab(rgb: RGB, sigma: float) -> NDArray[np.float32]:
    return cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), sigma).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _picture(rgb: RGB, mask: Mask | None) -> _Picture:
    scale = WORKING_SIDE_PX / max(rgb.shape[:2])
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    small = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), cv2.COLOR_RGB2GRAY)
    seen = cv2.erode((small > DARKEST_SKIN).astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=1) > 0
    bright = cv2.createCLAHE(2.0, (6, 6)).apply(small)
    smooth = cv2.GaussianBlur(bright.astype(np.float32), (0, 0), 1.5)
    inside = None if mask is None else cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
    inside = inside if inside is not None and inside.any() else None
    skin = cv2.erode(seen.astype(np.uint8), np.ones((2 * RIM_PX + 1,) * 2, np.uint8), borderValue=1) > 0
    skin = skin if inside is None else skin & ~_widened(inside)
    of_skin = _detail(smooth, skin)
    if not skin.any() or of_skin[skin].std() < FLATTEST:
        skin = np.zeros_like(skin)  # what shows nothing is nothing to go by
    return _Picture(bright, seen, inside, skin, scale, smooth, _detail(smooth, seen), of_skin)


def _detail(smooth: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return what is left without the slow changes, which are means of `where` alone: else its rim would be the strongest detail.

    The rim of a dermoscope's field stays with the camera, and that of a mole grows with the mole.
    """
    weight = where.astype(np.float32)
    slow = cv2.GaussianBlur(smooth * weight, (0, 0), DETAIL_PX) / np.maximum(cv2.GaussianBlur(weight, (0, 0), DETAIL_PX), 1e-3)
    return (smooth - slow) * weight


def _widened(mask: Mask) -> Mask:
    """Return the mole with its border."""
    border = max(4, round(AROUND_MOLE * float(np.sqrt(4 * np.count_nonzero(mask) / np.pi))))
    return cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * border + 1,) * 2)) > 0


def _outer_fit(first: _Picture, second: _Picture) -> NDArray[np.float64]:
    """Return the matrix that lays one frame's middle over the other's."""
    shift = (np.array(second.bright.shape[::-1]) - first.bright.shape[::-1]) / 2
    return np.column_stack([np.eye(2), shift])


def _matched(first: _Picture, second: _Picture) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return n x 2 places in either picture that look like each other and like nothing else."""
    sift = cv2.SIFT_create(nfeatures=1500, contrastThreshold=0.015, edgeThreshold=15)
    points, described = [], []
    for one in (first, second):
        found, vectors = sift.detectAndCompute(one.bright, one.seen.astype(np.uint8))
        if vectors is None or len(vectors) < FEWEST_FEATURES:
            return np.empty((0, 2)), np.empty((0, 2))
        points.append(np.array([point.pt for point in found]))
        # RootSIFT (Arandjelovic, Zisserman, CVPR 2012)
        described.append(np.sqrt(vectors / np.maximum(vectors.sum(axis=1, keepdims=True), 1e-6)))
    pairs = _mutual(*described)
    return points[0][pairs[:, 0]], points[1][pairs[:, 1]]


def _at(mask: NDArray[np.bool_], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    columns, rows = np.rint(points).astype(int).T
    return mask[rows.clip(0, mask.shape[0] - 1), columns.clip(0, mask.shape[1] - 1)]


def _fitted(source: NDArray[np.float64], target: NDArray[np.float64]) -> _Match | None:
    """Return what most of the matched places (n x 2 each) agree on; None where they are too few."""
    if len(source) < FEWEST_FEATURES:
        return None
    settings = {"method": cv2.RANSAC, "ransacReprojThreshold": 4.0, "maxIters": 5000, "confidence": 0.999}
    matrix, kept = cv2.estimateAffinePartial2D(source, target, **settings)
    if matrix is None or kept.sum() < FEWEST_FEATURES:
        return None
    kept = kept.ravel() > 0
    if kept.sum() >= 20:
        affine, still = cv2.estimateAffine2D(source[kept], target[kept], method=cv2.RANSAC, ransacReprojThreshold=3.0)
        matrix = affine if affine is not None and still.sum() >= 15 else matrix
    misfit = source[kept] @ matrix[:, :2].T + matrix[:, 2] - target[kept]
    return _Match(matrix, _places(source[kept]), float(np.sqrt((misfit**2).sum(axis=1).mean())))


def _places(points: NDArray[np.float64]) -> int:
    """Features at one place, of several sizes, are one witness."""
    return len(np.unique(np.rint(points / 4), axis=0))


def _mutual(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return n x 2 indices of unit vectors that are each other's nearest, and clearly nearer than the next (Lowe's ratio)."""
    likeness = first @ second.T
    rows = np.arange(len(first))
    forth, back = likeness.argmax(axis=1), likeness.argmax(axis=0)
    best = likeness[rows, forth]
    likeness[rows, forth] = -1
    distance, next_distance = (np.sqrt(np.maximum(1e-9, 2 - 2 * one)) for one in (best, likeness.max(axis=1)))
    good = (distance < 0.9 * next_distance) & (back[forth] == rows)
    return np.column_stack([rows[good], forth[good]])


def _by_outlines(first: _Picture, second: _Picture) -> list[_Match]:
    """Return the two best of 36 turns about the middles of the outlines, at the ratio of their sizes."""
    quarter = 1 / 4
    small = [cv2.resize(one.smooth, None, fx=quarter, fy=quarter, interpolation=cv2.INTER_AREA) for one in (first, second)]
    middles = [np.array(np.nonzero(one.mask)).mean(axis=1)[::-1] for one in (first, second)]
    ratio = float(np.sqrt(np.count_nonzero(second.mask) / np.count_nonzero(first.mask)))
    near = cv2.dilate(second.mask.astype(np.uint8), np.ones((41, 41), np.uint8))
    near = cv2.resize(near, small[1].shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    ranked = []
    for degrees in range(0, 360, 10):
        turn = np.radians(degrees)
        turned = ratio * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix = np.column_stack([turned, middles[1] - turned @ middles[0]])
        ranked.append((_agreement(*small, _resized(matrix, quarter, quarter), near), degrees, matrix))
    ranked.sort(key=lambda one: -one[0])
    return [_Match(matrix) for _, _, matrix in ranked[:2]]


def _sought(first: _Picture, second: _Picture, guesses: list[_Match]) -> list[_Match]:
    """Return the guesses and, for each, the turn and scale about the mole's middle at which the skin around it agrees best."""
    half = 1 / 2
    # Blurred: a step of scale or turn moves the rim by some pixels.
    small = [
        cv2.resize(cv2.GaussianBlur(one.skin_detail, (0, 0), 2.0), None, fx=half, fy=half, interpolation=cv2.INTER_AREA)
        for one in (first, second)
    ]
    skin = [
        cv2.resize(one.skin.astype(np.uint8), one_small.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        for one, one_small in zip((first, second), small, strict=True)
    ]
    middle = np.array(np.nonzero(first.mask)).mean(axis=1)[::-1]
    found = []
    for guess in guesses:
        there = guess.matrix[:, :2] @ middle + guess.matrix[:, 2]
        ranked = []
        for degrees in TURNS_DEGREES:
            turn = np.radians(degrees)
            turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            for stretch in STRETCHES:
                linear = stretch * turned @ guess.matrix[:, :2]
                matrix = np.column_stack([linear, there - linear @ middle])
                ranked.append((_skin_correlation(*small, *skin, _resized(matrix, half, half)), matrix))
        found += [guess, _Match(max(ranked, key=lambda one: one[0])[1])]
    return found


def _resized(matrix: NDArray[np.float64], first: float, second: float) -> NDArray[np.float64]:
    """Return the matrix between the pictures once the first is resized by `first` and the second by `second`; pixel middles count."""
    linear = matrix[:, :2] * (second / first)
    shift = second * (matrix[:, 2] + matrix[:, :2] @ np.full(2, 0.5 / first - 0.5) + 0.5) - 0.5
    return np.column_stack([linear, shift])


def _moved(mask: NDArray[np.bool_], matrix: NDArray[np.float64], shape: tuple[int, ...], *, back: bool = False) -> NDArray[np.bool_]:
    flags = cv2.INTER_NEAREST | (cv2.WARP_INVERSE_MAP if back else 0)
    return cv2.warpAffine(mask.astype(np.uint8), matrix, shape[1::-1], flags=flags) > 0


def _agreement(first: NDArray[np.float32], second: NDArray[np.float32], matrix: NDArray[np.float64], where: NDArray[np.bool_]) -> float:
    """Return the correlation of both pictures inside `where` (of the second) and the first one's frame; -1 where that is little."""
    both = where & _moved(np.ones(first.shape, bool), matrix, second.shape)
    if both.sum() < max(30, 0.2 * where.sum()):
        return -1.0
    one, other = cv2.warpAffine(first, matrix, second.shape[::-1], flags=cv2.INTER_LINEAR)[both], second[both]
    one, other = one - one.mean(), other - other.mean()
    return float((one @ other) / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-6))


def _refined(first: _Picture, second: _Picture, guess: _Match, *, skin: bool = False) -> _Match:
    """Return the guess moved to where the pictures, or the skin in them alone, agree best; as it was where that is no better."""
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-4)
    start = guess.matrix.astype(np.float32)
    # On skin the slow changes are the lamp's, which does not move with it.
    pictures = (first.skin_detail, second.skin_detail) if skin else (first.smooth, second.smooth)
    where = second.skin & _moved(first.skin, guess.matrix, second.bright.shape) if skin else second.seen
    try:
        # ECC's template is the first photo: its matrix leads from there to the second.
        _, moved = cv2.findTransformECC(*pictures, start, cv2.MOTION_AFFINE, criteria, where.astype(np.uint8) * 255, 1)
    except cv2.error:  # It does not converge: the guess is too far off for it.
        return guess
    moved = moved.astype(np.float64)
    if skin:
        before, after = (_skin_agreement(first, second, matrix) for matrix in (guess.matrix, moved))
    else:
        before, after = (_agreement(first.detail, second.detail, matrix, second.seen) for matrix in (guess.matrix, moved))
    return replace(guess, matrix=moved) if after > before and _bent(moved) < MOST_BENT else guess


def _skin_agreement(first: _Picture, second: _Picture, matrix: NDArray[np.float64]) -> float:
    return _skin_correlation(first.skin_detail, second.skin_detail, first.skin, second.skin, matrix)


def _evidence(first: _Picture, second: _Picture, matrix: NDArray[np.float64]) -> float:
    """Return how unlikely the skin's agreement is by chance (Fisher's z): much skin goes before little that agrees better."""
    both = second.skin & _moved(first.skin, matrix, second.bright.shape)
    return float(np.arctanh(np.clip(_skin_agreement(first, second, matrix), -0.99, 0.99)) * np.sqrt(both.mean()))


def _borne_by_skin(
    first: _Picture, second: _Picture, matrix: NDArray[np.float64], matched: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> bool:
    """Tell whether the skin alone shows that the matrix is right; `matched` are places of the skin."""
    agreement = _skin_agreement(first, second, matrix)
    source, target = matched
    fits = np.linalg.norm(source @ matrix[:, :2].T + matrix[:, 2] - target, axis=1) < 3
    return agreement >= LEAST_SKIN_AGREEMENT or (agreement >= LEAST_AMONG_HAIR and _places(source[fits]) >= ENOUGH_ON_SKIN)


def _skin_correlation(
    first: NDArray[np.float32], second: NDArray[np.float32], first_skin: NDArray[np.bool_], second_skin: NDArray[np.bool_],
    matrix: NDArray[np.float64],
) -> float:  # fmt: skip
    """Return the correlation of both pictures where both show skin; -1 where that is too little to tell."""
    both = second_skin & _moved(first_skin, matrix, second.shape)
    return _agreement(first, second, matrix, both) if both.mean() >= LEAST_SKIN else -1.0


def _bent(matrix: NDArray[np.float64]) -> float:
    """Return how much longer the matrix makes one direction than another."""
    stretch = np.linalg.svd(matrix[:, :2], compute_uv=False)
    return float(stretch[0] / max(stretch[1], 1e-6))


def _outline_overlap(first: _Picture, second: _Picture, matrix: NDArray[np.float64]) -> float:
    if first.mask is None or second.mask is None:
        return 0.0
    moved = _moved(first.mask, matrix, second.bright.shape)
    return 2 * np.count_nonzero(moved & second.mask) / max(1, np.count_nonzero(moved) + np.count_nonzero(second.mask))


def _judged(first: _Picture, second: _Picture, match: _Match, *, by_skin: bool) -> Registration:
    matrix = _resized(match.matrix, 1 / first.scale, 1 / second.scale)
    determinant = float(np.linalg.det(matrix[:, :2]))
    seen_back = _moved(second.seen, match.matrix, first.bright.shape, back=True)
    overlap = float((seen_back & first.seen).sum() / max(1, first.seen.sum()))
    agreement = _agreement(first.detail, second.detail, match.matrix, second.seen & _moved(first.seen, match.matrix, second.bright.shape))
    skin = _skin_agreement(first, second, match.matrix)
    ratio = float(np.sqrt(abs(np.linalg.det(match.matrix[:, :2]))))
    if determinant <= 0 or not 1 / LARGEST_RATIO < ratio < LARGEST_RATIO or _bent(matrix) > MOST_BENT:
        reason = "implausible"
    elif overlap < LEAST_OVERLAP:
        reason = "little_overlap"
    else:
        # A mole may have changed out of all likeness; the skin around it has not.
        reason = "" if by_skin or agreement >= LEAST_AGREEMENT else "unlike"
    turn = float(np.degrees(np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1])))
    scale = float(np.sqrt(abs(determinant)))
    outlines = _outline_overlap(first, second, match.matrix)
    residual = match.residual / second.scale
    by_skin = by_skin and not reason
    return Registration(matrix, scale, turn, overlap, residual, agreement, match.features, skin, by_skin, outlines, not reason, reason)
