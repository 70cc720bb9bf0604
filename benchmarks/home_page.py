"""`python -m benchmarks.home_page`: a patient's first page with 60 moles and 600 photos beside one with 6 moles and 60 photos.

Both are drawn by Streamlit itself, without a browser, on a database of their own; the rows have no files, as the page loads none.
Prints the median processor time of a redraw of each, the ratio, and how many statements the database answered. With `--browser`
a server and Chromium as a phone, too: how long until the map has its moles, and how long until a step nearer is drawn.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import sync_playwright
from sqlalchemy import event
from streamlit.testing.v1 import AppTest

from db import migrate
from db.models import Diagnosis, Lesion, Upload, Visit
from services import accounts, unit_of_work
from services.body_figure import MapPoint, zone_at
from services.body_sites import BODY_SITES
from services.fields import Details, today
from services.settings import settings
from services.unit_of_work import transaction
from services.views import Person
from tests.browser.conftest import CHROMIUM_ARGUMENTS, PHONE, server_in, started
from tests.browser.people import log_in

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "seven grey otters swim"
PHOTOS_A_MOLE = 10
SMALL, LARGE = 6, 60
ZOOMED = """async () => {
    const host = [...document.querySelectorAll("*")].map((one) => one.shadowRoot?.querySelector(".map")).find(Boolean);
    const stage = [...host.querySelectorAll(".stage")].find((one) => !one.hidden);
    const took = [];
    for (const name of ["nearer", "nearer", "farther", "farther"]) {
        const begun = performance.now();
        stage.querySelector(`.${name}`).click();
        await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
        took.push(performance.now() - begun);
    }
    return took;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.home_page", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--browser", action="store_true")
    options = parser.parse_args()
    rounds = options.rounds
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MOLETRAIL_DATA"] = folder
        os.environ.pop("DATABASE_URL", None)
        unit_of_work.reset()
        migrate.upgrade(settings().database_url)
        pages = {moles: Page(patient(f"p{moles}@example.org", moles)) for moles in (SMALL, LARGE)}
        # In turn, so that what else the machine does falls on both.
        for _round in range(rounds):
            for page in pages.values():
                page.draw()
        small, large = (statistics.median(pages[moles].seconds[1:]) for moles in (SMALL, LARGE))
        for moles, page in pages.items():
            photos = moles * PHOTOS_A_MOLE
            median = statistics.median(page.seconds[1:])
            print(f"{moles:3} moles, {photos:4} photos: {1000 * median:6.0f} ms a redraw, {page.statements} statements")
        print(f"ratio {large / small:.2f}, median of {rounds - 1}")
        unit_of_work.reset()
        if options.browser:
            in_the_browser(Path(folder), rounds)


def in_the_browser(folder: Path, rounds: int) -> None:
    """The same two people on a phone: milliseconds until the map is there, and until a step nearer or farther is on the screen."""
    server = server_in(folder, MOLETRAIL_DATA=str(folder))
    command = [ROOT / ".venv/bin/python", "-m", "streamlit", "run", "Home.py", "--server.port", server.port, "--server.headless", "true"]
    with started(server, command), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS)
        phones = {}
        for moles in (SMALL, LARGE):
            window = browser.new_context(base_url=server.address, viewport=PHONE, has_touch=True, is_mobile=True, locale="en-GB")
            window.set_default_timeout(60_000)
            phones[moles] = window.new_page()
            log_in(phones[moles], f"p{moles}@example.org", PASSWORD)
        drawn: dict[int, list[float]] = {moles: [] for moles in phones}
        steps: dict[int, list[float]] = {moles: [] for moles in phones}
        for _round in range(rounds):
            for moles, page in phones.items():
                begun = time.monotonic()
                page.goto("/moles")
                page.locator(".stage:visible .point").first.wait_for()
                drawn[moles].append(1000 * (time.monotonic() - begun))
                page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
                steps[moles] += page.evaluate(ZOOMED)
        browser.close()
    medians = {moles: (statistics.median(drawn[moles]), statistics.median(steps[moles])) for moles in phones}
    for moles, (there, nearer) in medians.items():
        print(f"{moles:3} moles: map there after {there:.0f} ms, a step nearer on the screen after {nearer:.0f} ms")
    print("ratios", *(f"{large / small:.2f}" for small, large in zip(medians[SMALL], medians[LARGE], strict=True)))



class Page:
    """The first page of one person, drawn again and again."""

    def __init__(self, person: Person) -> None:
        self.token = accounts.redeem_ticket(ticket=accounts.log_in(email=person.email, password=PASSWORD))
        self.seconds: list[float] = []
        self.statements = 0
        self.app = AppTest.from_file(ROOT / "pages" / "_navigation.py", default_timeout=120)

    def draw(self) -> None:
        import pages._session as session

        session.session_token = lambda: self.token
        counted: list[str] = []

        def count(_connection, _cursor, statement, *_more) -> None:
            counted.append(statement)

        event.listen(unit_of_work.engine(), "before_cursor_execute", count)
        begun = time.process_time()
        self.app.run()
        self.seconds.append(time.process_time() - begun)
        event.remove(unit_of_work.engine(), "before_cursor_execute", count)
        assert not self.app.exception, self.app.exception
        self.statements = len(counted)


def patient(email: str, moles: int) -> Person:
    details = Details("Ann", "Archer", "1 Long Road", "", "Springfield", "Illinois", "62701", "female", today() - timedelta(days=15000))
    person = accounts.sign_up(role="patient", email=email, password=PASSWORD, details=details)
    with transaction() as session:
        session.add_all(mole(person.id, number) for number in range(moles))
    return person


def mole(patient_id: int, number: int) -> Lesion:
    # Spread over the figure as far as it reaches, on a grid of its own.
    point = MapPoint("front" if number % 2 else "back", 0.36 + 0.028 * (number % 11), 0.2 + 0.01 * (number % 40))
    site = zone_at(point) or next(iter(BODY_SITES))
    lesion = Lesion(patient_id=patient_id, name=f"Mole {number}", body_site=site, map_view=point.view, map_x=point.x, map_y=point.y)
    lesion.visits = [
        Visit(visited_on=today() - timedelta(days=30 * photo), note="", uploads=[upload(number, photo)]) for photo in range(PHOTOS_A_MOLE)
    ]
    return lesion


def upload(number: int, photo: int) -> Upload:
    found = Diagnosis(
        malignant_probability=0.01 + number / 100, interval_low=0.0, interval_high=1.0, diagnosis="benign", confidence="high",
        chosen_model="unet", area_fraction=0.1, area_mm2=12.0 + number / 10, masks={"unet": "0"},
        measurements={f"measurement_{i}": 1.0 for i in range(30)}, model_versions={"unet": "1"}, elapsed_ms=1.0, features=bytes(1024),
    )
    return Upload(
        content_hash=f"{number}-{photo}", width=4000, height=3000, original_format="JPEG", original_bytes=1, accepted=True,
        reasons=[], warnings=[], diagnoses=[found],
    )


if __name__ == "__main__":
    main()
