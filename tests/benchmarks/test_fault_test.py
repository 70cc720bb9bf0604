"""Each fault for real: its sentence, that what was stored stays, and that all works again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks import fault_test
from benchmarks.fault_test import FAULTS, FINE, NEED_ROOT

DATABASE_GONE = "The database cannot be opened. Nothing was changed; please tell whoever runs this site."
DATABASE_DAMAGED = "The database file is damaged. Nothing was changed; please tell whoever runs this site."
SAID = {
    "disk_full": [
        "The disk is full, so nothing was saved. What was stored before is safe; please tell whoever runs this site.",
        "The disk is full, so nothing was saved. What was stored before is safe; please tell whoever runs this site.",
        FINE, FINE, FINE,
    ],
    "disk_read_only": [
        "The database can only be read at the moment, so nothing was saved. What was stored before is safe.",
        "The database can only be read at the moment, so nothing was saved. What was stored before is safe.",
        FINE, FINE, FINE,
    ],
    "database_locked": [
        "The database is busy with something else right now. Nothing was changed; please try again in a moment.",
        FINE, FINE, FINE, FINE,
    ],
    "database_missing": [DATABASE_GONE, DATABASE_GONE, DATABASE_GONE, DATABASE_GONE, f"503: {DATABASE_GONE}"],
    "database_damaged": [DATABASE_DAMAGED, DATABASE_DAMAGED, DATABASE_DAMAGED, DATABASE_DAMAGED, f"503: {DATABASE_DAMAGED}"],
    "photo_missing": [FINE, FINE, FINE, FINE, "503: A file of this photo is missing on the disk; please tell whoever runs this site."],
    "photo_damaged": [FINE, FINE, FINE, FINE, "503: The stored file of this photo is damaged; please tell whoever runs this site."],
}  # fmt: skip
"""What is read on adding a mole, adding a photo, listing the moles, opening their page and fetching a photo."""


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest):
    if request.node.callspec.params["fault"] not in NEED_ROOT:
        yield tmp_path
        return
    if os.geteuid() != 0:
        pytest.skip("Only root can mount the small file system that this fault needs.")
    try:
        with fault_test.small_disk() as folder:
            yield Path(folder)
    except subprocess.CalledProcessError:
        pytest.skip("No file system can be mounted here.")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.__name__)
def test_fault_has_its_sentence_keeps_what_was_stored_and_passes(fault, place, monkeypatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for module in ("db.engine", "benchmarks.fault_test"):
        monkeypatch.setattr(f"{module}.BUSY_TIMEOUT_MS", 1500)
    said, whole, recovered = fault_test.try_out(place, fault)
    assert list(said.values()) == SAID[fault.__name__]
    assert whole
    assert recovered
