"""Coefficients found again in answers drawn from them, and held back where nothing else bounds them."""

import numpy as np
import pytest

from training.logistic import logistic


def test_coefficients_are_found_again():
    rng = np.random.default_rng(1)
    inputs = np.column_stack([rng.normal(size=(20_000, 2)), np.ones(20_000)])
    labels = (rng.random(20_000) < 1 / (1 + np.exp(-inputs @ (1.5, -0.5, 0.3)))).astype(int)
    assert logistic(inputs, labels) == pytest.approx((1.5, -0.5, 0.3), abs=0.1)


def test_a_photo_that_counts_twice_is_like_two():
    rng = np.random.default_rng(2)
    inputs = np.column_stack([rng.normal(size=200), np.ones(200)])
    labels = (rng.random(200) < 0.4).astype(int)
    twice = logistic(np.concatenate([inputs, inputs[:50]]), np.concatenate([labels, labels[:50]]))
    assert logistic(inputs, labels, np.repeat([2.0, 1.0], [50, 150])) == pytest.approx(twice, abs=1e-6)


def test_a_ridge_bounds_what_the_answers_do_not():
    inputs = np.column_stack([np.linspace(-1, 1, 40), np.ones(40)])
    labels = (inputs[:, 0] > 0).astype(int)  # parted without an error: the likeliest slope is infinite
    strong, weak = (logistic(inputs, labels, ridge=np.array([ridge, 1e-6]))[0] for ridge in (3.0, 0.3))
    assert 0 < strong < weak < 50
