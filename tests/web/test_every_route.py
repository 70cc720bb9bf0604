"""Each address beside the pages, for each kind of person: a new route has to be named here."""

from __future__ import annotations

from datetime import date

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from pages import _calendar, _routes
from pages._observed import METRICS, route_of
from pages._session import COOKIE
from services import lesions, photos, sharing
from tests.helpers import photo_bytes

ROUTES = [METRICS, *_calendar.ROUTES, *_routes.ROUTES]
"""As Home.py gives them to the application."""
PEOPLE = ("nobody", "patient", "other_patient", "doctor", "other_doctor", "admin")
"""The photo is the patient's, who shares with the doctor."""
OPEN = dict.fromkeys(PEOPLE, 200)
OF_PATIENT_AND_DOCTOR = {"nobody": 401, "patient": 200, "other_patient": 404, "doctor": 200, "other_doctor": 404, "admin": 404}
OF_PATIENT = OF_PATIENT_AND_DOCTOR | {"doctor": 404}
OF_EACH_PATIENT = OF_PATIENT | {"other_patient": 200}
OF_ADMIN = dict.fromkeys(PEOPLE, 404) | {"nobody": 401, "admin": 200}
FROM_ELSEWHERE = dict.fromkeys(PEOPLE, 403)
NOTHING = dict.fromkeys(PEOPLE, 404)
EXPECTED: dict[str, tuple[str, dict[str, int]]] = {
    # path of the route -> an address of it, and what each gets
    "/session": ("/session", FROM_ELSEWHERE),
    "/session/end": ("/session/end", FROM_ELSEWHERE),
    "/link/{page}": ("/link/reset-password?token=x", dict.fromkeys(PEOPLE, 303)),
    "/photo/{upload_id}/{size}.jpg": ("/photo/{upload}/full.jpg", OF_PATIENT_AND_DOCTOR),
    "/photo/{upload_id}/full.dcm": ("/photo/{upload}/full.dcm", OF_PATIENT_AND_DOCTOR),
    "/photo/{upload_id}/overlay.jpg": ("/photo/{upload}/overlay.jpg", OF_PATIENT_AND_DOCTOR),
    "/photo/{upload_id}/heat-map.jpg": ("/photo/{upload}/heat-map.jpg", OF_PATIENT_AND_DOCTOR),
    "/aligned/{first}/{second}/{kind}.jpg": ("/aligned/{upload}/{second}/outlines.jpg", OF_PATIENT_AND_DOCTOR),
    "/share/{upload_id}/{size}.jpg": ("/share/{upload}/large.jpg", NOTHING),
    "/scale-card.pdf": ("/scale-card.pdf", OPEN),
    "/report.pdf": ("/report.pdf?patient={patient}", OF_PATIENT_AND_DOCTOR),
    "/moles/{lesion_id}/report.pdf": ("/moles/{lesion}/report.pdf", OF_PATIENT_AND_DOCTOR),
    "/export/mole/{lesion_id}.csv": ("/export/mole/{lesion}.csv", OF_PATIENT_AND_DOCTOR),
    "/moles/{lesion_id}/reminder.ics": ("/moles/{lesion}/reminder.ics", OF_PATIENT),
    "/reminders.ics": ("/reminders.ics", OF_EACH_PATIENT),
    "/my-data.zip": ("/my-data.zip", OF_EACH_PATIENT),
    "/my-data.csv": ("/my-data.csv", OF_EACH_PATIENT),
    "/my-data.xlsx": ("/my-data.xlsx", OF_EACH_PATIENT),
    "/my-data.dicom.zip": ("/my-data.dicom.zip", OF_EACH_PATIENT),
    "/my-data.fhir.json": ("/my-data.fhir.json", OF_EACH_PATIENT),
    "/export/diagnoses.csv": ("/export/diagnoses.csv", OF_ADMIN),
    "/health": ("/health", OPEN),
    "/ready": ("/ready", OPEN),
    "/metrics": ("/metrics", NOTHING),
    "/photo/{rest:path}": ("/photo/everything", NOTHING),
    "/aligned/{rest:path}": ("/aligned/everything", NOTHING),
    "/export/{rest:path}": ("/export/everything", NOTHING),
}


def test_every_route_is_named_here() -> None:
    assert {route.path for route in ROUTES} == EXPECTED.keys()
    assert len({route.path for route in ROUTES}) == len(ROUTES)


def test_what_changes_something_is_refused_to_other_websites() -> None:
    """What everybody may fetch from anywhere changes nothing."""
    assert {route.path for route in ROUTES if route.methods - {"GET", "HEAD"}} == {
        path for path, (_, expected) in EXPECTED.items() if expected is FROM_ELSEWHERE
    }


@pytest.mark.parametrize("address", [address for address, _ in EXPECTED.values()])
def test_log_and_figures_tell_the_addresses_apart(address: str) -> None:
    path = address.partition("?")[0].replace("{upload}", "17").replace("{second}", "18").replace("{lesion}", "19")
    assert (route_of(path) == "page") is path.endswith("/everything")
    assert not any(number in route_of(path) for number in ("17", "18", "19"))


def test_each_route_gives_each_person_what_is_theirs(patient, other_patient, doctor, other_doctor, admin, tiny, token_of) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    uploads = [
        photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=radius), taken_on=date(2024, month, 1)).photo.id
        for month, radius in ((5, 30), (6, 32))
    ]
    sharing.share_with(patient, doctor_email=doctor.email)
    _routes.weights_loaded.set()
    known = {"upload": uploads[0], "second": uploads[1], "lesion": lesion.id, "patient": patient.id}
    found: dict[str, dict[str, int]] = {path: {} for path in EXPECTED}
    for name, person in zip(PEOPLE, (None, patient, other_patient, doctor, other_doctor, admin), strict=True):
        browser = TestClient(Starlette(routes=ROUTES), follow_redirects=False)
        if person is not None:
            browser.cookies.set(COOKIE, token_of(person))
        for path, (address, expected) in EXPECTED.items():
            headers = {"Sec-Fetch-Site": "cross-site"} if expected is FROM_ELSEWHERE else {}
            method = "POST" if expected is FROM_ELSEWHERE else "GET"
            found[path][name] = browser.request(method, address.format(**known), headers=headers).status_code
    assert found == {path: expected for path, (_, expected) in EXPECTED.items()}
