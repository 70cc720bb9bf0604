"""What a person does at the browser, in their words: log in, sign up, choose, upload."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import APIResponse, BrowserContext, Page, expect

PLOTTED = 180_000
"""ms until seven plots are drawn, on a machine that does much else."""


def fetched(context: BrowserContext, address: str) -> APIResponse:
    """What the server answers this browser at the address.

    It closes a connection that was idle for five seconds: where that happens just as the next question is sent, the question is
    sent once more, as a browser does by itself.
    """
    return context.request.get(address, max_retries=2)


def fill(page: Page, label: str, value: str) -> None:
    """Type into the field of this label and leave it, which is when Streamlit takes it over."""
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.blur()


def fill_date(page: Page, label: str, day: str) -> None:
    """Type a day as DD/MM/YYYY into its three parts."""
    for part, digits in zip(("day", "month", "year"), day.split("/"), strict=True):
        page.get_by_role("spinbutton", name=f"{part}, {label}").click()
        page.keyboard.type(digits, delay=40)
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")  # under a finger the calendar stays open over what follows


def choose(page: Page, label: str, option: str) -> None:
    """Type into the list, as a keyboard user does, and take the option."""
    page.get_by_label(label).first.click()
    page.keyboard.type(option)
    page.get_by_role("option", name=option, exact=True).click()


def log_in(page: Page, email: str, password: str) -> None:
    page.goto("/log-in")
    fill(page, "E-mail", email)
    fill(page, "Password", password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log in")).to_have_count(0)


def log_out(page: Page) -> None:
    page.goto("/account")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def sign_up(page: Page, *, role: str, first_name: str, surname: str, email: str, password: str) -> None:
    page.goto("/sign-up")
    page.get_by_text(role.capitalize(), exact=True).click()
    for label, value in (("First name", first_name), ("Surname", surname)):
        fill(page, label, value)
    choose(page, "Sex", "Female")
    fill_date(page, "Birth date", "31/01/1980")
    for label, value in (("Address", "1 Long Street"), ("ZIP code", "12345"), ("City", "Springfield"), ("State", "Illinois")):
        fill(page, label, value)
    fill(page, "E-mail", email)
    fill(page, "Password", password)
    page.get_by_role("button", name="Sign up").click()


def script_ran(page: Page) -> None:
    """Wait until nothing runs on the server for this page: until then what an earlier run put there may still stand."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)


def settle(page: Page) -> None:
    """Wait until the script has run, the pictures are in and the plots are drawn: until then what one taps may move away."""
    script_ran(page)
    page.wait_for_function("() => [...document.images].every(image => image.complete)", timeout=60_000)
    page.wait_for_timeout(700)


def point_of(page: Page, number: int) -> tuple[float, float]:
    """Where a visit's point is on the screen, in the plot of the area."""
    plot = page.locator("[data-testid=stPlotlyChart] .js-plotly-plot").first
    plot.locator(".points path").first.wait_for(timeout=PLOTTED)
    settle(page)  # plots that are still coming move those above them
    plot.scroll_into_view_if_needed()
    box = plot.locator("g.points path").nth(number).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def tap_figure(page: Page, x: float, y: float) -> None:
    """Tap at these shares of the figure that is shown."""
    page.locator(".stage:visible svg .zone").first.wait_for()
    script_ran(page)
    stage = page.locator(".stage:visible")
    stage.scroll_into_view_if_needed()
    on_screen = "(figure, place) => { const at = new DOMPoint(...place).matrixTransform(figure.getScreenCTM()); return [at.x, at.y]; }"
    page.touchscreen.tap(*stage.locator("> svg").evaluate(on_screen, [200 * x, 460 * y]))


def add_mole(page: Page, name: str, body_site: str) -> None:
    """Leads on to the page that adds its first photo."""
    page.goto("/add-mole")
    fill(page, "Name", name)
    choose(page, "Where on the body", body_site)
    page.get_by_role("button", name="Add and take a photo").click()


def agree(page: Page) -> None:
    """To the consent text, where the page that adds a photo asks for it."""
    button = page.get_by_role("button", name="I have read this and agree")
    expect(button.or_(page.locator("input[type=file]")).first).to_be_attached()
    # A button that was just pressed stays on the page until the script has run, under a heading that is new already.
    script_ran(page)
    if button.count():
        button.click()


def add_photo(page: Page, photo: Path, *, taken_on: str) -> None:
    """On the page that adds a photo: choose the file, say when it was taken, and wait for the result."""
    agree(page)
    page.locator("input[type=file]").set_input_files(photo)
    expect(page.get_by_text("not stored yet")).to_be_visible()
    fill_date(page, "Taken on", taken_on)
    page.get_by_role("button", name="Add this photo").click()
    # Where it looks like another mole than the last photo, Moletrail asks.
    same = page.get_by_role("button", name="It is the same mole, store it")
    expect(same.or_(page.get_by_text("for reference only")).first).to_be_visible(timeout=120_000)
    if same.count():
        same.click()
    page.wait_for_url(re.compile(r"/visit\?"), timeout=120_000)
