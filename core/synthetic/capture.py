"""A photograph of a mole: where the camera stands, the light, what lies on the skin, and what the sensor makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from core.synthetic import hairs, lesion, skin
from core.synthetic.mole import DERMOSCOPE_FIELD_MM, Mole
from core.synthetic.noise import Plane, require_seed, smoothstep, stream

Look = Literal["dermoscope", "phone"]
Photo = NDArray[np.uint8]
Mask = NDArray[np.bool_]

PHONE_FIELD_MM = 19.0
"""Shorter side of a phone's frame on the skin at the nominal distance."""
_SMALLEST, _LARGEST = 32, 8000

_VEIL = (0.13, 0.145, 0.19)
_SCAR = (0.72, 0.55, 0.53)
_CASTS = {
    "dermoscope": ((1.10, 0.88, 0.98), (1.0, 0.97, 1.04), (0.98, 0.93, 1.10), (1.10, 0.97, 0.84), (1.04, 0.93, 1.0), (1.05, 0.90, 1.08)),
    "phone": ((1.0, 1.0, 1.0), (1.10, 1.0, 0.82), (1.05, 0.98, 0.92), (0.95, 1.0, 1.1)),
}
"""White balance (R, G, B) of the cameras: pink, neutral, violet and amber dermoscopes; day, lamp and shade for phones."""


@dataclass(frozen=True, eq=False)
class SyntheticPhoto:
    """A generated photo with the truth about it."""

    rgb: Photo
    """H x W x 3."""
    mask: Mask
    """H x W, the lesion as drawn: pigment density at least half of that inside."""
    mm_per_pixel: float
    """At the centre of the lesion."""
    mole: Mole
    visit: int


@dataclass(frozen=True, eq=False)
class _View:
    """Places on the skin in mm, one a pixel (H x W), and the size of a pixel at the lesion's centre."""

    x: Plane
    y: Plane
    mm_per_pixel: float


def photograph(
    mole: Mole,
    *,
    visit: int = 0,
    look: Look = "dermoscope",
    size: tuple[int, int] = (640, 480),
    hair: float = 0.0,
    seed: int | None = None,
) -> SyntheticPhoto:
    """A photo of `mole` at `visit` (0 is the first), `size` (width, height) pixels, with `hair` from 0 (shaved) to 1 (dense).

    `seed` draws the capture (rotation, shift, distance, light, hairs, noise) and nothing of the mole; without it the capture follows
    from mole and visit. Raises ValueError where an argument is out of its range.
    """
    if visit < 0:
        raise ValueError(f"A visit is 0 (the first) or later; it was {visit}.")
    capture = mole.seed * 1009 + visit if seed is None else seed
    _require_capture(look, size, hair, capture)
    view = _view(look, size, stream(capture, "view"))
    return _expose(mole, visit, view, look, hair, capture)


def bare_skin(
    tone: int = 2,
    size: tuple[int, int] = (640, 480),
    seed: int = 0,
    *,
    look: Look = "dermoscope",
    hair: float = 0.0,
    freckled: bool = True,
) -> Photo:
    """H x W x 3 photo of skin without any lesion, now and then with a freckle or two unless `freckled` is False.

    Raises ValueError where an argument is out of its range.
    """
    _require_capture(look, size, hair, seed)
    skin.tone_melanin(tone)
    mole = Mole(seed=seed, skin_tone=tone)
    return _expose(mole, None, _view(look, size, stream(seed, "view")), look, hair, seed, freckled).rgb


def require_size(size: tuple[int, int]) -> None:
    """ValueError unless both sides are whole numbers of pixels that a photo can have."""
    if len(size) != 2 or not all(isinstance(side, int | np.integer) and _SMALLEST <= side <= _LARGEST for side in size):
        raise ValueError(f"Width and height of a photo are whole numbers from {_SMALLEST} to {_LARGEST} pixels; they were {size}.")


def _require_capture(look: str, size: tuple[int, int], hair: float, seed: int) -> None:
    require_size(size)
    if look not in get_args(Look):
        raise ValueError(f"The look is dermoscope or phone; it was {look!r}.")
    if not 0 <= hair <= 1:
        raise ValueError(f"Hair goes from 0 (none) to 1 (dense); it was {hair}.")
    require_seed(seed)


def _view(look: Look, size: tuple[int, int], rng: np.random.Generator) -> _View:
    """A pinhole camera over the skin plane: a dermoscope sits flat on it, a phone is held tilted by up to 14 degrees."""
    width, height = size
    short = min(size)
    turn = rng.normal(0, np.radians(14))
    if look == "dermoscope":
        field_mm, tilt, shift = DERMOSCOPE_FIELD_MM * rng.uniform(0.97, 1.03), 0.0, 0.06
    else:
        field_mm, tilt, shift = PHONE_FIELD_MM * rng.uniform(0.8, 1.2), np.radians(rng.uniform(0, 14)), 0.09
    toward = rng.uniform(0, 2 * np.pi)
    right, down = rng.normal(0, shift, 2).clip(-2 * shift, 2 * shift) * short

    focal = 1.2 * short
    distance_mm = field_mm * focal / short
    column, row = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    across = (column - np.float32((width - 1) / 2 + right)) / np.float32(focal)
    along = (row - np.float32((height - 1) / 2 + down)) / np.float32(focal)
    cos, sin = np.float32(np.cos(toward)), np.float32(np.sin(toward))
    reach = np.float32(distance_mm) / (1 - np.float32(np.tan(tilt)) * (across * cos + along * sin))
    x, y = across * reach, along * reach
    # On the slope itself a length is longer than its shadow on the sensor by 1 / cos(tilt).
    longer = (x * cos + y * sin) * np.float32(1 / np.cos(tilt) - 1)
    x, y = x + longer * cos, y + longer * sin
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    return _View(x * cos + y * sin, y * cos - x * sin, float(distance_mm / focal / np.sqrt(np.cos(tilt))))


def _expose(mole: Mole, visit: int | None, view: _View, look: Look, hair: float, capture: int, freckled: bool = True) -> SyntheticPhoto:
    """Skin, lesion, relief, hair, light and sensor, in the order in which light meets them; visit None leaves the lesion out."""
    shape = view.x.shape
    height = skin.relief(mole.seed, view.x, view.y)
    melanin, blood = skin.pigments(mole.seed, mole.skin_tone, view.x, view.y, height, freckled=freckled)
    mask = np.zeros(shape, bool)
    veil = scar = raised = np.zeros(shape, np.float32)
    if visit is not None:
        drawn = lesion.draw(mole, visit, view.x, view.y, skin.tone_melanin(mole.skin_tone))
        melanin, blood, veil, scar, mask = melanin + drawn.melanin, blood + drawn.blood, drawn.veil, drawn.scar, drawn.inside >= 0.5
        raised = drawn.inside
    light = skin.reflectance(melanin, blood)
    dimmed = 1 / (1 + 0.45 * skin.tone_melanin(mole.skin_tone))
    light = _over(light, _SCAR, scar * np.float32(dimmed), 1.0)
    light = _over(light, _VEIL, veil, dimmed)

    rng = stream(capture, "light")
    light *= _shading(mole, height, raised, view.mm_per_pixel, look, rng)[..., None]
    hairs.lay(light, hairs.colour_of(mole.seed, mole.skin_tone), hair, view.mm_per_pixel, look == "phone", stream(capture, "hair"))
    if look == "dermoscope":
        _bubbles(light, stream(capture, "gel"))
    light *= _illumination(shape, look, rng)[..., None]
    light *= np.float32(_exposure(mole.skin_tone) * rng.uniform(0.9, 1.1)) * _white_balance(mole.seed, look, rng)
    light = _focus(light, look, rng)
    if look == "dermoscope":
        mask &= _tube(light, mole.seed, rng)
    return SyntheticPhoto(_develop(light, look, stream(capture, "sensor")), mask, view.mm_per_pixel, mole, 0 if visit is None else visit)


def _over(light: Plane, colour: tuple[float, float, float], share: Plane, brightness: float) -> Plane:
    return light + share[..., None] * (np.array(colour, np.float32) * np.float32(brightness) - light)


def _exposure(tone: int) -> float:
    """Gain of a camera that brightens dark skin, but only part of the way, as automatic exposure does."""
    one = np.ones((1, 1), np.float32)
    base = float(skin.reflectance(one * skin.tone_melanin(tone), one * skin.BLOOD).mean())
    return (0.60 / base) ** 0.14


def _white_balance(mole_seed: int, look: Look, rng: np.random.Generator) -> NDArray[np.float32]:
    """Gains R, G, B: one camera a patient, nearly the same at every visit, some brighter than others."""
    own = stream(mole_seed, f"camera {look}")
    cast = np.array(_CASTS[look][own.integers(len(_CASTS[look]))])
    drift = 0.03 if look == "phone" else 0.012
    gain = own.uniform(0.82, 1.22) * (1 + (cast - 1) * own.uniform(0.5, 1.1)) + rng.normal(0, drift, 3)
    return gain.astype(np.float32)


def _shading(mole: Mole, height: Plane, raised: Plane, mm_per_pixel: float, look: Look, rng: np.random.Generator) -> Plane:
    """Light and shadow of the skin's relief: strong under a phone's side light, almost gone under a dermoscope's polariser."""
    own = stream(mole.seed, "shading")
    bulge = float(own.choice((0.0, 0.35, 0.9), p=(0.5, 0.35, 0.15)))
    strength = own.uniform(0.008, 0.032) if look == "phone" else own.uniform(0.002, 0.012)
    angle = rng.uniform(0, 2 * np.pi)
    relief_mm = height * np.float32(1 - 0.3 * bulge) + np.float32(3 * bulge) * raised
    relief_mm = cv2.GaussianBlur(relief_mm, (0, 0), max(0.3, 0.02 / mm_per_pixel))
    slope_x = cv2.Sobel(relief_mm, cv2.CV_32F, 1, 0, scale=1 / (8 * mm_per_pixel))
    slope_y = cv2.Sobel(relief_mm, cv2.CV_32F, 0, 1, scale=1 / (8 * mm_per_pixel))
    facing = slope_x * np.float32(np.cos(angle)) + slope_y * np.float32(np.sin(angle))
    shade = np.clip(1 - strength * facing, 0.45, 1.5)
    if look == "phone":
        shine = own.uniform(0.0, 0.18)
        shade = shade + np.float32(shine) * smoothstep(2.2, 5.0, -facing)
    return shade


def _illumination(shape: tuple[int, int], look: Look, rng: np.random.Generator) -> Plane:
    """Brightness over the frame: a soft fall-off for a dermoscope; a slope and sometimes a soft-edged shadow for a phone."""
    rows, columns = shape
    right = np.linspace(-1, 1, columns, dtype=np.float32)[None, :] * np.float32(columns / max(shape))
    down = np.linspace(-1, 1, rows, dtype=np.float32)[:, None] * np.float32(rows / max(shape))
    angle = rng.uniform(0, 2 * np.pi)
    slope = right * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle))
    off = rng.normal(0, 0.12, 2)
    radius = (right - np.float32(off[0])) ** 2 + (down - np.float32(off[1])) ** 2
    if look == "dermoscope":
        return 1 - np.float32(rng.uniform(0.05, 0.35)) * radius + np.float32(rng.uniform(0, 0.06)) * slope
    field = 1 + np.float32(rng.uniform(0.03, 0.22)) * slope - np.float32(rng.uniform(0, 0.22)) * radius
    if rng.random() < 0.35:
        across = slope + 0.12 * right * down
        edge, depth, soft = rng.uniform(0.35, 0.75), rng.uniform(0.15, 0.4), rng.uniform(0.12, 0.4)
        field = field * (1 - np.float32(depth) * smoothstep(edge - soft, edge + soft, -across))
    return field


def _tube(light: Plane, mole_seed: int, rng: np.random.Generator) -> Mask:
    """Darkens what lies outside the dermoscope's round opening, where this dermoscope shows it; returns what stays visible."""
    rows, columns = light.shape[:2]
    own = stream(mole_seed, "tube")
    kind = own.choice(("none", "corners", "circle"), p=(0.5, 0.34, 0.16))
    reach = own.uniform(0.53, 0.6) * columns if kind == "corners" else own.uniform(0.5, 0.56) * max(rows, 0.85 * columns)
    softness = own.uniform(0.006, 0.05) * columns
    right, down = rng.normal(0, 0.012 * columns, 2)
    if kind == "none":
        return np.ones((rows, columns), bool)
    column = np.arange(columns, dtype=np.float32)[None, :] - np.float32((columns - 1) / 2 + right)
    row = np.arange(rows, dtype=np.float32)[:, None] - np.float32((rows - 1) / 2 + down)
    opening = smoothstep(reach + softness, reach - softness, np.hypot(column, row))
    light *= (0.004 + 0.996 * opening)[..., None]
    return opening > 0.3


def _bubbles(light: Plane, rng: np.random.Generator) -> None:
    """Air in the contact gel, mostly near the edges: thin rings with a bright and a dark side and a glint."""
    if rng.random() > 0.35:
        return
    rows, columns = light.shape[:2]
    unit = min(rows, columns)
    for _ in range(int(rng.integers(1, 12))):
        radius = min(unit * 0.006 * (1 + rng.pareto(2.2)), 0.05 * unit)
        centre = rng.uniform((0, 0), (columns, rows))
        if rng.random() < 0.6:
            centre[rng.integers(2)] *= 0.18
        left, top = np.maximum(np.floor(centre - 1.6 * radius).astype(int), 0)
        right, bottom = np.ceil(centre + 1.6 * radius).astype(int) + 1
        patch = light[top:bottom, left:right]
        x = (np.arange(left, left + patch.shape[1], dtype=np.float32)[None, :] - np.float32(centre[0])) / np.float32(radius)
        y = (np.arange(top, top + patch.shape[0], dtype=np.float32)[:, None] - np.float32(centre[1])) / np.float32(radius)
        ring = np.exp(-(((np.hypot(x, y) - 1) / 0.16) ** 2))
        side = (x + y) / np.float32(np.sqrt(2))
        glint = np.exp(-((x + 0.45) ** 2 + (y + 0.45) ** 2) / 0.03)
        patch *= (1 - 0.35 * ring * np.clip(side, 0, 1))[..., None]
        patch += (0.35 * ring * np.clip(-side, 0, 1) + 0.5 * glint)[..., None]


def _focus(light: Plane, look: Look, rng: np.random.Generator) -> Plane:
    """Blur of the lens, in proportion to the frame; a phone this near is also soft towards one side."""
    unit = min(light.shape[:2]) / 480
    if look == "dermoscope":
        return cv2.GaussianBlur(light, (0, 0), unit * rng.uniform(0.3, 0.9))
    sharp = cv2.GaussianBlur(light, (0, 0), unit * rng.uniform(0.4, 1.0))
    soft = cv2.GaussianBlur(light, (0, 0), unit * rng.uniform(2.0, 3.2))
    rows, columns = light.shape[:2]
    angle, start = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.9)
    right, down = np.linspace(-1, 1, columns, dtype=np.float32), np.linspace(-1, 1, rows, dtype=np.float32)
    away = right[None, :] * np.float32(np.cos(angle)) + down[:, None] * np.float32(np.sin(angle))
    share = smoothstep(start, start + 0.9, away)[..., None]
    return sharp + share * (soft - sharp)


def _develop(light: Plane, look: Look, rng: np.random.Generator) -> Photo:
    """Linear light to the 8-bit sRGB file of a camera: highlight roll-off, transfer curve (IEC 61966-2-1), noise, JPEG."""
    light = np.maximum(light, 0)
    knee = np.float32(0.8)
    light = np.where(light > knee, knee + (1 - knee) * (1 - np.exp(-(light - knee) / (1 - knee))), light)
    code = 255 * (1.055 * cv2.pow(light, 1 / 2.4) - 0.055)
    spread = rng.uniform(1.0, 3.2) if look == "phone" else rng.uniform(0.5, 1.8)
    noise = rng.standard_normal(light.shape, dtype=np.float32)
    code += np.float32(spread) * cv2.GaussianBlur(noise, (0, 0), 0.6) * (1.6 - code / 255)
    rgb = np.clip(np.rint(code), 0, 255).astype(np.uint8)
    quality = int(rng.integers(78, 93)) if look == "phone" else int(rng.integers(88, 97))
    coded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.cvtColor(cv2.imdecode(coded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
