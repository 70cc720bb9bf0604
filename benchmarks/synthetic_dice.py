"""Does core treat generated photos as it treats real ones?

    python -m benchmarks.synthetic_dice [--photos 100] [--weights weights] [--seed 0]

Prints the Dice overlap with the known mask for each network and for the mask that core chose (mean, n, 95 % bootstrap interval over
photos), the same by look and skin tone, and the AUC of the malignancy probability between melanoma-like and benign-like moles. The gate
is overruled, so that every photo counts; what it would have refused is printed.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core import Analyser
from core.synthetic import Mole, SyntheticPhoto, photograph

RESAMPLES = 2000


def sample(index: int, seed: int) -> tuple[SyntheticPhoto, str]:
    """One photo of the set and its look: every tone and both looks equally often, hair on half, visits 0 to 3."""
    rng = np.random.default_rng([seed, index])
    mole = Mole.random(int(rng.integers(2**31)), skin_tone=index % 6 + 1)
    look = ("dermoscope", "phone")[index // 6 % 2]
    hair = float(rng.choice((0.0, rng.uniform(0, 0.7))))
    return photograph(mole, visit=int(rng.integers(4)), look=look, hair=hair, seed=int(rng.integers(2**31))), look


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice overlap of two H x W masks; 1 where both are empty."""
    total = np.count_nonzero(found) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(found & truth) / total if total else 1.0


def auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Chance that a positive scores above a negative, ties half (area under the ROC curve); nan without both."""
    ahead = scores[positive][:, None] - scores[~positive][None, :]
    return float(np.mean((ahead > 0) + 0.5 * (ahead == 0))) if ahead.size else float("nan")


def with_interval(statistic: Callable[..., float], *columns: NDArray) -> str:
    """'value (low to high), n = photos': the statistic and its 95 % bootstrap interval over photos."""
    rng = np.random.default_rng(0)
    photos = len(columns[0])
    drawn = [rng.integers(photos, size=photos) for _ in range(RESAMPLES)]
    low, high = np.nanpercentile([statistic(*(column[pick] for column in columns)) for pick in drawn], (2.5, 97.5))
    return f"{statistic(*columns):.3f} ({low:.3f} to {high:.3f}), n = {photos}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--photos", type=int, default=100)
    arguments.add_argument("--weights", default="weights")
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    if chosen.photos < 1 or chosen.seed < 0:
        arguments.error("--photos must be 1 or more and --seed 0 or more.")

    analyser = Analyser.load(chosen.weights)
    overlaps: dict[str, list[float]] = defaultdict(list)
    groups: dict[str, list[float]] = defaultdict(list)
    refusals: Counter[str] = Counter()
    probabilities, kinds, tones = [], [], []
    for index in range(chosen.photos):
        photo, look = sample(index, chosen.seed)
        analysis = analyser.analyse(photo.rgb, force=True)
        refusals.update(analysis.reasons)
        for name, mask in analysis.masks.items():
            overlaps[name].append(dice(mask, photo.mask))
        best = dice(analysis.masks[analysis.chosen], photo.mask) if analysis.chosen else 0.0
        overlaps["chosen"].append(best)
        for group in (look, f"tone {photo.mole.skin_tone}", photo.mole.kind):
            groups[group].append(best)
        if analysis.malignant_probability is not None and photo.mole.kind != "atypical":
            probabilities.append(analysis.malignant_probability)
            kinds.append(photo.mole.kind == "melanoma")
            tones.append(photo.mole.skin_tone)

    for name, values in overlaps.items():
        print(f"Dice {name}: {with_interval(np.mean, np.array(values))}, median {np.median(values):.3f}, lowest {min(values):.3f}")
    for group in sorted(groups):
        print(f"  chosen, {group}: {np.mean(groups[group]):.3f}, n = {len(groups[group])}")
    columns = np.array(probabilities), np.array(kinds, bool), np.array(tones)
    for label, darkest in (("all tones", 6), ("tones 1 to 3", 3)):
        judged = columns[2] <= darkest
        if judged.any():
            print(f"AUC melanoma-like against benign-like, {label}: {with_interval(auc, columns[0][judged], columns[1][judged])}")
    print(f"Would have been refused: {dict(refusals) or 'none'}")


if __name__ == "__main__":
    main()
