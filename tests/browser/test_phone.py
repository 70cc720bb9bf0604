"""A patient with nothing but a phone."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.people import add_mole, agree, sign_up


def overflow(page: Page) -> int:
    """How many pixels the page is wider than the screen. (window.innerWidth would grow with the page on a phone.)"""
    return page.evaluate("document.documentElement.scrollWidth") - page.viewport_size["width"]


def test_photo_is_taken_with_the_phones_camera(phone: BrowserContext) -> None:
    page = phone.new_page()
    sign_up(page, role="patient", first_name="Kim", surname="Camera", email="kim@example.org", password="green ladder at noon")
    expect(page.get_by_role("heading", name="No moles yet")).to_be_visible()
    assert overflow(page) <= 0
    add_mole(page, "Freckle", "Left forearm")
    agree(page)
    page.get_by_text("Camera", exact=True).click()
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
    page.get_by_role("button", name="Take Photo").click()
    # The picture has reached the server when the page lets it be added.
    expect(page.get_by_role("button", name="Add this photo")).to_be_enabled()
    assert overflow(page) <= 0
