from __future__ import annotations

import csv
import dataclasses
import io
from datetime import date

import pytest

from services import lesions, photos, records
from services.errors import ValidationError
from services.records import RecordFilter
from services.views import DiagnosisRecord
from tests.helpers import photo_bytes


@pytest.fixture
def four_records(patient, other_patient, tiny) -> None:
    """Diagnoses 1 to 4: two of each patient, 2023 benign and 2024 malignant."""
    for person, name in ((patient, "Nape"), (other_patient, "=HYPERLINK(\"http://example.org\")")):
        lesion = lesions.add_lesion(person, name=name, body_site="left_shoulder")
        for year, probability in ((2023, 0.03), (2024, 0.97)):
            tiny.probability = probability
            photos.add_photo(person, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(year, 1, 1))


def read(parts) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(parts).decode("utf-8"), newline="")))


FILTERS = [
    (RecordFilter(), [4, 3, 2, 1]),
    (RecordFilter(diagnosis="benign"), [3, 1]),
    (RecordFilter(diagnosis="uncertain"), []),
    (RecordFilter(confidence="high", diagnosis="malignant"), [4, 2]),
    (RecordFilter(since=date(2024, 1, 1)), [4, 2]),
    (RecordFilter(until=date(2023, 12, 31)), [3, 1]),
    (RecordFilter(patient_id=1, since=date(2023, 1, 1), until=date(2023, 1, 1)), [1]),
    (RecordFilter(patient_id=999), []),
]


@pytest.mark.parametrize(("filter", "found"), FILTERS)
def test_list_and_export_hold_what_passes_the_filter(four_records, admin, filter: RecordFilter, found: list[int]) -> None:
    page = records.list_records(admin, filter=filter)
    assert [record.diagnosis_id for record in page.items] == found
    assert page.total == len(found)
    assert [int(row["diagnosis_id"]) for row in read(records.export_csv(admin, filter=filter))] == found


def test_csv_has_the_fields_of_a_record_and_no_names(four_records, admin) -> None:
    text = b"".join(records.export_csv(admin)).decode("utf-8")
    row = read([text.encode()])[-1]
    assert list(row) == [field.name for field in dataclasses.fields(DiagnosisRecord)]
    assert "Archer" not in text
    assert "example.org\n" not in text
    record = records.list_records(admin).items[-1]
    assert row == {
        name: "" if value is None else value.isoformat(timespec="seconds") if name == "created_at" else str(value)
        for name, value in dataclasses.asdict(record).items()
    }
    assert (row["lesion_name"], row["body_site"], row["visited_on"]) == ("Nape", "left_shoulder", "2023-01-01")
    assert row["model_versions"] == "other 1; tiny 1"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1+1", "＝1+1"])
def test_text_that_a_spreadsheet_would_run_is_disarmed(patient, admin, tiny, name: str) -> None:
    lesion = lesions.add_lesion(patient, name=name, body_site="nape")
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 1, 1))
    (row,) = read(records.export_csv(admin))
    assert row["lesion_name"] == "'" + name.strip()


def test_commas_quotes_and_line_breaks_survive(patient, admin, tiny) -> None:
    name = 'left, "upper" ; Ärmel'
    lesion = lesions.add_lesion(patient, name=name, body_site="nape")
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 1, 1))
    assert read(records.export_csv(admin))[0]["lesion_name"] == name


def test_export_comes_in_parts_and_misses_nothing(four_records, admin, monkeypatch) -> None:
    monkeypatch.setattr(records, "BATCH", 3)
    parts = list(records.export_csv(admin))
    assert len(parts) == 3
    assert [int(row["diagnosis_id"]) for row in read(parts)] == [4, 3, 2, 1]


def test_export_of_nothing_is_a_header(admin) -> None:
    assert b"".join(records.export_csv(admin)).decode().strip() == ",".join(records.COLUMNS)


@pytest.mark.parametrize(
    "wrong", [RecordFilter(diagnosis="bad"), RecordFilter(confidence="very"), RecordFilter(since=date(2024, 1, 2), until=date(2024, 1, 1))]
)
def test_filter_that_cannot_be_is_told(admin, wrong: RecordFilter) -> None:
    for ask in (records.list_records, records.export_csv):
        with pytest.raises(ValidationError):
            ask(admin, filter=wrong)
