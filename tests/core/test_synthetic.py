"""Generated photos: the truth about them holds, they repeat from a seed, and what differs is what should differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from io import BytesIO
from itertools import pairwise
from typing import get_args

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from core.synthetic import (
    Kind,
    Mole,
    NotSkin,
    Pattern,
    bare_skin,
    blur,
    darken,
    encode,
    not_skin,
    overexpose,
    photograph,
)

SMALL = (320, 240)
LOOKS = ("dermoscope", "phone")


def area_mm2(photo) -> float:
    return float(np.count_nonzero(photo.mask)) * photo.mm_per_pixel**2


def likeness(one, other) -> float:
    """Correlation of two lesions cut out by their masks, brightness and size taken away."""
    cuts = []
    for photo in (one, other):
        rows, columns = np.nonzero(photo.mask)
        grey = cv2.cvtColor(photo.rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
        outside = np.median(grey[~photo.mask])
        lesion = np.where(photo.mask, grey - outside, 0)[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        cuts.append(cv2.resize(lesion, (48, 48), interpolation=cv2.INTER_AREA).ravel())
    return float(np.corrcoef(cuts)[0, 1])


@pytest.mark.parametrize("look", LOOKS)
def test_the_same_seeds_give_the_same_photo(look):
    mole = Mole.random(5)
    one, again = (photograph(mole, visit=1, look=look, size=SMALL, hair=0.5, seed=3) for _ in range(2))
    assert np.array_equal(one.rgb, again.rgb)
    assert np.array_equal(one.mask, again.mask)
    assert one.mm_per_pixel == again.mm_per_pixel


def test_another_capture_seed_changes_the_photo_and_not_the_lesion():
    mole = Mole.random(6, kind="benign")
    one, other = (photograph(mole, size=SMALL, seed=seed) for seed in (1, 2))
    assert not np.array_equal(one.rgb, other.rgb)
    assert area_mm2(one) == pytest.approx(area_mm2(other), rel=0.03)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("size", [(640, 480), (321, 243), (240, 320)])
def test_photo_and_mask_have_the_size_and_type_promised(look, size):
    photo = photograph(Mole(seed=1), look=look, size=size)
    assert photo.rgb.shape == (size[1], size[0], 3) and photo.rgb.dtype == np.uint8
    assert photo.mask.shape == (size[1], size[0]) and photo.mask.dtype == np.bool_
    assert photo.mask.any() and photo.mm_per_pixel > 0


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("look", LOOKS)
def test_area_of_the_mask_is_the_area_of_the_mole(kind, look):
    for seed in range(3):
        mole = replace(Mole.random(seed, kind=kind), diameter_fraction=0.4)
        photo = photograph(mole, look=look, size=(480, 360))
        assert area_mm2(photo) == pytest.approx(np.pi / 4 * mole.diameter_mm() ** 2, rel=0.03)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_area_grows_by_the_growth_factor_at_each_visit(kind):
    mole = Mole(seed=8, kind=kind, diameter_fraction=0.3, growth=1.3)
    areas = [area_mm2(photograph(mole, visit=visit, size=(480, 480))) for visit in range(4)]
    for before, after in pairwise(areas):
        assert after / before == pytest.approx(1.3, rel=0.03)


def test_scale_is_the_same_at_every_photo_size():
    small, large = (photograph(Mole(seed=4), size=size) for size in ((320, 240), (1280, 960)))
    assert small.mm_per_pixel == pytest.approx(4 * large.mm_per_pixel)
    assert area_mm2(small) == pytest.approx(area_mm2(large), rel=0.03)


def test_bare_skin_without_freckles_has_no_dark_spot():
    """Of this skin, one of the few that have some."""
    freckled, plain = (bare_skin(2, (640, 480), 2, freckled=with_some).astype(int).sum(axis=2) for with_some in (True, False))
    darker = plain - freckled > 60
    assert 0.002 < darker.mean() < 0.05
    assert np.abs(plain - freckled)[~darker].mean() < 6


@pytest.mark.parametrize("look", LOOKS)
def test_skin_gets_darker_with_each_fitzpatrick_type(look):
    lightness = [np.median(bare_skin(tone, SMALL, 11, look=look)) for tone in range(1, 7)]
    assert all(lighter - darker >= 4 for lighter, darker in pairwise(lightness))


@pytest.mark.parametrize("tone", range(1, 7))
@pytest.mark.parametrize("look", LOOKS)
def test_lesion_is_darker_than_the_skin_around_it(tone, look):
    for seed in range(3):
        photo = photograph(Mole.random(seed, skin_tone=tone), look=look, size=SMALL)
        grey = cv2.cvtColor(photo.rgb, cv2.COLOR_RGB2GRAY).astype(float)
        near = cv2.dilate(photo.mask.astype(np.uint8), np.ones((25, 25))).astype(bool)
        inner = cv2.erode(photo.mask.astype(np.uint8), np.ones((5, 5))).astype(bool)
        assert np.median(grey[inner]) < 0.95 * np.median(grey[near & ~photo.mask])


def test_two_visits_of_one_mole_are_more_alike_than_two_moles():
    moles = [Mole.random(seed, kind=("benign", "atypical", "melanoma")[seed % 3]) for seed in range(6)]
    first = [photograph(mole, visit=0, size=SMALL) for mole in moles]
    second = [photograph(mole, visit=1, size=SMALL) for mole in moles]
    table = np.array([[likeness(a, b) for b in second] for a in first])
    same, different = np.diag(table), table[~np.eye(len(moles), dtype=bool)]
    assert same.mean() > different.mean() + 0.1
    assert np.mean(np.argmax(table, axis=1) == np.arange(len(moles))) >= 0.6


def test_melanoma_like_mole_grows_more_irregular_and_keeps_its_centre():
    mole = Mole(seed=3, kind="melanoma", diameter_fraction=0.45, growth=1.2)

    def compactness(visit: int) -> float:
        outline = photograph(mole, visit=visit, size=(480, 480), seed=1).mask.astype(np.uint8)
        contour = max(cv2.findContours(outline, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=cv2.contourArea)
        return cv2.arcLength(contour, True) ** 2 / (4 * np.pi * cv2.contourArea(contour))

    assert compactness(3) > 1.1 * compactness(0)
    assert mole.progress(3) > mole.progress(0)


def test_hair_covers_more_with_higher_density():
    mole = Mole(seed=2, skin_tone=1)
    dark = [np.mean(photograph(mole, hair=hair, seed=9).rgb.min(axis=2) < 60) for hair in (0.0, 0.4, 1.0)]
    assert dark[0] < dark[1] < dark[2]


def test_random_mole_keeps_what_is_given():
    mole = Mole.random(12, kind="melanoma", skin_tone=6, growth=1.25)
    assert (mole.kind, mole.skin_tone, mole.growth) == ("melanoma", 6, 1.25)
    assert len({Mole.random(seed) for seed in range(20)}) == 20
    assert {Mole.random(seed).pattern for seed in range(30)} == set(get_args(Pattern))


def test_random_mole_fits_the_frame_for_four_visits():
    for seed in range(40):
        mole = Mole.random(seed)
        assert mole.diameter_fraction * mole.growth**1.5 <= 0.96


def test_file_carries_date_and_place_only_when_asked():
    photo = photograph(Mole(seed=1), size=SMALL)
    plain = Image.open(BytesIO(encode(photo))).getexif()
    full = Image.open(BytesIO(encode(photo, taken_on=date(2026, 3, 14), gps=True))).getexif()
    assert ExifTags.Base.DateTimeOriginal not in plain.get_ifd(ExifTags.IFD.Exif)
    assert not plain.get_ifd(ExifTags.IFD.GPSInfo)
    assert full.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "2026:03:14 12:00:00"
    assert full.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] == (90.0, 0.0, 0.0)


def test_file_holds_the_photo():
    photo = photograph(Mole(seed=1), size=SMALL)
    decoded = np.asarray(Image.open(BytesIO(encode(photo))))
    assert decoded.shape == photo.rgb.shape
    assert np.abs(decoded.astype(float) - photo.rgb).mean() < 4


@pytest.mark.parametrize("kind", get_args(NotSkin))
def test_picture_of_something_else_repeats_and_varies(kind):
    one, again, other = (not_skin(kind, SMALL, seed) for seed in (0, 0, 1))
    assert one.shape == (240, 320, 3) and one.dtype == np.uint8
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_spoiled_photos_are_blurred_dark_and_clipped():
    rgb = photograph(Mole(seed=1), size=SMALL, hair=0.5).rgb
    sharpness = lambda image: cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var()  # noqa: E731
    assert sharpness(blur(rgb, 1)) < 0.2 * sharpness(rgb)
    assert darken(rgb, 1).mean() < 0.3 * rgb.mean()
    assert np.mean(overexpose(rgb, 1) == 255) > 0.5
    for spoil in (blur, darken, overexpose):
        assert spoil(rgb).shape == rgb.shape and spoil(rgb).dtype == np.uint8
        assert np.abs(spoil(rgb, 0).astype(int) - rgb).max() <= 1


@pytest.mark.parametrize(
    "refused",
    [
        lambda: Mole(seed=-1),
        lambda: Mole(seed=1, kind="harmless"),
        lambda: Mole(seed=1, pattern="striped"),
        lambda: Mole(seed=1, skin_tone=0),
        lambda: Mole(seed=1, skin_tone=7),
        lambda: Mole(seed=1, diameter_fraction=0),
        lambda: Mole(seed=1, diameter_fraction=2),
        lambda: Mole(seed=1, growth=0.1),
        lambda: Mole(seed=1, growth=float("nan")),
        lambda: Mole.random(1, kind="harmless"),
        lambda: Mole.random(-1),
        lambda: photograph(Mole(seed=1), visit=-1),
        lambda: photograph(Mole(seed=1), look="x-ray"),
        lambda: photograph(Mole(seed=1), size=(10, 480)),
        lambda: photograph(Mole(seed=1), size=(640, 90000)),
        lambda: photograph(Mole(seed=1), size=(640.5, 480)),
        lambda: photograph(Mole(seed=1), hair=1.1),
        lambda: photograph(Mole(seed=1), hair=-0.1),
        lambda: photograph(Mole(seed=1), seed=-1),
        lambda: bare_skin(7),
        lambda: bare_skin(2, (0, 0)),
        lambda: bare_skin(2, seed=-1),
        lambda: not_skin("cloud"),
        lambda: not_skin("sky", (1, 1)),
        lambda: not_skin("sky", seed=-1),
        lambda: blur(np.zeros((40, 40, 3), np.uint8), 2),
        lambda: darken(np.zeros((40, 40, 3), np.uint8), -1),
        lambda: overexpose(np.zeros((40, 40, 3), np.uint8), 1.5),
    ],
)
def test_impossible_arguments_are_refused_with_a_sentence(refused):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        refused()
