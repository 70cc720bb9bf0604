"""Fit what is fitted on exported networks and measure them: `python -m training.evaluate [--all] [--report] --data DIR`.

Everything runs through core, on the photos' own files. The calibration part fits the expected Dice, the calibration of
the probability, the classifiers' shares and the bands, and with the validation part the operating point; figures come from the test
part, and from sources that no network here learned from. All of it goes into the cards, and what holds for all segmentation networks
together into fusion.json, which names them by their sha256: others have no common mask until this is run again (see
core.segmentation). `--all` measures every source, not only those with experts' masks. `--left-out FOLDER` takes over the figures of
networks that had not seen some sources yet, measured there before. `--report` writes docs/EVALUATION.md, each figure beside its
target. `--probability` fits and measures the probability alone. What the networks answer is kept under runs/answers: a stopped
evaluation goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core import measurement, preprocess, segmentation
from core.analyser import best_mask
from core.analysis import Mask
from core.classification import calibrated_logit, look, squares_of, views
from core.runtime import THREADS, Network, load_networks, read_card
from core.segmentation import FUSION, candidates, features_of, surest, tell_what_they_do_together
from core.synthetic import capture, mole
from training import camera, report
from training.checkpoint import RUNS
from training.data import Row, read_manifest, read_mask, read_picture
from training.export import BANDS, WEIGHTS, write_card
from training.kept import Answer, Kept
from training.logistic import logistic
from training.metrics import auc, bootstrap, dice, expected_calibration_error, perfect_calibration_error

WITH_MASKS = ("ham10000", "ph2")
LABELLED = ("ham10000", "fanconic", "ph2", "mednode")
"""Not melanoma10k: its classes come from different collections, so a figure there says how well style is told apart."""
ENOUGH = 50
"""Photos of a source in the calibration part from which it takes part in fitting."""
FAILURE = 0.65
"""Jaccard below which a mask counts as failed (ISIC challenge 2018)."""
HIGH_RIGHT = 0.96
"""Share of the calls shown as "High" that must be right where the bands are fitted: a little more than the 0.95 asked for elsewhere."""
UNSEEN_AUC = 0.75
"""On every source left out of training, below which a classifier has no share in the probability: photos come from new cameras."""
RESAMPLES = 600
SENSITIVITY = 0.96
"""Of the operating point for advice where it is fitted: a little more than the 0.95 asked for elsewhere."""
UNSURE_LESIONS = 0.002
"""Share of the lesions that may lie below the sureness from which one is not faint, before SURENESS_MARGIN: photos that the networks do
not understand, which must not decide for all others."""
SURENESS_MARGIN = 0.95
"""What that sureness is lowered by: harder photos than those of the fit will come."""


KEPT = RUNS / "answers"


@dataclass
class Photo:
    """One photo seen by the segmentation networks, and by the classifier through the chosen mask."""

    row: Row
    masks: dict[str, Mask]
    features: dict[str, tuple[float, float]]
    dice: dict[str, float]
    """network -> Dice with the expert's mask; empty where there is none"""
    logits: dict[str, float] = field(default_factory=dict)
    """classifier -> logit of malignancy"""
    looks: dict[str, np.ndarray] = field(default_factory=dict)
    """classifier -> its pooled features, where it tells them"""
    sureness: dict[str, float] = field(default_factory=dict)
    """network -> probability of the lesion's surest pixels; 0 where it sees none"""


class Eyes:
    """The exported networks as they look at photos of a data folder; `keep` is where their answers are kept (training.kept)."""

    def __init__(self, folder: Path, segmenters: dict[str, Network], classifiers: dict[str, Network], keep: Path | None):
        self.folder, self.segmenters, self.classifiers = folder, segmenters, classifiers
        outlining = (segmentation, preprocess, measurement)
        self._outlines = Kept(keep, segmenters, outlining)
        looking = (*outlining, look, squares_of, views)
        drawing = (*looking, camera.drawn, capture, mole)
        self._looks = {name: Kept(keep, segmenters | {name: network}, looking) for name, network in classifiers.items()}
        self._drawn = {name: Kept(keep, segmenters | {name: network}, drawing) for name, network in classifiers.items()}

    def outline(self, row: Row) -> Photo:
        """Segment a photo with every network and with all together, and compare with the expert's mask where there is one."""

        def ask() -> Answer:
            found = candidates(self.segmenters, np.ascontiguousarray(read_picture(self.folder / row.image)))
            truth = read_mask(self.folder / row.mask) if row.mask else None
            answer = {}
            for name, one in found.items():
                answer |= {f"mask {name}": one.mask, f"features {name}": np.array(features_of(found, name))}
                answer[f"sureness {name}"] = np.array(surest(one.probabilities, one.lesion))
                if truth is not None:
                    answer[f"dice {name}"] = np.array(dice(one.mask, truth))
            return answer

        told = {tuple(name.split()): value for name, value in self._outlines(row.image, ask).items()}
        masks, features, scores, sureness = (
            {name: value for (what, name), value in told.items() if what == kind} for kind in ("mask", "features", "dice", "sureness")
        )
        pairs = {name: tuple(map(float, one)) for name, one in features.items()}
        scores, sureness = ({name: float(one) for name, one in numbers.items()} for numbers in (scores, sureness))
        return Photo(row, masks, pairs, scores, sureness=sureness)

    def judge(self, photo: Photo, fits: dict[str, dict[str, float]]) -> None:
        """Fill in the malignancy logits of the chosen mask, which is then no longer needed."""
        chosen = choose(photo, fits)
        for name, network in self.classifiers.items():

            def ask(network: Network = network) -> Answer:
                seen = look(network, read_picture(self.folder / photo.row.image), [photo.masks[chosen]])
                return {"logits": seen.malignant[0]} | ({} if seen.features is None else {"features": seen.features})

            answer = self._looks[name](f"{photo.row.image} {chosen}", ask)
            photo.logits[name] = float(answer["logits"].mean())
            if "features" in answer:
                photo.looks[name] = answer["features"]
        photo.masks = {}

    def drawn(self, name: str, kind: str) -> list[np.ndarray]:
        """Return what one classifier sees in drawn photos of a look, `dermoscope` or `phone`."""
        answer = self._drawn[name](kind, lambda: {"features": np.array(camera.drawn(self.segmenters, self.classifiers[name], kind))})
        return list(answer["features"])


def fit_expected_dice(photos: list[Photo]) -> dict[str, dict[str, float]]:
    """Least squares of the true Dice of all candidates on certainty and agreement: an intercept each, slopes in common.

    With slopes of their own, the candidate whose fit errs most upwards would be chosen most often.
    """
    names = list(photos[0].features)
    own = np.tile(np.eye(len(names)), (len(photos), 1))
    shared = np.array([photo.features[name] for photo in photos for name in names])
    truth = np.array([photo.dice[name] for photo in photos for name in names])
    found, *_ = np.linalg.lstsq(np.hstack([own, shared]), truth, rcond=None)
    certainty, agreement = (round(float(value), 5) for value in found[-2:])
    intercepts = {name: round(float(value), 5) for name, value in zip(names, found, strict=False)}
    return {name: {"intercept": value, "certainty": certainty, "agreement": agreement} for name, value in intercepts.items()}


def fit_sureness(photos: list[Photo]) -> float:
    """Return how sure all networks together have to be of a lesion's surest pixels for it not to be faint, in whole hundredths.

    All but UNSURE_LESIONS of these photos' lesions are surer than that, even were they SURENESS_MARGIN as sure.
    """
    seen = [photo.sureness[FUSION] for photo in photos if photo.sureness[FUSION] > 0]
    return math.floor(100 * SURENESS_MARGIN * float(np.quantile(seen, UNSURE_LESIONS, method="lower"))) / 100


def expected(fit: dict[str, float], features: tuple[float, float]) -> float:
    return fit["intercept"] + fit["certainty"] * features[0] + fit["agreement"] * features[1]


def choose(photo: Photo, fits: dict[str, dict[str, float]]) -> str:
    return best_mask({name: expected(fit, photo.features[name]) for name, fit in fits.items()})


def fit_calibration(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
    """Platt scaling: maximum likelihood of slope and intercept."""
    slope, intercept = map(float, logistic(np.column_stack([logits, np.ones_like(logits)]), labels, weights))
    return {"slope": round(slope, 5), "intercept": round(intercept, 5)}


def fit_shares(logits: dict[str, np.ndarray], labels: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
    """Return how much each network's calibrated logit counts in the sum: maximum likelihood, none less than nothing."""
    names = list(logits)
    while True:
        fit = logistic(np.column_stack([logits[name] for name in names]), labels, weights)
        if min(fit) >= 0 or len(names) == 1:
            return dict.fromkeys(logits, 0.0) | {name: round(float(share), 4) for name, share in zip(names, fit, strict=True)}
        names.pop(int(np.argmin(fit)))


def source_weights(rows: list[Row]) -> np.ndarray:
    """Let every source of ENOUGH photos count the same; a photo of a smaller one counts as one of the smallest of those.

    Nobody tells the app where a photo comes from. Were each photo to count the same, p would follow the largest source, which has the
    fewest malignant lesions, and say too little of the others: people would be told to wait who should not.
    """
    counts = Counter(row.source for row in rows)
    smallest = min((n for n in counts.values() if n >= ENOUGH), default=max(counts.values()))
    return np.array([1 / max(counts[row.source], smallest) for row in rows])


def fit_bands(answers: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Move the "High" edges outwards from REQUIREMENTS.md's until enough of these calls are right in every source.

    `answers` holds probabilities and labels of each source.
    """
    bands = dict(BANDS)
    for edge in np.linspace(BANDS["high_benign"], 0.005, 10):
        bands["high_benign"] = round(float(edge), 4)
        if all(_right(1 - labels[probabilities < edge]) for probabilities, labels in answers):
            break
    for edge in np.linspace(BANDS["high_malignant"], 0.995, 10):
        bands["high_malignant"] = round(float(edge), 4)
        if all(_right(labels[probabilities > edge]) for probabilities, labels in answers):
            break
    return bands


def _right(hits: np.ndarray) -> bool:
    return hits.size < 10 or hits.mean() >= HIGH_RIGHT


def operating_point(answers: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict:
    """Return the highest threshold at which SENSITIVITY of the malignant lesions of every source are found, and what it gives in each.

    It is a whole percentage, as pages tell probabilities: advice begins where they say it does, and this is measured there.
    `answers` holds probabilities and labels by source.
    """
    malignant = [probabilities[labels == 1] for probabilities, labels in answers.values()]
    threshold = min(float(np.quantile(some, 1 - SENSITIVITY, method="lower")) for some in malignant if some.size)
    threshold = math.floor(100 * threshold) / 100
    return {
        "threshold": threshold,
        "sources": {
            source: {
                "sensitivity": round(_share(probabilities >= threshold, labels == 1), 4),
                "specificity": round(_share(probabilities < threshold, labels == 0), 4),
                "n": len(labels),
            }
            for source, (probabilities, labels) in answers.items()
        },
    }


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> list[dict]:
    """Return the reliability diagram: for each filled bin of equal width its photos, mean probability and malignant share."""
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    return [
        {
            "n": int((index == bin_).sum()),
            "probability": round(float(probabilities[index == bin_].mean()), 4),
            "malignant_share": round(float(labels[index == bin_].mean()), 4),
        }
        for bin_ in np.unique(index)
    ]


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
    low, high = bootstrap(value, [photo.row.group for photo in photos], resamples=RESAMPLES)
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


def probability_figures(
    photos: list[Photo], source: str, probabilities: np.ndarray, bands: dict, point: float, cameras: np.ndarray | None = None
) -> list[dict]:
    """AUC, calibration error, accuracy, sensitivity, specificity, both at the operating point too, and how often "High" is right."""
    labels = np.array([photo.row.malignant for photo in photos])
    called = probabilities >= bands["malignant"]
    high = (probabilities < bands["high_benign"]) | (probabilities > bands["high_malignant"])
    if cameras is not None:
        high &= ~cameras
    figures = [
        figure("auc", source, photos, lambda some: auc(labels[some], probabilities[some])),
        figure("ece", source, photos, lambda some: expected_calibration_error(labels[some], probabilities[some]))
        | {"perfect": [round(value, 4) for value in perfect_calibration_error(probabilities)]},
        figure("accuracy", source, photos, lambda some: (called[some] == labels[some]).mean()),
        figure("sensitivity", source, photos, lambda some: _share(called[some], labels[some] == 1)),
        figure("specificity", source, photos, lambda some: _share(~called[some], labels[some] == 0)),
        figure("sensitivity_at_point", source, photos, lambda some: _share(probabilities[some] >= point, labels[some] == 1)),
        figure("specificity_at_point", source, photos, lambda some: _share(probabilities[some] < point, labels[some] == 0)),
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


def of_part(rows: list[Row], part: str, sources: set[str], limit: int | None = None) -> list[Row]:
    """Return the rows of one part, source by source, at most `limit` of each."""
    return [
        row for source in LABELLED if source in sources for row in [one for one in rows if (one.part, one.source) == (part, source)][:limit]
    ]


def evaluate(
    folder: Path,
    *,
    weights: Path = WEIGHTS,
    sources: tuple[str, ...] = WITH_MASKS,
    left_out: Path | None = None,
    limit: int | None = None,
    keep: Path | None = None,
    say=lambda line: print(line, flush=True),
) -> dict[str, dict]:
    """Fit and measure; writes and returns the cards by name. `left_out` is a folder of networks measured before (see above),
    `keep` one for what the networks answer.
    """
    networks = load_networks(weights)
    segmenters = {name: network for name, network in networks.items() if network.card.task == "segmentation"}
    classifiers = {name: network for name, network in networks.items() if network.card.task == "classification"}
    cards = {name: network.card.details for name, network in networks.items()}
    if left_out is not None:
        take_over_left_out(cards, left_out)
    learned_from = {source for card in cards.values() for source in card["data"]["sources"]}

    if len(segmenters) > 1:
        for network in segmenters.values():
            network.card.details[FUSION] = {}  # they have a common mask, which is fitted below
    rows = read_manifest(folder)
    fitting, watched = (of_part(rows, part, learned_from, limit) for part in ("calibration", "validation"))
    testing = {source: [row for row in held_out(rows, learned_from) if row.source == source][:limit] for source in sources}
    camera_rows = [row for row in rows if row.source in {*camera.SOURCES} & learned_from and row.part in ("train", "validation")][:limit]
    tick = Progress(say, len(fitting) + len(watched) + len(camera_rows) + sum(map(len, testing.values())))
    pool = ThreadPoolExecutor(THREADS)
    eyes = Eyes(folder, segmenters, classifiers, keep)
    calibration, validation, learned, *tested = (
        [tick(photo) for photo in pool.map(eyes.outline, some)] for some in (fitting, watched, camera_rows, *testing.values())
    )
    tests = {source: photos for source, photos in zip(testing, tested, strict=True) if photos}
    fitted = [photo for photo in calibration if photo.dice]
    fits = fit_expected_dice(fitted)
    for card in cards.values():
        card.pop(FUSION, None)
    if FUSION in fits:
        common = {"networks": {name: cards[name]["sha256"] for name in segmenters}, "n": len(fitted), "expected_dice": fits}
        common["sure_from"] = fit_sureness([*calibration, *validation])
        (weights / f"{FUSION}.json").write_text(json.dumps(common, indent=2) + "\n", encoding="utf-8")
    outlined = {source: photos for source, photos in tests.items() if source in WITH_MASKS}
    for name in segmenters:
        cards[name]["expected_dice"] = fits[name]
        cards[name]["metrics"] = [one for source, photos in outlined.items() for one in mask_figures(photos, source, [name] * len(photos))]
        cards[name]["mask_choice"] = [one for source, photos in outlined.items() for one in choice_figures(photos, source, fits)]
    if classifiers:
        photos = [*calibration, *validation, *learned, *(photo for some in tests.values() for photo in some)]
        for _ in pool.map(lambda photo: tick(eyes.judge(photo, fits)), photos):
            pass
        tell_cameras(cards, [*calibration, *learned], tests, eyes.drawn)
        judge_probability({name: cards[name] for name in classifiers}, calibration, tests, validation)
    for name, card in cards.items():
        write_card(card, weights / name)
    return cards


def refit(
    folder: Path,
    *,
    weights: Path = WEIGHTS,
    sources: tuple[str, ...] = LABELLED,
    sample: int | None = None,
    keep: Path | None = None,
    say=lambda line: print(line, flush=True),
) -> dict[str, dict]:
    """Fit and measure the probability alone, of networks that `evaluate` has measured; writes and returns the cards by name.

    What the cards say of masks and of camera photos stays, and so do the figures of classifiers without a share. `sample` is how many
    test photos a source are measured at most, drawn by their names. Raises ValueError where the networks were not measured together.
    """
    networks = load_networks(weights)
    segmenters = {name: network for name, network in networks.items() if network.card.task == "segmentation"}
    cards = {name: network.card.details for name, network in networks.items()}
    tell_what_they_do_together(weights, segmenters)
    found = {name: card.pop(FUSION, None) for name, card in cards.items()}
    if not all(found[name] for name in segmenters):
        raise ValueError(f"The networks in {weights} were not measured together: run training.evaluate without --probability first.")
    for network in segmenters.values():
        network.card.details[FUSION] = {}
    fits = next(found[name] for name in segmenters)["expected_dice"]
    judged = {name: card for name, card in cards.items() if card["task"] == "classification" and generalises(card)}
    rows = read_manifest(folder)
    learned_from = {source for card in cards.values() for source in card["data"]["sources"]}
    fitting, watched = (of_part(rows, part, learned_from) for part in ("calibration", "validation"))
    testing = {source: drawn([row for row in held_out(rows, learned_from) if row.source == source], sample) for source in sources}
    tick = Progress(say, len(fitting) + len(watched) + sum(map(len, testing.values())))
    eyes = Eyes(folder, segmenters, {name: networks[name] for name in judged}, keep)

    def see(row: Row) -> Photo:
        photo = tick(eyes.outline(row))
        tick(eyes.judge(photo, fits))
        return photo

    pool = ThreadPoolExecutor(THREADS)
    calibration, validation = list(pool.map(see, fitting)), list(pool.map(see, watched))
    tests = {source: list(pool.map(see, some)) for source, some in testing.items() if some}
    before = {name: (card["share"], card["metrics"], card.get("together", {}).get("metrics", [])) for name, card in judged.items()}
    judge_probability(judged, calibration, tests, validation)
    for name, (share, own, together) in before.items():
        keep_auc(judged[name]["metrics"], own)
        if len(judged) == 1 and share > 0:
            keep_auc(judged[name]["together"]["metrics"], together)
    shown = next(iter(judged.values()))
    shown["together"]["drawn"] = sample
    for name, card in cards.items():
        card.pop(FUSION, None)
        if card["task"] == "classification" and name not in judged:
            card |= {"share": 0.0} | {key: shown[key] for key in ("bands", "together", "calibration_part")}
        write_card(card, weights / name)
    return cards


def keep_auc(figures: list[dict], before: list[dict]) -> None:
    """Put back AUCs that were measured before on more photos: calibration does not change them."""
    for number, one in enumerate(figures):
        earlier = [old for old in before if (old["figure"], old["source"]) == ("auc", one["source"]) and old["n"] > one["n"]]
        if one["figure"] == "auc" and earlier:
            figures[number] = earlier[0]


def drawn(rows: list[Row], sample: int | None) -> list[Row]:
    """Return as many rows at most, in an order that has nothing to do with the manifest's and is the same on every machine."""
    return sorted(rows, key=lambda row: hashlib.sha256(row.image.encode()).digest())[:sample]


def choice_figures(photos: list[Photo], source: str, fits: dict[str, dict[str, float]]) -> list[dict]:
    """How good the chosen mask is, and how well the expected Dice follows the true one (Pearson's r)."""
    names = [choose(photo, fits) for photo in photos]
    best = np.array([max(photo.dice.values()) for photo in photos])
    truth = np.array([photo.dice[name] for photo, name in zip(photos, names, strict=True)])
    guesses = np.array([expected(fits[name], photo.features[name]) for photo, name in zip(photos, names, strict=True)])

    def correlation(some: np.ndarray) -> float:
        return np.corrcoef(guesses[some], truth[some])[0, 1]

    together = mask_figures(photos, source, [FUSION] * len(photos)) if FUSION in fits else []
    return [
        *({**one, "mask": FUSION} for one in together),
        *({**one, "mask": "chosen"} for one in mask_figures(photos, source, names)),
        {**figure("dice", source, photos, lambda some: best[some].mean()), "mask": "best possible"},
        {**figure("expected_dice_correlation", source, photos, correlation), "mask": "chosen"},
    ]


def judge_probability(
    cards: dict[str, dict], calibration: list[Photo], tests: dict[str, list[Photo]], validation: list[Photo] = ()
) -> None:
    """Fit each classifier's calibration and all their shares, bands and operating point, and fill in the metrics: each card's own,
    and under `together` those of the sum that people are shown.

    The operating point hangs on the few least likely of the malignant lesions, so it is fitted on `validation` too: photos that no
    network learned from, though settings were chosen on them.
    """
    rows = [photo.row for photo in calibration]
    labels, weights = np.array([row.malignant for row in rows]), source_weights(rows)
    for name, card in cards.items():
        card["calibration"] = fit_calibration(np.array([photo.logits[name] for photo in calibration]), labels, weights)
    fits = {name: card["calibration"] for name, card in cards.items()}
    unseen = {name: _on_unseen_sources(name, card, tests) for name, card in cards.items()}
    trusted = [name for name in cards if generalises(cards[name]) and all(one >= UNSEEN_AUC for one in unseen[name])] or list(cards)
    shares = dict.fromkeys(cards, 0.0) | fit_shares({name: _calibrated(calibration, name, fits) for name in trusted}, labels, weights)
    by_source = {source: np.array([row.source == source for row in rows]) for source in dict.fromkeys(row.source for row in rows)}
    large = [source for source, members in by_source.items() if members.sum() >= ENOUGH] or list(by_source)
    bands = fit_bands(list(_by_source(calibration, large, fits, shares).values()))
    point = operating_point(_by_source([*calibration, *validation], large, fits, shares))
    # From the point on people are advised to have a doctor look, which is what "benign, low confidence" says to them.
    bands["medium_benign"] = max(bands["high_benign"], min(bands["medium_benign"], point["threshold"]))
    together = {"operating_point": point, "metrics": [], "reliability": {}}
    for source, photos in tests.items():
        answers = _answers(photos, fits, shares)
        together["metrics"] += probability_figures(photos, source, answers, bands, point["threshold"], _cameras(photos, cards))
        together["reliability"][source] = reliability(answers, np.array([photo.row.malignant for photo in photos]))
    for name, card in cards.items():
        card["share"], card["bands"], card["together"] = shares[name], bands, together
        card["calibration_part"] = {
            "n": dict(Counter(row.source for row in rows)),
            "malignant_share": round(float(np.average(labels, weights=weights)), 4),
            "malignant_shares": {source: round(float(labels[members].mean()), 4) for source, members in by_source.items()},
            "prevalence": "The probability assumes about this share of malignant lesions among the photos: the mean of the sources' "
            f"shares, where one of fewer than {ENOUGH} photos counts for as little as its photos.",
        }
        alone = {name: 1.0}
        card["metrics"] = [
            one
            for source, photos in tests.items()
            for one in probability_figures(photos, source, _answers(photos, fits, alone), bands, point["threshold"])
            if one["figure"] in ("auc", "ece", "accuracy")
        ]


def _by_source(
    photos: list[Photo], sources: list[str], fits: dict[str, dict[str, float]], shares: dict[str, float]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return probabilities and labels of some sources' photos."""
    some = {source: [photo for photo in photos if photo.row.source == source] for source in sources}
    return {source: (_answers(one, fits, shares), np.array([photo.row.malignant for photo in one])) for source, one in some.items()}


def _on_unseen_sources(name: str, card: dict, tests: dict[str, list[Photo]]) -> list[float]:
    """Return a classifier's AUC on each measured source that it did not learn from."""
    others = [photos for source, photos in tests.items() if source not in card.get("data", {"sources": tests})["sources"]]
    return [auc(np.array([photo.row.malignant for photo in some]), np.array([photo.logits[name] for photo in some])) for some in others]


def generalises(card: dict) -> bool:
    """Tell whether a classifier did well on the sources that it had not seen; where none was left out nothing speaks against it."""
    unseen = card.get("left_out", {}).get("metrics", [])
    return all(one["value"] >= UNSEEN_AUC for one in unseen if one["figure"] == "auc" and "networks" not in one)


def tell_cameras(
    cards: dict[str, dict],
    photos: list[Photo],
    tests: dict[str, list[Photo]],
    drawn: Callable[[str, str], list[np.ndarray]],
) -> None:
    """Fit which photos count as taken without a dermoscope, for the first classifier that tells its features, and measure it, also on
    drawn photos: `drawn` returns what a classifier sees in those of a look.
    """
    for card in cards.values():
        card.pop("camera", None)
    name = next(iter(photos[0].looks), None)
    taken = {kind: [photo for photo in photos if (photo.row.source in camera.SOURCES) is kind] for kind in (False, True)}
    if name is None or not all(taken.values()):
        return
    found = camera.fit(*(np.array([photo.looks[name] for photo in some]) for some in taken.values()))
    checks = {source: ([photo.looks[name] for photo in some], [photo.row.group for photo in some]) for source, some in tests.items()}
    for kind in ("dermoscope", "phone"):
        looks = drawn(name, kind)
        checks[f"drawn, {kind}"] = looks, [str(number) for number in range(len(looks))]
    found["metrics"] = []
    for source, (looks, groups) in checks.items():
        called = camera.hits(looks, found)
        low, high = bootstrap(lambda some, called=called: called[some].mean(), groups, resamples=RESAMPLES)
        entry = {"figure": "counted_as_camera_photo", "source": source, "n": len(looks), "value": round(float(called.mean()), 4)}
        found["metrics"].append(entry | {"interval": [round(low, 4), round(high, 4)]})
    cards[name]["camera"] = found


def _cameras(photos: list[Photo], cards: dict[str, dict]) -> np.ndarray:
    """Return which photos count as camera photos: nobody is shown "High" on those."""
    name = next((name for name, card in cards.items() if "camera" in card), None)
    return np.zeros(len(photos), bool) if name is None else camera.hits([photo.looks[name] for photo in photos], cards[name]["camera"])


def _calibrated(photos: list[Photo], name: str, fits: dict[str, dict[str, float]]) -> np.ndarray:
    return calibrated_logit(np.array([photo.logits[name] for photo in photos]), fits[name])


def _answers(photos: list[Photo], fits: dict[str, dict[str, float]], shares: dict[str, float]) -> np.ndarray:
    """Return the probability of each photo, from the sum of the networks' calibrated logits as in core.classification."""
    return 1 / (1 + np.exp(-sum(share * _calibrated(photos, name, fits) for name, share in shares.items())))


def take_over_left_out(cards: dict[str, dict], folder: Path) -> None:
    """Copy what the networks of `folder` reached on sources that they had not seen into the cards of the same names."""
    for name, card in cards.items():
        if not (folder / name / "card.json").exists():
            continue
        earlier = read_card(folder / name / "card.json").details
        metrics = [*earlier["metrics"], *({**one, "mask": one["mask"]} for one in earlier.get("mask_choice", []))]
        metrics += [{**one, "networks": "together"} for one in earlier.get("together", {}).get("metrics", [])]
        unseen = [one for one in metrics if one["source"] not in earlier["data"]["sources"]]
        card["left_out"] = {"version": earlier["version"], "cycle": earlier["data"]["cycle"], "metrics": unseen}


def table(cards: dict[str, dict]) -> str:
    """All figures as a Markdown table."""
    lines = ["| network | figure | source | n | value | 95 % interval |", "| --- | --- | --- | --- | --- | --- |"]
    choices: list[tuple[str, dict]] = []
    for name, card in cards.items():
        choices = [(f"{one.get('mask', 'chosen')} mask", one) for one in card.get("mask_choice", [])] or choices
        lines += [_line(name, one) for one in card["metrics"]]
    joint = next((card["together"]["metrics"] for card in cards.values() if "together" in card), [])
    choices += [("classifiers together", one) for one in joint]
    choices += [("camera or dermoscope", one) for card in cards.values() for one in card.get("camera", {}).get("metrics", [])]
    return "\n".join(lines + [_line(name, one) for name, one in choices])


def _line(name: str, one: dict) -> str:
    low, high = one["interval"]
    return f"| {name} | {one['figure']} | {one['source']} | {one['n']} | {one['value']:.3f} | {low:.3f} to {high:.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--all", action="store_true", help="measure every labelled source")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the exported networks")
    parser.add_argument("--limit", type=int, help="photos a source at most, for a quick look")
    parser.add_argument("--sources", nargs="+", choices=LABELLED, help="measure these sources alone")
    parser.add_argument("--left-out", type=Path, metavar="FOLDER", help="take over figures of networks measured there")
    parser.add_argument("--keep", type=Path, default=KEPT, help="folder for what the networks answered: a second run is quick")
    parser.add_argument("--report", type=Path, nargs="?", const=report.REPORT, help="write the figures beside their targets")
    parser.add_argument("--probability", action="store_true", help="fit and measure the probability alone; masks stay as measured")
    parser.add_argument("--sample", type=int, metavar="N", help="with --probability: N test photos a source at most, drawn by name")
    options = parser.parse_args()
    sources = tuple(options.sources or (LABELLED if options.all else WITH_MASKS))
    common = {"weights": options.weights, "sources": sources, "keep": options.keep}
    if options.probability:
        cards = refit(options.data, sample=options.sample, **common)
    else:
        cards = evaluate(options.data, left_out=options.left_out, limit=options.limit, **common)
    print(table(cards))
    if options.report:
        hard = (
            None
            if options.probability
            else report.hard_case_entries(options.weights, options.data, lambda line: print(line, flush=True), options.limit)
        )
        report.write(cards, hard, table(cards), options.report)


if __name__ == "__main__":
    main()
