"""What each step of an analysis costs, as a ratio to finding the lesion with the single networks: `python -m benchmarks.analysis`.

All steps run in turns in one process on the same generated photo, so that what else the machine does falls on all alike.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from core import Analyser
from core.classification import classify
from core.gate import check
from core.segmentation import candidates, lesion_probabilities
from core.synthetic import Mole, photograph


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analysis", description=__doc__)
    parser.add_argument("--weights", type=Path, default=Path("weights"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 960), metavar=("WIDTH", "HEIGHT"))
    options = parser.parse_args()
    analyser = Analyser.load(options.weights)
    shot = photograph(Mole(seed=1, skin_tone=2), size=tuple(options.size))
    steps = {
        "networks that find the lesion, alone": lambda: [lesion_probabilities(one, shot.rgb) for one in analyser.segmenters.values()],
        "gate": lambda: analyser.gate and check(analyser.gate, shot.rgb),
        "finding, with refined outlines and all networks together": lambda: candidates(analyser.segmenters, shot.rgb),
        "classifying, with heat map": lambda: classify(analyser.classifiers, shot.rgb, shot.mask, [shot.mask]),
        "whole analysis": lambda: analyser.analyse(shot.rgb, force=True),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.rounds + 1):
        for name, step in steps.items():
            begun = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - begun)
    medians = {name: float(np.median(some[1:])) for name, some in times.items()}
    alone = next(iter(medians.values()))
    for name, median in medians.items():
        print(f"{median / alone:6.2f}  {name}")


if __name__ == "__main__":
    main()
