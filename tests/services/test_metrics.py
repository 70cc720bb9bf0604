from __future__ import annotations

from datetime import date

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core import isolation
from services import backup, lesions, metrics, photos
from services.errors import PhotoRefused
from tests.helpers import photo_bytes


def figures() -> dict[str, float]:
    """Read as Prometheus does."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {written(sample): sample.value for family in families for sample in family.samples}


def written(sample) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
    return f"{sample.name}{{{labels}}}" if labels else sample.name


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


def test_photos_that_were_given_up_are_counted_by_why(moletrail, monkeypatch) -> None:
    monkeypatch.setattr(isolation, "decoder", isolation.Decoder(1))
    isolation.decoder.stopped.update({"processor time": 2, "killed by SIGSEGV": 1})
    told = figures()
    assert told['moletrail_decoders_stopped_total{why="processor time"}'] == 2
    assert told['moletrail_decoders_stopped_total{why="killed by SIGSEGV"}'] == 1


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
