"""The routes beside the pages: who gets what, and what everybody else is told."""

from __future__ import annotations

import csv
import io
import threading
from datetime import date

import pytest
from PIL import Image

from pages import _routes
from pages._session import COOKIE, DEVICE_COOKIE
from services import accounts, lesions, opinions, photos, reviews, sharing, unit_of_work, worklist
from tests.helpers import PASSWORD, TinyAnalyser, mask_bytes, photo_bytes

OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def upload(patient, tiny) -> int:
    """Id of a photo of `patient`."""
    lesion = lesions.add_lesion(patient, name="Dark one", body_site="left_shoulder", first_noticed=None)
    return photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2026, 1, 10)).photo.id


def ticket_of(person) -> str:
    return accounts.log_in(email=person.email, password=PASSWORD)


def is_one_sentence(answer) -> bool:
    return answer.headers["content-type"].startswith("text/plain") and answer.text.strip().endswith(".") and "Traceback" not in answer.text


# The session cookie


def test_ticket_becomes_a_cookie_that_no_script_can_read(nobody, patient):
    answer = nobody.post("/session", json={"ticket": ticket_of(patient)}, headers=OWN)
    assert (answer.status_code, answer.content) == (204, b"")
    cookies = answer.headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == [COOKIE, DEVICE_COOKIE]
    for cookie in cookies:
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
    assert accounts.person_of(token=answer.cookies[COOKIE]) == patient


def test_cookie_is_sent_over_tls_only_where_that_is_set(nobody, patient, monkeypatch):
    ticket = ticket_of(patient)
    monkeypatch.setenv("MOLETRAIL_SECURE_COOKIE", "yes")
    unit_of_work.reset()
    answer = nobody.post("/session", json={"ticket": ticket}, headers=OWN)
    assert all("Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))


def test_log_in_ends_the_session_the_browser_held(browser_of, patient):
    browser = browser_of(patient)
    before = browser.cookies[COOKIE]
    after = browser.post("/session", json={"ticket": ticket_of(patient)}, headers=OWN).cookies[COOKIE]
    assert accounts.person_of(token=before) is None
    assert accounts.person_of(token=after) == patient


@pytest.mark.parametrize("page", ["reset-password", "verify-email"])
def test_emailed_link_hands_its_token_over_in_a_cookie_and_never_in_an_address(nobody, page):
    answer = nobody.get(f"/link/{page}?token=abc", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/{page}")
    assert {"HttpOnly", "SameSite=lax"} <= set(answer.headers["set-cookie"].split("; "))
    assert "abc" in answer.headers["set-cookie"]
    assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("address", ["/link/elsewhere?token=x", "/link/https://evil.example", f"/link/reset-password?token={'x' * 5000}"])
def test_link_that_leads_nowhere_is_404(nobody, address):
    answer = nobody.get(address, follow_redirects=False)
    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("address", ["/session", "/session/end"])
def test_what_a_provider_said_is_forgotten_once_it_was_used(nobody, patient, address):
    for name in ("_streamlit_user", "_streamlit_user_1", "_streamlit_user_tokens"):
        nobody.cookies.set(name, "x")
    answer = nobody.post(address, json={"ticket": ticket_of(patient)}, headers=OWN)
    gone = {cookie.partition("=")[0] for cookie in answer.headers.get_list("set-cookie") if "Max-Age=0" in cookie}
    assert {"_streamlit_user", "_streamlit_user_1", "_streamlit_user_tokens"} <= gone


def test_browser_is_known_after_the_first_log_in_and_stays_so(nobody, patient):
    first = nobody.post("/session", json={"ticket": ticket_of(patient)}, headers=OWN).cookies[DEVICE_COOKIE]
    assert nobody.post("/session/end", headers=OWN).status_code == 204
    assert nobody.cookies[DEVICE_COOKIE] == first, "a log-out does not make the browser a stranger"
    again = nobody.post("/session", json={"ticket": ticket_of(patient)}, headers=OWN).cookies[DEVICE_COOKIE]
    assert again == first


def test_ticket_works_once(new_browser, nobody, patient):
    ticket = ticket_of(patient)
    assert nobody.post("/session", json={"ticket": ticket}, headers=OWN).status_code == 204
    again = new_browser().post("/session", json={"ticket": ticket}, headers=OWN)
    assert again.status_code == 401
    assert again.text == "This log-in took too long or was used already. Please log in again.\n"
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {},
    ],
)
@pytest.mark.parametrize("address", ["/session", "/session/end"])
def test_request_from_elsewhere_is_refused(browser_of, patient, headers, address):
    browser = browser_of(patient)
    answer = browser.post(address, json={"ticket": ticket_of(patient)}, headers=headers)
    assert answer.status_code == 403
    assert is_one_sentence(answer)
    assert "set-cookie" not in answer.headers
    assert accounts.person_of(token=browser.cookies[COOKIE]) == patient


def test_browser_that_says_only_its_origin_is_taken(nobody, patient):
    assert nobody.post("/session", json={"ticket": ticket_of(patient)}, headers={"Origin": "http://testserver"}).status_code == 204


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"ticket"', b"{}", b'{"ticket": 3}', b'{"ticket": "made-up"}', b'{"ticket": "' + b"x" * 5000 + b'"}', b"\xff\xfe"],
)
def test_unusable_ticket_is_told_in_words(nobody, body):
    answer = nobody.post("/session", content=body, headers=OWN)
    assert answer.status_code in (400, 401)
    assert answer.headers["content-type"].startswith("text/plain")
    assert "set-cookie" not in answer.headers


def test_log_out_ends_the_session_and_clears_the_cookie(browser_of, patient):
    browser = browser_of(patient)
    token = browser.cookies[COOKIE]
    answer = browser.post("/session/end", headers=OWN)
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert accounts.person_of(token=token) is None


def test_log_out_without_a_session_is_fine(nobody):
    assert nobody.post("/session/end", headers=OWN).status_code == 204


@pytest.mark.parametrize("address", ["/session", "/session/end"])
def test_session_changes_by_post_only(nobody, address):
    assert nobody.get(address, headers=OWN).status_code == 405


# Photos


def picture(answer) -> Image.Image:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    return Image.open(io.BytesIO(answer.content))


def test_owner_gets_photo_thumbnail_and_overlay(browser_of, patient, upload):
    browser = browser_of(patient)
    assert picture(browser.get(f"/photo/{upload}/full.jpg")).size == (160, 120)
    assert picture(browser.get(f"/photo/{upload}/large.jpg")).size == (160, 120)
    assert picture(browser.get(f"/photo/{upload}/thumb.jpg")).size == (320, 320)
    assert picture(browser.get(f"/photo/{upload}/overlay.jpg")).size == (160, 120)
    assert picture(browser.get(f"/photo/{upload}/heat-map.jpg")).size == (160, 120)
    assert browser.get(f"/photo/{upload}/overlay.jpg?model=other").content != browser.get(f"/photo/{upload}/overlay.jpg").content


def test_no_photo_stays_in_the_browser(browser_of, patient, upload):
    for name in ("full", "thumb", "overlay", "heat-map"):
        assert browser_of(patient).get(f"/photo/{upload}/{name}.jpg").headers["cache-control"] == "no-store"


ADDRESSES = ["/photo/{}/full.jpg", "/photo/{}/large.jpg", "/photo/{}/thumb.jpg", "/photo/{}/overlay.jpg", "/photo/{}/heat-map.jpg"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_photo_asks_for_a_log_in(nobody, upload, address):
    answer = nobody.get(address.format(upload))
    assert answer.status_code == 401
    assert is_one_sentence(answer)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("role", ["other_patient", "doctor", "admin"])
def test_photo_of_someone_else_answers_like_one_that_does_not_exist(browser_of, upload, address, role, request):
    browser = browser_of(request.getfixturevalue(role))
    theirs, nobodys = browser.get(address.format(upload)), browser.get(address.format(10**9))
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.content == nobodys.content
    assert is_one_sentence(theirs)


def test_doctor_sees_the_photo_while_it_is_shared(browser_of, patient, doctor, upload):
    browser = browser_of(doctor)
    grant = sharing.share_with(patient, doctor_email=doctor.email)
    assert browser.get(f"/photo/{upload}/large.jpg").status_code == 200
    sharing.revoke(patient, grant_id=grant.id)
    assert browser.get(f"/photo/{upload}/large.jpg").status_code == 404


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_picture_closes_at_the_next_click_once_the_share_is_revoked(browser_of, patient, doctor, upload, address):
    """The list and the patient's page lead to these addresses; who kept one gets nothing from it either."""
    browser = browser_of(doctor)
    grant = sharing.share_with(patient, doctor_email=doctor.email)
    assert f"/photo/{worklist.work_list(doctor).cases.items[0].upload_id}/" in address.format(upload)
    assert browser.get(address.format(upload)).status_code == 200
    sharing.revoke(patient, grant_id=grant.id)
    closed = browser.get(address.format(upload))
    assert closed.status_code == 404
    assert closed.content == browser.get(address.format(10**9)).content
    assert worklist.work_list(doctor).waiting == 0


def test_doctor_who_judges_first_gets_the_photo_and_no_outline_before(browser_of, patient, doctor, other_doctor, upload):
    """Who asked for none of the networks' answer, and who a colleague asks to judge blind."""
    for who in (doctor, other_doctor):
        sharing.share_with(patient, doctor_email=who.email)
    visit = lesions.timeline(patient, lesion_id=lesions.list_lesions(patient)[0].id).visits[0]
    review = reviews.record_review(other_doctor, diagnosis_id=visit.finding.id, verdict="agree", mask=mask_bytes())
    later = photos.add_photo(patient, lesion_id=visit.lesion_id, data=photo_bytes(radius=31), taken_on=date(2026, 2, 10))
    opinion = opinions.ask(doctor, diagnosis_id=later.finding.id, colleague_email=other_doctor.email, blind=True)
    reviews.choose_blind(doctor, blind=True)
    closed = [
        f"/photo/{upload}/overlay.jpg", f"/photo/{upload}/overlay.jpg?model={visit.finding.chosen_model}",
        f"/photo/{upload}/overlay.jpg?review={review.id}", f"/photo/{upload}/heat-map.jpg",
        f"/aligned/{upload}/{later.photo.id}/outlines.jpg",
    ]  # fmt: skip
    asked = [f"/photo/{later.photo.id}/overlay.jpg", f"/photo/{later.photo.id}/heat-map.jpg", closed[-1]]
    shown = [f"/photo/{number}/{size}.jpg" for number in (upload, later.photo.id) for size in photos.SIZES]

    def answers(person, addresses: list[str]) -> set[int]:
        return {browser_of(person).get(address).status_code for address in addresses}

    assert (answers(doctor, closed), answers(doctor, shown)) == ({404}, {200})
    assert (answers(other_doctor, asked), answers(other_doctor, [*closed[:4], *shown])) == ({404}, {200})
    for diagnosis in (visit.finding, later.finding):
        reviews.record_review(doctor, diagnosis_id=diagnosis.id, code="400096001", blind=True)
    opinions.answer(other_doctor, opinion_id=opinion.id, code="400096001")
    assert answers(doctor, closed) == answers(other_doctor, asked) == {200}


def test_numbers_of_a_mole_close_with_the_share(browser_of, patient, doctor, upload):
    browser, address = browser_of(doctor), f"/export/mole/{lesions.list_lesions(patient)[0].id}.csv"
    unknown = browser.get("/export/mole/999999.csv")
    assert (browser.get(address).status_code, browser.get(address).content) == (unknown.status_code, unknown.content)
    grant = sharing.share_with(patient, doctor_email=doctor.email)
    assert browser.get(address).status_code == 200
    sharing.revoke(patient, grant_id=grant.id)
    assert browser.get(address).content == unknown.content


def test_stolen_address_is_worth_nothing_after_log_out(browser_of, patient, upload):
    browser = browser_of(patient)
    accounts.log_out(token=browser.cookies[COOKIE])
    assert browser.get(f"/photo/{upload}/large.jpg").status_code == 401


@pytest.mark.parametrize(
    "address",
    [
        "/photo/1/huge.jpg", "/photo/x/large.jpg", "/photo/-1/large.jpg", "/photo/1.0/large.jpg", "/photo/²/large.jpg",
        f"/photo/{10**40}/large.jpg", "/photo/1", "/photo/1/large.png", "/photo/1/overlay.jpg?model=../../secrets", "/export/everything",
    ],
)
def test_address_that_names_nothing_is_404(browser_of, patient, upload, address):
    answer = browser_of(patient).get(address)
    assert answer.status_code == 404
    assert is_one_sentence(answer)


# The export


@pytest.fixture
def records(patient, other_patient, tiny) -> None:
    """Two of `patient`, one of `other_patient` whose mole has a name that a spreadsheet would run."""
    for person, name, probabilities in ((patient, "Dark one", (0.03, 0.9)), (other_patient, "=1+1", (0.03,))):
        lesion = lesions.add_lesion(person, name=name, body_site="left_shoulder", first_noticed=None)
        for month, probability in enumerate(probabilities, start=1):
            photos.use_analyser(TinyAnalyser(probability))
            photos.add_photo(person, lesion_id=lesion.id, data=photo_bytes(radius=25 + month), taken_on=date(2026, month, 10))


def rows(answer) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_admin_downloads_all_records(browser_of, admin, records):
    answer = browser_of(admin).get("/export/diagnoses.csv")
    assert len(rows(answer)) == 3
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="moletrail-diagnoses-')
    assert answer.headers["cache-control"] == "no-store"
    assert "'=1+1" in {row["lesion_name"] for row in rows(answer)}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("?diagnosis=malignant", 1),
        ("?diagnosis=&confidence=&since=&until=&patient_id=", 3),
        ("?since=2026-02-01", 1),
        ("?until=2026-01-31", 2),
        ("?since=2026-01-10&until=2026-01-10", 2),
        ("?confidence=low", 0),
        ("?patient_id=1000000", 0),
    ],
)
def test_export_takes_the_filters_of_the_page(browser_of, admin, records, query, count):
    assert len(rows(browser_of(admin).get("/export/diagnoses.csv" + query))) == count


def test_export_of_one_patient(browser_of, admin, records, patient):
    found = rows(browser_of(admin).get(f"/export/diagnoses.csv?patient_id={patient.id}"))
    assert {row["patient_id"] for row in found} == {str(patient.id)}


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "until=2026-13-01", "diagnosis=bad", "confidence=full", "patient_id=x", f"patient_id={10**30}", "name=Ann",
     "since=2026-02-01&until=2026-01-01"],
)  # fmt: skip
def test_filter_that_cannot_be_is_told(browser_of, admin, query):
    answer = browser_of(admin).get(f"/export/diagnoses.csv?{query}")
    assert answer.status_code == 400
    assert is_one_sentence(answer)


@pytest.mark.parametrize("role", ["patient", "doctor"])
def test_export_does_not_exist_for_others(browser_of, role, request, records):
    answer = browser_of(request.getfixturevalue(role)).get("/export/diagnoses.csv")
    assert answer.status_code == 404
    assert is_one_sentence(answer)


def test_export_asks_for_a_log_in(nobody):
    assert nobody.get("/export/diagnoses.csv").status_code == 401


# The state of the server


def test_health_says_ok_to_everybody(nobody):
    assert (nobody.get("/health").status_code, nobody.get("/health").text) == (200, "ok\n")


def test_ready_waits_for_the_networks(nobody, monkeypatch):
    monkeypatch.setattr(_routes, "weights_loaded", threading.Event())
    assert nobody.get("/ready").status_code == 503
    _routes.weights_loaded.set()
    assert nobody.get("/ready").status_code == 200


def test_ready_says_when_the_database_is_gone(nobody, monkeypatch):
    def gone():
        raise OSError

    monkeypatch.setattr(accounts, "admin_exists", gone)
    answer = nobody.get("/ready")
    assert answer.status_code == 503
    assert "database" in answer.text
