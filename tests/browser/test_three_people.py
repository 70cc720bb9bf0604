"""The product's main job, end to end: a patient's two visits, the doctor's view of them, the admin's CSV."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import ROOT, Server
from tests.browser.people import add_mole, add_photo, fetched, fill, log_in, log_out, point_of, sign_up

PASSWORD = "blue kettle on the roof"
PH2 = ROOT.parent / "shared/data/ph2/images"


@pytest.fixture(scope="module")
def two_photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Real dermoscopy where the research photographs are at hand, else generated."""
    if PH2.is_dir():
        first, second = sorted(PH2.iterdir())[:2]
        return first, second
    from core import synthetic

    folder = tmp_path_factory.mktemp("photos")
    mole = synthetic.Mole.random(7)
    photos = []
    for visit in range(2):
        photos.append(folder / f"visit{visit}.jpg")
        photos[-1].write_bytes(synthetic.encode(synthetic.photograph(mole, visit=visit, size=(1280, 960))))
    return photos[0], photos[1]


def points(page: Page) -> int:
    """How many visits the page's first plot shows as points."""
    page.wait_for_selector(".js-plotly-plot .point")
    return page.evaluate(
        "document.querySelector('.js-plotly-plot').data.filter(trace => trace.name === 'measured')"
        ".flatMap(trace => [...trace.y]).filter(y => y !== null).length"
    )


def tap_first_point(page: Page) -> None:
    """Plotly listens on a layer over the points, so the mouse goes where the point is."""
    x, y = point_of(page, 0)
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    page.wait_for_selector(".js-plotly-plot .hoverlayer .hovertext")
    page.mouse.click(x, y)


def test_patient_doctor_and_admin_do_their_jobs(
    laptop: BrowserContext, browser: Browser, server: Server, two_photos: tuple[Path, Path]
) -> None:
    server.command(
        "-m", "services.accounts", "create-admin", "--first-name", "Ada", "--surname", "Admin", "--email", "ada@example.org",
        MOLETRAIL_ADMIN_PASSWORD=PASSWORD,
    )
    page = laptop.new_page()

    # A doctor asks for an account, and the admin confirms it.
    sign_up(page, role="doctor", first_name="Dora", surname="Doctor", email="dora@example.org", password=PASSWORD)
    expect(page.get_by_role("heading", name="waits for an admin")).to_be_visible()
    log_in(page, "ada@example.org", PASSWORD)
    page.goto("/accounts")
    # Other tests of this server may have left accounts that wait.
    asks = page.locator("[class*=st-key-waiting_]").filter(has_text="Dora Doctor")
    asks.get_by_role("button", name="Confirm").click()
    expect(asks).to_have_count(0)
    log_out(page)

    # The patient signs up, logs in, adds a mole and a first real photo.
    sign_up(page, role="patient", first_name="Petra", surname="Patient", email="petra@example.org", password=PASSWORD)
    expect(page.get_by_role("heading", name="No moles yet")).to_be_visible()
    log_out(page)
    log_in(page, "petra@example.org", PASSWORD)
    add_mole(page, "Dark one", "Left shoulder")
    add_photo(page, two_photos[0], taken_on="12/03/2025")

    # The result: headline, probability, original beside the red overlay.
    expect(page.get_by_role("heading", name=re.compile("Benign|Malignant|Uncertain"))).to_be_visible()
    expect(page.get_by_text("for reference only").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"took \d+\.\d s")).first).to_be_visible()
    images = page.locator("img[src*='/photo/']")
    expect(images).to_have_count(2)
    for i in range(2):
        expect(images.nth(i)).to_have_js_property("complete", True)
    sizes = images.evaluate_all("all => all.map(image => [image.naturalWidth, image.naturalHeight])")
    assert sizes[0] == sizes[1] and min(sizes[0]) > 300
    photo_address = images.nth(0).get_attribute("src")

    # The second visit: both points in both plots; each point opens its visit.
    page.get_by_role("button", name="Add another photo").click()
    add_photo(page, two_photos[1], taken_on="20/10/2025")
    page.get_by_role("link", name="Dark one").first.click()
    page.wait_for_url(re.compile(r"/mole\?"))
    assert points(page) == 2
    mole_address = page.url
    tap_first_point(page)
    page.wait_for_url(re.compile(r"/visit\?"))
    expect(page.get_by_text("12 March 2025").first).to_be_visible()

    # A refresh keeps her in; the cookie is out of scripts' reach.
    page.goto(mole_address)
    page.reload()
    assert points(page) == 2
    cookie = next(cookie for cookie in laptop.cookies() if cookie["name"] == "moletrail_session")
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    assert "moletrail_session" not in page.evaluate("document.cookie")

    # She shares with the doctor and logs out; her session is over on the server, even for who kept the cookie.
    page.goto("/sharing")
    fill(page, "The doctor's e-mail", "dora@example.org")
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_role("heading", name="1 doctor can see your moles")).to_be_visible()
    assert fetched(laptop, photo_address).status == 200
    log_out(page)
    assert fetched(laptop, photo_address).status == 401
    with_old_cookie = browser.new_context(base_url=server.address)
    with_old_cookie.add_cookies([cookie])
    assert fetched(with_old_cookie, photo_address).status == 401
    with_old_cookie.close()

    # The doctor sees that timeline, and writes a note on a visit.
    log_in(page, "dora@example.org", PASSWORD)
    expect(page.get_by_role("heading", name="for you")).to_be_visible()
    page.goto("/patients")
    expect(page.get_by_role("heading", name="1 patient shares with you")).to_be_visible()
    expect(page.get_by_text("Petra Patient")).to_be_visible()
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text("Dark one", exact=True)).to_be_visible()
    page.get_by_role("button", name="Open").click()
    assert points(page) == 2
    page.get_by_role("link", name="20 Oct 2025").first.click()
    fill(page, "Add a note", "Please come in next week.")
    page.get_by_role("button", name="Save note").click()
    expect(page.get_by_text("Please come in next week.")).to_be_visible()
    page.goto("/records")
    expect(page.get_by_role("heading", name="This page is not for your account")).to_be_visible()
    log_out(page)

    # The admin downloads all records as CSV, with both of hers: other tests' people share this server.
    log_in(page, "ada@example.org", PASSWORD)
    page.goto("/records")
    told = page.get_by_role("heading", name=re.compile(r"^\d+ diagnosis records$"))
    expect(told).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Download")).click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    assert told.inner_text() == f"{len(rows)} diagnosis records"
    assert {"2025-03-12", "2025-10-20"} <= {row["visited_on"] for row in rows if row["lesion_name"] == "Dark one"}
    assert all(0 <= float(row["malignant_probability"]) <= 1 for row in rows)
