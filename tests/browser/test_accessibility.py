"""axe-core finds nothing serious on a patient's own pages, on a phone in the dark theme.

axe-core (MPL-2.0) is no part of the repository: npm brings it into test-results, and without npm the test is skipped.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PHONE, RESULTS, Server
from tests.browser.people import sign_up
from tests.browser.screenshots import settle

AXE = RESULTS / "axe" / "node_modules" / "axe-core" / "axe.min.js"
ADDRESSES = ("/moles", "/add-mole?view=front&x=0.744&y=0.2", "/add-photo", "/add-photos", "/reminders", "/risk", "/sharing", "/account")
FOUND = """async () => (await axe.run()).violations
    .filter((found) => ["serious", "critical"].includes(found.impact))
    .map((found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`)"""


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        if not shutil.which("npm"):
            pytest.skip("npm is missing, which brings axe-core.")
        Path(RESULTS / "axe").mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["npm", "install", "--no-save", "--no-audit", "--no-fund", "axe-core@4"], cwd=RESULTS / "axe", capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("npm could not bring axe-core.")
    return AXE.read_text()


@pytest.fixture(scope="module")
def page(browser: Browser, server: Server):
    context = browser.new_context(base_url=server.address, viewport=PHONE, locale="en-GB", color_scheme="dark")
    context.set_default_timeout(60_000)
    page = context.new_page()
    sign_up(page, role="patient", first_name="Axel", surname="Access", email="axel@example.org", password="green ladder at noon")
    page.get_by_role("heading", name="No moles yet").wait_for()
    page.goto("/add-mole?view=front&x=0.744&y=0.2")
    page.get_by_role("button", name="Add and take a photo").click()
    page.wait_for_url("**/add-photo**")
    yield page
    context.close()


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_serious_is_found(page: Page, axe: str, address: str) -> None:
    page.goto(address)
    settle(page)
    page.evaluate(axe)
    assert page.evaluate(FOUND) == []
