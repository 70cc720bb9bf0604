"""From probabilities to a mask: one lesion, no holes, no stairs."""

import numpy as np

from core.measurement import measure
from core.segmentation import _to_size, fill_holes, keep_lesion, overlap


def disc(shape, centre, radius):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (np.hypot(rows - centre[0], columns - centre[1]) < radius).astype(np.float32)


def test_the_lesion_in_the_middle_is_kept_and_its_holes_are_filled():
    shape = (384, 512)
    lesion = disc(shape, (192, 256), 80)
    probabilities = lesion - disc(shape, (192, 256), 30) + disc(shape, (40, 40), 12)
    kept, several = keep_lesion(probabilities, 0.5)
    assert overlap(kept, lesion > 0) > 0.98
    assert not several


def test_a_second_lesion_of_rival_size_is_reported():
    probabilities = disc((384, 512), (192, 250), 50) + disc((384, 512), (80, 440), 40)
    kept, several = keep_lesion(probabilities, 0.5)
    assert several and not kept[80, 440]


def test_nothing_and_specks_are_no_lesion():
    nothing, several = keep_lesion(np.full((384, 512), 0.3, np.float32), 0.5)
    assert not nothing.any() and not several
    specks = np.zeros((384, 512), np.float32)
    specks[::20, ::20] = 1
    assert not keep_lesion(specks, 0.5)[0].any()


def test_the_outline_stays_smooth_on_a_photo_far_larger_than_the_networks_input():
    kept = disc((384, 512), (192, 256), 100) > 0
    large = _to_size(kept, 4000, 3000)
    assert large.shape == (3000, 4000)
    # A disc drawn in stairs of eight pixels would have a circularity of about 0.8.
    assert measure(large)["circularity"] > 0.96


def test_a_mask_survives_shrinking_to_a_small_photo():
    kept = disc((384, 512), (192, 256), 100) > 0
    small = _to_size(kept, 200, 150)
    assert small.shape == (150, 200)
    assert abs(small.mean() - kept.mean()) < 0.01


def test_fill_holes_leaves_bays_open():
    mask = np.zeros((50, 50), bool)
    mask[10:40, 10:40] = True
    mask[20:30, 20:50] = False
    assert np.array_equal(fill_holes(mask), mask)


def test_two_empty_masks_agree():
    empty = np.zeros((5, 5), bool)
    assert overlap(empty, empty) == 1
    assert overlap(empty, ~empty) == 0
