"""`python -m tests.browser.screenshots FOLDER [--docs]`: every page of the demo, laptop and phone, light and dark.

Starts its own Moletrail on an empty data folder, fills it with the demo and photographs the pages as PNG;
`--docs` writes only the two pictures of the README, into docs/.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM_ARGUMENTS, LAPTOP, PHONE, ROOT, Server, free_port, wait_until_ready
from tests.browser.people import log_in

PEOPLE = {"patient": "lena@demo.example", "doctor": "helena@demo.example", "admin": "ade@demo.example"}
ADDRESSES = {
    "nobody": ("/log-in", "/sign-up"),
    "patient": ("/moles", "/add-mole", "/mole?mole=1", "/add-photo?mole=1", "/visit?mole=1&visit=5", "/sharing", "/account"),
    "doctor": ("/patients", "/patient?patient=4", "/timeline?mole=3", "/case?mole=3&visit=11"),
    "admin": ("/accounts", "/records"),
}
DOCS = {"result": "/visit?mole=1&visit=5", "timeline": "/mole?mole=1"}


def settle(page: Page) -> None:
    """Wait until the script has run, the pictures are in and the plots are drawn."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)
    page.wait_for_function("() => [...document.images].every(image => image.complete)", timeout=60_000)
    page.wait_for_timeout(700)


def whole(page: Page, path: Path) -> None:
    """Streamlit scrolls inside the page, so the window is made as high as what it holds."""
    size = page.viewport_size
    height = page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollHeight ?? 0")
    page.set_viewport_size({"width": size["width"], "height": min(max(size["height"], height + 80), 6000)})
    page.wait_for_timeout(400)
    page.screenshot(path=path)
    page.set_viewport_size(size)


def name_of(address: str) -> str:
    return re.sub(r"[^a-z]+", "-", address.split("?")[0].strip("/"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp())
    environment = os.environ | {"MOLETRAIL_DATA": str(folder / "data")}
    port = free_port()
    server = Server(f"http://localhost:{port}", environment, folder / "server.log")
    password = re.search(r"lena@demo\.example\s+(\S+)", server.command("-m", "services.demo")).group(1)
    with server.log.open("w") as log:
        process = subprocess.Popen(
            ["make", "run", f"PORT={port}"],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )
    try:
        wait_until_ready(server, process)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS)
            for width, size in (("laptop", LAPTOP), ("phone", PHONE)):
                for theme in ("light", "dark"):
                    if options.docs and (width, theme) != ("laptop", "light"):
                        continue
                    for role, addresses in ADDRESSES.items():
                        context = browser.new_context(base_url=server.address, viewport=size, color_scheme=theme, locale="en-GB")
                        page = context.new_page()
                        if role != "nobody":
                            log_in(page, PEOPLE[role], password)
                        wanted = {name: address for name, address in DOCS.items() if role == "patient"} if options.docs else {
                            f"{name_of(address)}-{width}-{theme}": address for address in addresses
                        }
                        for name, address in wanted.items():
                            page.goto(address)
                            settle(page)
                            path = options.folder / f"{name}.png"
                            page.screenshot(path=path) if options.docs else whole(page, path)
                        context.close()
            browser.close()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
