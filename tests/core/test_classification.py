"""Bands, calibration and the sharing out of a probability among classes."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.analysis import Confidence, Diagnosis
from core.classification import calibrated, classify, differential, judge

BANDS = {"high_benign": 0.05, "medium_benign": 0.15, "malignant": 0.60, "medium_malignant": 0.85, "high_malignant": 0.95}


@pytest.mark.parametrize(
    ("probability", "diagnosis", "confidence"),
    [
        (0.00, "benign", "high"),
        (0.049, "benign", "high"),
        (0.05, "benign", "medium"),
        (0.149, "benign", "medium"),
        (0.15, "benign", "low"),
        (0.599, "benign", "low"),
        (0.60, "malignant", "low"),
        (0.849, "malignant", "low"),
        (0.85, "malignant", "medium"),
        (0.95, "malignant", "medium"),
        (0.951, "malignant", "high"),
    ],
)
def test_each_probability_has_its_band(probability, diagnosis, confidence):
    assert judge(probability, (probability, probability), BANDS) == (Diagnosis(diagnosis), Confidence(confidence))


def test_an_interval_that_reaches_over_the_edge_is_uncertain_and_never_confident():
    assert judge(0.3, (0.1, 0.7), BANDS) == (Diagnosis.UNCERTAIN, Confidence.LOW)
    assert judge(0.97, (0.4, 0.99), BANDS) == (Diagnosis.UNCERTAIN, Confidence.LOW)
    assert judge(0.3, (0.1, 0.5), BANDS)[0] is Diagnosis.BENIGN


def test_the_differential_agrees_with_the_probability():
    classes = [{"name": "nv", "malignant": False}, {"name": "mel", "malignant": True}, {"name": "bcc", "malignant": True}]
    shares = differential(0.3, np.array([2.0, 1.0, -1.0]), classes)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["mel"] + shares["bcc"] == pytest.approx(0.3)
    assert list(shares) == ["nv", "mel", "bcc"]


def test_calibration_bends_the_logit():
    assert calibrated(0.0, {"slope": 1.0, "intercept": 0.0}) == 0.5
    assert calibrated(2.0, {"slope": 0.5, "intercept": -1.0}) == 0.5


class Fixed:
    """A network that answers with one logit, whatever it sees, or with how much redder a view is than grey."""

    def __init__(self, logit: float | None, share: float):
        self.logit = logit
        self.card = SimpleNamespace(
            details={
                "input": {"normalisation": "minus_one_to_one", "size": 16, "contexts": [1.2, 2.0], "whole_photo": True},
                "calibration": {"slope": 1.0, "intercept": 0.0},
                "bands": BANDS,
                "classes": [{"name": "nv", "malignant": False}, {"name": "mel", "malignant": True}],
                "share": share,
            }
        )

    def __call__(self, batch):
        self.seen = batch
        logits = 4 * batch[:, 0].mean((1, 2)) if self.logit is None else np.full(len(batch), self.logit)
        return [logits, np.zeros((len(batch), 2)), np.zeros((len(batch), 2, 2)), np.zeros((len(batch), 3))]


def a_lesion():
    photo = np.full((60, 80, 3), 128, np.uint8)
    mask = np.zeros((60, 80), bool)
    mask[20:40, 30:50] = True
    photo[mask] = (250, 128, 128)
    return photo, mask


def test_several_networks_add_up_by_their_shares_and_one_alone_counts_in_full():
    photo, mask = a_lesion()
    pair = classify([Fixed(2.0, 0.75), Fixed(-1.0, 0.5)], photo, mask)
    assert pair.probability == pytest.approx(1 / (1 + np.exp(-(0.75 * 2 - 0.5))))
    assert classify([Fixed(2.0, 0.75)], photo, mask).probability == pytest.approx(1 / (1 + np.exp(-2.0)))


def test_the_interval_holds_the_probability_and_widens_where_networks_or_views_differ():
    photo, mask = a_lesion()
    agreed = classify([Fixed(1.0, 0.5), Fixed(1.0, 0.5)], photo, mask)
    assert agreed.interval == pytest.approx((agreed.probability, agreed.probability))
    torn = classify([Fixed(3.0, 0.5), Fixed(-1.0, 0.5)], photo, mask)
    assert torn.interval[0] < 0.4 < torn.probability < 0.9 < torn.interval[1]
    views = classify([Fixed(None, 1.0)], photo, mask)
    assert views.interval[0] < views.probability < views.interval[1]


def test_a_network_sees_each_width_and_the_whole_photo_each_with_its_mirror_image():
    photo, mask = a_lesion()
    network = Fixed(0.0, 1.0)
    classify([network], photo, mask, [mask, np.zeros_like(mask)])
    assert network.seen.shape == (12, 3, 16, 16), "two masks that hold something, three views, each mirrored"
    redness = network.seen[:3, 0].mean((1, 2))
    assert redness[0] > redness[1] > redness[2], "each is wider than the one before"
    assert np.array_equal(network.seen[3], network.seen[0][:, :, ::-1])


def test_a_classifier_sees_every_skin_in_the_colour_of_its_card():
    network = Fixed(0.0, 1.0)
    network.card.details["input"]["skin"] = [200, 150, 160]
    photo, mask = a_lesion()
    for light in (1.0, 0.6):
        classify([network], (photo * light).astype(np.uint8), mask)
        whole = (network.seen[2] + 1) * 127.5
        assert whole[:, 1, 8] == pytest.approx([200, 150, 160], abs=2)


def test_a_camera_photo_is_told_by_the_fit_in_the_card():
    network = Fixed(0.0, 1.0)
    photo, mask = a_lesion()
    assert not classify([network], photo, mask).camera
    for intercept, camera in ((-0.5, False), (0.5, True)):
        network.card.details["camera"] = {"features": [0, 2], "weights": [1.0, -1.0], "intercept": intercept}
        assert classify([network], photo, mask).camera is camera
