"""How the errors of re-photographs become the table that changes are judged by."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="The benchmarks need what training needs.")

from benchmarks.repeatability import as_asked, of_outline
from core import change


def drawn(certain: float, lacking: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Differences of 4000 pairs of photos with errors as these two say, and what the outlines' expected Dice lack."""
    lacks = rng.uniform(0.03, 0.25, (2, 4000))
    return np.abs(np.diff(rng.normal(0, np.hypot(certain, lacking * lacks)), axis=0)[0]), lacks


@pytest.mark.parametrize(("certain", "lacking"), [(0.02, 0.2), (0.03, 0.0), (0.01, 0.4)])
def test_errors_come_back_and_hold_for_clear_and_unsure_outlines(certain: float, lacking: float) -> None:
    differences, lacks = drawn(certain, lacking, np.random.default_rng(1))
    found = of_outline(differences, lacks)
    reach = 1.96 * np.sqrt((found[0] ** 2 + (found[1] * lacks) ** 2).sum(axis=0))
    inside = differences <= reach
    assert inside.mean() == pytest.approx(0.95, abs=0.002)
    unsure = lacks.mean(axis=0) > 0.14
    assert inside[unsure].mean() == pytest.approx(inside[~unsure].mean(), abs=0.025), "one band for all would fail the unsure"


def test_a_second_photo_counts_only_where_the_app_asks_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change, "REPEATABILITY", {"area": change.Repeatability(0.05, "relative", 1, "this test", (0.01, 0.5))})

    def photo(area: float, dice: float) -> change.Measured:
        return change.Measured({"area_mm2": area}, 0.1, change.Scale(0.05, "card", 0.01), (change.Outline(dice),))

    sure, unsure, second, third = photo(20, 0.96), photo(20, 0.8), photo(24, 0.8), photo(90, 0.8)
    assert as_asked(sure, [second, third]) == sure
    assert as_asked(unsure, []) == unsure
    assert as_asked(unsure, [second, third]).measurements["area_mm2"] == pytest.approx(np.sqrt(20 * 24)), "one more photo, and no third"
