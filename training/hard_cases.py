"""Held-out photos made hard, and what that costs: `python -m training.hard_cases --data DIR [--limit N]`.

A variant changes a real photo in a way of which the truth is known, so its mask and its label stay true: darker skin, hair, a lesion
that fills 1 to 3 % of the frame, a phone's light, defocus, JPEG 30, rotation. Each is judged by the same path as any photo and
compared with the untouched one, photo by photo. Simulated tone is no evidence for real dark skin: it keeps the lesions of light skin.

Skin without a lesion is the other hard case: corners of held-out photos that their lesion does not reach, and drawn skin of every tone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.analyser import Analyser
from core.preprocess import DARKEST_SKIN, RGB, resize
from core.synthetic import bare_skin, blur, hairs, skin
from core.synthetic.mole import DERMOSCOPE_FIELD_MM
from training.data import Row, read_manifest, read_mask, read_picture
from training.metrics import auc, bootstrap, dice

Mask = NDArray[np.bool_]
Variant = Callable[[RGB, Mask, np.random.Generator], tuple[RGB, Mask]]

SOURCES = ("ham10000", "ph2")
SOURCE_TONE = 2
"""Fitzpatrick type that the photos are taken to show: these archives come from Austria, Australia, Portugal."""
DARK_HAIR, LIGHT_HAIR = (0.014, 0.010, 0.008), (0.42, 0.30, 0.16)
"""Linear RGB."""
HAIR_DENSITY = 1.4
SMALL_SHARE = (0.01, 0.03)
LONGEST_SMALL_PX = 1280
CORNERS = (0.5, 0.45, 0.4, 0.35, 0.3)
"""Sides of the corners that are looked at for skin alone, as shares of the photo's."""
DRAWN_SKINS = 60
CORNER_ROWS = 300
"""Photos a source whose corners are looked at."""


def dark_tone(rgb: RGB, mask: Mask, rng: np.random.Generator) -> tuple[RGB, Mask]:
    """Put the melanin of Fitzpatrick type V or VI over skin and lesion.

    Light crosses the epidermis twice, so what the skin returns is attenuated by the added melanin (Beer-Lambert; see core.synthetic.skin
    for Tsumura 2003 and Jacques 2013), while the surface's own reflection stays. The blood below is unchanged. A camera then
    makes up for part of the darkness, as automatic exposure does.
    """
    low, high = skin.tone_melanin(5), skin.tone_melanin(6)
    added = rng.uniform(low, high) - skin.tone_melanin(SOURCE_TONE)
    light = to_linear(rgb)
    below = np.maximum(light - np.float32(skin.SURFACE), 0)
    dark = np.minimum(light, np.float32(skin.SURFACE)) + below * np.exp(-added * np.array(skin.MELANIN)).astype(np.float32)
    gain = (float(light.mean()) / max(float(dark.mean()), 1e-4)) ** rng.uniform(0.2, 0.5)
    return to_srgb(dark * np.float32(gain)), mask


def dark_hair(rgb: RGB, mask: Mask, rng: np.random.Generator) -> tuple[RGB, Mask]:
    """Lay dense dark hair over a photo whose shorter side is a dermoscope's field."""
    return _under_hair(rgb, DARK_HAIR, DERMOSCOPE_FIELD_MM / min(mask.shape), rng), mask


def light_hair(rgb: RGB, mask: Mask, rng: np.random.Generator) -> tuple[RGB, Mask]:
    """Lay dense blond hair over a photo whose shorter side is a dermoscope's field."""
    return _under_hair(rgb, LIGHT_HAIR, DERMOSCOPE_FIELD_MM / min(mask.shape), rng), mask


def small(rgb: RGB, mask: Mask, rng: np.random.Generator) -> tuple[RGB, Mask]:
    """Move the camera away until the lesion fills 1 to 3 % of the frame, over more of the photo's own skin.

    The lesion with a seam of the skin around it is real; beyond lie the colour and the fine structure of this skin. A photo whose
    lesion comes near its edge stays as it is: nobody knows how the lesion goes on.
    """
    if not has_margin(mask):
        return rgb, mask
    height, width = mask.shape
    zoom = max(1.0, float(np.sqrt(mask.mean() / rng.uniform(*SMALL_SHARE))))
    shrink = min(1.0, LONGEST_SMALL_PX / (zoom * max(width, height)))
    inner_width, inner_height = max(8, round(width * shrink)), max(8, round(height * shrink))
    inner = resize(rgb, inner_width, inner_height).astype(np.float32)
    inner_mask = resize(mask.astype(np.uint8) * 255, inner_width, inner_height) > 127
    outer_width, outer_height = round(inner_width * zoom), round(inner_height * zoom)
    picture = _more_skin(inner, inner_mask, outer_width, outer_height, rng)
    rows, columns = np.nonzero(inner_mask)
    # The lesion's middle comes to lie in the middle third of the new frame.
    left = round(outer_width * rng.uniform(0.35, 0.65) - columns.mean())
    top = round(outer_height * rng.uniform(0.35, 0.65) - rows.mean())
    left, top = int(np.clip(left, 0, outer_width - inner_width)), int(np.clip(top, 0, outer_height - inner_height))
    share = _seam(inner_mask)[..., None]
    place = picture[top : top + inner_height, left : left + inner_width]
    place += share * (inner - place)
    found = np.zeros((outer_height, outer_width), bool)
    found[top : top + inner_height, left : left + inner_width] = inner_mask
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8), found


def small_under_hair(rgb: RGB, mask: Mask, rng: np.random.Generator) -> tuple[RGB, Mask]:
    """Shrink the lesion to 1 to 3 % of the frame, then lay dark hair over it."""
    mm_per_pixel = DERMOSCOPE_FIELD_MM / min(mask.shape)
    picture, found = small(rgb, mask, rng)
    return _under_hair(picture, DARK_HAIR, mm_per_pixel, rng), found


def phone_light(rgb: RGB, mask: Mask, rng: np.random.Generator) -> tuple[RGB, Mask]:
    """Light a photo as a room does: a slope, a soft shadow, a lamp's or a window's colour, and a phone's noise."""
    height, width = mask.shape
    right = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    angle = rng.uniform(0, 2 * np.pi)
    along = right * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle))
    shadow = 1 / (1 + np.exp((along - np.float32(rng.uniform(0.1, 0.7))) / np.float32(rng.uniform(0.06, 0.25))))
    light = (1 + np.float32(rng.uniform(0.1, 0.35)) * along) * (1 - np.float32(rng.uniform(0.15, 0.45)) * (1 - shadow))
    casts = np.array([(1.15, 1.0, 0.72), (1.08, 1.0, 0.86), (0.92, 1.0, 1.14)])
    colour = casts[rng.integers(len(casts))] * rng.uniform(0.8, 1.1)
    noise = rng.standard_normal(rgb.shape, np.float32) * np.float32(rng.uniform(1.5, 4))
    lit = to_srgb(to_linear(rgb) * light[..., None] * colour.astype(np.float32))
    return np.clip(lit + noise, 0, 255).astype(np.uint8), mask


def defocus(rgb: RGB, mask: Mask, rng: np.random.Generator) -> tuple[RGB, Mask]:
    """Blur by a disc of 1.2 to 2.4 % of the shorter side."""
    return blur(rgb, rng.uniform(0.2, 0.4)), mask


def jpeg_30(rgb: RGB, mask: Mask, rng: np.random.Generator) -> tuple[RGB, Mask]:
    """Compress as a messenger does."""
    coded = cv2.imencode(".jpg", np.ascontiguousarray(rgb), [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return cv2.imdecode(coded, cv2.IMREAD_COLOR), mask


def rotation(rgb: RGB, mask: Mask, rng: np.random.Generator) -> tuple[RGB, Mask]:
    """Turn about the middle by any angle; beyond the edge lies the photo's mirror image."""
    height, width = mask.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), rng.uniform(0, 360), 1.0)
    turned = cv2.warpAffine(rgb, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return turned, cv2.warpAffine(mask.astype(np.uint8) * 255, turn, (width, height), flags=cv2.INTER_LINEAR) > 127


VARIANTS: dict[str, Variant] = {
    "dark_tone": dark_tone,
    "dark_hair": dark_hair,
    "light_hair": light_hair,
    "small": small,
    "small_under_hair": small_under_hair,
    "phone_light": phone_light,
    "defocus": defocus,
    "jpeg_30": jpeg_30,
    "rotation": rotation,
}


def to_linear(rgb: RGB) -> NDArray[np.float32]:
    """Undo the transfer curve of sRGB (IEC 61966-2-1): uint8 -> 0 to 1."""
    return _LINEAR[rgb]


def to_srgb(light: NDArray[np.float32]) -> RGB:
    light = np.clip(light, 0, 1)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * cv2.pow(light, 1 / 2.4).reshape(light.shape) - 0.055)
    return np.rint(255 * coded).astype(np.uint8)


_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)


def has_margin(mask: Mask) -> bool:
    """Tell whether there is a lesion, with skin all around it inside the photo."""
    width = max(2, round(0.03 * min(mask.shape)))
    return bool(mask.any()) and not any(edge.any() for edge in (mask[:width], mask[-width:], mask[:, :width], mask[:, -width:]))


def _under_hair(rgb: RGB, colour: hairs.Colour, mm_per_pixel: float, rng: np.random.Generator) -> RGB:
    light = to_linear(rgb)
    hairs.lay(light, colour, HAIR_DENSITY, mm_per_pixel, True, rng)
    return to_srgb(light)


def _seam(mask: Mask) -> NDArray[np.float32]:
    """1 on the lesion and close around it, falling to 0 within about a third of its radius."""
    reach = max(3.0, 0.35 * np.sqrt(np.count_nonzero(mask) / np.pi))
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    share = np.clip((reach - away) / (0.6 * reach), 0, 1).astype(np.float32)
    return share * share * (3 - 2 * share)


def _more_skin(rgb: NDArray[np.float32], mask: Mask, width: int, height: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return height x width x 3 of skin: the colour around the lesion, a gentle slope, and this skin's own fine structure."""
    radius = np.sqrt(np.count_nonzero(mask) / np.pi)
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    bright = rgb.mean(axis=2)
    near = (away > max(2, 0.15 * radius)) & (away < max(6, 0.8 * radius))
    if not near.any():
        near = away >= np.quantile(away, 0.9)
    near &= bright >= 0.6 * np.median(bright[near])
    colour = np.median(rgb[near], axis=0)
    # Fine structure: what a blur takes away, from the skin alone; elsewhere it is borrowed from skin at random.
    free = (away > max(2, 0.15 * radius)) & (np.abs(rgb - colour).max(axis=2) < 60)
    fine = rgb - cv2.GaussianBlur(rgb, (0, 0), 0.06 * min(mask.shape))
    if not free.any():
        free = near
    spread = np.clip(fine[free].std(axis=0), 0.5, 8)
    structure = np.where(free[..., None], np.clip(fine, -3 * spread, 3 * spread), 0).astype(np.float32)
    rows, columns = np.nonzero(~free)
    picks = rng.integers(0, np.count_nonzero(free), len(rows))
    structure[rows, columns] = structure[free][picks]
    reach = (0, max(0, height - mask.shape[0]), 0, max(0, width - mask.shape[1]))
    tiled = cv2.copyMakeBorder(structure, *reach, cv2.BORDER_REFLECT_101)[:height, :width]
    right = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None]
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
    slope = rng.normal(0, 0.035, 2).astype(np.float32)
    return (colour.astype(np.float32) * (1 + slope[0] * right + slope[1] * down) + tiled).astype(np.float32)


def bare_corner(rgb: RGB, mask: Mask) -> RGB | None:
    """Return the largest corner of an H x W photo, from half down to 0.3 of its sides, that shows skin alone.

    None where the lesion, or something as dark as the edge of a dermoscope's field, is in all of them.
    """
    height, width = mask.shape
    lesion = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))) > 0
    bright = rgb.mean(axis=2)
    for share in CORNERS:
        tall, wide = int(share * height), int(share * width)
        for top, left in ((0, 0), (0, width - wide), (height - tall, 0), (height - tall, width - wide)):
            place = slice(top, top + tall), slice(left, left + wide)
            if lesion[place].any():
                continue
            dark = bright[place] < max(DARKEST_SKIN, 0.5 * np.median(bright[place]))
            if dark.mean() < 0.02:
                return np.ascontiguousarray(rgb[place])
    return None


def without_lesion(analyser: Analyser, folder: Path, rows: list[Row]) -> list[dict]:
    """Return in how many photos of skin alone no lesion is seen, whatever the gate says of them: corners of the photos, and drawn skin of
    every tone as a dermoscope and a phone show it. Entries as those of `evaluate`.
    """
    corners = [(row.group, bare_corner(read_picture(folder / row.image), read_mask(folder / row.mask))) for row in rows]
    drawn = [
        (f"skin {seed}", bare_skin(1 + seed % 6, (640, 480), seed, look=look, freckled=False))
        for seed in range(DRAWN_SKINS)
        for look in ("dermoscope", "phone")
    ]
    entries = []
    for variant, photos in (("bare_corner", corners), ("drawn_skin", drawn)):
        seen = [(group, analyser.analyse(rgb, force=True).chosen is None) for group, rgb in photos if rgb is not None]
        if not seen:
            continue
        none = np.array([one for _, one in seen], float)
        entries.append(_entry("no_lesion_seen", variant, lambda some, none=none: none[some].mean(), [group for group, _ in seen]))
    return entries


def held_out_rows(folder: Path, *, limit: int | None = None) -> list[Row]:
    """Return the test part's photos that have an expert's mask, `limit` of each source at most."""
    rows = [row for row in read_manifest(folder, SOURCES) if row.part == "test" and row.mask]
    return [row for source in SOURCES for row in [one for one in rows if one.source == source][:limit]]


def evaluate(analyser: Analyser, folder: Path, rows: list[Row], say: Callable[[str], None] = lambda line: None) -> list[dict]:
    """Judge each photo as it is and in every variant; returns entries like those of a card's metrics, with `variant`.

    `dice` and `auc` are the variant's own, `dice_loss` and `auc_loss` the same photos' untouched less the variant's. The small
    variants leave out the photos whose lesion comes near the edge. Intervals resample groups.
    """
    with_margin = [row for row in rows if has_margin(read_mask(folder / row.mask))]
    plain = dict(zip(rows, _judge(analyser, folder, rows, "untouched", lambda rgb, mask, rng: (rgb, mask)), strict=True))
    entries = _figures("untouched", rows, [plain[row] for row in rows], None)
    for name, variant in VARIANTS.items():
        some = with_margin if variant in (small, small_under_hair) else rows
        say(f"{name}: {len(some)} photos")
        entries += _figures(name, some, _judge(analyser, folder, some, name, variant), [plain[row] for row in some])
    return entries


def measure(analyser: Analyser, folder: Path, limit: int | None, say: Callable[[str], None], corner_limit: int | None = None) -> list[dict]:
    """Return the entries of `evaluate`, of `limit` photos a source at most, and of `without_lesion`, of CORNER_ROWS photos a source at
    most or `corner_limit` where that is fewer.
    """
    entries = evaluate(analyser, folder, held_out_rows(folder, limit=limit), say)
    say("skin without a lesion")
    return entries + without_lesion(analyser, folder, held_out_rows(folder, limit=min(corner_limit or CORNER_ROWS, CORNER_ROWS)))


Judged = tuple[float, float]
"""Dice and malignancy probability."""


def _figures(name: str, rows: list[Row], judged: list[Judged], untouched: list[Judged] | None) -> list[dict]:
    labels = np.array([-1 if row.malignant is None else row.malignant for row in rows])
    now, before = np.array(judged), np.array(judged if untouched is None else untouched)
    figures = {"dice": lambda some: now[some, 0].mean(), "auc": lambda some: auc(labels[some], now[some, 1])}
    if untouched is not None:
        figures["dice_loss"] = lambda some: (before[some, 0] - now[some, 0]).mean()
        figures["auc_loss"] = lambda some: auc(labels[some], before[some, 1]) - auc(labels[some], now[some, 1])
    entries = []
    for figure, value in figures.items():
        members = np.flatnonzero(labels >= 0) if figure.startswith("auc") else np.arange(len(rows))
        if not len(members) or (figure.startswith("auc") and len(set(labels[members])) < 2):
            continue
        groups = [rows[index].group for index in members]
        entries.append(_entry(figure, name, lambda some, value=value, members=members: value(members[some]), groups))
    return entries


def _entry(figure: str, variant: str, value: Callable[[np.ndarray], float], groups: list[str]) -> dict:
    """Return one entry with its bootstrap interval; `value(indices)` computes the figure on some of the photos, one for each group."""
    low, high = bootstrap(value, groups)
    everything = round(float(value(np.arange(len(groups)))), 4)
    return {"figure": figure, "variant": variant, "n": len(groups), "value": everything, "interval": [round(low, 4), round(high, 4)]}


def _judge(analyser: Analyser, folder: Path, rows: list[Row], name: str, variant: Variant) -> list[Judged]:
    """Judge every row's variant; where no lesion is found, Dice is 0 and the probability one half."""
    judged = []
    for row in rows:
        # The same photo is changed the same way whatever else is in the list.
        rng = np.random.default_rng(list(f"{name} {row.image}".encode()))
        rgb, truth = variant(read_picture(folder / row.image), read_mask(folder / row.mask), rng)
        analysis = analyser.analyse(np.ascontiguousarray(rgb), force=True)
        found = analysis.chosen is not None
        judged.append((dice(analysis.masks[analysis.chosen], truth), analysis.malignant_probability) if found else (0.0, 0.5))
    return judged


def table(entries: list[dict]) -> str:
    """Return the figures as a Markdown table, one line a variant and figure."""
    lines = ["| variant | figure | n | value | 95 % interval |", "| --- | --- | --- | --- | --- |"]
    for one in entries:
        low, high = one["interval"]
        lines.append(f"| {one['variant']} | {one['figure']} | {one['n']} | {one['value']:.3f} | {low:.3f} to {high:.3f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.hard_cases", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--limit", type=int, help="photos a source at most, for a quick look")
    parser.add_argument("--weights", type=Path, default=Path("weights"), help="folder of the exported networks")
    options = parser.parse_args()
    analyser = Analyser.load(options.weights)
    print(table(measure(analyser, options.data, options.limit, lambda line: print(line, flush=True), options.limit)))


if __name__ == "__main__":
    main()
