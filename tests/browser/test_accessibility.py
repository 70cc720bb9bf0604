"""axe-core finds nothing serious on the pages before log-in and a patient's own, and a few of a doctor's, on a phone in both themes.

axe-core (MPL-2.0) is no part of the repository: npm brings it into test-results, and without npm the test is skipped.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import PHONE, RESULTS, Server
from tests.browser.people import log_in, settle
from tests.browser.scene import PEOPLE
from tests.helpers import PASSWORD

AXE = RESULTS / "axe" / "node_modules" / "axe-core" / "axe.min.js"
ADDRESSES: dict[str, tuple[str, ...]] = {
    "nobody": ("/log-in", "/sign-up", "/reset-password", "/verify-email", "/change-email"),
    "patient": (
        "/moles", "/add-mole?view=front&x=0.744&y=0.2", "/edit-mole?mole={mole}", "/mole?mole={mole}", "/visit?mole={mole}&visit={visit}",
        "/compare?mole={mole}", "/compare?mole={mole}&way=Swipe", "/add-photo?mole={mole}", "/add-photos", "/reminders", "/risk",
        "/sharing", "/my-data", "/bin", "/consent", "/account",
    ),
    "doctor": ("/patient?patient={patient}", "/timeline?mole={mole}", "/model-cards"),
    "stranger": ("{link}",),
}
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
def pages_of(browser: Browser, server: Server) -> Iterator[Callable[[str], Page]]:
    """A page of each person, logged in once, on a phone."""
    contexts: dict[str, BrowserContext] = {}

    def page(role: str) -> Page:
        if role not in contexts:
            contexts[role] = browser.new_context(base_url=server.address, viewport=PHONE, locale="en-GB", color_scheme="dark")
            contexts[role].set_default_timeout(60_000)
            opened = contexts[role].new_page()
            if role in PEOPLE:
                log_in(opened, PEOPLE[role], PASSWORD)
        return contexts[role].pages[0]

    yield page
    for context in contexts.values():
        context.close()


@pytest.mark.parametrize(("role", "address"), [(role, address) for role, addresses in ADDRESSES.items() for address in addresses])
def test_nothing_serious_is_found(pages_of: Callable[[str], Page], scene: dict, axe: str, role: str, address: str) -> None:
    page = pages_of(role)
    found = {}
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        page.goto(address.format(**scene))
        settle(page)
        page.evaluate(axe)
        found[theme] = page.evaluate(FOUND)
    assert found == {"dark": [], "light": []}
