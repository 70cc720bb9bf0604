"""The body map under a finger, and the same by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Server
from tests.browser.people import fill, sign_up, tap_figure
from tests.browser.test_phone import overflow

expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def mobile(browser: Browser, server: Server) -> Iterator[Page]:
    """A phone with a touch screen, and a new patient on it."""
    context = browser.new_context(base_url=server.address, viewport=PHONE, locale="en-GB", has_touch=True, is_mobile=True)
    context.set_default_timeout(30_000)
    page = context.new_page()
    sign_up(page, role="patient", first_name="Mia", surname="Mapper", email="mia@example.org", password="green ladder at noon")
    page.get_by_role("heading", name="No moles yet").wait_for()
    page.locator(".stage:visible svg .zone").first.wait_for()
    yield page
    context.close()


def test_tap_on_the_phone_adds_a_mole_at_that_zone_and_its_point_opens_it(mobile: Page) -> None:
    page = mobile
    assert overflow(page) <= 0
    tap_figure(page, 0.66, 0.64)
    expect(page.get_by_text("Left thigh", exact=True)).to_be_visible()
    tap_figure(page, 0.744, 0.2)
    expect(page.get_by_text("Left shoulder", exact=True)).to_be_visible()
    page.get_by_role("button", name="Add a mole here").tap()
    expect(page.get_by_role("heading", name="A mole here: left shoulder")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Left shoulder")
    page.get_by_role("button", name="Add and take a photo").tap()
    page.wait_for_url(re.compile("/add-photo"))

    page.goto("/moles")
    point = page.locator(".stage:visible .point")
    expect(point).to_have_count(1)
    expect(point).to_have_attribute("aria-label", re.compile("^Left shoulder, due: "))
    box = point.bounding_box()
    assert min(box["width"], box["height"]) >= 44
    point.tap()
    expect(page.get_by_role("heading", name="Left shoulder: no photo yet")).to_be_visible()


def test_sign_at_the_crown_is_seen_whole(mobile: Page) -> None:
    page = mobile
    page.goto("/moles")
    tap_figure(page, 0.5, 0.004)
    expect(page.get_by_text("Scalp", exact=True)).to_be_visible()
    stage, pin = (page.locator(".stage:visible").locator(inside).bounding_box() for inside in ("xpath=.", ".pin"))
    assert pin["y"] - 4 >= stage["y"]  # 13 px is the radius of a mole's sign, 9 that of the pin


def test_keyboard_and_screen_reader_reach_the_same_through_the_list(mobile: Page) -> None:
    page = mobile
    page.goto("/moles")
    page.get_by_role("button", name="Open").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Left shoulder: no photo yet")).to_be_visible()
    page.goto("/moles")
    page.get_by_role("link", name="Add a mole by its place in words").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_visible()
    fill(page, "Name", "Dark one")
    page.get_by_label("Where on the body").first.focus()
    page.keyboard.type("Left should")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add and take a photo").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/add-photo"))


def test_moles_close_together_are_told_apart_by_name(mobile: Page) -> None:
    """The second mole of the shoulder has no point of its own and lies in the middle of the zone, under a thumb's width away."""
    page = mobile
    page.goto("/moles")
    bubble = page.locator(".stage:visible .group")
    page.locator(".stage:visible .point").first.wait_for()
    while bubble.count():
        bubble.tap()
        page.wait_for_timeout(200)
        if page.locator(".crowd:visible").count():
            page.get_by_role("button", name=re.compile("^Dark one, due")).tap()
            break
    else:
        page.locator(".stage:visible").get_by_role("button", name=re.compile("^Dark one, due")).tap()
    expect(page.get_by_role("heading", name="Dark one: no photo yet")).to_be_visible()
