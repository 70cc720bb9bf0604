"""The exports as independent readers see them: zipfile, csv, openpyxl, pypdf, Pillow, and fhir.resources."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
import zipfile
from datetime import date

import openpyxl
import pytest
from fhir.resources.R4B.bundle import Bundle
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import select

from db.base import now
from db.models import AuditEvent, MoleLink
from services import bin, lesions, my_data, notes, photos, sharing
from services.unit_of_work import reading, transaction
from tests.helpers import photo_bytes


@pytest.fixture
def moles(patient, other_patient, doctor, tiny):
    """Two moles with three photos, one mole in the bin, and another person's."""
    made = []
    for name in ("=Nape/../x", "Nose", "Gone"):
        lesion = lesions.add_lesion(patient, name=name, body_site="nape")
        data = photo_bytes(radius=10 + len(name))
        photos.add_photo(patient, lesion_id=lesion.id, data=data, taken_on=date(2024, 5, 1), note="=1+1")
        made.append(lesion)
    photos.add_photo(patient, lesion_id=made[0].id, data=photo_bytes(radius=40), taken_on=date(2024, 6, 1))
    bin.delete_lesion(patient, lesion_id=made[2].id)
    theirs = lesions.add_lesion(other_patient, name="Secret", body_site="nape")
    photos.add_photo(other_patient, lesion_id=theirs.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    sharing.share_with(patient, doctor_email=doctor.email)
    notes.add_note(doctor, visit_id=lesions.timeline(patient, lesion_id=made[1].id).visits[0].id, text="Come back.")
    with transaction() as session:
        session.add(MoleLink(lesion_id=made[1].id, token_hash="hash-of-a-token", expires_at=now()))
    return made


def opened(person) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(my_data.export_zip(person))))


def test_zip_holds_everything_and_opens(patient, moles) -> None:
    archive = opened(patient)
    assert archive.testzip() is None
    names = archive.namelist()
    assert len(names) == len(set(names))
    pictures = [name for name in names if name.startswith("photos/")]
    assert len(pictures) == 4, "also what is in the bin"
    assert len([name for name in names if name.startswith("masks/")]) == 8
    assert not any(".." in name or name.startswith("/") for name in names)
    assert all(Image.open(archive.open(name)).size == (160, 120) for name in names if name.endswith((".jpg", ".png")))
    assert len(PdfReader(archive.open("report.pdf")).pages) >= 2
    rows = json.loads(archive.read("data.json"))
    assert rows["user"][0]["surname"] == "Archer"
    assert {row["name"] for row in rows["lesion"]} == {"=Nape/../x", "Nose", "Gone"}
    assert [row["text"] for row in rows["note"]] == ["Come back."]
    assert {"consent_record", "care_grant", "mole_link", "audit_event", "diagnosis"} <= {name for name, found in rows.items() if found}


def test_zip_holds_nothing_secret_and_nothing_of_others(patient, moles) -> None:
    secrets = ("password_hash", "argon2", "totp_secret", "hash-of-a-token", "token_hash", "Secret", "Berg", "bo@example.org", "dora@")
    archive = opened(patient)
    for name in archive.namelist():
        if name.endswith((".json", ".csv", ".txt")):
            text = archive.read(name).decode()
            assert [secret for secret in secrets if secret in text] == [], name


def test_zip_is_made_a_photo_at_a_time(patient, tiny) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    for month in range(1, 9):
        data = photo_bytes(radius=100 + month, size=(1600, 1200))
        photos.add_photo(patient, lesion_id=lesion.id, data=data, taken_on=date(2024, month, 1))
    parts = my_data.export_zip(patient)
    sizes = [len(part) for part in parts]
    assert len(sizes) >= 8 + 16, "a part a file"
    tracemalloc.start()
    for _ in my_data.export_zip(patient):
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 60 * 1024**2


def test_csv_and_xlsx_hold_the_findings_and_no_formula(patient, moles) -> None:
    lines = list(csv.DictReader(io.StringIO(b"".join(my_data.export_csv(patient)).decode())))
    assert {line["lesion_name"] for line in lines} == {"'=Nape/../x", "Nose"}
    book = openpyxl.load_workbook(io.BytesIO(my_data.export_xlsx(patient)))
    assert book.sheetnames == ["Moles", "Visits", "Findings"]
    assert [sheet.max_row for sheet in book] == [4, 5, 4]
    for sheet in book:
        for row in sheet.iter_rows():
            assert all(cell.data_type != "f" for cell in row)
    heads = [cell.value for cell in book["Findings"][1]]
    first = dict(zip(heads, (cell.value for cell in book["Findings"][2]), strict=True))
    assert first["malignant_probability"] == pytest.approx(0.03)
    assert first["visited_on"].date() == date(2024, 6, 1)


def test_fhir_bundle_is_valid_and_leaves_the_bin_out(patient, moles) -> None:
    made = Bundle.model_validate_json(my_data.export_fhir(patient))
    kinds = [entry.resource.get_resource_type() for entry in made.entry]
    counted = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counted == {"Patient": 1, "BodyStructure": 2, "Media": 3, "Observation": 3, "RiskAssessment": 3}
    ids = {f"{entry.resource.get_resource_type()}/{entry.resource.id}" for entry in made.entry}
    risk = next(entry.resource for entry in made.entry if entry.resource.get_resource_type() == "RiskAssessment")
    assert risk.subject.reference in ids
    assert {reference.reference for reference in risk.basis} <= ids
    assert float(risk.prediction[0].probabilityDecimal) == pytest.approx(0.03)


def test_each_download_leaves_its_entry(patient, moles) -> None:
    my_data.export_xlsx(patient)
    with reading() as session:
        found = session.scalars(select(AuditEvent.subject).where(AuditEvent.action == "export_my_data")).all()
    assert found == [f"user:{patient.id}"]
