"""The skin's colour, found and brought to a reference."""

import numpy as np
import pytest

from core.preprocess import skin_colour, with_skin

REFERENCE = (208, 154, 164)


def a_photo(skin, lesion=(90, 60, 50), size=(120, 160)):
    photo = np.full((*size, 3), skin, np.uint8)
    mask = np.zeros(size, bool)
    mask[size[0] // 4 : size[0] // 2, size[1] // 4 : size[1] // 2] = True
    photo[mask] = lesion
    return photo, mask


@pytest.mark.parametrize("skin", [(230, 200, 180), (120, 80, 60), (255, 140, 120)])
def test_skin_of_any_tone_and_light_is_found_and_looks_the_same(skin):
    photo, mask = a_photo(skin)
    found = skin_colour(photo, mask)
    assert found == pytest.approx(skin)
    seen = with_skin(photo, found, REFERENCE)
    assert np.abs(seen[~mask].mean(axis=0) - REFERENCE).max() < 1
    # What the lesion keeps is how it differs from its skin.
    assert seen[mask].mean(axis=0) == pytest.approx(np.array((90, 60, 50)) * REFERENCE / skin, abs=1)


def test_neither_the_rim_nor_the_dark_edge_of_a_dermoscope_counts_as_skin():
    photo, mask = a_photo((200, 150, 130))
    photo[:50] = 4
    rim = np.zeros_like(mask)
    rim[28:62, 38:82] = True
    photo[rim & ~mask & (photo.sum(axis=2) > 50)] = (120, 60, 60)
    assert skin_colour(photo, mask) == pytest.approx((200, 150, 130))


def test_a_large_photo_has_the_colour_of_a_small_one():
    photo, mask = a_photo((200, 150, 130), size=(1200, 1600))
    assert skin_colour(photo, mask) == pytest.approx((200, 150, 130))


def test_where_the_lesion_fills_the_frame_the_photo_stays_as_it_is():
    photo, _ = a_photo((200, 150, 130))
    assert skin_colour(photo, np.ones(photo.shape[:2], bool)) is None
    assert with_skin(photo, None, REFERENCE) is photo


def test_next_to_black_skin_is_not_blown_up_without_bound():
    photo = np.full((40, 40, 3), 31, np.uint8)
    assert with_skin(photo, (31, 31, 31), (255, 255, 255)).max() == 124
