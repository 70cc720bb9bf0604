"""What people read when the disk or the database fails: `python -m benchmarks.fault_test`.

Each fault is made for real (a small file system filled up or mounted read-only, a lock held by another process, damaged
bytes), then a mole and a photo are added, the moles are listed, the page of moles is opened and a photo is fetched
through its route. Printed: what each said; whether all that was stored is still there; whether everything works once the
cause is gone. Exit code 1 where not. Two faults need root, to mount a file system.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from unittest.mock import patch

from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from db.engine import BUSY_TIMEOUT_MS
from pages import _routes
from pages._session import COOKIE
from services import accounts, lesions, photos, start, unit_of_work
from services.errors import ServiceError
from services.settings import settings
from services.views import LesionSummary, Person
from tests.helpers import PASSWORD, TinyAnalyser, photo_bytes, signed_up
from tests.pages.app import NAVIGATION, words

DISK_MB = 8
FINE = "works"
ON_ERROR = "streamlit.runtime.scriptrunner.exec_code.handle_user_script_exception"
"""Where a page's error ends; the running application has Home.show_calmly there."""
HOLD_LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
time.sleep(float(sys.argv[2]))
"""


@dataclass(frozen=True)
class Site:
    """Moletrail with one patient, one mole and one photo."""

    patient: Person
    lesion: LesionSummary
    upload_id: int
    token: str
    data: Path

    @property
    def database(self) -> Path:
        return self.data / "moletrail.db"

    def photo_files(self) -> list[Path]:
        return sorted(self.data.glob("files/*/*.jpg"))


def main(arguments: list[str] | None = None) -> int:
    argparse.ArgumentParser(prog="python -m benchmarks.fault_test", description=__doc__.splitlines()[0]).parse_args(arguments)
    logging.disable(logging.CRITICAL)
    failed = False
    print("| fault | asked | what is said | |\n| --- | --- | --- | --- |")
    for name, fault in FAULTS.items():
        if fault in NEED_ROOT and os.geteuid() != 0:
            print(f"| {name} | | left out: it needs root, to mount a file system | |")
            continue
        with small_disk() if fault in NEED_ROOT else tempfile.TemporaryDirectory(prefix="moletrail-fault-") as folder:
            said, whole, recovered = try_out(Path(folder), fault)
        for number, (ask, sentence) in enumerate(said.items()):
            end = f"kept: {'all' if whole else 'NOT ALL'}, afterwards: {'works' if recovered else 'BROKEN'}" if number == 0 else ""
            print(f"| {name if number == 0 else ''} | {ask} | {sentence} | {end} |", flush=True)
        failed |= not (whole and recovered) or all(sentence == FINE for sentence in said.values())
    return 1 if failed else 0


def try_out(folder: Path, fault: Callable[[Site], Iterator[None]]) -> tuple[dict[str, str], bool, bool]:
    """Return what was said to each ask during the fault, whether what was stored is whole after it, and whether all works again."""
    with patch.dict(os.environ, {"MOLETRAIL_DATA": str(folder / "data")}):
        os.environ.pop("DATABASE_URL", None)
        unit_of_work.reset()
        try:
            site = set_up()
            before = stored(site)
            with contextmanager(fault)(site):
                said = {ask: answer(site, number) for number, ask in enumerate(ASKS)}
            # Photos and moles may have been added where the fault let them.
            whole = before.items() <= stored(site).items()
            recovered = all(answer(site, number) == FINE for number in range(len(ASKS)))
            return said, whole, recovered
        finally:
            unit_of_work.reset()
            photos.use_analyser(None)


def set_up() -> Site:
    start.prepare()
    photos.use_analyser(TinyAnalyser())
    patient = signed_up()
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    visit = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    lesions.list_lesions(patient)
    photos.photo_file(patient, upload_id=visit.photo.id, size="full")
    token = accounts.redeem_ticket(ticket=accounts.log_in(email=patient.email, password=PASSWORD))
    return Site(patient, lesion, visit.photo.id, token, settings().data)


def stored(site: Site) -> dict[str, object]:
    """What must not change: by name of the file or number of the visit."""
    found: dict[str, object] = {path.name: path.read_bytes() for path in site.photo_files()}
    for visit in lesions.timeline(site.patient, lesion_id=site.lesion.id).visits:
        found[f"visit {visit.id}"] = dataclasses.astuple(visit)[:5]
    return found


# --- what people do ---


def answer(site: Site, number: int) -> str:
    """FINE, or the sentence that the person reads."""
    try:
        return list(ASKS.values())[number](site)
    except ServiceError as error:
        return str(error)


def _add_mole(site: Site) -> str:
    lesions.add_lesion(site.patient, name=f"Mole {time.monotonic_ns()}", body_site="nape")
    return FINE


def _add_photo(site: Site) -> str:
    # Of a size that a nearly full disk has no room for.
    data = photo_bytes(radius=300 + time.monotonic_ns() % 100, size=(1600, 1200))
    photos.add_photo(site.patient, lesion_id=site.lesion.id, data=data, taken_on=date(2024, 6, 1))
    return FINE


def _list_moles(site: Site) -> str:
    lesions.list_lesions(site.patient)
    return FINE


def _open_page(site: Site) -> str:
    import Home

    with patch("pages._session.session_token", lambda: site.token), patch(ON_ERROR, lambda error, _handler: Home.show_calmly(error)):
        app = AppTest.from_file(NAVIGATION, default_timeout=60).run()
        if not app.error:
            app = app.switch_page("patient/moles.py").run()
    sentences = [error.value for error in app.error]
    return " ".join(sentences) if sentences else FINE if "Nape" in words(app) else "(an empty page)"


def _fetch_photo(site: Site) -> str:
    browser = TestClient(Starlette(routes=_routes.ROUTES), cookies={COOKIE: site.token})
    answered = browser.get(f"/photo/{site.upload_id}/full.jpg")
    return FINE if answered.status_code == 200 else f"{answered.status_code}: {answered.text.strip()}"


ASKS: dict[str, Callable[[Site], str]] = {
    "add a mole": _add_mole,
    "add a photo": _add_photo,
    "list the moles": _list_moles,
    "open the page of moles": _open_page,
    "fetch the photo": _fetch_photo,
}


# --- what goes wrong ---


def disk_full(site: Site) -> Iterator[None]:
    ballast = site.data / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    yield
    ballast.unlink()


def disk_read_only(site: Site) -> Iterator[None]:
    unit_of_work.engine().dispose()
    mount = site.data.parent
    subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
    yield
    unit_of_work.engine().dispose()
    subprocess.run(["mount", "-o", "remount,rw", mount], check=True)


def database_locked(site: Site) -> Iterator[None]:
    """Long enough that the first who waits is told, and gone before the next would be."""
    held = subprocess.Popen([sys.executable, "-c", HOLD_LOCK, site.database, str(BUSY_TIMEOUT_MS / 1000 + 1.0)])
    while not _locked(site.database):
        time.sleep(0.05)
    yield
    held.wait()


def _locked(database: Path) -> bool:
    connection = sqlite3.connect(database, isolation_level=None, timeout=0)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False


def database_missing(site: Site) -> Iterator[None]:
    """Moved away under the running process, whose connections are open."""
    moved = [path.rename(path.with_name("moved-" + path.name)) for path in site.data.glob("moletrail.db*")]
    yield
    for path in moved:
        path.rename(path.with_name(path.name.removeprefix("moved-")))


def database_damaged(site: Site) -> Iterator[None]:
    """The first page of the table of moles holds noise."""
    unit_of_work.engine().dispose()
    connection = sqlite3.connect(site.database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'lesion'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with site.database.open("r+b") as file:
        file.seek((page - 1) * size)
        sound = file.read(size)
        file.seek((page - 1) * size)
        file.write(bytes(range(255, -1, -1)) * (size // 256))
    yield
    unit_of_work.engine().dispose()
    with site.database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(sound)


def photo_missing(site: Site) -> Iterator[None]:
    (path,) = site.photo_files()
    moved = path.rename(site.data / "moved.jpg")
    yield
    moved.rename(path)


def photo_damaged(site: Site) -> Iterator[None]:
    """One bit has turned; the JPEG still decodes."""
    (path,) = site.photo_files()
    sound = path.read_bytes()
    place = len(sound) * 3 // 4
    path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
    yield
    path.write_bytes(sound)


FAULTS: dict[str, Callable[[Site], Iterator[None]]] = {
    "disk full": disk_full,
    "disk read-only": disk_read_only,
    f"database locked for {BUSY_TIMEOUT_MS / 1000 + 1:.0f} s": database_locked,
    "database file missing": database_missing,
    "database page damaged": database_damaged,
    "photo file missing": photo_missing,
    "photo file damaged": photo_damaged,
}
NEED_ROOT = (disk_full, disk_read_only)


@contextmanager
def small_disk() -> Iterator[str]:
    """A file system in memory, so small that it is soon full."""
    with ExitStack() as undo:
        folder = undo.enter_context(tempfile.TemporaryDirectory(prefix="moletrail-fault-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", folder], check=True)
        undo.callback(subprocess.run, ["umount", "--lazy", folder], check=True)
        yield folder


if __name__ == "__main__":
    sys.exit(main())
