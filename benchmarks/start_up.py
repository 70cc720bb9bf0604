"""`python -m benchmarks.start_up`: from starting the process to the first page, beside a Streamlit page of one line.

Each is started in a process of its own on an empty data folder, with Chromium already running. Prints seconds and the
ratio of the two, since seconds alone say more of the machine than of Moletrail.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv/bin/python"
LONGEST_S = 120


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start_up", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    if not PYTHON.exists():
        sys.exit("Run `make run` once first: it makes the environment that is measured.")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        bare = Path(folder) / "bare.py"
        bare.write_text('import streamlit as st\nst.title("Log in")\n')
        times = {"moletrail": [], "one line": []}
        for number in range(rounds):
            data = Path(folder) / str(number)
            times["moletrail"].append(first_page(browser, ROOT / "Home.py", {"MOLETRAIL_DATA": str(data)}, ready="/ready"))
            times["one line"].append(first_page(browser, bare, {}, ready="/_stcore/health"))
        browser.close()
    medians = {name: [statistics.median(column) for column in zip(*measured, strict=True)] for name, measured in times.items()}
    print(f"{'seconds from process start, median of ' + str(rounds):44} served   drawn   ready")
    for name, values in medians.items():
        print(f"{name:44} " + "   ".join(f"{value:5.1f}" for value in values))
    print(f"{'ratio':44} " + "   ".join(f"{ours / bare:5.2f}" for ours, bare in zip(*medians.values(), strict=True)))


def first_page(browser: Browser, script: Path, environment: dict[str, str], *, ready: str) -> tuple[float, float, float]:
    """Seconds until the address answers, until the heading is drawn, and until everything is loaded (the networks)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://localhost:{port}"
    command = [PYTHON, "-m", "streamlit", "run", script, "--server.port", str(port), "--server.headless", "true"]
    begun = time.monotonic()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=script.parent, env=os.environ | environment, **quiet)
    try:
        wait_for(f"{address}/_stcore/health")
        served = time.monotonic() - begun
        page = browser.new_page()
        page.goto(address)
        page.get_by_role("heading", name="Log in").wait_for(timeout=1000 * LONGEST_S)
        drawn = time.monotonic() - begun
        page.close()
        wait_for(address + ready)
        return served, drawn, time.monotonic() - begun
    finally:
        process.terminate()
        process.wait(timeout=LONGEST_S)


def wait_for(address: str) -> None:
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise TimeoutError(f"{address} did not answer within {LONGEST_S} s.")


if __name__ == "__main__":
    main()
