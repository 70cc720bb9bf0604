"""`python -m tests.browser.screenshots FOLDER [--docs]`: every page of the demo, laptop, tablet and phone, light and dark.

Starts its own Moletrail on an empty data folder, fills it with the demo and photographs the pages as PNG;
`--docs` writes only the two pictures of the README.
"""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM_ARGUMENTS, LAPTOP, PHONE, Server, server_in, started
from tests.browser.people import log_in, settle

WAYS = ("Side+by+side", "Swipe", "Blink", "Difference", "Outlines")
PEOPLE = {"patient": "lena@demo.example", "doctor": "helena@demo.example", "admin": "ade@demo.example"}
ADDRESSES = {
    "nobody": ("/log-in", "/sign-up", "/reset-password", "/verify-email", "/change-email", "/shared-mole"),
    "patient": (
        "/moles", "/add-mole", "/edit-mole?mole=1", "/reminders", "/risk", "/add-photos", "/mole?mole=1", "/add-photo?mole=1",
        "/visit?mole=1&visit=5", "/sharing", "/my-data", "/bin", "/consent", "/account",
        *(f"/compare?mole=1&way={way}" for way in WAYS),
    ),
    "doctor": (
        "/work-list", "/performance", "/patients", "/patient?patient=4", "/timeline?mole=3", "/case?mole=3&visit=11",
        "/compare-visits?mole=3", "/opinions", "/opinion", "/model-cards",
    ),
    "admin": ("/accounts", "/records"),
}
SIZES = {"laptop": LAPTOP, "tablet": {"width": 820, "height": 1180}, "phone": PHONE}
DOCS = {"result": "/visit?mole=1&visit=5", "timeline": "/mole?mole=1"}


def whole(page: Page, path: Path) -> None:
    """Streamlit scrolls inside the page, so the window is made as high as what it holds."""
    size = page.viewport_size
    height = page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollHeight ?? 0")
    page.set_viewport_size({"width": size["width"], "height": min(max(size["height"], height + 80), 6000)})
    page.wait_for_timeout(400)
    page.screenshot(path=path)
    page.set_viewport_size(size)


def name_of(address: str) -> str:
    """Of the page's path, and of the way in which a page shows its content."""
    path, _, query = address.partition("?")
    way = query.rpartition("way=")[2] if "way=" in query else ""
    return re.sub(r"[^a-z]+", "-", f"{path} {way}".lower().strip("/ "))


def look(browser: Browser, server: Server, password: str, folder: Path, width: str, theme: str) -> None:
    """Every page at one size in one theme."""
    for role, addresses in ADDRESSES.items():
        with window(browser, server, role, password, width, theme) as page:
            for address in addresses:
                page.goto(address)
                settle(page)
                whole(page, folder / f"{name_of(address)}-{width}-{theme}.png")


@contextmanager
def window(browser: Browser, server: Server, role: str, password: str, width: str, theme: str) -> Iterator[Page]:
    context = browser.new_context(base_url=server.address, viewport=SIZES[width], color_scheme=theme, locale="en-GB")
    page = context.new_page()
    if role != "nobody":
        log_in(page, PEOPLE[role], password)
    yield page
    context.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = server_in(Path(folder))
        password = re.search(r"lena@demo\.example\s+(\S+)", server.command("-m", "services.demo")).group(1)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS)
        with started(server):
            if options.docs:
                with window(browser, server, "patient", password, "laptop", "light") as page:
                    for name, address in DOCS.items():
                        page.goto(address)
                        settle(page)
                        page.screenshot(path=options.folder / f"{name}.png")
            else:
                for width, theme in itertools.product(SIZES, ("light", "dark")):
                    look(browser, server, password, options.folder, width, theme)
        browser.close()


if __name__ == "__main__":
    main()
