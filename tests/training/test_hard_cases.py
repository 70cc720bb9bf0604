"""Photos made hard: what is changed, what stays true, and that the figures say what was lost."""

import csv

import cv2
import numpy as np
import pytest

from core.analysis import Analysis
from core.photo import encode_mask_png
from core.synthetic import Mole, photograph
from training import hard_cases
from training.data import read_manifest


@pytest.fixture(scope="module")
def photo():
    return photograph(Mole(seed=11, skin_tone=2, diameter_fraction=0.4), size=(320, 240))


def contrast(rgb, mask):
    return float(np.abs(rgb[mask].mean(axis=0) - rgb[~mask].mean(axis=0)).sum())


@pytest.mark.parametrize("name", hard_cases.VARIANTS)
def test_a_variant_is_another_photo_whose_mask_fits_and_follows_from_its_seed(photo, name):
    variant = hard_cases.VARIANTS[name]
    rgb, mask = variant(photo.rgb, photo.mask, np.random.default_rng(3))
    assert rgb.dtype == np.uint8 and mask.dtype == bool and rgb.shape == (*mask.shape, 3) and mask.any()
    assert rgb.shape != photo.rgb.shape or not np.array_equal(rgb, photo.rgb)
    again = variant(photo.rgb, photo.mask, np.random.default_rng(3))
    assert np.array_equal(rgb, again[0]) and np.array_equal(mask, again[1])
    assert rgb[mask].mean() < rgb[~mask].mean(), "the mask still lies on the darker lesion"


def test_dark_tone_is_darker_and_browner_and_keeps_less_contrast(photo):
    dark, _ = hard_cases.dark_tone(photo.rgb, photo.mask, np.random.default_rng(1))
    skin, was = dark[~photo.mask].mean(axis=0), photo.rgb[~photo.mask].mean(axis=0)
    assert skin.mean() < 0.8 * was.mean()
    assert skin[2] / skin[0] < was[2] / was[0], "melanin takes the blue first"
    assert contrast(dark, photo.mask) < contrast(photo.rgb, photo.mask)


def test_a_small_lesion_fills_one_to_three_percent_of_skin_of_the_same_colour(photo):
    rgb, mask = hard_cases.small(photo.rgb, photo.mask, np.random.default_rng(1))
    assert 0.009 <= mask.mean() <= 0.031
    away = ~cv2.dilate(mask.astype(np.uint8), np.ones((41, 41))).astype(bool)
    assert np.abs(rgb[away].mean(axis=0) - photo.rgb[~photo.mask].mean(axis=0)).max() < 25


def test_a_lesion_at_the_edge_is_not_made_small(photo):
    mask = photo.mask.copy()
    mask[:, :5] = True
    assert hard_cases.small(photo.rgb, mask, np.random.default_rng(1))[0] is photo.rgb
    assert not hard_cases.has_margin(mask) and not hard_cases.has_margin(np.zeros_like(mask))


class Darkest:
    """Finds whatever is darker than a quarter of full brightness; the darker the photo, the more malignant."""

    def analyse(self, rgb, *, force):
        mask = rgb.mean(axis=2) < 110
        return Analysis(*mask.shape[::-1], True, masks={"one": mask}, chosen="one", malignant_probability=1 - rgb.mean() / 255)


def write_photos(folder):
    names = ["source", "image", "mask", "group", "dx", "malignant", "melanoma"]
    with (folder / "manifest.csv").open("w", newline="") as file:
        lines = csv.DictWriter(file, names)
        lines.writeheader()
        for number in range(40):
            drawn = photograph(Mole(seed=number, skin_tone=2, diameter_fraction=0.3), size=(160, 120))
            cv2.imwrite(str(folder / f"{number}.png"), drawn.rgb[:, :, ::-1])
            (folder / f"{number}-mask.png").write_bytes(encode_mask_png(drawn.mask))
            row = ["ham10000", f"{number}.png", f"{number}-mask.png", f"G{number}", "nv", number % 2, 0]
            lines.writerow(dict(zip(names, row, strict=True)))


def test_the_figures_compare_each_photo_with_itself(tmp_path):
    write_photos(tmp_path)
    rows = hard_cases.held_out_rows(tmp_path)
    assert rows and {row.part for row in rows} == {"test"} and len(rows) < len(read_manifest(tmp_path))
    entries = hard_cases.evaluate(Darkest(), tmp_path, rows)
    value = {(one["variant"], one["figure"]): one["value"] for one in entries}
    assert {variant for variant, _ in value} == {"untouched", *hard_cases.VARIANTS}
    for name in ("dark_tone", "jpeg_30"):
        assert value[name, "dice_loss"] == pytest.approx(value["untouched", "dice"] - value[name, "dice"], abs=2e-4)
    assert value["dark_tone", "dice_loss"] > value["jpeg_30", "dice_loss"]
    assert "dark_tone" in hard_cases.table(entries)


def test_a_corner_is_skin_alone(photo):
    corner = hard_cases.bare_corner(photo.rgb, photo.mask)
    height, width = corner.shape[:2]
    assert min(height / 240, width / 320) >= 0.29
    places = [(rows, columns) for rows in (slice(0, height), slice(-height, None)) for columns in (slice(0, width), slice(-width, None))]
    assert any(np.array_equal(photo.rgb[place], corner) and not photo.mask[place].any() for place in places)
    assert hard_cases.bare_corner(photo.rgb, np.ones_like(photo.mask)) is None
    tube = photo.rgb.copy()
    for rows in (slice(0, 60), slice(-60, None)):
        for columns in (slice(0, 60), slice(-60, None)):
            tube[rows, columns] = 0
    assert hard_cases.bare_corner(tube, photo.mask) is None, "the edge of a dermoscope's field is no skin"


def test_what_is_seen_in_skin_without_a_lesion_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(hard_cases, "DRAWN_SKINS", 6)
    write_photos(tmp_path)
    rows = hard_cases.held_out_rows(tmp_path)

    class Sees:
        def __init__(self, chosen):
            self.chosen = chosen

        def analyse(self, rgb, *, force):
            return Analysis(*rgb.shape[1::-1], True, chosen=self.chosen(rgb))

    half = hard_cases.without_lesion(Sees(lambda rgb: "one" if rgb.shape[0] == 480 else None), tmp_path, rows)
    value = {one["variant"]: (one["value"], one["n"]) for one in half}
    assert value["drawn_skin"] == (0.0, 12)
    assert value["bare_corner"][0] == 1.0 and 0 < value["bare_corner"][1] <= len(rows)
