"""The server as a process: how it refuses to start, and how it stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVE = """
import sys, threading, time
from datetime import date
from services import accounts, lesions, photos
from tests.helpers import TinyAnalyser, photo_bytes, signed_up

class SlowAnalyser(TinyAnalyser):
    def analyse(self, *arguments, **more):
        print("analysing", flush=True)
        time.sleep(3)
        return super().analyse(*arguments, **more)

photos.use_analyser(SlowAnalyser())

def add_a_photo():
    patient = signed_up()
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1))

import Home
warm_up = photos.warm_up
def then_add():
    warm_up()
    # As Streamlit runs a page: in a thread that does not outlive the process.
    threading.Thread(target=add_a_photo, daemon=True).start()
photos.warm_up = then_add
import uvicorn
uvicorn.run(Home.app, host="127.0.0.1", port=int(sys.argv[1]))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    made = os.environ | {"MOLETRAIL_DATA": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    made.pop("DATABASE_URL", None)
    return made


def streamlit(environment: dict[str, str], **more) -> subprocess.Popen:
    command = [sys.executable, "-m", "streamlit", "run", "Home.py", "--server.port", str(free_port()), "--server.headless", "true"]
    return subprocess.Popen(command, cwd=ROOT, env=environment | more, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_told_to_stop_it_finishes_the_photo_that_is_analysed(environment, tmp_path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(free_port())],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    try:
        assert server.stdout.readline() == "analysing\n"
        time.sleep(0.5)
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=60)
    finally:
        server.kill()
    # uvicorn ends by the signal that it was sent, once all is done.
    assert server.returncode in (0, -signal.SIGTERM), log
    with sqlite3.connect(tmp_path / "data" / "moletrail.db") as connection:
        ((content_hash,),) = connection.execute("SELECT content_hash FROM upload").fetchall()
    assert (tmp_path / "data" / "files" / content_hash[:2] / f"{content_hash}.jpg").is_file()
    entries = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [entry["event"] for entry in entries if entry["event"] in ("started", "stopped")] == ["started", "stopped"]


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("MOLETRAIL_SESSION_HOURS", "forever", "MOLETRAIL_SESSION_HOURS must be a number"),
        ("MOLETRAIL_METRICS_TOKEN", "short", "MOLETRAIL_METRICS_TOKEN must be at least 16 plain characters."),
        ("MOLETRAIL_DATA", "/dev/null/data", "cannot be written"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL must be a database address"),
    ],
)
def test_setting_that_cannot_be_is_said_at_start_without_a_trace(environment, setting, value, sentence) -> None:
    server = streamlit(environment, **{setting: value})
    try:
        said, told = server.communicate(timeout=90)
    finally:
        server.kill()
    assert server.returncode == 1, told
    assert sentence in told
    assert "Traceback" not in told + said


def test_running_server_logs_json_and_closes_streamlits_figures(environment) -> None:
    server = streamlit(environment)
    port = server.args[server.args.index("--server.port") + 1]

    def ask(path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                ask("/health")
                break
            except OSError:
                time.sleep(0.2)
        assert [ask(path) for path in ("/metrics", "/_stcore/metrics", "/moles?name=Archer")] == [200, 404, 200]
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=60)
    finally:
        server.kill()
    # Parts of Streamlit that are loaded late write lines of their own kind; they are redacted all the same.
    entries = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    asked = {(entry["route"], entry["status"]) for entry in entries if entry["event"] == "request"}
    assert {("/health", 200), ("/metrics", 200), ("page", 200)} <= asked
    assert "Archer" not in log
    assert not [entry for entry in entries if entry.get("logger") == "uvicorn.access"], "each request is told once"
