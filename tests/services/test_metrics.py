from __future__ import annotations

import re
from datetime import date

import pytest

from services import backup, lesions, metrics, photos
from services.errors import PhotoRefused
from tests.helpers import photo_bytes

LINE = re.compile(r'(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="[^"]*",?)+\})? (-?[0-9.e+-]+|\+Inf))')


def figures() -> dict[str, float]:
    text = metrics.render()
    assert all(LINE.fullmatch(line) for line in text.splitlines())
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}


@pytest.fixture
def nothing_remembered(monkeypatch) -> None:
    monkeypatch.setattr(metrics, "_trail", metrics._every(-1)(metrics._find_trail))
    monkeypatch.setattr(metrics, "_sizes", metrics._every(-1)(metrics._find_sizes))


def test_photos_are_counted_by_how_they_ended(patient, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    before = figures()
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    with pytest.raises(PhotoRefused):
        photos.add_photo(patient, lesion_id=lesion.id, data=b"no photo", taken_on=date(2024, 5, 1))
    after = figures()
    for outcome in ("stored", "refused"):
        for name in (f'moletrail_analyses_total{{outcome="{outcome}"}}', f'moletrail_analysis_seconds_count{{outcome="{outcome}"}}'):
            assert after[name] == before.get(name, 0) + 1


def test_buckets_add_up() -> None:
    histogram = metrics.Histogram("x_seconds", "For this test.", "route")
    for seconds in (0.001, 0.005, 0.3, 99):
        histogram.observe(seconds, "a")
    lines = dict(line.rsplit(" ", 1) for line in histogram.lines() if not line.startswith("#"))
    assert lines['x_seconds_bucket{route="a",le="0.005"}'] == "2"
    assert lines['x_seconds_bucket{route="a",le="0.5"}'] == "3"
    assert lines['x_seconds_bucket{route="a",le="+Inf"}'] == lines['x_seconds_count{route="a"}'] == "4"


def test_state_of_storage_and_trail(moletrail, patient, tiny, tmp_path, nothing_remembered, sqlite_only) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    told = figures()
    stored = sum(path.stat().st_size for path in moletrail.files.glob("*/*"))
    assert told['moletrail_storage_bytes{kind="files"}'] == pytest.approx(stored, rel=1e-4)
    assert told["moletrail_audit_chain_ok"] == told["moletrail_database_ok"] == 1
    assert told["moletrail_last_backup_timestamp_seconds"] == 0
    backup.make(tmp_path / "backup")
    assert figures()["moletrail_last_backup_timestamp_seconds"] > 1.7e9


def test_lost_database_is_a_figure_too(moletrail, nothing_remembered, sqlite_only) -> None:
    (moletrail.data / "moletrail.db").unlink()
    assert figures()["moletrail_database_ok"] == 0
