import numpy as np
import pytest

from training.metrics import auc, bootstrap, dice, expected_calibration_error, jaccard, perfect_calibration_error


def test_dice_and_jaccard_of_known_overlaps():
    first, second = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    first[:2], second[1:3] = True, True
    assert dice(first, second) == pytest.approx(0.5)
    assert jaccard(first, second) == pytest.approx(1 / 3)
    assert dice(np.zeros((2, 2), bool), np.zeros((2, 2), bool)) == 1


def test_auc_counts_pairs_in_order_and_ties_half():
    assert auc([0, 0, 1, 1], np.array([0.1, 0.2, 0.3, 0.4])) == 1
    assert auc([1, 1, 0, 0], np.array([0.1, 0.2, 0.3, 0.4])) == 0
    assert auc([0, 1, 0, 1], np.array([0.5, 0.5, 0.5, 0.5])) == 0.5
    assert auc([0, 1, 1], np.array([0.3, 0.3, 0.9])) == pytest.approx(0.75)
    assert np.isnan(auc([1, 1], np.array([0.1, 0.2])))


def test_the_interval_holds_the_value_and_widens_where_groups_repeat_themselves():
    values = np.random.default_rng(1).normal(size=200)
    low, high = bootstrap(lambda some: values[some].mean(), [str(number) for number in range(200)])
    assert low < values.mean() < high
    repeated = np.repeat(values[:20], 10)
    wide = bootstrap(lambda some: repeated[some].mean(), [str(number // 10) for number in range(200)])
    assert wide[1] - wide[0] > 1.7 * (high - low)


def test_calibration_error():
    assert expected_calibration_error(np.array([1, 1, 1, 0]), np.full(4, 0.75)) == pytest.approx(0)
    assert expected_calibration_error(np.array([0, 0]), np.array([1.0, 1.0])) == pytest.approx(1)


def test_perfect_calibration_errs_by_chance_and_the_more_the_fewer_photos():
    probabilities = np.random.default_rng(2).beta(0.5, 1, 2000)
    few, many = perfect_calibration_error(probabilities[:14]), perfect_calibration_error(probabilities)
    assert 0.1 < few[0] < few[1] and many[1] < 0.05 < few[0]
    assert perfect_calibration_error(np.array([0.0, 1.0])) == (0, 0), "sure and right leaves nothing to chance"
