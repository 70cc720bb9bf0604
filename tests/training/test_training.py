"""A tiny recipe learns, stops, goes on, and answers the same once exported."""

import json

import pytest

from core.runtime import load_networks
from training import train as training
from training.evaluate import evaluate, fit_bands, fit_calibration
from training.export import LARGEST_DIFFERENCE, export
from training.recipe import FOLDER, build_network, read_recipe


def quiet(line: str) -> None:
    pass


@pytest.mark.parametrize("name", [path.stem for path in FOLDER.glob("*.toml")])
def test_every_recipe_builds(name):
    recipe = read_recipe(name)
    assert recipe.name == name
    assert sum(weight.numel() for weight in build_network(recipe).parameters()) > 1e6


def test_the_learning_rate_warms_up_falls_to_nothing_and_halves_each_cycle():
    recipe = read_recipe("unet")
    rates = [training.learning_rate(recipe, 0, progress) for progress in (0.0, 0.05, 0.5, 1.0)]
    assert rates[0] == 0 and rates[1] == recipe.learning_rate and 0 < rates[2] < rates[1] and rates[3] < 1e-9
    assert training.learning_rate(recipe, 1, 0.05) == recipe.learning_rate / 2


def test_a_tiny_network_learns_exports_and_is_measured(drawn_data, tiny_recipes, tmp_path):
    runs, weights = tmp_path / "runs", tmp_path / "weights"
    unet, resnet = (read_recipe(path) for path in tiny_recipes.values())
    state = training.train(unet, drawn_data, runs=runs, say=quiet)
    assert state.finished
    assert export(unet, runs=runs, weights=weights) <= LARGEST_DIFFERENCE
    training.train(resnet, drawn_data, runs=runs, say=quiet)
    assert export(resnet, runs=runs, weights=weights) <= LARGEST_DIFFERENCE

    cards = evaluate(drawn_data, weights=weights, sources=("ham10000",), say=quiet)
    figures = {one["figure"]: one for one in cards["tinyunet"]["metrics"]}
    assert figures["dice"]["value"] > 0.8
    assert figures["dice"]["interval"][0] <= figures["dice"]["value"] <= figures["dice"]["interval"][1]
    assert {one["figure"] for one in cards["tinyresnet"]["metrics"]} >= {"auc", "ece", "accuracy"}
    assert load_networks(weights).keys() == cards.keys()
    assert json.loads((weights / "tinyunet" / "card.json").read_text())["metrics"]


def test_a_stopped_training_goes_on_where_it_was(drawn_data, tiny_recipes, tmp_path, monkeypatch):
    recipe = read_recipe(tiny_recipes["tinyunet"])
    monkeypatch.setattr(training, "CHECKPOINT_EVERY_S", 0)
    monkeypatch.setattr(training, "validate", lambda *anything: 0.0)

    def stop(line: str) -> None:
        if "left" in line and " 0%" not in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(recipe, drawn_data, runs=tmp_path, say=stop)
    lines = []
    state = training.train(recipe, drawn_data, runs=tmp_path, say=lines.append)
    assert "from step 0 " not in lines[0] and "from step" in lines[0]
    assert state.finished
    steps = state.step

    assert training.train(recipe, drawn_data, runs=tmp_path, say=quiet).step == steps, "finished stays finished"
    again = training.train(recipe, drawn_data, runs=tmp_path, again=True, time_limit_minutes=0.005, say=quiet)
    assert again.cycle == 1 and again.finished


def test_calibration_and_bands_follow_the_labels():
    import numpy as np

    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, 4000)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))).astype(int)
    fit = fit_calibration(logits, labels)
    assert fit["slope"] == pytest.approx(0.5, abs=0.06) and fit["intercept"] == pytest.approx(-1, abs=0.12)

    honest = np.linspace(0, 1, 2000)
    assert fit_bands(honest, (rng.random(2000) < honest).astype(int))["high_benign"] == 0.05
    boastful = fit_bands(np.linspace(0, 0.1, 2000), (rng.random(2000) < np.linspace(0, 0.8, 2000)).astype(int))
    assert boastful["high_benign"] < 0.05
