"""Somebody new on a phone: from the first page to a report of the first mole in hand."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pypdf import PdfReader

from core import synthetic
from tests.browser.people import add_photo, fetched, settle, sign_up, tap_figure
from tests.browser.test_phone import overflow

expect.set_options(timeout=90_000)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "first.jpg"
    path.write_bytes(synthetic.encode(synthetic.photograph(synthetic.Mole.random(7), size=(1280, 960))))
    return path


def stands(page: Page, heading: str | re.Pattern) -> None:
    """The page says this first, and nothing of it lies beside the screen."""
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    assert overflow(page) <= 0


def pdf_behind(page: Page, link: str) -> PdfReader:
    """The PDF that this link opens in a new tab, whether the browser shows it there or saves it."""
    with page.context.expect_event("response", lambda answer: answer.url.endswith("/report.pdf")) as answered:
        page.get_by_role("link", name=link).tap()
    answer = answered.value
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    assert re.search(r'filename="moletrail-report-\d{4}-\d\d-\d\d\.pdf"', answer.headers["content-disposition"])
    return PdfReader(io.BytesIO(fetched(page.context, answer.url).body()))


def test_somebody_new_comes_from_sign_up_to_a_report_in_hand(phone: BrowserContext, generated: Path) -> None:
    page = phone.new_page()
    page.goto("/")
    stands(page, "Log in")
    page.get_by_role("button", name="New here? Sign up").tap()
    stands(page, "Sign up")
    sign_up(page, role="patient", first_name="Nora", surname="New", email="nora@example.org", password="green ladder at noon")

    # An empty body says what to do; the finger on the shoulder is the first mole.
    stands(page, "No moles yet")
    tap_figure(page, 0.744, 0.2)
    page.get_by_role("button", name="Add a mole here").tap()
    stands(page, "A mole here: left shoulder")
    page.get_by_role("button", name="Add and take a photo").tap()

    # Nothing is taken in before the consent text is agreed to, and it is asked for once.
    stands(page, "Before your first photo")
    expect(page.locator("input[type=file]")).to_have_count(0)
    page.get_by_role("button", name="I have read this and agree").tap()
    stands(page, "New photo: Left shoulder")
    add_photo(page, generated, taken_on="12/03/2025")

    # The result: an answer with its number and its caution, the photo and the outline one under the other.
    stands(page, re.compile("^(Benign|Malignant|Uncertain)"))
    expect(page.get_by_text("for reference only").first).to_be_visible()
    expect(page.get_by_text("not a medical device").first).to_be_visible()
    settle(page)
    first, second = (page.locator("img[src*='/photo/']").nth(number).bounding_box() for number in range(2))
    assert second["y"] >= first["y"] + first["height"] and min(first["width"], second["width"]) > 300

    page.get_by_role("link", name="Left shoulder").first.tap()
    stands(page, re.compile("^Left shoulder: "))
    page.wait_for_selector(".js-plotly-plot .point")
    assert overflow(page) <= 0
    expect(page.get_by_role("rowheader", name="12 Mar 2025")).to_be_visible()

    report = pdf_behind(page, "Report to print (PDF)")
    words = "\n".join(sheet.extract_text() for sheet in report.pages)
    for told in ("Nora New", "Left shoulder", "12 March 2025", "Probability of malignancy", "not a medical device"):
        assert told in words
    assert all(f"Page {number} of {len(report.pages)}" in sheet.extract_text() for number, sheet in enumerate(report.pages, start=1))
    assert sum(len(sheet.images) for sheet in report.pages) == 2, "the photo and its outline"

    # Home is the map now: one point, when it is due, and the report of everything under My data.
    page.goto("/moles")
    stands(page, re.compile("^1 mole: "))
    expect(page.locator(".stage:visible .point")).to_have_count(1)
    page.goto("/my-data")
    stands(page, "Everything here belongs to you")
    assert "Left shoulder" in pdf_behind(page, "Report to print (PDF)").pages[0].extract_text()
