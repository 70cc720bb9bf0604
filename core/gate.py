"""Which photos can be judged at all: skin or not, light, focus; and what to warn of. Fitted by `python -m training.gate`.

The gate's network is the pretrained encoder with everything that was fitted behind it, in one exported file: a logit of "this is
skin", and how far the photo lies from the lesion photos that the gate knows. So its thresholds cannot outlive its features.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.preprocess import RGB, frame_for, normalise, resize
from core.runtime import Network

WORKING_SIDE_PX = 200
"""Longest side at which light and focus are judged: that of the smallest real photos, so that being small is not being blurred."""


@dataclass(frozen=True)
class Verdict:
    """Codes of core.codes, and the distance in units at which an answer becomes uncertain (1 and more: beyond what is known)."""

    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    distance: float


def check(network: Network, rgb: RGB) -> Verdict:
    """Judge an H x W x 3 photo of any size."""
    thresholds = network.card.details["thresholds"]
    logit, distance = skin_logit(network, rgb)
    seen = quality(rgb)
    reasons = [code for code, name in (("too_dark", "brightness"), ("blurred", "sharpness")) if seen[name] < thresholds[name]]
    reasons += ["too_bright"] if seen["clipped"] > thresholds["clipped"] else []
    # A photo too dark or too bright to see anything would be called no skin as well: say what can be mended.
    if logit < thresholds["skin_logit"] and not {"too_dark", "too_bright"} & set(reasons):
        reasons = ["not_skin"]
    warned = {"hair": "hair", "glare": "glare", "ruler_or_ink": "ink"}
    warnings = [code for code, name in warned.items() if seen[name] > thresholds[name]] if not reasons else []
    return Verdict(tuple(reasons), tuple(warnings), distance / thresholds["distance"])


def skin_logit(network: Network, rgb: RGB) -> tuple[float, float]:
    """Return the logit of "this is skin" and the distance from the known lesion photos."""
    details = network.card.details["input"]
    frames = tuple((frame["width"], frame["height"]) for frame in details["frames"])
    small = resize(rgb, *frame_for(rgb.shape[1], rgb.shape[0], frames))
    logit, distance = network(normalise(small[None], details["normalisation"]))
    return float(logit[0]), float(distance[0])


def quality(rgb: RGB) -> dict[str, float]:
    """Return what light and focus are judged by.

    brightness   of the brighter half of the photo, 0 to 1: dark corners of a dermoscope do not count
    clipped      share of pixels that are white or nearly so, in the middle four fifths of the photo
    sharpness    logarithm of fine over coarser structure (a difference of Gaussians), both at the working size
    hair         share of pixels that are thin and dark or thin and bright against what is beside them
    glare        share of small white spots
    ink          share of pixels of a colour that skin and blood do not have: blue, violet or green, and strong
    """
    shrink = min(1.0, WORKING_SIDE_PX / max(rgb.shape[:2]))
    small = resize(rgb, max(1, round(rgb.shape[1] * shrink)), max(1, round(rgb.shape[0] * shrink)))
    height, width = small.shape[:2]
    middle = small[height // 10 : height - height // 10, width // 10 : width - width // 10]
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    white = (middle.min(axis=2) > 247).mean()
    return {
        "brightness": float(np.percentile(grey, 75)) / 255,
        "clipped": float(white),
        "sharpness": _sharpness(grey.astype(np.float32)),
        "hair": _hair(grey),
        "glare": float(_spots(small).mean()),
        "ink": float(_ink(middle)),
    }


def _sharpness(grey: NDArray[np.float32]) -> float:
    fine, middle, coarse = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (0.8, 1.6, 4.0))
    # The strongest structure decides: most of a photo is smooth skin, sharp or not. Noise of the sensor counts in both.
    high, low = (np.percentile(np.abs(one), 99) for one in (fine - middle, middle - coarse))
    return float(np.log((high + 0.05) / (low + 0.5)))


def _hair(grey: NDArray[np.uint8]) -> float:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    share = 0.0
    for kind in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT):
        thin = (cv2.morphologyEx(grey, kind, kernel) > 24).astype(np.uint8)
        _, labels, statistics, _ = cv2.connectedComponentsWithStats(thin, connectivity=8)
        extent = np.hypot(statistics[:, cv2.CC_STAT_WIDTH], statistics[:, cv2.CC_STAT_HEIGHT])
        long_ = (extent > 0.1 * max(grey.shape)) & (statistics[:, cv2.CC_STAT_AREA] < 0.35 * extent**2)
        long_[0] = False
        share += float(long_[labels].mean())
    return share


def _spots(rgb: RGB) -> NDArray[np.bool_]:
    bright = rgb.min(axis=2)
    return (bright > 235) & (cv2.morphologyEx(bright, cv2.MORPH_TOPHAT, np.ones((15, 15), np.uint8)) > 50)


def _ink(rgb: RGB) -> float:
    hue, saturation, value = (one.astype(int) for one in cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)))
    return float(((hue > 40) & (hue < 145) & (saturation > 90) & (value > 50)).mean())
