"""Camera photos told from dermoscope ones by features that both kinds share in part."""

import numpy as np

from core.classification import camera_logit
from training import camera


def a_sample(rng, n, shifted):
    looks = rng.normal(0, 1, (n, 60))
    looks[:, :6] += 1.5 * shifted
    return looks


def test_the_fit_finds_other_camera_photos_and_leaves_other_dermoscope_photos_alone():
    rng = np.random.default_rng(1)
    found = camera.fit(a_sample(rng, 400, 0), a_sample(rng, 40, 1))
    assert len(found["features"]) == camera.FEATURES and set(range(6)) <= set(found["features"])
    assert camera.hits(list(a_sample(rng, 200, 1)), found).mean() > 0.8
    assert camera.hits(list(a_sample(rng, 400, 0)), found).mean() < 0.05


def test_few_of_the_dermoscope_photos_fitted_on_count_as_camera_photos():
    rng = np.random.default_rng(2)
    dermoscope = a_sample(rng, 500, 0)
    found = camera.fit(dermoscope, a_sample(rng, 30, 0.2))
    assert np.mean([camera_logit(one, found) > 0 for one in dermoscope]) <= camera.FALSE_ALARMS
