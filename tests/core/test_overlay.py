import numpy as np
import pytest

from core.overlay import overlay, thumbnail


def square_mask(height, width, size, row, column):
    mask = np.zeros((height, width), bool)
    mask[row - size // 2 : row + size // 2, column - size // 2 : column + size // 2] = True
    return mask


def test_the_outline_is_in_the_colour_the_inside_is_tinted_and_the_rest_untouched():
    photo = np.full((300, 400, 3), 200, np.uint8)
    mask = square_mask(300, 400, 100, 150, 200)
    drawn = overlay(photo, mask, (0, 255, 0))
    assert (photo == 200).all(), "the photo itself stays"
    assert drawn[150, 148:153, 1].max() > 220 and drawn[150, 148:153, 0].min() < 60
    assert drawn[150, 200, 1] > drawn[150, 200, 0]
    assert (drawn[:80] == 200).all()


def test_the_outline_is_as_thin_on_a_large_photo_as_on_a_small_one():
    shares = []
    for scale in (1, 8):
        mask = square_mask(300 * scale, 400 * scale, 100 * scale, 150 * scale, 200 * scale)
        drawn = overlay(np.zeros((*mask.shape, 3), np.uint8), mask, (0, 255, 0))
        shares.append((drawn[..., 1] > 100).mean())
    assert 0.4 < shares[1] / shares[0] < 2


def test_an_empty_mask_draws_nothing():
    photo = np.full((30, 40, 3), 7, np.uint8)
    assert np.array_equal(overlay(photo, np.zeros((30, 40), bool)), photo)


@pytest.mark.parametrize("corner", [(150, 200), (20, 30), (280, 380)])
def test_a_thumbnail_is_square_and_shows_the_lesion(corner):
    photo = np.full((300, 400, 3), 220, np.uint8)
    mask = square_mask(300, 400, 40, *corner)
    photo[mask] = 20
    small = thumbnail(photo, mask, 96)
    assert small.shape == (96, 96, 3)
    assert (small < 60).any(axis=2).mean() > 0.2
    if corner == (150, 200):
        assert small[48, 48].max() < 60


def test_a_thumbnail_without_a_mask_is_the_middle():
    photo = np.zeros((100, 300, 3), np.uint8)
    photo[:, 100:200] = 255
    for mask in (None, np.zeros((100, 300), bool)):
        assert thumbnail(photo, mask, 50).min() == 255
