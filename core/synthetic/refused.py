"""Pictures that a photo gate should refuse, and ways to spoil a good photo."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np

from core.synthetic.capture import Photo, require_size
from core.synthetic.noise import Plane, cell_tile, cloud_tile, read, require_seed, smoothstep

NotSkin = Literal[
    "texture", "document", "drawing", "sky", "food", "face_like", "wall_skin_coloured", "foliage", "screenshot", "pattern", "fur", "plain"
]
Colour = tuple[float, float, float]

_WORDS = ("the", "of", "invoice", "total", "number", "date", "name", "address", "amount", "paid", "order", "please", "page", "thank", "you")


def not_skin(kind: NotSkin, size: tuple[int, int] = (640, 480), seed: int = 0) -> Photo:
    """H x W x 3 picture of something that is no skin. Raises ValueError for an unknown kind or an impossible size."""
    if kind not in get_args(NotSkin):
        raise ValueError(f"What is not skin is one of {', '.join(get_args(NotSkin))}; it was {kind!r}.")
    require_size(size)
    require_seed(seed)
    rng = np.random.default_rng([seed, get_args(NotSkin).index(kind)])
    width, height = size
    picture = _PAINTERS[kind](width, height, rng)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.0008 * (width + height) + 0.3)
    picture += rng.normal(0, rng.uniform(0.8, 2.5), picture.shape).astype(np.float32)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def blur(rgb: Photo, strength: float = 0.5) -> Photo:
    """Out of focus: a disc of up to 6 % (`strength` 1) of the shorter side."""
    radius = round(_share(strength, "blur") * 0.03 * min(rgb.shape[:2]))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)).astype(np.float32)
    return cv2.filter2D(rgb, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)


def darken(rgb: Photo, strength: float = 0.5) -> Photo:
    """Under-exposed by up to six stops (`strength` 1), with the noise that a dark photo has."""
    light = _linear(rgb) * np.float32(2.0 ** (-6 * _share(strength, "darken")))
    noise = np.random.default_rng(rgb.shape).normal(0, 0.0008 * strength, rgb.shape)
    return _coded(light + noise.astype(np.float32))


def overexpose(rgb: Photo, strength: float = 0.5) -> Photo:
    """Over-exposed by up to three stops (`strength` 1): bright areas clip to white."""
    return _coded(_linear(rgb) * np.float32(2.0 ** (3 * _share(strength, "overexpose"))))


def _share(strength: float, verb: str) -> float:
    if not 0 <= strength <= 1:
        raise ValueError(f"The strength to {verb} goes from 0 to 1; it was {strength}.")
    return strength


def _linear(rgb: Photo) -> Plane:
    return cv2.pow((rgb.astype(np.float32) / 255 + 0.055) / 1.055, 2.4)


def _coded(light: Plane) -> Photo:
    return np.clip(np.rint(255 * (1.055 * cv2.pow(np.clip(light, 0, 1), 1 / 2.4) - 0.055)), 0, 255).astype(np.uint8)


def _plain(width: int, height: int, colour: Colour) -> Plane:
    return np.full((height, width, 3), colour, np.float32)


def _places(width: int, height: int) -> tuple[Plane, Plane]:
    """Columns and rows in units of the shorter side, from the centre."""
    short = min(width, height)
    return tuple(
        np.meshgrid(
            np.linspace(-width / short / 2, width / short / 2, width, dtype=np.float32),
            np.linspace(-height / short / 2, height / short / 2, height, dtype=np.float32),
        )
    )


def _mix(below: Plane, above: Colour, share: Plane) -> Plane:
    return below + share[..., None] * (np.array(above, np.float32) - below)


def _wool(x: Plane, y: Plane, rng: np.random.Generator, period: float = 1.5, variant: int = 0) -> Plane:
    return read(cloud_tile(1.5, 1, 80, variant), x, y, period, rng)


def _texture(width: int, height: int, rng: np.random.Generator) -> Plane:
    """Wood, woven cloth, brick or gravel."""
    x, y = _places(width, height)
    kind = rng.choice(("wood", "cloth", "brick", "gravel"))
    colour = tuple(rng.uniform((70, 50, 30), (190, 150, 130)))
    if kind == "wood":
        rings = np.sin(np.float32(rng.uniform(25, 60)) * (y + 0.12 * _wool(0.25 * x, y, rng)))
        return _plain(width, height, colour) * (0.8 + 0.14 * rings + 0.08 * read(cloud_tile(0.8, 10, 200), x, y, 2, rng, 12))[..., None]
    if kind == "cloth":
        colour = tuple(rng.uniform(30, 220, 3))
        threads = rng.uniform(90, 220)
        weave = np.maximum(np.sin(threads * x) * np.sign(np.sin(threads * y / 2)), np.sin(threads * y) * np.sign(np.sin(threads * x / 2)))
        return _plain(width, height, colour) * (0.85 + 0.15 * weave.astype(np.float32) + 0.05 * _wool(x, y, rng))[..., None]
    if kind == "brick":
        row = np.floor(y * 9)
        column = x * 4 + 0.5 * (row % 2)
        joint = np.maximum(np.abs(y * 9 - row - 0.5) > 0.43, np.abs(column - np.floor(column) - 0.5) > 0.46).astype(np.float32)
        fired = 1 + 0.1 * np.sin(7 * row + 13 * np.floor(column)) + 0.1 * _wool(x, y, rng)
        brick = _plain(width, height, (150, 70, 50)) * fired[..., None]
        return _mix(brick, (185, 180, 170), cv2.GaussianBlur(joint, (0, 0), 1.2))
    cells = cell_tile(48, 0.9, 2)
    turn = int(rng.integers(2**31))
    border, value = (read(plane, x, y, 2.2, np.random.default_rng(turn)) for plane in (cells.border, cells.value))
    return _plain(width, height, (165, 160, 150)) * ((0.25 + smoothstep(0, 0.35, border)) * (0.5 + 0.5 * value))[..., None]


def _document(width: int, height: int, rng: np.random.Generator) -> Plane:
    """A printed page, slightly turned and unevenly lit."""
    page = _plain(width, height, (244, 243, 238)).astype(np.uint8)
    scale = min(width, height) / 900
    line = 26 * scale + 4
    y = 2.5 * line
    while y < height - line:
        words = " ".join(rng.choice(_WORDS, int(rng.integers(4, 14))))
        cv2.putText(page, words, (int(0.08 * width), int(y)), cv2.FONT_HERSHEY_DUPLEX, line / 38, (35, 35, 40), 1, cv2.LINE_AA)
        y += line * (1.2 if rng.random() < 0.85 else 2.4)
    if rng.random() < 0.5:
        for column in np.linspace(0.1, 0.9, 5):
            cv2.line(page, (int(column * width), int(0.6 * height)), (int(column * width), int(0.9 * height)), (90, 90, 90), 1)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-8, 8), rng.uniform(0.85, 1.1))
    page = cv2.warpAffine(page, turn, (width, height), borderValue=(120, 100, 85))
    x, _ = _places(width, height)
    return page.astype(np.float32) * (0.92 + 0.12 * x * rng.choice((-1, 1)))[..., None].astype(np.float32)


def _drawing(width: int, height: int, rng: np.random.Generator) -> Plane:
    """Pen and flat colour on paper: a sun, a house, a mole drawn by hand."""
    sheet = _plain(width, height, (250, 249, 246)).astype(np.uint8)
    short = min(width, height)
    pen = max(2, short // 140)
    for _ in range(int(rng.integers(5, 12))):
        colour = tuple(float(c) for c in rng.choice((20, 60, 130, 200, 240), 3))
        a, b = rng.uniform((0, 0), (width, height)).astype(int), rng.uniform((0, 0), (width, height)).astype(int)
        shape = rng.integers(4)
        if shape == 0:
            cv2.circle(sheet, a, int(short * rng.uniform(0.04, 0.2)), colour, -1 if rng.random() < 0.5 else pen, cv2.LINE_AA)
        elif shape == 1:
            cv2.rectangle(sheet, a, b, colour, pen)
        elif shape == 2:
            cv2.line(sheet, a, b, (20, 20, 25), pen, cv2.LINE_AA)
        else:
            bend = np.linspace(0, 1, 30)[:, None]
            wave = a + bend * (b - a) + np.sin(12 * bend) * short * 0.04
            cv2.polylines(sheet, [wave.astype(np.int32)], False, colour, pen, cv2.LINE_AA)
    return sheet.astype(np.float32)


def _sky(width: int, height: int, rng: np.random.Generator) -> Plane:
    """Blue overhead to pale at the horizon, with clouds."""
    x, y = _places(width, height)
    down = smoothstep(-0.5, 0.6, y)
    sky = _mix(_plain(width, height, (62, 120, 200)), (176, 208, 236), down)
    clouds = smoothstep(rng.uniform(-0.2, 0.6), 1.8, _wool(x, 1.8 * y, rng, 2.5) + 0.4 * _wool(x, y, rng, 0.8, 1))
    return _mix(sky, (246, 247, 250), clouds)


def _food(width: int, height: int, rng: np.random.Generator) -> Plane:
    """A plate with round things on it, seen from above."""
    x, y = _places(width, height)
    picture = _mix(_plain(width, height, tuple(rng.uniform(60, 200, 3))), (238, 236, 230), smoothstep(0.46, 0.455, np.hypot(x, y)))
    fare = ((196, 60, 40), (230, 190, 90), (90, 140, 50), (240, 225, 190), (120, 70, 40), (250, 150, 40))
    for _ in range(int(rng.integers(14, 34))):
        angle, away, radius = rng.uniform(0, 6.28), 0.36 * np.sqrt(rng.random()), rng.uniform(0.03, 0.1)
        dx, dy = x - np.float32(away * np.cos(angle)), y - np.float32(away * np.sin(angle))
        reach = np.hypot(dx, dy * np.float32(rng.uniform(0.8, 1.4))) + 0.008 * _wool(x, y, rng)
        shade = 1.05 - 0.35 * smoothstep(0, radius, reach) - 4 * (dx + dy) * 0.4
        piece = np.array(fare[rng.integers(len(fare))], np.float32) * shade[..., None]
        picture *= 1 - 0.35 * smoothstep(radius + 0.03, radius, np.hypot(dx - 0.012, dy - 0.012))[..., None]
        picture += smoothstep(radius, radius - 0.008, reach)[..., None] * (piece - picture)
    return picture


def _face_like(width: int, height: int, rng: np.random.Generator) -> Plane:
    """A head from the front: skin that fills little of the frame, eyes, mouth, hair, a background."""
    x, y = _places(width, height)
    skin = np.array(((235, 195, 170), (205, 155, 120), (140, 95, 70), (90, 60, 45))[rng.integers(4)], np.float32)
    hair = tuple(rng.uniform((15, 10, 8), (110, 80, 50)))
    picture = _plain(width, height, tuple(rng.uniform(60, 220, 3))) * (1 + 0.08 * _wool(x, y, rng))[..., None]
    picture = _mix(picture, hair, smoothstep(0.02, -0.02, np.hypot(x / 0.31, (y + 0.08) / 0.4) - 1))
    face = smoothstep(0.02, -0.02, np.hypot(x / 0.25, (y - 0.02) / 0.34) - 1)
    picture = _mix(picture, tuple(skin), smoothstep(0.01, -0.01, np.abs(x) - 0.11) * (y > 0.2))
    picture += face[..., None] * (skin * (1.04 - 0.5 * x * x - 0.25 * np.abs(x))[..., None] - picture)
    for side in (-1, 1):
        eye_x, eye_y = x - np.float32(0.1 * side), y + 0.06
        picture = _mix(picture, (240, 238, 235), smoothstep(0.1, -0.1, np.hypot(eye_x / 0.042, eye_y / 0.02) - 1))
        picture = _mix(picture, (50, 35, 25), smoothstep(0.1, -0.1, np.hypot(eye_x, eye_y) / 0.018 - 1))
        picture = _mix(picture, hair, smoothstep(0.2, -0.2, np.hypot(eye_x / 0.06, (eye_y + 0.055) / 0.012) - 1))
    picture = _mix(picture, tuple(0.75 * skin), 0.6 * smoothstep(0.3, -0.3, np.hypot(x / 0.035, (y - 0.07) / 0.02) - 1))
    return _mix(picture, (165, 75, 75), smoothstep(0.1, -0.1, np.hypot(x / 0.08, (y - 0.17) / 0.022) - 1))


def _wall_skin_coloured(width: int, height: int, rng: np.random.Generator) -> Plane:
    """Painted plaster in a colour that skin could have."""
    x, y = _places(width, height)
    tone = tuple(np.array(((238, 205, 180), (222, 180, 150), (190, 140, 105), (150, 105, 80))[rng.integers(4)]) + rng.normal(0, 6, 3))
    grain = read(cloud_tile(0.5, 30, 250), x, y, rng.uniform(0.6, 1.5), rng)
    slope = x * np.float32(rng.uniform(-0.15, 0.15)) + y * np.float32(rng.uniform(-0.1, 0.1))
    return _plain(width, height, tone) * (1 + slope + 0.025 * grain + 0.012 * _wool(x, y, rng))[..., None]


def _foliage(width: int, height: int, rng: np.random.Generator) -> Plane:
    """Leaves over leaves, darker below."""
    x, y = _places(width, height)
    picture = _plain(width, height, (30, 45, 20)) * (1 + 0.3 * _wool(x, y, rng))[..., None]
    greens = ((70, 120, 40), (110, 150, 50), (50, 90, 45), (150, 160, 70), (170, 120, 40))
    for layer in range(60):
        turn, long_, wide = rng.uniform(0, np.pi), rng.uniform(0.08, 0.2), rng.uniform(0.025, 0.07)
        dx, dy = x - np.float32(rng.uniform(-0.8, 0.8)), y - np.float32(rng.uniform(-0.6, 0.6))
        along, aside = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
        leaf = smoothstep(0.1, -0.1, (along / long_) ** 2 + np.abs(aside) / wide * (1.2 + along / long_) - 1)
        vein = 1 + 0.15 * smoothstep(0.006, 0.001, np.abs(aside))
        colour = np.array(greens[rng.integers(len(greens))], np.float32) * (0.4 + 0.6 * layer / 60)
        picture += leaf[..., None] * (colour * vein[..., None] - picture)
    return picture


def _screenshot(width: int, height: int, rng: np.random.Generator) -> Plane:
    """Bars, boxes, lines of text and a picture in flat colours."""
    dark = rng.random() < 0.4
    sheet = _plain(width, height, (28, 30, 34) if dark else (246, 247, 249)).astype(np.uint8)
    ink = (215, 215, 220) if dark else (40, 42, 46)
    accent = tuple(float(c) for c in rng.uniform(30, 230, 3))
    bar = max(6, height // 14)
    cv2.rectangle(sheet, (0, 0), (width, bar), accent, -1)
    for _ in range(int(rng.integers(4, 10))):
        left, top = int(rng.uniform(0, 0.8) * width), int(rng.uniform(0.1, 0.9) * height)
        right, bottom = left + int(rng.uniform(0.1, 0.4) * width), top + int(rng.uniform(0.04, 0.2) * height)
        level = float(rng.uniform(50, 70) if dark else rng.uniform(215, 240))
        cv2.rectangle(sheet, (left, top), (right, bottom), accent if rng.random() < 0.2 else (level, level, level), -1)
        word, size = str(rng.choice(_WORDS)), height / 900 + 0.2
        cv2.putText(sheet, word, (left + 4, bottom - 4), cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)
    return sheet.astype(np.float32)


def _pattern(width: int, height: int, rng: np.random.Generator) -> Plane:
    """Stripes, checks or dots of two colours, as on cloth or tiles."""
    x, y = _places(width, height)
    turn, count = rng.uniform(0, np.pi), rng.uniform(4, 30)
    across = (x * np.cos(turn) + y * np.sin(turn)).astype(np.float32) * np.float32(count)
    along = (y * np.cos(turn) - x * np.sin(turn)).astype(np.float32) * np.float32(count)
    stripes, dots = np.sin(np.pi * across), 0.35 - np.hypot(across % 1 - 0.5, along % 1 - 0.5)
    wave = (stripes, stripes * np.sin(np.pi * along), dots)[rng.integers(3)]
    picture = _mix(_plain(width, height, tuple(rng.uniform(20, 240, 3))), tuple(rng.uniform(20, 240, 3)), smoothstep(-0.08, 0.08, wave))
    return picture * (1 + 0.05 * _wool(x, y, rng))[..., None]


def _fur(width: int, height: int, rng: np.random.Generator) -> Plane:
    """An animal's coat: hairs all one way, with spots or without."""
    x, y = _places(width, height)
    strands = read(cloud_tile(0.6, 20, 250), x, y, 1.5, rng, 14)
    tufts = _wool(x, y, rng, 0.8)
    colour = np.array(((190, 140, 80), (120, 85, 55), (205, 200, 195), (60, 50, 45), (225, 190, 140))[rng.integers(5)], np.float32)
    picture = colour * (0.8 + 0.16 * strands + 0.12 * tufts)[..., None]
    return _mix(picture, (45, 35, 28), 0.8 * smoothstep(0.6, 1.1, _wool(x, y, rng, 1.2, 1))) if rng.random() < 0.4 else picture


def _plain_picture(width: int, height: int, rng: np.random.Generator) -> Plane:
    """One colour that no skin has, or a slope of two; a finger on the lens, a lens cap, a ceiling."""
    x, y = _places(width, height)
    colours = ((235, 238, 240), (120, 125, 130), (40, 90, 160), (60, 140, 90), (150, 60, 150), (200, 200, 60), (12, 12, 14))
    first, second = (colours[index] for index in rng.integers(0, len(colours), 2))
    return _mix(_plain(width, height, first), second, np.float32(rng.uniform(0, 0.6)) * smoothstep(-0.6, 0.6, x + y * rng.choice((-1, 1))))


_PAINTERS = {
    "texture": _texture,
    "document": _document,
    "drawing": _drawing,
    "sky": _sky,
    "food": _food,
    "face_like": _face_like,
    "wall_skin_coloured": _wall_skin_coloured,
    "foliage": _foliage,
    "screenshot": _screenshot,
    "pattern": _pattern,
    "fur": _fur,
    "plain": _plain_picture,
}
