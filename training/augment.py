"""Random geometry, colour and camera faults, one picture at a time, with OpenCV on uint8."""

from __future__ import annotations

import cv2
import numpy as np

MELANIN = np.array([1.0, 1.58, 2.7])
"""Absorption of melanin at 620, 540 and 460 nm relative to 620 nm: it falls with the wavelength's power of -3.33 (Jacques, 1998)."""


def random_affine(
    rng: np.random.Generator, centre: tuple[float, float], side: float, size: tuple[int, int], scale: tuple[float, float], shift: float
) -> np.ndarray:
    """Return a 2 x 3 map from photo to input pixels: `side` photo pixels around `centre` fill the input's longer side.

    It turns by any angle, flips, stretches by up to 8 %, zooms by `scale` and moves by up to `shift` of the input.
    """
    width, height = size
    angle = rng.uniform(0, 2 * np.pi)
    zoom = np.exp(rng.uniform(np.log(scale[0]), np.log(scale[1]))) * max(width, height) / side
    stretch = np.exp(rng.uniform(-0.08, 0.08))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = np.diag([zoom * stretch, zoom / stretch]) @ turn @ np.diag([rng.choice([-1.0, 1.0]), 1.0])
    target = np.array([width * (0.5 + rng.uniform(-shift, shift)), height * (0.5 + rng.uniform(-shift, shift))])
    return np.column_stack([linear, target - linear @ np.array(centre)])


def warp(rng: np.random.Generator, rgb: np.ndarray, mask: np.ndarray | None, matrix: np.ndarray, size: tuple[int, int]):
    """Warp a picture and its mask (0 to 255); beyond the edge lies its mirror image or, like in a dermoscope, darkness."""
    if rng.random() < 0.6:
        border = {"borderMode": cv2.BORDER_REFLECT_101}
    else:
        level = int(rng.integers(0, 40))
        border = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": (level, level, level)}
    warped = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR, **border)
    if mask is None:
        return warped, None
    border["borderValue"] = 0
    return warped, cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR, **border)


def change_colour(rng: np.random.Generator, rgb: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Change exposure, contrast, gamma, white balance and saturation, as cameras and lights differ."""
    gamma = np.exp(rng.uniform(-0.35, 0.35) * strength)
    gains = np.exp(rng.uniform(-0.12, 0.12, 3) * strength + rng.uniform(-0.25, 0.2) * strength)
    if rng.random() < 0.15 * strength:
        gains = gains * np.exp(-rng.uniform(0.1, 0.9) * MELANIN / 2.2)
    saturation = np.exp(rng.uniform(-0.4, 0.35) * strength)
    contrast = np.exp(rng.uniform(-0.35, 0.25) * strength)
    # Everything but gamma is one affine map of RGB, about the picture's mean colour.
    mix = contrast * (saturation * np.eye(3) + (1 - saturation) / 3) @ np.diag(gains)
    bent = cv2.LUT(rgb, np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8))
    middle = np.array(cv2.mean(bent)[:3])
    shift = mix @ middle / contrast - mix @ middle
    return cv2.transform(bent, np.column_stack([mix, shift]))


def shrink(rng: np.random.Generator, rgb: np.ndarray, mask: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Show the photo small, fading into the skin of one of its corners seen from close by, which fills the frame."""
    height, width = rgb.shape[:2]
    corner = rng.choice((0.1, 0.9), 2)
    close_up = random_affine(rng, (width * corner[0], height * corner[1]), 0.2 * max(width, height), size, (0.9, 1.4), 0.05)
    skin = cv2.warpAffine(rgb, close_up, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    skin_mask = cv2.warpAffine(mask, close_up, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
    if cv2.mean(skin_mask)[0] > 2:  # the corner shows lesion, too: its mean colour is no skin
        skin = np.full_like(skin, cv2.mean(rgb, 255 - mask)[:3] if mask.min() == 0 else 200)
    placed = random_affine(rng, (width / 2, height / 2), max(width, height), size, (0.2, 0.5), 0.25)
    small = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    small = cv2.warpAffine(small, placed @ np.diag([2, 2, 1.0]), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = np.zeros((height, width), np.float32)
    edge_y, edge_x = height // 12, width // 12
    inside[edge_y:-edge_y, edge_x:-edge_x] = 1
    inside = cv2.blur(inside, (2 * edge_x - 1, 2 * edge_y - 1))
    seen = cv2.warpAffine(inside, placed, size, flags=cv2.INTER_LINEAR)
    blended = small * seen[..., None] + skin * (1 - seen[..., None])
    return blended.astype(np.uint8), (cv2.warpAffine(mask, placed, size, flags=cv2.INTER_LINEAR) * (seen > 0.5)).astype(np.uint8)


def smooth_away(rng: np.random.Generator, rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Take away texture: by a median, as phones smooth skin, or down to one colour each for lesion and skin, softly joined.

    Without such pictures networks come to know lesions by the texture that dermoscopes show (training/EXPERIMENTS.md).
    """
    inside = mask > 127
    if rng.random() < 0.5 or inside.all() or not inside.any():
        return cv2.medianBlur(rgb, int(rng.choice((5, 7, 9, 11))))
    lesion, skin = rgb[inside].mean(axis=0), rgb[~inside].mean(axis=0)
    soft = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 4))[..., None].astype(np.float32) / 255
    share = rng.uniform(0.6, 1.0)
    return (share * (skin + (lesion - skin) * soft) + (1 - share) * rgb).astype(np.uint8)


def spoil(rng: np.random.Generator, rgb: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Draw hair, a ruler and dark corners, blur, sharpen, add noise and compress, each now and then."""
    if rng.random() < 0.2 * strength:
        rgb = draw_hair(rng, rgb)
    if rng.random() < 0.08 * strength:
        rgb = draw_ruler(rng, rgb)
    if rng.random() < 0.15 * strength:
        rgb = darken_corners(rng, rgb)
    fate = rng.random()
    if fate < 0.25 * strength:
        rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.4, 1.6))
    elif fate < 0.4 * strength:
        rgb = cv2.addWeighted(rgb, 2.0, cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.6, 1.5)), -1.0, 0)
    if rng.random() < 0.15 * strength:
        noise = rng.standard_normal(rgb.shape, np.float32) * np.float32(rng.uniform(2, 8))
        rgb = np.clip(rgb + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.15 * strength:
        quality = int(rng.integers(30, 85))
        rgb = cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return rgb


def draw_ruler(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Draw the ticks of a ruler along one side."""
    height, width = rgb.shape[:2]
    drawn = np.ascontiguousarray(rgb)
    shade = (float(rng.uniform(0, 80)),) * 3
    step, length = rng.uniform(4, 14), rng.uniform(4, 12)
    along, across = (width, height) if rng.random() < 0.5 else (height, width)
    edge = rng.uniform(0, 0.15) * across if rng.random() < 0.5 else rng.uniform(0.85, 1) * across
    for number, place in enumerate(np.arange(rng.uniform(0, step), along, step)):
        reach = length * (1.6 if number % 5 == 0 else 1)
        ends = np.array([[place, edge], [place, edge - np.sign(edge - across / 2) * reach]])
        ends = ends if along == width and across == height else ends[:, ::-1]
        cv2.polylines(drawn, [np.round(ends * 8).astype(np.int32)], False, shade, 1, cv2.LINE_AA, shift=3)
    return drawn


def draw_hair(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Draw 3 to 60 curved hairs, mostly few and dark, of one direction give or take."""
    height, width = rgb.shape[:2]
    drawn = rgb.copy()
    angle = rng.uniform(0, np.pi)
    colour = rng.uniform(10, 70, 3) if rng.random() < 0.75 else rng.uniform(140, 220, 3)
    steps = np.linspace(-0.5, 0.5, 12)
    thickness = 2 if rng.random() < 0.2 else 1
    for _ in range(int(3 * 20 ** rng.random())):
        turn = angle + rng.normal(0, 0.35)
        length, bend = rng.uniform(0.3, 1.2) * width, rng.normal(0, 0.12) * width
        along, across = steps * length, bend * (1 - 4 * steps**2)
        points = np.column_stack(
            [
                rng.uniform(0, width) + along * np.cos(turn) - across * np.sin(turn),
                rng.uniform(0, height) + along * np.sin(turn) + across * np.cos(turn),
            ]
        )
        shade = tuple(float(value) for value in np.clip(colour + rng.normal(0, 10), 0, 255))
        cv2.polylines(drawn, [np.round(points * 8).astype(np.int32)], False, shade, thickness, cv2.LINE_AA, shift=3)
    return drawn


def darken_corners(rng: np.random.Generator, rgb: np.ndarray, narrowest: float = 0.48) -> np.ndarray:
    """Darken what lies outside a circle, as a dermoscope's field does, softly or sharply. Its radius is at least `narrowest` of the
    longer side.
    """
    height, width = rgb.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    distance = np.hypot(rows - height * rng.uniform(0.45, 0.55), columns - width * rng.uniform(0.45, 0.55))
    radius = rng.uniform(narrowest, 0.75) * max(height, width)
    light = np.clip((radius - distance) / rng.uniform(1, 0.3 * radius) + 1, rng.uniform(0, 0.3), 1)
    return (rgb * light[..., None]).astype(np.uint8)
