"""Photos as DICOM, read by pydicom, and by dcmtk and dicom3tools where they are installed."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from datetime import date

import numpy as np
import pydicom
import pytest
from PIL import Image
from sqlalchemy import select

from db.models import AuditEvent
from services import bin, dicom, lesions, photos, scales, sharing
from services.errors import AccessError, NotFound
from services.unit_of_work import reading
from tests.helpers import photo_bytes


@pytest.fixture
def mole(patient, tiny):
    return lesions.add_lesion(patient, name="Łukasz^mole; left", body_site="left_shoulder")


@pytest.fixture
def upload_id(patient, mole) -> int:
    return photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(size=(320, 240)), taken_on=date(2024, 5, 1)).photo.id


def read(data: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(data))


def test_the_pixels_are_those_of_the_stored_photo_and_the_head_says_whose_it_is(patient, mole, upload_id) -> None:
    made = read(dicom.dicom_file(patient, upload_id=upload_id))
    assert made.SOPClassUID.name == "VL Photographic Image Storage"
    assert made.file_meta.TransferSyntaxUID.name == "JPEG Baseline (Process 1)"
    assert (str(made.PatientName), made.PatientID, made.PatientBirthDate, made.PatientSex) == (
        "Archer^Ann", str(patient.id), "19800517", "F",
    )  # fmt: skip
    assert (made.StudyDate, made.Modality, made.BodyPartExamined, made.Laterality) == ("20240501", "XC", "SKIN", "L")
    assert made.SeriesDescription == "Łukasz mole; left, left shoulder"
    stored = photos.photo_file(patient, upload_id=upload_id, size="full")
    assert next(pydicom.encaps.generate_frames(made.PixelData, number_of_frames=1)).rstrip(b"\0") == stored.rstrip(b"\0")
    own = np.asarray(Image.open(io.BytesIO(stored)).convert("RGB")).astype(int)
    assert made.pixel_array.shape == own.shape == (240, 320, 3)
    assert np.abs(made.pixel_array.astype(int) - own).max() <= 2, "pydicom decodes the same picture"


def test_scale_is_said_where_the_photo_has_one(patient, upload_id) -> None:
    assert "ImageComments" not in read(dicom.dicom_file(patient, upload_id=upload_id))
    scales.set_scale(patient, upload_id=upload_id, how=scales.Field(32.0), instead_of=None)
    assert read(dicom.dicom_file(patient, upload_id=upload_id)).ImageComments.startswith("A pixel is 0.1 mm, to ")


def test_photos_of_a_day_are_a_study_and_each_keeps_its_number(patient, mole, upload_id) -> None:
    visit = photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(radius=20), taken_on=date(2024, 5, 1))
    later = photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(radius=25), taken_on=date(2024, 6, 1))
    numbers = (upload_id, visit.photos[-1].id, later.photo.id)
    first, second, third = (read(dicom.dicom_file(patient, upload_id=number)) for number in numbers)
    assert first.StudyInstanceUID == second.StudyInstanceUID != third.StudyInstanceUID
    assert len({one.SOPInstanceUID for one in (first, second, third)}) == 3
    assert read(dicom.dicom_file(patient, upload_id=upload_id)).SOPInstanceUID == first.SOPInstanceUID
    for one in (first, second, third):
        assert all(uid.is_valid for uid in (one.SOPInstanceUID, one.StudyInstanceUID, one.SeriesInstanceUID))


def test_owner_and_carer_get_it_and_nobody_else_and_it_is_written_down(patient, other_patient, doctor, admin, upload_id) -> None:
    for person in (other_patient, doctor, admin):
        with pytest.raises(AccessError):
            dicom.dicom_file(person, upload_id=upload_id)
    sharing.share_with(patient, doctor_email=doctor.email)
    assert read(dicom.dicom_file(doctor, upload_id=upload_id)).PatientID == str(patient.id)
    with reading() as session:
        seen = session.execute(select(AuditEvent.actor_id, AuditEvent.outcome).where(AuditEvent.action == "download_photo")).all()
    assert (doctor.id, "ok") in seen


def test_all_photos_come_in_one_zip_without_those_in_the_bin(patient, mole, upload_id) -> None:
    gone = photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(radius=20), taken_on=date(2024, 6, 1)).photo.id
    photos.withdraw_photo(patient, upload_id=gone)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(dicom.export_zip(patient))))
    assert archive.testzip() is None
    assert archive.namelist() == [f"mole-{mole.id}/2024-05-01-{upload_id}.dcm"]
    assert read(archive.read(archive.namelist()[0])).InstanceNumber == upload_id
    bin.delete_lesion(patient, lesion_id=mole.id)
    assert zipfile.ZipFile(io.BytesIO(b"".join(dicom.export_zip(patient)))).namelist() == []
    with pytest.raises(NotFound):
        dicom.dicom_file(patient, upload_id=upload_id)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_validator_of_the_standard_finds_no_error(patient, upload_id, tmp_path) -> None:
    scales.set_scale(patient, upload_id=upload_id, how=scales.Field(32.0), instead_of=None)
    path = tmp_path / "photo.dcm"
    path.write_bytes(dicom.dicom_file(patient, upload_id=upload_id))
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    assert "VLPhotographicImage" in said.stdout + said.stderr
    assert [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")] == []


@pytest.mark.skipif(shutil.which("dcmj2pnm") is None, reason="dcmtk is not installed")
def test_dcmtk_draws_the_picture(patient, upload_id, tmp_path) -> None:
    (tmp_path / "photo.dcm").write_bytes(dicom.dicom_file(patient, upload_id=upload_id))
    subprocess.run(["dcmj2pnm", "--write-png", tmp_path / "photo.dcm", tmp_path / "photo.png"], check=True, capture_output=True)
    drawn = np.asarray(Image.open(tmp_path / "photo.png").convert("RGB")).astype(int)
    own = np.asarray(Image.open(io.BytesIO(photos.photo_file(patient, upload_id=upload_id, size="full"))).convert("RGB")).astype(int)
    assert drawn.shape == own.shape
    assert np.abs(drawn - own).mean() < 2
