"""Photos whose place over each other is known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.rephotograph import Conditions, rephotograph
from core.registration import difference, register, warp_to
from core.synthetic import Mole, photograph


@pytest.fixture(scope="module")
def shown():
    return photograph(Mole(4, kind="atypical", diameter_fraction=0.45), hair=0.2)


def place_error(registration, truth: np.ndarray, mask: np.ndarray) -> float:
    """Largest distance from the true place over the lesion, as a share of its diameter."""
    rows, columns = np.nonzero(mask)
    places = np.column_stack([columns, rows])[::50].astype(float)
    found = places @ registration.matrix[:, :2].T + registration.matrix[:, 2]
    away = np.linalg.norm(cv2.perspectiveTransform(places[None], truth)[0] - found, axis=1)
    return float(away.max() / np.sqrt(4 * mask.sum() / np.pi))


def test_a_rephotographed_mole_is_found_again(shown):
    again = rephotograph(shown.rgb, np.random.default_rng(3))
    registration = register(shown.rgb, again.rgb)
    assert registration.accepted and registration.reason == ""
    assert place_error(registration, again.homography, shown.mask) < 0.02
    middle = np.argwhere(shown.mask).mean(axis=0)[::-1]
    assert registration.relative_scale == pytest.approx(np.sqrt(again.area_scale(*middle)), rel=0.02)


def test_photos_of_other_sizes_turned_upside_down_are_found_too(shown):
    small = np.ascontiguousarray(cv2.resize(shown.rgb, (320, 240), interpolation=cv2.INTER_AREA)[::-1, ::-1])
    registration = register(shown.rgb, small)
    assert registration.accepted
    assert registration.relative_scale == pytest.approx(0.5, rel=0.01)
    assert abs(registration.rotation_degrees) == pytest.approx(180, abs=1)
    assert registration.matrix @ (0, 0, 1) == pytest.approx((319, 239), abs=1.5)


def test_another_mole_is_refused_with_a_reason(shown):
    other = photograph(Mole(9, diameter_fraction=0.4))
    registration = register(shown.rgb, other.rgb, shown.mask, other.mask)
    assert not registration.accepted
    assert registration.reason in {"unlike", "implausible", "little_overlap"}


def test_a_mole_that_grew_is_laid_by_the_skin_around_it_and_not_by_itself():
    """A mole of twice the size looks like the same mole from nearer by: laid over itself, it would never seem to grow."""
    mole = replace(Mole.random(22, "melanoma", 3, 1.25), diameter_fraction=0.36)
    first, second = (photograph(mole, visit=visit) for visit in (0, 2))
    registration = register(first.rgb, second.rgb, first.mask, second.mask)
    assert registration.accepted and registration.by_skin
    assert registration.relative_scale == pytest.approx(first.mm_per_pixel / second.mm_per_pixel, rel=0.01)
    growth = np.count_nonzero(second.mask) / np.count_nonzero(first.mask) / registration.relative_scale**2
    assert growth == pytest.approx(1.25**2, rel=0.04)


def test_skin_that_shows_nothing_tells_no_scale(shown):
    wide = cv2.dilate(shown.mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(np.float32)
    inside = cv2.GaussianBlur(wide, (0, 0), 5)[..., None]
    skin = np.median(shown.rgb[~shown.mask], axis=0)
    on_plain_skin = (shown.rgb * inside + skin * (1 - inside)).astype(np.uint8)
    again = rephotograph(on_plain_skin, np.random.default_rng(4))
    registration = register(on_plain_skin, again.rgb, shown.mask, again.moved(shown.mask))
    assert registration.accepted and not registration.by_skin


def test_discs_on_plain_skin_tell_no_scale():
    """Their own rims are all that agrees, and those grow with them."""

    def photo(radius: int) -> tuple[np.ndarray, np.ndarray]:
        rgb, mask = np.full((480, 640, 3), (222, 178, 158), np.uint8), np.zeros((480, 640), np.uint8)
        cv2.circle(mask, (320, 240), radius, 1, cv2.FILLED)
        rgb[mask > 0] = (112, 70, 50)
        return cv2.GaussianBlur(rgb, (0, 0), 3), mask > 0

    (first, first_mask), (second, second_mask) = photo(60), photo(80)
    assert not register(first, second, first_mask, second_mask).by_skin


def test_a_mole_that_fills_the_photo_tells_no_scale(shown):
    everywhere = np.ones(shown.mask.shape, bool)
    registration = register(shown.rgb, shown.rgb, everywhere, everywhere)
    assert registration.accepted and not registration.by_skin and registration.skin_agreement == -1


def test_photos_without_anything_in_them_are_refused():
    plain = np.full((200, 300, 3), 180, np.uint8)
    assert not register(plain, plain).accepted


def test_the_warped_photo_lies_over_the_other_one_and_differs_little(shown):
    again = rephotograph(shown.rgb, np.random.default_rng(5), Conditions(noise=1.0))
    registration = register(shown.rgb, again.rgb)
    warped = warp_to(shown.rgb, registration, again.rgb.shape[:2])
    assert warped.shape == again.rgb.shape
    still = difference(shown.rgb, again.rgb, registration)
    assert still.shape == again.rgb.shape[:2] and still.dtype == np.float32
    middle = cv2.perspectiveTransform(np.argwhere(shown.mask).mean(axis=0)[None, None, ::-1], again.homography)[0, 0].round().astype(int)
    changed = again.rgb.copy()
    cv2.circle(changed, middle.tolist(), 25, (200, 200, 255), cv2.FILLED)
    new = difference(shown.rgb, changed, registration)
    assert new[middle[1], middle[0]] > 10 > 3 * np.median(still)
