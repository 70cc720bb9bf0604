"""`python -m benchmarks.home_page`: a patient's first page with 60 moles and 600 photos beside one with 6 moles and 60 photos.

Both are drawn by Streamlit itself, without a browser, on a database of their own; the rows have no files, as the page loads none.
Prints the median processor time of a redraw of each, the ratio, and how many statements the database answered.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

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

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "seven grey otters swim"
PHOTOS_A_MOLE = 10
SMALL, LARGE = 6, 60


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.home_page", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
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
