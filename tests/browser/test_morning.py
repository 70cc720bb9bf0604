"""A doctor's morning with the keyboard alone: from the work list through every case, until none waits."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import LAPTOP, Server, server_in, started, window
from tests.browser.people import log_in, script_ran

expect.set_options(timeout=30_000)
PASSWORD = "blue kettle on the roof"
CASES = 9
SET_UP = f"""
from datetime import date
from core.synthetic import Mole, encode, photograph
from services import accounts, consent, lesions, opinions, photos, sharing, start
from services.fields import Details, today

start.prepare()
photos.warm_up()
admin = accounts.create_admin(first_name="Ada", surname="Admin", email="ada@example.org", password={PASSWORD!r})
dora, emil = (
    accounts.create_doctor(admin, first_name=name, surname="Doc", email=name.lower() + "@example.org", password={PASSWORD!r})
    for name in ("Dora", "Emil")
)
def patient(name, doctor, moles):
    found = []
    person = accounts.sign_up(
        role="patient", email=name.lower() + "@example.org", password={PASSWORD!r},
        details=Details(name, "Archer", "1 Long Street", "", "Springfield", "Illinois", "12345", "female", date(1980, 1, 31)),
    )
    consent.accept(person, version=consent.current().version)
    sharing.share_with(person, doctor_email=doctor.email)
    for number in range(moles):
        mole = lesions.add_lesion(person, name="Mole " + "ABCDEFGHIJ"[number], body_site="abdomen")
        shot = photograph(Mole.random(40 + number, "benign", 1), visit=0, size=(1280, 960))
        found.append(photos.add_photo(person, lesion_id=mole.id, data=encode(shot), taken_on=today()))
    return found
patient("Ann", dora, {CASES})
asked = patient("Bo", emil, 1)[0]
opinions.ask(emil, diagnosis_id=asked.finding.id, colleague_email=dora.email, question="Would you take it off?")
"""
TELL = """
import json
from sqlalchemy import select
from db.models import Review, SecondOpinion
from services.unit_of_work import reading
with reading() as session:
    reviews = session.scalars(select(Review)).all()
    print(json.dumps({
        "reviews": len(reviews),
        "overruled": [
            [review.reason, str(review.management)] for review in reviews if review.verdict == "overrule" and not review.opinion_id
        ],
        "corrected": len([review for review in reviews if review.mask]),
        "answers": len([review for review in reviews if review.opinion_id]),
        "answered": len([one for one in session.scalars(select(SecondOpinion)) if one.answered_at]),
    }))
"""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = server_in(tmp_path_factory.mktemp("morning"))
    server.command("-c", SET_UP)
    with started(server) as running:
        yield running


@pytest.fixture
def dora(request: pytest.FixtureRequest, browser: Browser, clinic: Server) -> Iterator[BrowserContext]:
    yield from window(request, browser, clinic, LAPTOP)


def settle(page: Page) -> None:
    page.wait_for_timeout(300)
    script_ran(page)


HEARD = """() => {
    let on = document.activeElement;
    while (on?.shadowRoot?.activeElement) on = on.shadowRoot.activeElement;
    const words = ["BUTTON", "A"].includes(on?.tagName) ? on.textContent : "";
    return [on?.getAttribute("aria-label") ?? "", words, on?.labels?.[0]?.textContent ?? ""];
}"""
"""What a screen reader calls the place that has the focus: label, words on it, label beside it."""


def on(page: Page, name: str) -> bool:
    named, *others = page.evaluate(HEARD)
    return named.startswith(name) or name in others


def tab_to(page: Page, name: str, *, most: int) -> None:
    """Go on with Tab, at most so many times, until the focus is on what a screen reader calls by this name."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if on(page, name):
            return
    raise AssertionError(f"{most} times Tab do not reach {name}.")


def wait_on(page: Page, name: str) -> None:
    """Until the page itself has given the focus to this."""
    for _ in range(100):
        if on(page, name):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"The focus is not on {name} but on {page.evaluate(HEARD)}.")


def pick(page: Page, typed: str) -> None:
    """In the list that has the focus."""
    page.keyboard.type(typed, delay=20)
    expect(page.get_by_role("option").first).to_contain_text(typed)
    page.keyboard.press("Enter")


def sign(page: Page) -> None:
    page.keyboard.press("Control+Enter")


def test_a_morning_with_the_keyboard_alone(dora: BrowserContext, clinic: Server) -> None:
    page = dora.new_page()
    log_in(page, "dora@example.org", PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{CASES + 1} cases wait for you")
    expect(page.get_by_role("button", name="Start with the first")).to_be_visible()
    settle(page)
    page.keyboard.press("n")
    to_do = [overrule, correct, agree_by_number, *[agree] * (CASES - 3)]
    for _ in range(CASES + 1):
        page.wait_for_url(lambda address: "/case" in address or "/opinion" in address)
        expect(page.locator("[aria-keyshortcuts=d]")).to_be_attached()  # the page has drawn its keys
        settle(page)
        if "/opinion" in page.url:
            page.keyboard.press("d")
            wait_on(page, "Your diagnosis")
            pick(page, "Melanocytic")
            sign(page)
            expect(page.get_by_role("heading", level=1)).to_have_text("You have answered")
        else:
            to_do.pop(0)(page)
            expect(page.get_by_text("Change your review")).to_be_visible()
        settle(page)
        was = page.url
        page.keyboard.press("n")
        page.wait_for_url(lambda address, was=was: address != was)
    page.wait_for_url("**/work-list")
    expect(page.get_by_role("heading", level=1)).to_have_text("No case waits for you")
    done = json.loads(clinic.command("-c", TELL).splitlines()[-1])
    assert done == {"reviews": CASES + 1, "overruled": [["Blue-white veil.", "biopsy"]], "corrected": 1, "answers": 1, "answered": 1}


def agree(page: Page) -> None:
    page.keyboard.press("Alt+a")


def agree_by_number(page: Page) -> None:
    page.keyboard.press("1")
    wait_on(page, "Reason")
    expect(page.get_by_role("radio", name="Agree")).to_be_checked()
    sign(page)


def overrule(page: Page) -> None:
    page.keyboard.press("2")
    wait_on(page, "Your diagnosis")
    expect(page.get_by_role("radio", name="Overrule")).to_be_checked()
    pick(page, "Melanoma (")
    tab_to(page, "Reason", most=2)
    page.keyboard.type("Blue-white veil.")
    tab_to(page, "No action", most=1)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Biopsy")).to_be_checked()
    sign(page)


def correct(page: Page) -> None:
    page.keyboard.press("c")
    wait_on(page, "Photo to draw the outline on")
    for key in ("Space", *["ArrowRight"] * 6, *["ArrowDown"] * 6, "Space"):
        page.keyboard.press(key)
    tab_to(page, "Use this outline", most=8)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your outline is kept with the review when you sign it.")).to_be_visible()
    settle(page)
    agree(page)
