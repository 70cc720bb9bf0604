"""On a phone: a mole into the bin and back, a link for somebody without an account, the last outline over the live camera."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Server
from tests.browser.people import log_in, settle
from tests.browser.scene import PEOPLE
from tests.helpers import PASSWORD

expect.set_options(timeout=90_000)


def at_home(phone: BrowserContext) -> Page:
    page = phone.new_page()
    log_in(page, PEOPLE["patient"], PASSWORD)
    return page


def test_mole_goes_into_the_bin_and_comes_back(phone: BrowserContext, scene: dict) -> None:
    page = at_home(phone)
    page.goto(f"/mole?mole={scene['other']}")
    settle(page)
    page.get_by_text("Delete this mole").tap()
    settle(page)
    page.get_by_role("button", name="Put it into the bin").tap()
    expect(page.get_by_role("heading", name="2 things can be taken back")).to_be_visible()
    page.goto("/moles")
    expect(page.get_by_role("heading", name="1 mole: ")).to_be_visible()
    page.goto(f"/mole?mole={scene['other']}")
    expect(page.get_by_role("heading", name="This mole cannot be shown")).to_be_visible()
    page.goto("/bin")
    page.locator("[class*=st-key-bin_mole_]").filter(has_text="Dark one").get_by_role("button", name="Take it back").tap()
    expect(page.get_by_role("heading", name="1 thing can be taken back")).to_be_visible()
    page.goto(f"/mole?mole={scene['other']}")
    expect(page.get_by_role("heading", name=re.compile("^Dark one: "))).to_be_visible()


def test_link_shows_one_mole_to_whoever_holds_it_until_it_is_revoked(
    phone: BrowserContext, browser: Browser, server: Server, scene: dict
) -> None:
    page = at_home(phone)
    page.goto(f"/mole?mole={scene['other']}")
    settle(page)
    page.get_by_text("Share this mole by a link").tap()
    settle(page)
    page.get_by_role("button", name="Make a link").tap()
    address = page.get_by_text(re.compile(r"^http\S+/link/shared-mole\?token=\S+$")).inner_text().strip()

    stranger = browser.new_context(base_url=server.address)
    seen = stranger.new_page()
    seen.goto(address)
    expect(seen.get_by_role("heading", name="A mole, nape of the neck")).to_be_visible()
    photo = seen.locator("img[src*='/share/']").first
    expect(photo).to_have_js_property("complete", True)
    assert photo.evaluate("image => image.naturalWidth") > 0
    assert "token" not in seen.url
    assert not [name for name in ("Axel", "Access", "Dark one") if name in seen.inner_text("body")]
    seen.goto("/moles")
    expect(seen.get_by_role("button", name="Log in")).to_be_visible()

    page.goto("/sharing")
    row = page.locator("[class*=st-key-revoke_link_][class*=_row]").filter(has_text="Dark one")
    expect(row.get_by_text("last opened on")).to_be_visible()
    row.get_by_role("button", name="Revoke").tap()
    expect(row).to_have_count(0)
    seen.goto(address)
    expect(seen.get_by_role("heading", name="This link shows nothing")).to_be_visible()
    stranger.close()


def test_last_outline_lies_over_the_live_camera(phone: BrowserContext, scene: dict) -> None:
    page = at_home(phone)
    page.goto(f"/add-photo?mole={scene['mole']}")
    page.get_by_text("Camera", exact=True).tap()
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
    ghost = page.locator("svg.moletrail-ghost")
    expect(ghost).to_be_visible()
    video, outline = page.locator("video").bounding_box(), ghost.bounding_box()
    assert abs(video["x"] + video["width"] / 2 - outline["x"] - outline["width"] / 2) < 3, "in the middle of the picture"
    assert outline["width"] <= video["width"] + 2
    assert ghost.locator("path").first.get_attribute("d").startswith("M")
