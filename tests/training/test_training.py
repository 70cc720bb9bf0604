"""A tiny recipe learns, stops, goes on, and answers the same once exported."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.runtime import load_networks
from training import report, tasks
from training import train as training
from training.data import Row
from training.evaluate import (
    Photo,
    evaluate,
    fit_bands,
    fit_calibration,
    fit_shares,
    fit_sureness,
    generalises,
    keep_auc,
    operating_point,
    refit,
    source_weights,
)
from training.export import LARGEST_DIFFERENCE, export, write_card
from training.recipe import FOLDER, build_network, read_recipe
from training.tasks import Classification, Segmentation
from training.warm_start import OtherNetwork


def quiet(line: str) -> None:
    pass


@pytest.mark.parametrize("name", [path.stem for path in FOLDER.glob("*.toml")])
def test_every_recipe_builds(name):
    recipe = read_recipe(name)
    assert recipe.name == name
    assert sum(weight.numel() for weight in build_network(recipe).parameters()) > 1e6


def test_the_learning_rate_warms_up_and_falls_to_nothing_and_halves_in_cycles_after_the_last():
    recipe = read_recipe("unet")
    highest = [cycle.learning_rate for cycle in recipe.cycles]
    rates = [training.learning_rate(recipe, 0, progress) for progress in (0.0, 0.05, 0.5, 1.0)]
    assert rates[0] == 0 and rates[1] == highest[0] and 0 < rates[2] < rates[1] and rates[3] < 1e-9
    last = len(highest) - 1
    later = [training.learning_rate(recipe, cycle, 0.05) for cycle in (last, last + 1, last + 2)]
    assert later == [highest[last], highest[last] / 2, highest[last] / 4]


def test_stages_follow_one_another_and_augmentation_weakens_in_the_second_half():
    cycle = read_recipe("unet").cycles[0]
    assert [training.stage_at(cycle, progress) for progress in (0.0, 0.4, 0.6, 1.0)] == [*cycle.stages[:1] * 2, *cycle.stages[1:] * 2]
    assert [training.strength_at(cycle, progress) for progress in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 1.0, 0.4])


def test_sources_are_left_out_before_the_last_ones_are_learned_from():
    recipe = read_recipe("mobilenetv2")
    assert set(recipe.sources(1)) - set(recipe.sources(0)) == {"melanoma10k"}, "learned from, though not its labels"
    assert recipe.without_labels(0) == () and recipe.without_labels(2) == ("melanoma10k",)
    assert set(recipe.sources(2)) - set(recipe.sources(1)) == {"ph2", "mednode"}
    assert recipe.sources(7) == recipe.sources(2)
    assert recipe.left_out_cycle() == 1
    outlines = read_recipe("unet")
    assert set(outlines.sources(outlines.left_out_cycle())) == {"ham10000"}
    assert set(outlines.sources(outlines.left_out_cycle() + 1)) == {"ham10000", "ph2"}
    assert replace(outlines, cycles=outlines.cycles[:2]).left_out_cycle() == 1, "nothing is left out"


def test_frozen_blocks_keep_their_weights_and_the_others_learn(drawn_data, tiny_recipes, tmp_path):
    recipe = read_recipe(tiny_recipes["tinyunet"])
    recipe = replace(recipe, cycles=(replace(recipe.cycles[1], epochs=1),))
    before = training.begin(recipe, None, torch.device("cpu")).network.state_dict()
    after = training.train(recipe, drawn_data, runs=tmp_path, say=quiet).network.state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert not {name for name in changed if name.startswith(tuple(f"encoder.blocks.{number}." for number in range(4)))}
    assert "encoder.blocks.4.conv.0.0.weight" in changed and "head.weight" in changed


def test_tiny_networks_learn_export_and_are_measured(drawn_data, tiny_recipes, tmp_path):
    runs, weights, left_out = tmp_path / "runs", tmp_path / "weights", tmp_path / "left_out"
    for path in tiny_recipes.values():
        recipe = read_recipe(path)
        assert training.train(recipe, drawn_data, runs=runs, say=quiet).finished
        assert export(recipe, runs=runs, weights=weights) <= LARGEST_DIFFERENCE
        if recipe.name in ("tinyunet", "tinyresnet"):
            export(recipe, runs=runs, weights=left_out, cycle=0)

    evaluate(drawn_data, weights=left_out, sources=("ph2",), say=quiet)
    cards = evaluate(drawn_data, weights=weights, sources=("ham10000",), left_out=left_out, say=quiet)
    for name in ("tinyunet", "tinydeeplab"):
        figures = {one["figure"]: one for one in cards[name]["metrics"]}
        assert figures["dice"]["value"] > 0.7
        assert figures["dice"]["interval"][0] <= figures["dice"]["value"] <= figures["dice"]["interval"][1]
    left = {(one["figure"], one["source"]) for one in cards["tinyunet"]["left_out"]["metrics"]}
    assert ("dice", "ph2") in left and cards["tinyunet"]["left_out"]["cycle"] == 0
    together = cards["tinyresnet"]["together"]
    assert {one["figure"] for one in together["metrics"]} >= {"auc", "ece", "accuracy", "specificity_at_point"}
    assert together == cards["tinymobilenet"]["together"] and together["reliability"]["ham10000"]
    bands, point = cards["tinyresnet"]["bands"], together["operating_point"]["threshold"]
    assert bands["high_benign"] <= bands["medium_benign"] <= max(bands["high_benign"], point), "whom the point sends is told so"
    assert cards["tinymobilenet"]["input"]["skin"] == [208, 154, 164] and "skin" not in cards["tinyresnet"]["input"]
    fusion = json.loads((weights / "fusion.json").read_text())
    assert fusion["networks"].keys() == {"tinyunet", "tinydeeplab"} and fusion["expected_dice"].keys() == {*fusion["networks"], "fusion"}
    assert 0.3 < fusion["sure_from"] < 1, "tiny networks are nowhere as sure as large ones"
    assert fusion["networks"]["tinyunet"] == cards["tinyunet"]["sha256"]
    assert {one["mask"] for one in cards["tinyunet"]["mask_choice"]} == {"fusion", "chosen", "best possible"}
    assert load_networks(weights).keys() == cards.keys()
    assert json.loads((weights / "tinyunet" / "card.json").read_text())["metrics"]

    path = tmp_path / "docs" / "report.md"
    report.write(cards, [], "| all |", path)
    lines = path.read_text().splitlines()
    assert any(line.startswith("| AUC malignant, ham10000 | ham10000 |") for line in lines)
    assert any(line.startswith("| Dice, ph2 left out of training | ph2 |") and "0.945" in line for line in lines)
    assert any(line.startswith("| exported against trained: probability |") and line.endswith("held |") for line in lines)

    again = refit(drawn_data, weights=weights, sources=("ham10000",), sample=6, say=quiet)
    assert again["tinyunet"]["metrics"] == cards["tinyunet"]["metrics"], "masks stay as measured"
    assert {one["n"] for one in again["tinymobilenet"]["together"]["metrics"] if one["figure"] == "ece"} == {6}
    report.write(again, None, "| all |", path)
    assert report.DRAWN.format(6) in path.read_text()
    assert again["tinymobilenet"]["calibration"] == cards["tinymobilenet"]["calibration"]


def test_training_begins_from_an_exported_network(drawn_data, tiny_recipes, tmp_path):
    recipe = read_recipe(tiny_recipes["tinyunet"])
    recipe = replace(recipe, cycles=tuple(replace(cycle, epochs=0.5) for cycle in recipe.cycles))
    trained = training.train(recipe, drawn_data, runs=tmp_path / "runs", say=quiet)
    export(recipe, runs=tmp_path / "runs", weights=tmp_path / "weights")
    folder = tmp_path / "weights" / recipe.name
    again = training.begin(recipe, None, torch.device("cpu"), folder)
    assert (again.cycle, again.finished) == (0, True), "the last cycle follows: what it learned from may leave nothing out"
    assert again.begun_from == json.loads((folder / "card.json").read_text())["version"]
    for name, value in trained.averaged.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, again.network.state_dict()[name]), name

    card = json.loads((folder / "card.json").read_text())
    write_card(card | {"left_out": {"cycle": 0, "metrics": [{"figure": "dice", "source": "ph2"}]}}, folder)
    further = training.train(recipe, drawn_data, runs=tmp_path / "further", exported=folder, say=quiet)
    assert (further.cycle, further.finished) == (1, True)
    export(recipe, runs=tmp_path / "further", weights=tmp_path / "weights")
    cards = [json.loads((folder / "card.json").read_text())]
    export(recipe, runs=tmp_path / "further", weights=tmp_path / "weights")
    cards.append(json.loads((folder / "card.json").read_text()))
    assert all(one["left_out"]["metrics"] for one in cards), "measured on what it came from, whose checkpoint is not here"

    with pytest.raises(OtherNetwork, match="no weights named"):
        training.begin(read_recipe(tiny_recipes["tinydeeplab"]), None, torch.device("cpu"), folder)
    wider = replace(recipe, network=recipe.network | {"channels": [8, 8, 8, 16]})
    with pytest.raises(OtherNetwork, match="there"):
        training.begin(wider, None, torch.device("cpu"), folder)


def test_a_pupil_learns_from_its_teachers_answers(drawn_data, tiny_recipes, tmp_path):
    teacher, pupil = tiny_recipes["tinymobilenet"], read_recipe(tiny_recipes["tinyresnet"])
    training.train(read_recipe(teacher), drawn_data, runs=tmp_path, say=quiet)
    pupil = replace(pupil, teacher=teacher, cycles=(replace(pupil.cycles[0], epochs=0.5),))
    assert training.train(pupil, drawn_data, runs=tmp_path, say=quiet).finished
    asked = training.teacher_of(replace(pupil, size=2 * pupil.size), 0, tmp_path)
    assert asked[1] == read_recipe(teacher).size, "a teacher sees pictures of the size that it learned on, not of its pupil's"
    agreeing, differing = torch.tensor([[1.0, 1, 4, *[0, 4] * 3, 0]]), torch.tensor([[1.0, 1, -4, *[4, 0] * 3, 4]])
    outputs = (torch.tensor([3.0]), torch.tensor([[0.0, 3, 0, 3, 0, 3, 0]]), None, None)
    assert Classification.loss(outputs, agreeing) < Classification.loss(outputs, differing)


def answers_file(recipe, runs):
    """The one file with a teacher's answers that a training left."""
    (file,) = (runs / recipe.name).glob("answers1-*.npy")
    return file


def test_labels_that_it_must_not_know_reach_no_batch(drawn_data, tiny_recipes, tmp_path):
    recipe = read_recipe(tiny_recipes["tinymobilenet"])
    cycle = replace(recipe.cycles[0], unlabelled=("ph2",), self_taught=True)
    recipe = replace(recipe, cycles=(replace(recipe.cycles[0], epochs=0.5), replace(cycle, epochs=0.5)))
    state = training.train(recipe, drawn_data, runs=tmp_path, say=quiet)
    assert state.cycle == 1 and state.finished
    answers = np.load(answers_file(recipe, tmp_path))

    task = Classification(recipe, cycle, drawn_data, tmp_path / "cache", "minus_one_to_one")
    teacher, size = training.teacher_of(recipe, 1, tmp_path)
    task.learn_from(teacher, size, tmp_path / "again.npy")
    assert np.array_equal(task.answers, answers), "the teacher is what the cycle began from, not what it has become"
    told = np.array([row.source == "ham10000" for row in task.train_rows])
    _, targets = task.batch(np.random.default_rng(0), np.arange(len(told)))
    assert np.array_equal(~np.isnan(targets[:, 0]), told) and 0 < told.sum() < len(told)
    assert (targets[~told, 1] == -1).all() and np.array_equal(targets[:, 2:], answers)
    assert {row.source for row in task.validation_rows} == {"ham10000"}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_bare_skin_may_fill_a_dermoscopes_round_field(drawn_data, tiny_recipes, tmp_path, monkeypatch, share):
    for name, value in (("CLOSE_UPS", 1.0), ("SMALL", 0.0), ("ROUND", share)):
        monkeypatch.setattr(tasks, name, value)
    recipe = read_recipe(tiny_recipes["tinyunet"])
    task = Segmentation(recipe, recipe.cycles[0], drawn_data, tmp_path / "cache", "imagenet")
    inputs, targets = task.batch(np.random.default_rng(1), np.arange(16), strength=0.0)
    bare = targets.reshape(16, -1).max(axis=1) == 0
    middle, corners = inputs[:, :, 40:-40, 40:-40].mean(axis=(1, 2, 3)), inputs[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=1)
    dark = (corners < middle[:, None] - 1).all(axis=1)
    assert bare.sum() > 8 and not dark[~bare].any()
    assert 0.3 < dark[bare].mean() < 1 if share else not dark.any(), "a wide field leaves the corners light"


def test_answers_of_another_teacher_are_not_taken(tiny_recipes):
    recipe = read_recipe(tiny_recipes["tinyunet"])
    one, same, other = (training.begin(replace(recipe, seed=seed), None, torch.device("cpu")).network for seed in (1, 1, 2))
    assert training.fingerprint(one) == training.fingerprint(same) != training.fingerprint(other)


def test_a_picture_without_a_label_counts_by_the_teachers_answer_alone():
    untold = torch.tensor([[np.nan, -1.0, 4, *[0, 4] * 3, 0]])
    agreeing = (torch.tensor([4.0]), torch.tensor([[0.0, 4, 0, 4, 0, 4, 0]]), None, None)
    differing = (torch.tensor([-4.0]), torch.tensor([[4.0, 0, 4, 0, 4, 0, 4]]), None, None)
    assert Classification.loss(agreeing, untold) + 1 < Classification.loss(differing, untold)
    told = torch.tensor([[1.0, 1.0, 4, *[0, 4] * 3, 0]])
    both = tuple(torch.cat([one, one]) if one is not None else None for one in agreeing)
    alone = [Classification.loss(agreeing, targets) for targets in (told, untold)]
    assert Classification.loss(both, torch.cat([told, untold])) == pytest.approx(float(sum(alone)) / 2)


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
    assert again.cycle == len(recipe.cycles) and again.finished


def test_calibration_shares_and_bands_follow_the_labels():
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, 4000)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))).astype(int)
    fit = fit_calibration(logits, labels)
    assert fit["slope"] == pytest.approx(0.5, abs=0.06) and fit["intercept"] == pytest.approx(-1, abs=0.12)

    shares = fit_shares({"wise": 0.5 * logits - 1, "guessing": rng.normal(0, 1, 4000), "contrary": 1 - 0.5 * logits}, labels)
    assert shares["wise"] == pytest.approx(1, abs=0.15) and shares["guessing"] < 0.1 and shares["contrary"] == 0

    honest = np.linspace(0, 1, 2000)
    assert fit_bands([(honest, (rng.random(2000) < honest).astype(int))])["high_benign"] == 0.05
    one, other = np.linspace(0, 0.1, 2000), np.linspace(0, 0.8, 2000)
    boastful = fit_bands([(honest, (rng.random(2000) < honest).astype(int)), (one, (rng.random(2000) < other).astype(int))])
    assert boastful["high_benign"] < 0.05, "one source in which High would be wrong is enough"


def test_nearly_every_lesion_is_surer_than_a_faint_one_and_strange_photos_do_not_decide():
    def photos(*sureness):
        row = Row("ham10000", "photo.jpg", None, "G1", "nv", 0, "validation")
        return [Photo(row, {}, {}, {}, sureness={"fusion": one}) for one in sureness]

    ordinary = photos(*np.linspace(0.9, 0.99, 1200), 0.0)
    assert fit_sureness(ordinary) == 0.85, "0.95 of the third lowest, and where nothing was seen nothing is told"
    assert fit_sureness(ordinary + photos(0.4, 0.5)) == 0.85
    assert fit_sureness(ordinary + photos(*[0.5] * 20)) == 0.47


def test_the_operating_point_finds_enough_of_the_malignant_ones_of_every_source():
    probabilities = np.linspace(0, 1, 1001)
    easy, hard = (probabilities, (probabilities > 0.5).astype(int)), (probabilities, (probabilities > 0.2).astype(int))
    alone = operating_point({"easy": easy})
    assert alone["threshold"] == pytest.approx(0.52)
    assert alone["sources"]["easy"]["sensitivity"] >= 0.96 and alone["sources"]["easy"]["specificity"] == 1
    both = operating_point({"easy": easy, "hard": hard})
    assert both["threshold"] == 0.23, "whole percentages, as pages tell them"
    assert all(one["sensitivity"] >= 0.96 for one in both["sources"].values())


def test_sources_count_the_same_and_small_ones_by_their_photos():
    rows = [
        Row(source, f"{source} {n}", None, "", None, 0, "calibration")
        for source, count in (("large", 500), ("other", 100), ("small", 10))
        for n in range(count)
    ]
    weights = source_weights(rows)
    sums = {source: weights[[row.source == source for row in rows]].sum() for source in ("large", "other", "small")}
    assert sums == pytest.approx({"large": 1, "other": 1, "small": 10 / 100})


def test_a_small_source_pulls_the_calibration_as_much_as_a_large_one():
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, 2200)
    small = np.arange(2200) >= 2000
    labels = (rng.random(2200) < 1 / (1 + np.exp(-(logits + np.where(small, 1.0, -1.0))))).astype(int)
    rows = [Row("small" if one else "large", str(n), None, "", None, 0, "calibration") for n, one in enumerate(small)]
    fit = fit_calibration(logits, labels, source_weights(rows))
    assert fit["intercept"] == pytest.approx(0, abs=0.25)
    assert fit_calibration(logits, labels)["intercept"] < -0.6


def test_a_classifier_that_fails_on_an_unseen_source_has_no_share():
    def card(*values):
        return {"left_out": {"metrics": [{"figure": "auc", "source": f"s{n}", "value": one} for n, one in enumerate(values)]}}

    assert generalises({}) and generalises(card(0.9, 0.8)) and not generalises(card(0.9, 0.36))


def test_hard_cases_that_were_not_measured_again_stay_in_the_report(tmp_path):
    path = tmp_path / "report.md"
    hard = [{"figure": "dice_loss", "variant": "dark_hair", "n": 9, "value": 0.0123, "interval": [0.01, 0.02]}]
    report.write({}, hard, "| all |", path)
    first = path.read_text().splitlines()
    assert any(line.startswith("| Dice loss, dark hair | ham10000, ph2 | fails | 9 | 0.0123 |") for line in first)
    assert "| dark_hair | dice_loss | 9 | 0.012 | 0.010 to 0.020 |" in first
    for _ in range(2):
        report.write({}, None, "| all |", path)
        again = path.read_text().splitlines()
        assert [line for line in again if line not in ("", report.EARLIER_HARD_CASES)] == [line for line in first if line]
        assert again.count(report.EARLIER_HARD_CASES) == 1


def test_report_tells_of_each_classifier_that_counts_what_it_reached_on_a_source_left_out():
    def card(share: float, value: float) -> dict:
        one = {"figure": "auc", "source": "ph2", "n": 100, "value": value, "interval": [0.7, 0.99]}
        return {"task": "classification", "share": share, "left_out": {"metrics": [one, {**one, "networks": "together", "value": 0.5}]}}

    table = report.target_table(report.Figures({"first": card(0.6, 0.91), "second": card(0.4, 0.88), "idle": card(0.0, 0.7)}, None))
    lines = [line for line in table.splitlines() if line.startswith("| AUC, ph2 left out |")]
    assert [line.split(" | ")[1] for line in lines] == ["ph2, first", "ph2, second"]
    assert ["held" in lines[0], "missed by 0.020" in lines[1]] == [True, True]


def test_an_auc_of_more_photos_stays_and_what_calibration_changes_does_not():
    figures = [{"figure": "auc", "source": "a", "n": 5, "value": 1.0}, {"figure": "ece", "source": "a", "n": 5, "value": 0.2}]
    before = [{"figure": "auc", "source": "a", "n": 9, "value": 0.8}, {"figure": "ece", "source": "a", "n": 9, "value": 0.1}]
    keep_auc(figures, before)
    assert [one["value"] for one in figures] == [0.8, 0.2]
    keep_auc(before, figures[:1])
    assert [one["value"] for one in before] == [0.8, 0.1]
