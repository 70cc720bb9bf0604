"""Fit the expected Dice of all networks' common mask, and measure the choice among all masks: `python -m training.fusion --data DIR`.

Fitted on the calibration part, measured on the test part; both go into weights/fusion.json, which names the networks that it holds for
by their sha256. Other networks have no common mask until this is run again: see core.segmentation.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from core.runtime import Network, load_networks
from core.segmentation import FUSION, candidates, features_of
from training.data import Row, read_manifest, read_mask, read_picture
from training.export import WEIGHTS
from training.metrics import bootstrap, dice

SOURCES = ("ham10000", "ph2")
Seen = dict[str, tuple[tuple[float, float], float]]
"""Candidate -> its features, and its Dice with the expert's mask."""


def fit(folder: Path, *, weights: Path = WEIGHTS, limit: int | None = None, say=lambda line: print(line, flush=True)) -> dict:
    """Fit and measure, `limit` photos a source and part at most; writes and returns fusion.json."""
    segmenters = {name: network for name, network in load_networks(weights).items() if network.card.task == "segmentation"}
    for network in segmenters.values():
        network.card.details[FUSION] = {}
    rows = [row for row in read_manifest(folder, SOURCES) if row.mask]
    calibration = [_seen(folder, row, segmenters) for row in _part(rows, "calibration", limit)]
    say(f"{len(calibration)} photos to fit on")
    fits = _least_squares(calibration)
    metrics = []
    for source in SOURCES:
        some = [row for row in _part(rows, "test", limit) if row.source == source]
        metrics += _figures(source, some, [_seen(folder, row, segmenters) for row in some], fits) if some else []
        say(f"{source}: {len(some)} photos to measure on")
    networks = {name: network.card.details["sha256"] for name, network in segmenters.items()}
    found = {"networks": networks, "n": len(calibration), "expected_dice": fits, "metrics": metrics}
    (weights / f"{FUSION}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return found


def _part(rows: list[Row], part: str, limit: int | None) -> list[Row]:
    return [row for source in SOURCES for row in [one for one in rows if one.source == source and one.part == part][:limit]]


def _seen(folder: Path, row: Row, segmenters: dict[str, Network]) -> Seen:
    found = candidates(segmenters, np.ascontiguousarray(read_picture(folder / row.image)))
    truth = read_mask(folder / row.mask)
    return {name: (features_of(found, name), dice(one.mask, truth)) for name, one in found.items()}


def _least_squares(photos: list[Seen]) -> dict[str, dict[str, float]]:
    """Fit the true Dice of all candidates at once: an intercept each, slopes in common.

    With slopes of their own, the candidate whose fit errs most upwards would be chosen most often.
    """
    names = list(photos[0])
    own = np.tile(np.eye(len(names)), (len(photos), 1))
    shared = np.array([photo[name][0] for photo in photos for name in names])
    truth = np.array([photo[name][1] for photo in photos for name in names])
    found, *_ = np.linalg.lstsq(np.hstack([own, shared]), truth, rcond=None)
    certainty, agreement = (round(float(value), 5) for value in found[-2:])
    intercepts = {name: round(float(value), 5) for name, value in zip(names, found, strict=False)}
    return {name: {"intercept": value, "certainty": certainty, "agreement": agreement} for name, value in intercepts.items()}


def _figures(source: str, rows: list[Row], photos: list[Seen], fits: dict[str, dict[str, float]]) -> list[dict]:
    """Return the mean Dice of every candidate, of the chosen and of the best possible one, and how the expected Dice follows the true."""
    expected = {name: np.array([_expected(fit, photo[name][0]) for photo in photos]) for name, fit in fits.items()}
    truth = {name: np.array([photo[name][1] for photo in photos]) for name in fits}
    names = list(fits)
    choice = np.argmax([expected[name] for name in names], axis=0)
    index = np.arange(len(photos))
    chosen, guess = np.array([truth[name] for name in names])[choice, index], np.array([expected[name] for name in names])[choice, index]
    values = truth | {"chosen": chosen, "best possible": np.max(list(truth.values()), axis=0)}
    groups = [row.group for row in rows]
    entries = [_entry("dice", source, name, groups, lambda some, one=one: one[some].mean()) for name, one in values.items()]
    if len(photos) > 2:
        follows = _entry("expected_dice_correlation", source, "chosen", groups, lambda some: np.corrcoef(guess[some], chosen[some])[0, 1])
        entries.append(follows)
    return entries


def _expected(fit: dict[str, float], features: tuple[float, float]) -> float:
    return fit["intercept"] + fit["certainty"] * features[0] + fit["agreement"] * features[1]


def _entry(figure: str, source: str, mask: str, groups: list[str], value) -> dict:
    low, high = bootstrap(value, groups)
    entry = {"figure": figure, "source": source, "mask": mask, "n": len(groups), "value": round(float(value(np.arange(len(groups)))), 4)}
    return entry | {"interval": [round(low, 4), round(high, 4)]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.fusion", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the exported networks")
    parser.add_argument("--limit", type=int, help="photos a source and part at most, for a quick look")
    options = parser.parse_args()
    for one in fit(options.data, weights=options.weights, limit=options.limit)["metrics"]:
        low, high = one["interval"]
        print(f"| {one['mask']} | {one['figure']} | {one['source']} | {one['n']} | {one['value']:.3f} | {low:.3f} to {high:.3f} |")


if __name__ == "__main__":
    main()
