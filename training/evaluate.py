"""Fit what is fitted on exported networks and measure them: `python -m training.evaluate [--all] --data DIR`.

Everything runs through core, on the photos' own files. The calibration part fits the expected Dice, the calibration of
the probability and the bands; figures come from the test part, and from sources that no network here learned from. All
of it goes into the cards. `--all` measures every source, not only those with experts' masks.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.analysis import Mask
from core.classification import calibrated, lesion_logits
from core.runtime import Network, load_networks
from core.segmentation import Segmentation, dice_features, segment
from training.data import Row, read_manifest, read_mask, read_picture
from training.export import BANDS, WEIGHTS, write_card
from training.metrics import auc, bootstrap, dice, expected_calibration_error

WITH_MASKS = ("ham10000", "ph2")
LABELLED = ("ham10000", "fanconic", "ph2", "mednode")
"""Not melanoma10k: its classes come from different collections, so a figure there says how well style is told apart."""
CALIBRATION_SOURCE = "ham10000"
"""The probability assumes this source's share of malignant lesions."""
FAILURE = 0.65
"""Jaccard below which a mask counts as failed (ISIC challenge 2018)."""
HIGH_RIGHT = 0.95
"""Share of the calls shown as "High" that must be right."""


@dataclass
class Photo:
    """One photo seen by the segmentation networks, and by the classifier through the chosen mask."""

    row: Row
    masks: dict[str, Mask]
    features: dict[str, tuple[float, float]]
    dice: dict[str, float]
    """network -> Dice with the expert's mask; empty where there is none"""
    logit: float = float("nan")
    """of malignancy"""


def outline(row: Row, folder: Path, segmenters: dict[str, Network]) -> Photo:
    """Segment a photo with every network, and compare with the expert's mask where there is one."""
    rgb = read_picture(folder / row.image)
    found = {name: segment(network, rgb) for name, network in segmenters.items()}
    masks = {name: one.mask for name, one in found.items()}
    truth = read_mask(folder / row.mask) if row.mask else None
    return Photo(
        row,
        masks,
        {name: dice_features(one, _other(found, name)) for name, one in found.items()},
        {} if truth is None else {name: dice(mask, truth) for name, mask in masks.items()},
    )


def judge_lesion(photo: Photo, folder: Path, classifier: Network, fits: dict[str, dict[str, float]]) -> None:
    """Fill in the malignancy logit of the chosen mask, which is then no longer needed."""
    logits, _ = lesion_logits(classifier, read_picture(folder / photo.row.image), [photo.masks[choose(photo, fits)]])
    photo.logit = float(logits.mean())
    photo.masks = {}


def _other(found: dict[str, Segmentation], name: str) -> Segmentation | None:
    return next((one for other, one in found.items() if other != name), None)


def fit_expected_dice(photos: list[Photo], name: str) -> dict[str, float]:
    """Least squares of the true Dice on certainty and agreement."""
    inputs = np.array([(1.0, *photo.features[name]) for photo in photos])
    fit, *_ = np.linalg.lstsq(inputs, np.array([photo.dice[name] for photo in photos]), rcond=None)
    return dict(zip(("intercept", "certainty", "agreement"), (round(float(value), 5) for value in fit), strict=True))


def expected(fit: dict[str, float], features: tuple[float, float]) -> float:
    return fit["intercept"] + fit["certainty"] * features[0] + fit["agreement"] * features[1]


def choose(photo: Photo, fits: dict[str, dict[str, float]]) -> str:
    return max(fits, key=lambda name: expected(fits[name], photo.features[name]))


def fit_calibration(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Platt scaling: maximum likelihood of slope and intercept, by Newton's method."""
    inputs = np.column_stack([logits, np.ones_like(logits)])
    fit = np.array([1.0, 0.0])
    for _ in range(50):
        probabilities = 1 / (1 + np.exp(-inputs @ fit))
        gradient = inputs.T @ (probabilities - labels)
        curvature = (inputs * (probabilities * (1 - probabilities))[:, None]).T @ inputs + 1e-6 * np.eye(2)
        fit -= np.linalg.solve(curvature, gradient)
    return {"slope": round(float(fit[0]), 5), "intercept": round(float(fit[1]), 5)}


def fit_bands(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Move the "High" edges outwards from REQUIREMENTS.md's until enough of these calls are right."""
    bands = dict(BANDS)
    for edge in np.linspace(BANDS["high_benign"], 0.005, 10):
        bands["high_benign"] = round(float(edge), 4)
        if labels[probabilities < edge].size < 20 or 1 - labels[probabilities < edge].mean() >= HIGH_RIGHT:
            break
    for edge in np.linspace(BANDS["high_malignant"], 0.995, 10):
        bands["high_malignant"] = round(float(edge), 4)
        if labels[probabilities > edge].size < 20 or labels[probabilities > edge].mean() >= HIGH_RIGHT:
            break
    return bands


class Progress:
    """Says now and then how many photos are left; each is seen twice, to outline it and to judge it."""

    def __init__(self, say, photos: int):
        self.say, self.total, self.done, self.begun = say, 2 * photos, 0, time.monotonic()

    def __call__(self, value):
        self.done += 1
        if self.done % 250 == 0:
            left_s = (time.monotonic() - self.begun) / self.done * (self.total - self.done)
            self.say(f"{self.done} of {self.total}, {left_s / 60:.0f} min left")
        return value


def figure(name: str, source: str, photos: list[Photo], value) -> dict:
    """One entry of a card's metrics; `value(indices)` computes the figure on some of the photos."""
    low, high = bootstrap(value, [photo.row.group for photo in photos])
    return {
        "figure": name,
        "source": source,
        "n": len(photos),
        "value": round(float(value(np.arange(len(photos)))), 4),
        "interval": [round(low, 4), round(high, 4)],
    }


def mask_figures(photos: list[Photo], source: str, names: list[str]) -> list[dict]:
    """Dice, Jaccard and failures of each photo's mask by the network that `names` names."""
    scores = np.array([photo.dice[name] for photo, name in zip(photos, names, strict=True)])
    overlaps = scores / (2 - scores)
    return [
        figure("dice", source, photos, lambda some: scores[some].mean()),
        figure("jaccard", source, photos, lambda some: overlaps[some].mean()),
        figure("failures", source, photos, lambda some: (overlaps[some] < FAILURE).mean()),
    ]


def probability_figures(photos: list[Photo], source: str, probabilities: np.ndarray, bands: dict) -> list[dict]:
    """AUC, calibration error, accuracy, sensitivity, specificity, and how often "High" is right."""
    labels = np.array([photo.row.malignant for photo in photos])
    called = probabilities >= bands["malignant"]
    high = (probabilities < bands["high_benign"]) | (probabilities > bands["high_malignant"])
    figures = [
        figure("auc", source, photos, lambda some: auc(labels[some], probabilities[some])),
        figure("ece", source, photos, lambda some: expected_calibration_error(labels[some], probabilities[some])),
        figure("accuracy", source, photos, lambda some: (called[some] == labels[some]).mean()),
        figure("sensitivity", source, photos, lambda some: _share(called[some], labels[some] == 1)),
        figure("specificity", source, photos, lambda some: _share(~called[some], labels[some] == 0)),
        figure("shown_high", source, photos, lambda some: high[some].mean()),
    ]
    if high.any():
        shown = [photo for photo, is_high in zip(photos, high, strict=True) if is_high]
        right = (called == labels)[high]
        figures.append(figure("right_when_high", source, shown, lambda some: right[some].mean()))
    return figures


def _share(hits: np.ndarray, among: np.ndarray) -> float:
    return float(hits[among].mean()) if among.any() else float("nan")


def held_out(rows: list[Row], learned_from: set[str]) -> list[Row]:
    """Return the test part, and all of a source that no network learned from save what resembles a training photo."""
    trained_groups = {row.group for row in rows if row.source in learned_from and row.part != "test"}
    return [row for row in rows if row.part == "test" or (row.source not in learned_from and row.group not in trained_groups)]


def evaluate(
    folder: Path,
    *,
    weights: Path = WEIGHTS,
    sources: tuple[str, ...] = WITH_MASKS,
    limit: int | None = None,
    say=lambda line: print(line, flush=True),
) -> dict[str, dict]:
    """Fit and measure; writes and returns the cards by name."""
    networks = load_networks(weights)
    segmenters = {name: network for name, network in networks.items() if network.card.task == "segmentation"}
    classifier = next((network for network in networks.values() if network.card.task == "classification"), None)
    cards = {name: network.card.details for name, network in networks.items()}
    learned_from = {source for card in cards.values() for source in card["data"]["sources"]}

    rows = read_manifest(folder, LABELLED)
    fitting = [row for row in rows if row.part == "calibration" and row.source == CALIBRATION_SOURCE][:limit]
    testing = {source: [row for row in held_out(rows, learned_from) if row.source == source][:limit] for source in sources}
    tick = Progress(say, len(fitting) + sum(map(len, testing.values())))
    calibration = [tick(outline(row, folder, segmenters)) for row in fitting]
    tests = {source: [tick(outline(row, folder, segmenters)) for row in some] for source, some in testing.items() if some}
    fits = {name: fit_expected_dice(calibration, name) for name in segmenters}
    outlined = {source: photos for source, photos in tests.items() if source in WITH_MASKS}
    for name in segmenters:
        cards[name]["expected_dice"] = fits[name]
        cards[name]["metrics"] = [one for source, photos in outlined.items() for one in mask_figures(photos, source, [name] * len(photos))]
        cards[name]["mask_choice"] = [one for source, photos in outlined.items() for one in choice_figures(photos, source, fits)]
    if classifier is not None:
        for photo in [*calibration, *(photo for photos in tests.values() for photo in photos)]:
            tick(judge_lesion(photo, folder, classifier, fits))
        judge_probability(cards[classifier.card.name], calibration, tests)
    for name, card in cards.items():
        write_card(card, weights / name)
    return cards


def choice_figures(photos: list[Photo], source: str, fits: dict[str, dict[str, float]]) -> list[dict]:
    """How good the chosen mask is, and how well the expected Dice follows the true one (Pearson's r)."""
    names = [choose(photo, fits) for photo in photos]
    best = np.array([max(photo.dice.values()) for photo in photos])
    truth = np.array([photo.dice[name] for photo, name in zip(photos, names, strict=True)])
    guesses = np.array([expected(fits[name], photo.features[name]) for photo, name in zip(photos, names, strict=True)])

    def correlation(some: np.ndarray) -> float:
        return np.corrcoef(guesses[some], truth[some])[0, 1]

    return [
        *({**one, "mask": "chosen"} for one in mask_figures(photos, source, names)),
        {**figure("dice", source, photos, lambda some: best[some].mean()), "mask": "best possible"},
        {**figure("expected_dice_correlation", source, photos, correlation), "mask": "chosen"},
    ]


def judge_probability(card: dict, calibration: list[Photo], tests: dict[str, list[Photo]]) -> None:
    """Fit the card's calibration and bands, and fill in its metrics."""
    labels = np.array([photo.row.malignant for photo in calibration])
    logits = np.array([photo.logit for photo in calibration])
    card["calibration"] = fit_calibration(logits, labels)
    card["calibration_part"] = {
        "source": CALIBRATION_SOURCE,
        "n": len(calibration),
        "malignant_share": round(float(labels.mean()), 4),
    }
    card["bands"] = fit_bands(np.array([calibrated(one, card["calibration"]) for one in logits]), labels)
    card["metrics"] = []
    for source, photos in tests.items():
        probabilities = np.array([calibrated(photo.logit, card["calibration"]) for photo in photos])
        card["metrics"] += probability_figures(photos, source, probabilities, card["bands"])


def table(cards: dict[str, dict]) -> str:
    """All figures as a Markdown table."""
    lines = ["| network | figure | source | n | value | 95 % interval |", "| --- | --- | --- | --- | --- | --- |"]
    choices: list[tuple[str, dict]] = []
    for name, card in cards.items():
        choices = [(one.get("mask", "chosen"), one) for one in card.get("mask_choice", [])] or choices
        lines += [_line(name, one) for one in card["metrics"]]
    return "\n".join(lines + [_line(f"{mask} mask", one) for mask, one in choices])


def _line(name: str, one: dict) -> str:
    low, high = one["interval"]
    return f"| {name} | {one['figure']} | {one['source']} | {one['n']} | {one['value']:.3f} | {low:.3f} to {high:.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--all", action="store_true", help="measure every labelled source")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the exported networks")
    parser.add_argument("--limit", type=int, help="photos a source at most, for a quick look")
    parser.add_argument("--report", type=Path, help="write the figures here as Markdown")
    options = parser.parse_args()
    sources = LABELLED if options.all else WITH_MASKS
    cards = evaluate(options.data, weights=options.weights, sources=sources, limit=options.limit)
    print(table(cards))
    if options.report:
        options.report.write_text(table(cards) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
