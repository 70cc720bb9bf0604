"""Identity at a real browser: password change, second step, forgotten password, known browser, log-in at a provider."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import LAPTOP, ROOT, Server, free_port, server_in, started
from tests.browser.people import fill, fill_date, log_in, log_out, sign_up
from tests.browser.provider import Provider

PASSWORD = "seven grey otters"
NEW = "four green herons sing"
PETRA = {"role": "patient", "first_name": "Petra", "surname": "Patient", "email": "petra@example.org", "password": PASSWORD}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Moletrail with a provider to log in at; it knows Nia."""
    folder: Path = tmp_path_factory.mktemp("identity")
    server = server_in(folder)
    provider = Provider(free_port(), email="nia@example.org", email_verified=True, given_name="Nia", family_name="Novak")
    (folder / "secrets.toml").write_text(provider.secrets_toml(server.address))
    command = [ROOT / ".venv/bin/streamlit", "run", "Home.py", "--server.port", server.port, "--server.headless", "true",
               "--secrets.files", folder / "secrets.toml"]  # fmt: skip
    try:
        with started(server, command) as running:
            yield running
    finally:
        provider.stop()


@pytest.fixture
def new_browser(browser, site) -> Iterator:
    opened: list[BrowserContext] = []

    def open_one() -> Page:
        context = browser.new_context(base_url=site.address, viewport=LAPTOP, locale="en-GB")
        context.set_default_timeout(30_000)
        opened.append(context)
        return context.new_page()

    yield open_one
    for context in opened:
        context.close()


def link_in_log(site: Server, page: str) -> str:
    """The newest link of this page that Moletrail, having no mail server, wrote to its log."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if found := re.findall(rf"{site.address}/link/{page}\?token=\S+", site.log.read_text()):
            return found[-1]
        time.sleep(0.2)
    raise AssertionError(f"No link to {page} in the log.")


def test_password_second_step_and_forgotten_password(site: Server, new_browser) -> None:
    page, elsewhere = new_browser(), new_browser()
    sign_up(page, **PETRA)
    expect(page.get_by_role("heading", name="No moles yet")).to_be_visible()
    log_in(elsewhere, PETRA["email"], PASSWORD)
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert all(cookies[name]["httpOnly"] and cookies[name]["sameSite"] == "Lax" for name in ("moletrail_session", "moletrail_device"))

    # A new password ends every session but this browser's, which gets a fresh one.
    page.goto("/account")
    expect(page.get_by_text("Chrome on Linux")).to_have_count(2)
    page.get_by_text("Change the password").first.click()
    fill(page, "Current password", PASSWORD)
    fill(page, "New password", NEW)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    expect(page.get_by_text("Chrome on Linux")).to_have_count(1)
    assert next(c for c in page.context.cookies() if c["name"] == "moletrail_session")["value"] != cookies["moletrail_session"]["value"]
    elsewhere.goto("/moles")
    expect(elsewhere.get_by_text("Your session has ended.")).to_be_visible()

    # The e-mail address is confirmed by one click; opening the link alone does nothing.
    page.goto(link_in_log(site, "verify-email"))
    assert page.url == f"{site.address}/verify-email"
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Your e-mail address is confirmed")).to_be_visible()

    # The second step.
    page.goto("/account")
    page.get_by_role("button", name="Set it up").click()
    picture = page.get_by_role("img", name=re.compile("QR code"))
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 100
    page.get_by_text("The picture cannot be scanned").click()
    secret = "".join(page.locator("[data-testid=stCode]").inner_text().split())
    app = pyotp.TOTP(secret)
    # The code before the present one counts too, until the present one is over: it must not be while this types.
    if (over := time.time() % 30) > 15:
        page.wait_for_timeout(1000 * (30.5 - over))
    fill(page, "3. Type the code that the app shows", app.at(int(time.time()) - 30))
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_text("They are shown only now")).to_be_visible()
    codes = page.locator("[data-testid=stCode]").inner_text().split()
    assert len(codes) == 10
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_text("10 recovery codes left")).to_be_visible()
    log_out(page)
    page.goto("/log-in")
    fill(page, "E-mail", PETRA["email"])
    fill(page, "Password", NEW)
    page.get_by_role("button", name="Log in", exact=True).click()
    fill(page, "Code", app.now())
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="No moles yet")).to_be_visible()

    # Forgotten: the link from the log sets another password, and ends the session here too.
    elsewhere.goto("/reset-password")
    fill(elsewhere, "E-mail", PETRA["email"])
    elsewhere.get_by_role("button", name="Send me the link").click()
    expect(elsewhere.get_by_role("heading", name="Look into your e-mail")).to_be_visible()
    elsewhere.goto(link_in_log(site, "reset-password"))
    assert elsewhere.url == f"{site.address}/reset-password"
    fill(elsewhere, "New password", PASSWORD)
    elsewhere.get_by_role("button", name="Set the password").click()
    expect(elsewhere.get_by_role("heading", name="Your password is changed")).to_be_visible()
    page.goto("/moles")
    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    elsewhere.get_by_role("button", name="Go to log in").click()
    fill(elsewhere, "E-mail", PETRA["email"])
    fill(elsewhere, "Password", PASSWORD)
    elsewhere.get_by_role("button", name="Log in", exact=True).click()
    fill(elsewhere, "Code", codes[0])
    elsewhere.get_by_role("button", name="Go on").click()
    expect(elsewhere.get_by_role("heading", name="No moles yet")).to_be_visible()


def test_log_in_at_a_provider_makes_an_account_once_and_opens_it_after(site: Server, new_browser) -> None:
    page = new_browser()
    page.goto("/log-in")
    page.get_by_role("button", name="Continue with Stand-in").click()
    expect(page.get_by_text("You come in as")).to_be_visible()
    expect(page.get_by_label("First name")).to_have_value("Nia")
    page.get_by_label("Sex").first.click()
    page.get_by_role("option", name="Female", exact=True).click()
    fill_date(page, "Birth date", "31/01/1980")
    for label, value in (("Address", "1 Long Street"), ("ZIP code", "12345"), ("City", "Springfield"), ("State", "Illinois")):
        fill(page, label, value)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="No moles yet")).to_be_visible()
    assert not [cookie["name"] for cookie in page.context.cookies() if cookie["name"].startswith("_streamlit_user")]
    log_out(page)
    page.get_by_role("button", name="Continue with Stand-in").click()
    expect(page.get_by_role("heading", name="No moles yet")).to_be_visible()
