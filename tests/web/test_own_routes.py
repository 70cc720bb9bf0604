"""Reports and exports: who gets them, and what everybody else is told."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pydicom
import pytest
from pypdf import PdfReader

from services import lesions, mole_links, photos, sharing
from tests.helpers import photo_bytes

EXPORTS = ("/my-data.zip", "/my-data.csv", "/my-data.xlsx", "/my-data.fhir.json", "/my-data.dicom.zip")


@pytest.fixture
def mole(patient, tiny):
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    return lesion


def pages_of(answer) -> int:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "no-store"
    return len(PdfReader(io.BytesIO(answer.content)).pages)


def test_owner_and_carer_get_the_report_and_nobody_else(new_browser, browser_of, patient, other_patient, doctor, other_doctor, admin, mole):
    sharing.share_with(patient, doctor_email=doctor.email)
    addresses = (f"/moles/{mole.id}/report.pdf", f"/report.pdf?patient={patient.id}")
    for person in (patient, doctor):
        assert all(pages_of(browser_of(person).get(address)) for address in addresses)
    for person in (other_patient, other_doctor, admin):
        told = {(answer.status_code, answer.text) for answer in (browser_of(person).get(address) for address in addresses)}
        missing = browser_of(person).get("/moles/999999/report.pdf")
        assert told == {(404, missing.text)}
    assert new_browser().get(addresses[0]).status_code == 401
    assert pages_of(browser_of(patient).get("/report.pdf"))


def test_exports_are_the_patients_own(browser_of, patient, doctor, mole):
    sharing.share_with(patient, doctor_email=doctor.email)
    for address in EXPORTS:
        answer = browser_of(patient).get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert "attachment" in answer.headers["content-disposition"]
        assert browser_of(doctor).get(address).status_code == 404
    archive = zipfile.ZipFile(io.BytesIO(browser_of(patient).get("/my-data.zip").content))
    assert archive.testzip() is None


@pytest.mark.parametrize("address", ["/moles/x/report.pdf", "/moles/99999999999999999999/report.pdf", "/report.pdf?patient=-1"])
def test_what_is_no_number_is_404(browser_of, patient, address):
    assert browser_of(patient).get(address).status_code == 404


def test_photos_of_a_link_come_with_its_cookie_and_no_log_in(new_browser, patient, mole):
    upload_id = lesions.timeline(patient, lesion_id=mole.id).visits[0].photo.id
    made = mole_links.make_link(patient, lesion_id=mole.id, days=7)
    holder = new_browser()
    assert holder.get(f"/share/{upload_id}/large.jpg").status_code == 404
    opened = holder.get(made.address.partition("8501")[2], follow_redirects=False)
    assert opened.headers["location"] == "/shared-mole"
    for size in ("large", "thumb", "overlay"):
        answer = holder.get(f"/share/{upload_id}/{size}.jpg")
        assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (200, "image/jpeg", "no-store")
    assert holder.get(f"/share/{upload_id}/full.jpg").status_code == 404
    assert holder.get(f"/share/{upload_id + 1}/large.jpg").status_code == 404
    assert holder.get(f"/photo/{upload_id}/large.jpg").status_code == 401, "it opens nothing else"
    mole_links.revoke_link(patient, link_id=made.id)
    assert holder.get(f"/share/{upload_id}/large.jpg").status_code == 404


def test_photo_as_dicom_is_the_owners_and_the_carers(browser_of, patient, other_patient, doctor, other_doctor, mole):
    upload_id = lesions.timeline(patient, lesion_id=mole.id).visits[0].photo.id
    sharing.share_with(patient, doctor_email=doctor.email)
    for person in (patient, doctor):
        answer = browser_of(person).get(f"/photo/{upload_id}/full.dcm")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/dicom")
        assert answer.headers["cache-control"] == "no-store"
        assert pydicom.dcmread(io.BytesIO(answer.content)).PatientID == str(patient.id)
    for person in (other_patient, other_doctor):
        assert browser_of(person).get(f"/photo/{upload_id}/full.dcm").status_code == 404
    assert browser_of(patient).get("/photo/999999/full.dcm").status_code == 404
