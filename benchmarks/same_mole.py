"""Can two photos of one mole be told from photos of two moles?

    python -m benchmarks.same_mole [--pairs 60] [--data ../shared/data] [--fit]

Pairs of one lesion: the photos of ham10000 that share a group, often taken with another camera, zoom or turn. Pairs of different
lesions: each of their first photos with another lesion's photo of the same class, so that benign moles are compared with benign moles.
Outlines are the experts'. Printed on the held-out part: AUC, and how many swaps core.sameness asks about while it asks about 1 % of true
pairs. With --fit: the weights for core.sameness, from the parts held back for such fits (validation and calibration).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.synthetic_dice import auc, with_interval
from core import sameness
from core.measurement import measure
from core.registration import register
from core.sameness import Seen
from training.data import Row, read_manifest, read_mask, read_picture
from training.logistic import logistic


def seen(data: Path, row: Row) -> Seen:
    rgb, mask = np.ascontiguousarray(read_picture(data / row.image)), read_mask(data / row.mask)
    return Seen(rgb, mask, measure(mask, rgb))


def pairs(data: Path, parts: tuple[str, ...], most: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the evidence of pairs of one lesion, and of as many pairs of different lesions."""
    groups: dict[str, list[Row]] = {}
    for row in read_manifest(data, ("ham10000",)):
        if row.part in parts and row.mask:
            groups.setdefault(row.group, []).append(row)
    rng = np.random.default_rng(seed)
    several = [rows for rows in groups.values() if len(rows) > 1]
    same, different = [], []
    for index in rng.permutation(len(several))[:most]:
        first, second = (several[index][place] for place in rng.permutation(len(several[index]))[:2])
        others = [rows[0] for rows in groups.values() if rows[0].group != first.group and rows[0].class_name == first.class_name]
        one, again, other = (seen(data, row) for row in (first, second, others[rng.integers(len(others))]))
        for found, partner in ((same, again), (different, other)):
            found.append(sameness.evidence(one, partner, register(one.rgb, partner.rgb, one.mask, partner.mask)))
    return np.array(same), np.array(different)


def fit(same: NDArray[np.float64], different: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Weights and intercept of a logistic regression with a light ridge on standardised evidence."""
    evidence = np.vstack([same, different])
    truth = np.repeat([1.0, 0.0], [len(same), len(different)])
    mean, deviation = evidence.mean(axis=0), evidence.std(axis=0) + 1e-9
    columns = np.column_stack([(evidence - mean) / deviation, np.ones(len(evidence))])
    weights = logistic(columns, truth, ridge=np.array([1.0] * evidence.shape[1] + [0.0]))
    plain = weights[:-1] / deviation
    return plain, float(weights[-1] - plain @ mean)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pairs", type=int, default=60)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments.add_argument("--fit", action="store_true")
    chosen = arguments.parse_args()
    if chosen.fit:
        same, different = pairs(chosen.data, ("validation", "calibration"), chosen.pairs, 1)
        weights, intercept = fit(same, different)
        scores, swaps = same @ weights + intercept, different @ weights + intercept
        print(f"{len(same)} pairs of one lesion, {len(different)} of two")
        print(f"WEIGHTS = np.array({[float(f'{weight:.3g}') for weight in weights]})\nINTERCEPT = {intercept:.3g}")
        print(f"SAME_FROM, DIFFERENT_BELOW = {np.quantile(swaps, 0.99):.2f}, {np.quantile(scores, 0.01):.2f}")
        return
    same, different = (one @ sameness.WEIGHTS + sameness.INTERCEPT for one in pairs(chosen.data, ("test",), chosen.pairs, 0))
    print(f"AUC, one lesion against different lesions of one class: {with_interval(auc, same, different)} pairs of each")
    edge = np.quantile(same, 0.01)
    print(f"Swaps caught while 1 % of true pairs are asked about: {with_interval(np.mean, (different < edge).astype(float))}")
    asked, missed = same < sameness.DIFFERENT_BELOW, different < sameness.DIFFERENT_BELOW
    print(f"At the threshold in use, true pairs asked about: {with_interval(np.mean, asked.astype(float))}")
    print(f"At the threshold in use, swaps caught: {with_interval(np.mean, missed.astype(float))}")


if __name__ == "__main__":
    main()
