"""Pictures that training changes keep what they teach."""

import cv2
import numpy as np
import pytest

from training import augment


@pytest.mark.parametrize("seed", range(6))
def test_texture_goes_and_colours_and_outline_stay(seed):
    rng = np.random.default_rng(seed)
    mask = cv2.circle(np.zeros((96, 128), np.uint8), (64, 48), 24, 255, -1)
    colours = np.where(mask[..., None] > 127, (110, 70, 60), (210, 160, 150))
    rgb = np.clip(colours + rng.normal(0, 25, (96, 128, 3)), 0, 255).astype(np.uint8)
    smooth = augment.smooth_away(rng, rgb, mask)
    assert smooth.dtype == np.uint8 and smooth.shape == rgb.shape
    for part in (cv2.erode(mask, np.ones((25, 25))) > 127, cv2.dilate(mask, np.ones((25, 25))) == 0):
        assert smooth[part].std(axis=0).max() < 0.5 * rgb[part].std(axis=0).min()
        assert smooth[part].mean(axis=0) == pytest.approx(colours[part].mean(axis=0), abs=6)


def test_bare_skin_is_smoothed_too():
    rgb = np.random.default_rng(0).integers(120, 220, (96, 128, 3), np.uint8)
    for seed in range(4):
        smooth = augment.smooth_away(np.random.default_rng(seed), rgb, np.zeros((96, 128), np.uint8))
        assert smooth.std() < 0.5 * rgb.std()
