"""Does core treat generated photos as it treats real ones?

    python -m benchmarks.synthetic_dice [--photos 100] [--weights weights] [--seed 0]

Prints the Dice overlap with the known mask for each network and for the mask that core chose (mean, n, 95 % bootstrap interval over
photos), and the same by look, skin tone and kind. Then, on a melanoma-like and a benign-like twin of each photo (same skin, look, hair
and light): how often the melanoma-like one has the higher malignancy probability, and the AUC over all, which also pays for what tone,
look and hair do to the probability. The gate is overruled, so that every photo counts; what it would have refused is printed.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core import Analyser
from core.synthetic import Kind, Look, Mole, SyntheticPhoto, photograph

RESAMPLES = 2000


def sample(index: int, seed: int, kind: Kind | None = None) -> tuple[SyntheticPhoto, Look]:
    """One photo of the set and its look: every tone and both looks equally often, hair on half, visits 0 to 3; kind drawn unless given."""
    rng = np.random.default_rng([seed, index])
    mole = Mole.random(int(rng.integers(2**31)), kind, skin_tone=index % 6 + 1)
    look: Look = ("dermoscope", "phone")[index // 6 % 2]
    hair = float(rng.choice((0.0, rng.uniform(0, 0.7))))
    return photograph(mole, visit=int(rng.integers(4)), look=look, hair=hair, seed=int(rng.integers(2**31))), look


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice overlap of two H x W masks; 1 where both are empty."""
    total = np.count_nonzero(found) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(found & truth) / total if total else 1.0


def auc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Chance that a positive scores above a negative, ties half: the area under the ROC curve."""
    ahead = positive[:, None] - negative[None, :]
    return float(np.mean((ahead > 0) + 0.5 * (ahead == 0)))


def with_interval(statistic: Callable[..., float], *columns: NDArray) -> str:
    """'value (low to high), n = rows': the statistic and its 95 % bootstrap interval over rows of the columns."""
    rng = np.random.default_rng(0)
    rows = len(columns[0])
    drawn = [rng.integers(rows, size=rows) for _ in range(RESAMPLES)]
    low, high = np.percentile([statistic(*(column[pick] for column in columns)) for pick in drawn], (2.5, 97.5))
    return f"{statistic(*columns):.3f} ({low:.3f} to {high:.3f}), n = {rows}"


def overlaps_of(analyser: Analyser, photos: int, seed: int) -> None:
    """Print the Dice overlap of every network and of the chosen mask."""
    overlaps: dict[str, list[float]] = defaultdict(list)
    groups: dict[str, list[float]] = defaultdict(list)
    refusals: Counter[str] = Counter()
    for index in range(photos):
        photo, look = sample(index, seed)
        analysis = analyser.analyse(photo.rgb, force=True)
        refusals.update(analysis.reasons)
        for name, mask in analysis.masks.items():
            overlaps[name].append(dice(mask, photo.mask))
        best = dice(analysis.masks[analysis.chosen], photo.mask) if analysis.chosen else 0.0
        overlaps["chosen"].append(best)
        for group in (look, f"tone {photo.mole.skin_tone}", photo.mole.kind):
            groups[group].append(best)
    for name, values in overlaps.items():
        print(f"Dice {name}: {with_interval(np.mean, np.array(values))}, median {np.median(values):.3f}, lowest {min(values):.3f}")
    for group in sorted(groups):
        print(f"  chosen, {group}: {np.mean(groups[group]):.3f}, n = {len(groups[group])}")
    print(f"Would have been refused: {dict(refusals) or 'none'}")


def probabilities_of(analyser: Analyser, photos: int, seed: int) -> None:
    """Print how the malignancy probability tells melanoma-like from benign-like; twins without a lesion found are left out."""
    twins = []
    for index in range(photos):
        judged = [analyser.analyse(sample(index, seed, kind)[0].rgb, force=True) for kind in ("benign", "melanoma")]
        if all(analysis.malignant_probability is not None for analysis in judged):
            twins.append([analysis.malignant_probability for analysis in judged])
    benign, melanoma = np.array(twins, float).reshape(-1, 2).T
    if not benign.size:
        print("No lesion was found on any pair of twins.")
        return
    print(f"Melanoma-like above its benign-like twin: {with_interval(np.mean, melanoma > benign)} pairs")
    print(f"AUC melanoma-like against benign-like: {with_interval(auc, melanoma, benign)} of each")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--photos", type=int, default=100)
    arguments.add_argument("--weights", default="weights")
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    if chosen.photos < 1 or chosen.seed < 0:
        arguments.error("--photos must be 1 or more and --seed 0 or more.")
    analyser = Analyser.load(chosen.weights)
    overlaps_of(analyser, chosen.photos, chosen.seed)
    probabilities_of(analyser, chosen.photos, chosen.seed)


if __name__ == "__main__":
    main()
