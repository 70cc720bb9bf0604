"""Bands, calibration and the sharing out of a probability among classes."""

import numpy as np
import pytest

from core.analysis import Confidence, Diagnosis
from core.classification import calibrated, differential, judge

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
