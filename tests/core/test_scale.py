"""Photos in which the size of a pixel is known."""

import cv2
import numpy as np
import pytest

from core import scale_card
from core.scale import (
    COINS,
    close_up,
    correct_colours,
    find_coin,
    find_ruler,
    find_scale,
    measure_flat,
    rectify,
    scale_from_field,
    scale_from_two_points,
    visible_circle,
    without_card,
)
from core.synthetic import Mole, bare_skin, photograph

SIZE = (1000, 750)
SKIN = (205, 165, 145)


def view(tilt_degrees: float, turn_degrees: float, px_per_mm: float) -> np.ndarray:
    """3 x 3, from millimetres on the card to pixels of a photo in whose middle lies the card's inner corner."""
    tilt, turn = np.radians([tilt_degrees, turn_degrees])
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    rotation = about_x @ about_z
    focal = 1500.0
    lens = np.array([[focal, 0, SIZE[0] / 2], [0, focal, SIZE[1] / 2], [0, 0, 1]])
    looked_at = np.array([20.0, 20.0, 0.0])
    return lens @ np.column_stack([rotation[:, 0], rotation[:, 1], rotation @ -looked_at + (0, 0, focal / px_per_mm)])


def scene(to_photo: np.ndarray, *, disc_mm: float = 0.0, light=(1.0, 1.0, 1.0), blur: float = 1.0) -> np.ndarray:
    """Plain skin, the card, and a dark disc in its inner corner."""
    fine = 20
    plane = np.full((60 * fine, 60 * fine, 3), SKIN, np.uint8)
    card = scale_card.draw_card(fine)
    arm, side = round(scale_card.ARM_MM * fine), round(scale_card.SIDE_MM * fine)
    plane[:side, :side] = card
    plane[arm:, arm:] = SKIN
    if disc_mm:
        middle = 27 * fine * 16 - 8
        cv2.circle(plane, (middle, middle), round(disc_mm / 2 * fine * 16), (90, 60, 45), cv2.FILLED, cv2.LINE_AA, 4)
    placed = to_photo @ np.array([[1 / fine, 0, 0.5 / fine], [0, 1 / fine, 0.5 / fine], [0, 0, 1]])
    photo = cv2.warpPerspective(cv2.GaussianBlur(plane, (0, 0), 0.6), placed, SIZE, flags=cv2.INTER_LINEAR, borderValue=SKIN)
    photo = cv2.GaussianBlur(photo.astype(np.float32) * np.array(light, np.float32), (0, 0), blur)
    return (photo + np.random.default_rng(0).normal(0, 2, photo.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("tilt", "turn"), [(0, 0), (15, 130), (30, -70), (45, 200)])
def test_the_card_gives_millimetres_at_any_tilt_and_turn(tilt, turn):
    to_photo = view(tilt, turn, 11)
    found = find_scale(scene(to_photo))
    assert found.tilt_degrees == pytest.approx(tilt, abs=3)
    for place in ((27, 27), (18, 34), (36, 20)):
        ends = np.array([[place, (place[0] + 3.0, place[1] + 4.0)]], float)
        seen = cv2.perspectiveTransform(ends, to_photo)
        first, second = cv2.perspectiveTransform(seen, found.homography)[0]
        assert np.linalg.norm(first - second) == pytest.approx(5, rel=0.01)
    assert found.scale.source == "card"
    assert 0.005 < found.scale.relative_error < 0.03


def test_a_disc_beside_a_tilted_card_measures_what_it_is():
    to_photo = view(40, 30, 14)
    photo = scene(to_photo, disc_mm=8)
    column, row = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    on_card = cv2.perspectiveTransform(np.stack([column, row], -1).reshape(1, -1, 2).astype(float), np.linalg.inv(to_photo))
    mask = (np.hypot(*(on_card[0] - 27).T) < 4).reshape(SIZE[::-1])
    measured = measure_flat(mask, photo, find_scale(photo))
    for name in ("equivalent_diameter_mm", "longest_diameter_mm", "shortest_diameter_mm"):
        assert measured[name] == pytest.approx(8, rel=0.02)
    assert measured["area_mm2"] == pytest.approx(np.pi * 16, rel=0.03)
    assert measured["elongation"] == pytest.approx(1, abs=0.03)
    assert measured["area_px"] == mask.sum()


def test_half_a_card_is_enough_and_says_that_it_is_less_sure():
    photo = scene(view(10, 0, 11))
    whole = find_scale(photo)
    photo[400:] = SKIN  # the lower arm is covered
    half = find_scale(photo)
    assert half.scale.mm_per_pixel == pytest.approx(whole.scale.mm_per_pixel, rel=0.05)
    assert half.scale.relative_error > whole.scale.relative_error


def test_no_card_no_scale():
    assert find_scale(bare_skin(2, (640, 480), 3, look="phone", hair=0.5)) is None
    assert find_scale(np.zeros((50, 60, 3), np.uint8)) is None


def test_the_rectified_photo_shows_the_card_upright_and_square():
    photo = scene(view(35, 60, 11), disc_mm=8)
    found = find_scale(photo)
    again = find_scale(rectify(photo, found))
    assert again.tilt_degrees < 5
    assert again.scale.mm_per_pixel == pytest.approx(found.scale.mm_per_pixel, rel=0.02)


def test_the_close_up_holds_the_mole_and_no_card():
    to_photo = view(35, 60, 11)
    photo = scene(to_photo, disc_mm=8)
    near = close_up(photo, find_scale(photo))
    dark = near.rgb.max(axis=2) < 150
    assert 4 * dark.sum() / np.pi == pytest.approx((8 / 27 * len(dark)) ** 2, rel=0.06)
    back = near.back(dark, photo.shape)
    x, y = cv2.perspectiveTransform(np.array([[(27.0, 27.0)]]), to_photo)[0, 0]
    assert back[round(y), round(x)] and 0.005 < back.mean() < 0.05


def test_the_painted_over_card_is_gone():
    photo = scene(view(20, 100, 11))
    painted = without_card(photo, find_scale(photo))
    assert find_scale(painted) is None
    assert np.abs(painted.astype(int) - SKIN).max() < 40


def test_colours_come_back_from_under_warm_light():
    warm = scene(view(10, 20, 11), light=(1.0, 0.85, 0.65))
    found = find_scale(warm)
    corner = cv2.perspectiveTransform(np.array([[(27.0, 27.0)]]), np.linalg.inv(found.homography))[0, 0].round().astype(int)
    seen = correct_colours(warm, found)[corner[1] - 5 : corner[1] + 6, corner[0] - 5 : corner[0] + 6].reshape(-1, 3).mean(axis=0)
    assert np.abs(seen - SKIN).max() < 10 < np.abs(warm[corner[1], corner[0]].astype(int) - SKIN).max()


def on_skin(drawn: np.ndarray, cover: np.ndarray) -> np.ndarray:
    skin = bare_skin(2, (cover.shape[1], cover.shape[0]), 5, look="phone").astype(np.float32)
    share = cover.astype(np.float32)[..., None]
    return cv2.GaussianBlur(skin * (1 - share) + drawn * share, (0, 0), 1.0).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("px_per_mm", "turn"), [(9.0, 3), (14.3, 25), (21.7, -60), (12.2, 90)])
def test_a_ruler_gives_millimetres(px_per_mm, turn):
    height, width = 600, 800
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle = np.radians(turn)
    along = ((x - 400) * np.cos(angle) + (y - 300) * np.sin(angle)) / px_per_mm
    across = ((y - 300) * np.cos(angle) - (x - 400) * np.sin(angle)) / px_per_mm
    number = np.rint(along)
    length = np.where(number % 10 == 0, 6.0, np.where(number % 5 == 0, 4.5, 3.0))
    tick = (np.abs(along - number) < 0.1) & (across > 4) & (across < 4 + length)
    drawn = np.where(tick[..., None], 30.0, np.array([235, 230, 210.0]))
    found = find_ruler(on_skin(drawn, (across > 4) & (across < 16)))
    assert found.scale.mm_per_pixel == pytest.approx(1 / px_per_mm, rel=0.01)
    assert found.scale.source == "ruler" and found.scale.relative_error < 0.04
    middles = np.array([stroke.mean(axis=0) for stroke in found.marks])
    millimetres = (middles - (400, 300)) @ (np.cos(angle), np.sin(angle)) / px_per_mm
    assert len(millimetres) >= 10 and np.abs(millimetres - np.rint(millimetres)).max() < 0.25, "a stroke lies on each tick"
    assert np.diff(np.sort(millimetres)) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("tilt", [0, 25])
def test_a_coin_gives_millimetres(tilt):
    px_per_mm, (name, diameter_mm) = 9.0, COINS["eur_2"]
    y, x = np.mgrid[:600, :800].astype(np.float32)
    away = np.hypot(x - 560, (y - 320) / np.cos(np.radians(tilt))) / px_per_mm
    drawn = np.where((away < 9.3)[..., None], np.array([205, 185, 120.0]), np.array([190, 190, 195.0]))
    relief = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 60, (600, 800)).astype(np.float32), (0, 0), 2.0)[..., None]
    photo = on_skin(drawn + relief, away < diameter_mm / 2)
    found = find_coin(photo, "eur_2")
    assert found.scale.mm_per_pixel == pytest.approx(1 / (px_per_mm * np.sqrt(np.cos(np.radians(tilt)))), rel=0.02)
    assert found.scale.source == "coin" and "euro" in name
    (edge,) = found.marks
    radii = np.hypot(edge[:, 0] - 560, (edge[:, 1] - 320) / np.cos(np.radians(tilt))) / px_per_mm
    assert radii == pytest.approx(diameter_mm / 2, rel=0.04), "the line follows the coin's edge"


def test_skin_and_moles_hold_no_ruler():
    for seed in range(4):
        assert find_ruler(photograph(Mole.random(seed), look="phone", hair=0.3).rgb) is None


def test_bare_skin_holds_no_coin():
    for seed in range(4):
        assert find_coin(bare_skin(seed + 1, (640, 480), seed, look="phone", hair=0.3), "eur_2") is None


def test_the_field_of_view_runs_across_the_longer_side_or_the_visible_circle():
    assert scale_from_field(2000, 1500, 20).mm_per_pixel == pytest.approx(0.01)
    y, x = np.mgrid[:480, :640]
    photo = np.where((np.hypot(x - 325, y - 245) < 300)[..., None], np.array(SKIN), 3).astype(np.uint8)
    diameter = visible_circle(photo)
    assert diameter == pytest.approx(600, rel=0.01)
    assert scale_from_field(640, 480, 30, circle_px=diameter).mm_per_pixel == pytest.approx(0.05, rel=0.01)
    assert visible_circle(np.full((480, 640, 3), SKIN, np.uint8)) is None


def test_two_points_close_together_are_less_sure_than_two_far_apart():
    near, far = (scale_from_two_points((0, 0), (3 * mm * 10, 4 * mm * 10), mm * 5, click_error_px=2) for mm in (1, 4))
    assert near.mm_per_pixel == far.mm_per_pixel == pytest.approx(0.1)
    assert near.relative_error > 2 * far.relative_error > 0.04
    with pytest.raises(ValueError, match="apart"):
        scale_from_two_points((1, 1), (1, 1), 5, click_error_px=2)
