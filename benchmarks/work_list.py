"""`python -m benchmarks.work_list`: the doctor's work list with 10,000 patients and 100,000 moles beside 100 and 1,000.

Fills two databases directly, with one doctor with whom everybody shares, and prints the median time of the first page, of a
filter, of a late page, of a search by name, of a step to the next case and of the list of patients, in milliseconds of the processor
(the database runs in this process, and other work on the machine does not count) and as a ratio of the two.

The rows of the list are made by services.summaries: its time a mole is printed too, how long it takes to find that all are up to date,
and what the first page and a small save take by the clock while all rows are made anew beside them, against what they take alone.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from core.change import REPEATABILITY, SIZES
from db import migrate
from db.base import now
from db.models import CareGrant, Diagnosis, Lesion, Reminder, Review, Role, Upload, User, Visit
from db.sealed import lookup_key
from services import accounts, lesions, notes, opinions, reviews, sharing, summaries, unit_of_work, worklist
from services.body_sites import BODY_SITES
from services.fields import today
from services.settings import settings
from services.unit_of_work import transaction
from services.views import Person
from services.worklist import WorkFilter

MOLES_A_PATIENT = 10
VISITS_A_MOLE = 3
REVIEWED, REMINDED = 0.5, 0.6
"""So many moles have a review of their newest photo, and a reminder."""
BATCH = 5000
MEASURED = {name: 1.5 for name in REPEATABILITY if name not in SIZES} | {
    f"{name}_{unit}": 0.03 if unit == "fraction" else 180.0 for name in SIZES for unit in ("px", "fraction")
}
"""As many measurements as a photo without a scale has."""
SYLLABLES = ("an", "bel", "cor", "dan", "el", "fen", "gar", "hol", "iva", "jor", "kas", "lin", "mar", "nor", "os", "pet", "rav", "sol")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.work_list", description=__doc__)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--small", type=int, default=100, help="patients of the database that is compared with")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    measured = {count: measure(count, options.rounds) for count in (options.small, options.patients)}
    small, large = measured[options.small], measured[options.patients]
    print(f"{'processor milliseconds, median of ' + str(options.rounds):46} {options.small:>8} {options.patients:>8} patients   ratio")
    for name in large:
        print(f"{name:46} {small[name]:8.2f} {large[name]:8.2f}          {large[name] / small[name]:8.1f}")


def measure(patients: int, rounds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MOLETRAIL_DATA"] = folder
        os.environ.pop("DATABASE_URL", None)
        unit_of_work.reset()
        migrate.upgrade(settings().database_url)
        doctor = fill(patients)
        begun = time.process_time()
        moles = summaries.complete()
        took = time.process_time() - begun
        print(f"{patients} patients, {moles} moles, {moles * VISITS_A_MOLE} photos; all rows made in {took:.1f} s of the processor")
        name = f"{surname(patients // 2)} {surname(patients // 3)}"
        deepest = worklist.work_list(doctor).cases.count
        walk = itertools.cycle(worklist.following(doctor))
        asked: dict[str, Callable[[], Any]] = {
            "work list, first page": lambda: worklist.work_list(doctor),
            "work list, last page": lambda: worklist.work_list(doctor, page=deepest),
            "work list, one reason": lambda: worklist.work_list(doctor, filter=WorkFilter(kind="overdue")),
            "work list, one region since two months": lambda: worklist.work_list(
                doctor, filter=WorkFilter(region="back", since=today() - timedelta(days=60))
            ),
            "work list, search for a name": lambda: worklist.work_list(doctor, filter=WorkFilter(search=name)),
            "work list, search that finds half": lambda: worklist.work_list(doctor, filter=WorkFilter(search="an")),
            "walk, begun: the cases in their order": lambda: worklist.following(doctor),
            "walk, next: the case and what its page shows": lambda: next_case(doctor, next(walk)),
            "list of patients, first page": lambda: sharing.list_patients(doctor),
            "list of patients, search for a name": lambda: sharing.list_patients(doctor, search=name),
            "rows of the list: that none is out of date": summaries.renew,
        }
        times = {name: timed(call, rounds) for name, call in asked.items()}
        times["rows of the list, a mole made anew"] = 1000 * took / moles
        beside(doctor)
        unit_of_work.reset()
    return times


def next_case(doctor: Person, lesion_id: int) -> None:
    """What a step to the next case asks of the services, up to its page; the pictures come after it."""
    case = worklist.case_of(doctor, lesion_id=lesion_id)
    visit = lesions.visit(doctor, visit_id=case.visit_id)
    sharing.patient_of(doctor, patient_id=visit.patient_id)
    reviews.reviews_of(doctor, diagnosis_id=visit.finding.id)
    reviews.judges_first(doctor, diagnosis_id=visit.finding.id)
    opinions.opinions_on(doctor, diagnosis_id=visit.finding.id)
    notes.list_templates(doctor)


def beside(doctor: Person) -> None:
    """Print what a page and a save take by the clock alone, and while all rows are made anew in another thread."""
    calls = {"first page": lambda: worklist.work_list(doctor), "a save": lambda: reviews.choose_blind(doctor, blind=False)}
    alone = {name: [_clocked(call) for _ in range(20)] for name, call in calls.items()}
    meanwhile: dict[str, list[float]] = {name: [] for name in calls}
    made = threading.Thread(target=lambda: summaries.renew(everything=True))
    begun = time.perf_counter()
    made.start()
    while made.is_alive():
        for name, call in calls.items():
            meanwhile[name].append(_clocked(call))
        time.sleep(0.05)
    print(f"  all rows made anew beside pages and saves in {time.perf_counter() - begun:.1f} s by the clock; by the clock, ms:")
    for name in calls:
        told = [f"{statistics.median(times):.0f}, longest {max(times):.0f} (n = {len(times)})" for times in (alone[name], meanwhile[name])]
        print(f"  {name:12} alone {told[0]}; meanwhile {told[1]}")


def _clocked(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begun)


def timed(call: Callable[[], Any], rounds: int) -> float:
    """Median in ms; the first call, which leaves the audit event, is not counted."""
    call()
    return 1000 * statistics.median(_seconds(call) for _ in range(rounds))


def _seconds(call: Callable[[], Any]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


def surname(number: int) -> str:
    chance = random.Random(number)
    return "".join(chance.choice(SYLLABLES) for _ in range(3)).capitalize()


def fill(patients: int) -> Person:
    """The doctor, and their patients with moles, photos, findings, reviews and reminders; always the same ones."""
    chance = random.Random(1)
    admin = accounts.create_admin(first_name="Ada", surname="Admin", email="ada@example.org", password="seven grey otters")
    doctor = accounts.create_doctor(admin, first_name="Dora", surname="Dale", email="dora@example.org", password="seven grey otters")
    first = doctor.id + 1
    ids = range(first, first + patients)
    moles = range(1, patients * MOLES_A_PATIENT + 1)
    store(User, (
        {"id": number, "email": f"p{number}@example.org", "email_key": lookup_key(f"p{number}@example.org"),
         "password_hash": "", "role": Role.PATIENT,
         "first_name": surname(number - first), "surname": surname((number - first) // 2)}
        for number in ids
    ))  # fmt: skip
    store(CareGrant, ({"patient_id": number, "doctor_id": doctor.id} for number in ids))
    sites = list(BODY_SITES)
    store(Lesion, (
        {"id": mole, "patient_id": ids[(mole - 1) // MOLES_A_PATIENT], "name": f"Mole {mole}", "body_site": chance.choice(sites)}
        for mole in moles
    ))  # fmt: skip
    photos = range(1, len(moles) * VISITS_A_MOLE + 1)
    store(Visit, (
        {"id": photo, "lesion_id": (photo - 1) // VISITS_A_MOLE + 1, "note": "",
         "visited_on": today() - timedelta(days=400 - 120 * ((photo - 1) % VISITS_A_MOLE) - chance.randrange(100))}
        for photo in photos
    ))  # fmt: skip
    store(Upload, (
        {"id": photo, "visit_id": photo, "content_hash": f"{photo:064x}", "width": 1280, "height": 960, "original_format": "JPEG",
         "original_bytes": 500_000, "accepted": True}
        for photo in photos
    ))  # fmt: skip
    store(Diagnosis, (finding(photo, chance.betavariate(0.4, 4)) for photo in photos))
    newest = [mole * VISITS_A_MOLE for mole in moles]
    store(Review, (
        {"diagnosis_id": photo, "author_id": doctor.id, "verdict": "agree", "malignant": False}
        for photo in newest if chance.random() < REVIEWED
    ))  # fmt: skip
    store(Reminder, (
        {"lesion_id": mole, "due_on": today() + timedelta(days=chance.randrange(-30, 330)), "reason": "state"}
        for mole in moles if chance.random() < REMINDED
    ))  # fmt: skip
    return doctor


def finding(photo: int, probability: float) -> dict[str, Any]:
    call = "malignant" if probability > 0.6 else "uncertain" if probability > 0.4 else "benign"
    return {
        "id": photo, "upload_id": photo, "malignant_probability": probability, "interval_low": probability / 2,
        "interval_high": min(1.0, 2 * probability), "diagnosis": call, "confidence": "low" if call == "uncertain" else "high",
        "chosen_model": "unet", "expected_dice": 0.9, "area_fraction": 0.03, "masks": {}, "measurements": MEASURED, "model_versions": {},
        "elapsed_ms": 400.0,
    }  # fmt: skip


def store(model: type, rows: Iterator[dict[str, Any]]) -> None:
    made = now()
    with transaction() as session:
        batch: list[dict[str, Any]] = []
        for row in rows:
            batch.append({"created_at": made, **row})
            if len(batch) == BATCH:
                session.execute(insert(model), batch)
                batch = []
        if batch:
            session.execute(insert(model), batch)


if __name__ == "__main__":
    main()
