"""The gate's fit and thresholds, on made-up features."""

import numpy as np
import pytest

from training import gate


def clusters(seed: int, count: int, shift: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 1, (count, 80)) * np.linspace(0.2, 2, 80)
    features[:, :5] += shift
    return features


@pytest.fixture(scope="module")
def fitted() -> gate.Fit:
    return gate.fit(clusters(1, 400, 0), np.ones(400), clusters(2, 300, 3))


def test_what_was_fitted_tells_unseen_ones_apart(fitted):
    assert (fitted.logits(clusters(3, 200, 0)) > 0).mean() > 0.97
    assert (fitted.logits(clusters(4, 200, 3)) < 0).mean() > 0.97


def test_the_distance_grows_with_what_is_unlike_both(fitted):
    known, unlike = clusters(5, 200, 0), clusters(5, 200, 0)
    unlike[:, 40:] *= 4
    assert np.median(fitted.distance(unlike)) > 2 * np.median(fitted.distance(known))


def test_the_exported_network_answers_as_the_fit_does(fitted):
    import torch

    class Passing(torch.nn.Module):
        def forward(self, batch):
            return batch

    features = clusters(6, 20, 1).astype(np.float32)
    logits, distances = gate.Fitted(Passing(), fitted)(torch.from_numpy(features))
    assert logits.numpy() == pytest.approx(fitted.logits(features), abs=1e-3)
    assert distances.numpy() == pytest.approx(fitted.distance(features), rel=1e-3)


def made_table(spread: float) -> tuple[gate.Table, np.ndarray]:
    kinds = np.repeat([*gate.LESIONS, "natural"], 200)
    skin = kinds != "natural"
    rng = np.random.default_rng(1)
    parts = np.tile(["train", "validation", "calibration", "test"], len(kinds) // 4)
    quality = rng.uniform(0.4, 0.6, (len(kinds), len(gate.QUALITY)))
    logits = np.where(skin, 5.0, -5.0) + rng.normal(0, spread, len(kinds))
    spoiled = np.full((len(kinds), len(gate.SPOILERS), len(gate.QUALITY)), np.nan)
    return gate.Table(kinds, skin, parts, kinds, np.zeros((len(kinds), 1)), quality, spoiled), logits


def test_thresholds_let_lesion_photos_of_every_source_in(spread=1.0):
    table, logits = made_table(spread)
    thresholds = gate.choose_thresholds(table, logits, np.abs(logits))
    gone = gate.refused(table, logits, thresholds)
    for source in gate.LESIONS:
        assert gone[table.kinds == source].mean() <= 0.03
    assert gone[table.kinds == "natural"].all()
    curve = gate.trade_off(table, logits)
    assert [one["natural"] for one in curve] == sorted(one["natural"] for one in curve)


def test_the_interval_of_a_share_holds_for_few_and_for_none():
    none = gate.share("refused", "any", np.zeros(50, bool))
    assert none["value"] == 0 and none["interval"][0] == 0 and 0.05 < none["interval"][1] < 0.1
    low, high = gate.share("refused", "any", np.arange(100) < 90)["interval"]
    assert low < 0.9 < high and high - low < 0.14
