"""THREATS.md claims nothing without a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "THREATS.md").read_text()


def test_every_measure_names_a_test_that_is_there() -> None:
    done = TEXT.split("## What is done")[1].split("## What is not done")[0]
    measures = [line for line in done.splitlines() if line.startswith("| ") and not line.startswith(("| against", "| ---"))]
    assert len(measures) > 20
    for measure in measures:
        named = re.findall(r"`(tests/[\w/]+\.py)`", measure.split("|")[3])
        assert named, measure
        assert [name for name in named if not (ROOT / name).is_file()] == []
