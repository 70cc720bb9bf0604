"""A few rounds of the kill test, in a process of its own: it forks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_few_kills_lose_nothing_and_leave_nothing_half() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kill_test", "--rounds", "5", "--seed", "7"],
        cwd=ROOT, env=os.environ | {"PYTHONWARNINGS": "ignore"}, capture_output=True, text=True, check=False, timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = dict(re.findall(r"^\| (.+) \| (\d+) \|$", done.stdout, re.MULTILINE))
    assert int(told["processes killed"]) == 20
    photos, words, exports = int(told["photos"]), int(told["notes"]) + int(told["reviews"]), int(told["exports"])
    assert photos >= 10 and words >= 5 and exports >= 5, "each writer wrote in each round"
