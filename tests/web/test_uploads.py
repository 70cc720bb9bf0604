"""Nobody but who is logged in leaves files in the server's memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from pages._session import COOKIE
from pages._uploads import TOO_MANY, Uploads
from services import accounts, sessions
from services.errors import StorageFailed
from services.photos import MAX_UPLOAD_BYTES

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "/_stcore/upload_file/a-session/a-file"


@pytest.fixture
def taken() -> list[bytes]:
    return []


@pytest.fixture
def held() -> dict[str, int]:
    """Bytes that the server keeps, by open page."""
    return {}


@pytest.fixture
def browser(moletrail, taken, held) -> TestClient:
    async def take(request) -> PlainTextResponse:
        taken.append(await request.body())
        return PlainTextResponse("here")

    routes = [Route("/{rest:path}", take, methods=["GET", "PUT", "DELETE", "OPTIONS"])]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Uploads, held=lambda page: held.get(page, 0))]))


def test_a_stranger_sends_no_file(browser, taken) -> None:
    for cookie in (None, "made-up"):
        if cookie:
            browser.cookies.set(COOKIE, cookie)
        for method in ("PUT", "DELETE"):
            answer = browser.request(method, ADDRESS, content=b"a photo")
            assert (answer.status_code, answer.text) == (401, "Please log in first.\n")
    assert taken == []
    assert browser.get("/moles").status_code == browser.options(ADDRESS).status_code == 200


def test_who_is_logged_in_does_until_the_session_ends(browser, taken, patient, token_of) -> None:
    token = token_of(patient)
    browser.cookies.set(COOKIE, token)
    assert browser.put(ADDRESS, content=b"a photo").status_code == 200
    assert taken == [b"a photo"]
    (one,) = sessions.list_sessions(patient, token=token)
    sessions.end_session(patient, session_id=one.id)
    assert browser.put(ADDRESS, content=b"another").status_code == 401
    assert taken == [b"a photo"]


def test_one_person_leaves_only_so_much_unstored_on_all_their_pages(browser, taken, held, patient, other_patient, token_of) -> None:
    browser.cookies.set(COOKIE, token_of(patient))
    for page in range(40):
        assert browser.put(f"/_stcore/upload_file/page-{page}/a-file", content=b"a photo").status_code == 200
        held[f"page-{page}"] = MAX_UPLOAD_BYTES
    answer = browser.put("/_stcore/upload_file/one-more/a-file", content=b"a photo")
    assert (answer.status_code, answer.text) == (413, f"{TOO_MANY}\n")
    assert len(taken) == 40
    assert browser.delete("/_stcore/upload_file/page-1/a-file").status_code == 200
    held.pop("page-1")
    assert browser.put("/_stcore/upload_file/one-more/a-file", content=b"a photo").status_code == 200
    held["one-more"] = MAX_UPLOAD_BYTES
    assert browser.put(ADDRESS, content=b"a photo").status_code == 413
    browser.cookies.set(COOKIE, token_of(other_patient))
    assert browser.put(ADDRESS, content=b"a photo").status_code == 200


def test_database_that_does_not_answer_is_said(browser, taken, monkeypatch) -> None:
    def fail(**_more):
        raise StorageFailed("The database cannot be opened.")

    monkeypatch.setattr(accounts, "person_of", fail)
    browser.cookies.set(COOKIE, "any")
    assert browser.put(ADDRESS, content=b"a photo").status_code == 503
    assert taken == []


SEND = """
from services import photos
from tests.helpers import TinyAnalyser
photos.use_analyser(TinyAnalyser())
import Home
from starlette.testclient import TestClient
with TestClient(Home.app, base_url="http://localhost") as client:
    client.get("/_stcore/health")
    for path in ("/_stcore/upload_file/x/y", "//_stcore/upload_file/x/y", "/_stcore/upload_file/x/y/"):
        print(client.put(path, content=b"a photo").status_code)
"""


def test_the_whole_application_asks_too(tmp_path) -> None:
    environment = os.environ | {"MOLETRAIL_DATA": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    environment.pop("DATABASE_URL", None)
    done = subprocess.run([sys.executable, "-c", SEND], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "401"
    assert not any(status.startswith("2") for status in done.stdout.split())
