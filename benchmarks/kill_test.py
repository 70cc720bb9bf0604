"""What SIGKILL leaves behind: `python -m benchmarks.kill_test [--rounds 200 --seed 1]`.

Each round four processes write at once into one data folder (photos and masks of two patients, a doctor's notes and
reviews with corrected outlines, an administrator's CSV exports) and are killed at a random moment; some restarts are killed
too. Each writer notes outside, after the service returned, what a person would have seen as stored. After the restart
(services.start.prepare) files, rows, the audit trail and those notes are compared. Exit code 1 where any count is not 0.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np
from sqlalchemy import select

import core
from core import isolation
from core.photo import encode_mask_png
from db.models import AuditEvent, Note, Review, Upload
from services import (
    accounts,
    anchor,
    audit,
    lesions,
    notes,
    photos,
    records,
    reviews,
    sealing,
    sharing,
    start,
    storage,
    throttle,
    unit_of_work,
)
from services.audit import Action
from services.settings import settings
from services.unit_of_work import reading
from services.views import Person
from tests.helpers import PASSWORD, TinyAnalyser, photo_bytes, signed_up

SHORTEST_SECONDS, LONGEST_SECONDS = 0.1, 1.2
"""A round is killed at a random moment between these, once every writer has written."""
BEGUN_WITHIN_SECONDS = 60.0
PAUSE_SECONDS = {"doctor": 0.02, "exports": 0.1}
"""These write so quickly that without a pause they would leave the photos no turn at the database."""
RESTARTS_KILLED = 0.1
"""This part of the restarts is killed at a random moment, and then done again."""
FIRST_DAY = date(2000, 1, 1)
KINDS = ("ann", "bo", "doctor", "exports")
PROBLEMS = ("orphan files", "rows without file", "acknowledged writes lost", "broken audit entries")

# Forked rather than started anew: a round costs its writing and not seconds of imports.
processes = multiprocessing.get_context("fork")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill_test", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="moletrail-kill-") as folder:
        counted = run(Path(folder), rounds=options.rounds, seed=options.seed)
    print(f"{options.rounds} rounds in {time.monotonic() - begun:.0f} s, seed {options.seed}\n")
    print("| counted | |\n| --- | --- |")
    for name, count in counted.items():
        print(f"| {name} | {count} |")
    return 1 if any(counted[name] for name in PROBLEMS) else 0


def run(folder: Path, *, rounds: int, seed: int) -> Counter:
    """Return what was counted; the PROBLEMS must all be 0."""
    random_ = random.Random(seed)
    os.environ["MOLETRAIL_DATA"] = str(folder / "data")
    os.environ.pop("DATABASE_URL", None)
    told = folder / "told"
    told.mkdir()
    counted = Counter(dict.fromkeys(PROBLEMS, 0))
    people = _set_up()
    for number in range(rounds):
        files = [told / f"{kind}-{number}" for kind in KINDS]
        writers = [_begin(_write, kind, people, file, random_.getrandbits(32)) for kind, file in zip(KINDS, files, strict=True)]
        _wait_for_all(files)
        time.sleep(random_.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))
        for writer in writers:
            counted["processes killed"] += writer.is_alive()
            writer.kill()
            writer.join()
        if random_.random() < RESTARTS_KILLED:
            restart = _begin(_restart)
            time.sleep(random_.uniform(0.0, 0.3))
            counted["restarts killed"] += restart.is_alive()
            restart.kill()
            restart.join()
        found = _in_a_process(_restart_and_compare, told)
        counted["files left by the killed"] += found.pop("swept")
        for name in PROBLEMS:
            counted[name] += found.pop(name)
        for name, count in found.items():
            counted[name] = count
    return counted


# --- the processes ---


def _set_up() -> dict[str, Person]:
    """Make everybody, and write once of each kind: what a process does only the first time would else take a round's whole time."""
    start.prepare()
    photos.use_analyser(TinyAnalyser())
    # A process that decodes photos takes longer to start than a round lasts, and whether two photos show the same mole longer to
    # find out; neither stores anything. Threads of OpenCV do not survive a fork.
    isolation.read_photo = core.read_photo
    photos.same_mole = lambda *_photos: None
    # Nobody sends hundreds of photos in minutes; these do.
    throttle.LIMITS["photo"] = throttle.Limit(free_tries=10**6, lock_after=10**6)
    cv2.setNumThreads(0)
    admin = accounts.create_admin(first_name="Ada", surname="Admin", email="ada@example.org", password=PASSWORD)
    doctor = accounts.create_doctor(admin, first_name="Dora", surname="Dale", email="dora@example.org", password=PASSWORD)
    people = {"admin": admin, "doctor": doctor}
    for name in ("ann", "bo"):
        patient = signed_up(first_name=name.title(), email=f"{name}@example.org")
        sharing.share_with(patient, doctor_email=doctor.email)
        lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
        photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=FIRST_DAY)
        people[name] = patient
    random_ = random.Random(0)
    for kind in (*KINDS, "doctor", "doctor"):
        _write_once(kind, people, random_)
    # Nothing is open at a fork, and no file of the forking process counts as in use.
    unit_of_work.engine().dispose()
    storage.release()
    return people


def _wait_for_all(files: list[Path]) -> None:
    """Return when every writer has noted something: how busy the machine is must not decide whether anything is written."""
    end = time.monotonic() + BEGUN_WITHIN_SECONDS
    while not all(file.exists() and file.stat().st_size for file in files):
        if time.monotonic() > end:
            raise RuntimeError("A writer wrote nothing; see above.")
        time.sleep(0.005)


def _write(kind: str, people: dict[str, Person], told: Path, seed: int) -> None:
    """Write until killed."""
    random_ = random.Random(seed)
    descriptor = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        line = json.dumps(_write_once(kind, people, random_)) + "\n"
        os.write(descriptor, line.encode())
        time.sleep(PAUSE_SECONDS.get(kind, 0.0))


def _write_once(kind: str, people: dict[str, Person], random_: random.Random) -> dict:
    if kind == "doctor":
        return _say(people, random_)
    return _export(people["admin"]) if kind == "exports" else _add_photo(people[kind], random_)


def _add_photo(patient: Person, random_: random.Random) -> dict:
    lesion = lesions.list_lesions(patient)[0]
    size = (random_.randrange(120, 400), random_.randrange(100, 300))
    data = photo_bytes(radius=random_.randrange(10, 45), size=size)
    day = FIRST_DAY + timedelta(days=random_.randrange(1, 5000))
    visit = photos.add_photo(patient, lesion_id=lesion.id, data=data, taken_on=day)
    return {"upload": visit.photos[-1].id}


def _say(people: dict[str, Person], random_: random.Random) -> dict:
    """A note, or a review with an outline of the doctor's own, or a new version of one."""
    doctor = people["doctor"]
    lesion = lesions.list_lesions(doctor, patient_id=people[random_.choice(("ann", "bo"))].id)[0]
    visit = random_.choice(lesions.timeline(doctor, lesion_id=lesion.id).visits)
    text = f"Seen, {random_.getrandbits(64):x}"
    if random_.random() < 0.5:
        return {"note": notes.add_note(doctor, visit_id=visit.id, text=text).id, "text": text}
    outline = np.zeros((visit.photo.height, visit.photo.width), bool)
    outline[20:60, 20 : random_.randrange(40, 80)] = True
    earlier = [one.id for one in reviews.standing(reviews.reviews_of(doctor, diagnosis_id=visit.finding.id))]
    signed = reviews.record_review(
        doctor, diagnosis_id=visit.finding.id, verdict="agree", reason=text, mask=encode_mask_png(outline),
        supersedes_id=next(iter(earlier), None),
    )  # fmt: skip
    return {"review": signed.id, "text": text}


def _export(admin: Person) -> dict:
    return {"export": len(b"".join(records.export_csv(admin)))}


def _restart() -> None:
    start.prepare()


def _restart_and_compare(told: Path) -> dict[str, int]:
    before = len(_files())
    start.prepare()
    files = _files()
    acknowledged = [json.loads(line) for file in told.iterdir() for line in file.read_text().splitlines() if line.endswith("}")]
    with reading() as session:
        referred = storage.referred_files(session)
        events = Counter((row.action, row.subject) for row in session.scalars(select(AuditEvent).where(AuditEvent.outcome == "ok")))
        uploads = set(session.scalars(select(Upload.id)))
        written = {note.id: note.text for note in session.scalars(select(Note))}
        signed = {review.id: review.reason for review in session.scalars(select(Review))}
        trail = audit.state(session, anchored=anchor.read())
    exports = events[Action.EXPORT_RECORDS, ""]
    lost = sum(
        ("upload" in one and one["upload"] not in uploads)
        or ("note" in one and written.get(one["note"]) != one["text"])
        or ("review" in one and signed.get(one["review"]) != one["text"])
        for one in acknowledged
    ) + max(0, sum("export" in one for one in acknowledged) - exports)
    # A deed and its entry are stored together or not at all. The very same photo sent again leaves a second entry.
    done = {Action.ADD_PHOTO: ("upload", uploads), Action.ADD_NOTE: ("note", written), Action.RECORD_REVIEW: ("review", signed)}
    deeds = {(str(action), f"{kind}:{id}") for action, (kind, ids) in done.items() for id in ids}
    told_of = {key for key in events if key[0] in done}
    return {
        "orphan files": len(files.keys() - referred),
        "rows without file": sum(name not in files or not _is_whole(files[name]) for name in referred),
        "acknowledged writes lost": lost,
        "broken audit entries": (not trail.holds) + len(deeds ^ told_of),
        "swept": before - len(files),
        "photos": len(uploads), "notes": len(written), "reviews": len(signed), "exports": exports, "files": len(files),
        "acknowledged writes": len(acknowledged), "audit entries": trail.entries,
    }


def _files() -> dict[str, Path]:
    return {path.name: path for path in settings().files.rglob("*") if path.is_file()}


def _is_whole(path: Path) -> bool:
    return hashlib.sha256(sealing.unseal_file(path.read_bytes())).hexdigest() == path.stem


# --- starting them ---


def _begin(work: Callable, *arguments: object) -> multiprocessing.Process:
    process = processes.Process(target=_quietly, args=(work, *arguments))
    process.start()
    return process


def _quietly(work: Callable, *arguments: object) -> None:
    logging.disable(logging.WARNING)
    work(*arguments)


def _in_a_process(work: Callable, *arguments: object):
    """Return what `work` returns in a process of its own, as a start of the program is one."""
    receiving, sending = processes.Pipe(duplex=False)
    process = _begin(_send, sending, work, *arguments)
    sending.close()
    try:
        return receiving.recv()
    except EOFError:
        raise RuntimeError(f"{work.__name__} failed; see above.") from None
    finally:
        process.join()


def _send(connection: Connection, work: Callable, *arguments: object) -> None:
    connection.send(work(*arguments))
    unit_of_work.reset()


if __name__ == "__main__":
    sys.exit(main())
