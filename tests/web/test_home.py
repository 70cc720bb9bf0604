"""The whole web application, started as `streamlit run` starts it, in a process of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import json, os, sys
from services import photos
from tests.helpers import TinyAnalyser
photos.use_analyser(TinyAnalyser())
import Home
from starlette.testclient import TestClient
with TestClient(Home.app, base_url="http://localhost") as client:
    while client.get("/ready").status_code != 200: pass
    told = {}
    for address in ("/", "/moles", "/health", "/photo/1/large.jpg", "/_stcore/health"):
        answer = client.get(address)
        told[address] = {"status": answer.status_code, "headers": dict(answer.headers)}
    told["html"] = client.get("/moles").text
    with client.websocket_connect("/_stcore/stream", subprotocols=["streamlit", "x"], headers={"Origin": "http://localhost"}):
        told["websocket"] = "open"
    told["database"] = os.path.exists(os.path.join(os.environ["MOLETRAIL_DATA"], "moletrail.db"))
    import streamlit as st
    from services.errors import StorageFailed
    said = []
    st.error = lambda sentence, **more: said.append(sentence)
    told["suppressed"] = [Home.show_calmly(ValueError("of Ann Archer")), Home.show_calmly(StorageFailed("The disk is full."))]
    told["said"] = said
    print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict:
    data = tmp_path_factory.mktemp("home") / "data"
    environment = os.environ | {"MOLETRAIL_DATA": str(data), "PYTHONPATH": str(ROOT)}
    environment.pop("DATABASE_URL", None)
    done = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_start_makes_the_database(told):
    assert told["database"] is True


def test_pages_routes_and_streamlits_own_answer(told):
    assert {address: told[address]["status"] for address in told if address.startswith("/")} == {
        "/": 200, "/moles": 200, "/health": 200, "/photo/1/large.jpg": 401, "/_stcore/health": 200,
    }  # fmt: skip


def test_websocket_of_the_pages_opens_through_the_headers(told):
    assert told["websocket"] == "open"


@pytest.mark.parametrize("address", ["/", "/moles", "/health", "/photo/1/large.jpg", "/_stcore/health"])
def test_every_answer_carries_the_security_headers(told, address):
    headers = told[address]["headers"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["frame-ancestors"] == "'none'"
    assert policy["default-src"] == "'self'"
    assert "unsafe" not in policy["script-src"]


def test_error_that_nobody_caught_is_a_calm_sentence_with_a_number(told):
    unknown, known = told["said"]
    assert told["suppressed"] == [True, True]
    assert unknown.startswith("Something went wrong on our side. What was saved before is safe.")
    assert "Ann Archer" not in unknown
    assert known == "The disk is full."


def test_browser_asks_no_other_address_than_the_servers(told):
    assert told["html"].count("BACKEND_BASE_URL: window.location.origin") == 1
    assert "<title>Moletrail</title>" in told["html"]
    script = re.search(r"<script>(window.__streamlit[^<]*)</script>", told["html"]).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in told["/moles"]["headers"]["content-security-policy"]
