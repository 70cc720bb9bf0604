"""`python -m benchmarks.timeline`: what the figures of a mole's timeline cost with 200 visits, as a ratio to 10 visits.

Each figure is made and turned into what is sent to the browser. Best of five, 200 and 10 visits measured in the same run.
"""

from __future__ import annotations

import logging
import time

from pages import _charts as charts
from tests.pages import made

FEW, MANY = 10, 200
BANDS = ((0.0, 0.5, "benign", "low"), (0.5, 1.0, "malignant", "low"))
SMALL = ("asymmetry", "border", "colours", "growth")


def seconds(visits: int) -> float:
    """From the stored numbers to seven figures as JSON, best of five."""
    timeline = made.visits(visits, every_days=10, with_scale=range(1, visits + 1))
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        evolution = made.evolution(timeline)
        figures = [charts.over_visits(evolution, name) for name in ("area", "diameter")]
        figures += [charts.probability_over_visits(evolution, BANDS), *(charts.small_multiple(evolution, name) for name in SMALL)]
        for figure in figures:
            figure.to_json()
        best = min(best, time.perf_counter() - begun)
    return best


def main() -> None:
    logging.disable()  # Streamlit tells of each look at the session that there is none
    few, many = seconds(FEW), seconds(MANY)
    print(f"{MANY} visits {1000 * many:.0f} ms, {FEW} visits {1000 * few:.0f} ms: ratio {many / few:.2f}")


if __name__ == "__main__":
    main()
