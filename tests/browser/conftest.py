"""A running Moletrail, started as a new user starts it, and a real Chromium to look at it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "test-results"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",  # a camera that shows a test picture
]
LAPTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Server:
    address: str
    environment: dict[str, str]
    log: Path

    @property
    def port(self) -> str:
        return self.address.rpartition(":")[2]

    def command(self, *arguments: str, **environment: str) -> str:
        """Run one of our commands on this server's data, as its operator would."""
        done = subprocess.run(
            [ROOT / ".venv/bin/python", *arguments], cwd=ROOT, env=self.environment | environment,
            capture_output=True, text=True, check=False, timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server_in(folder: Path, **environment: str) -> Server:
    """A server that keeps its data and its log in `folder`; `started` starts it."""
    address = f"http://localhost:{free_port()}"
    ours = os.environ | {"MOLETRAIL_DATA": str(folder / "data"), "MOLETRAIL_URL": address} | environment
    ours.pop("DATABASE_URL", None)
    return Server(address, ours, folder / "server.log")


@contextmanager
def started(server: Server, command: list[str | Path] | None = None) -> Iterator[Server]:
    """Run the server, by `make run` where no command is given, from when it is ready until the end of the block."""
    command = command or ["make", "run", f"PORT={server.port}"]
    with server.log.open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=server.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_until_ready(server, process)
            yield server
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`make run` on an empty data folder."""
    with started(server_in(tmp_path_factory.mktemp("moletrail"))) as running:
        yield running


@pytest.fixture(scope="session")
def scene(server: Server) -> dict:
    """People with something on every page, see tests.browser.scene; the numbers of their things."""
    return json.loads(server.command("-m", "tests.browser.scene").splitlines()[-1])


def wait_until_ready(server: Server, process: subprocess.Popen, seconds: float = 600) -> None:
    """The first start makes the environment, so this may take minutes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx2.get(f"{server.address}/ready", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError("Moletrail did not start:\n" + server.log.read_text())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    assert executable, "Chromium is missing: make browser-test installs it."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def laptop(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[BrowserContext]:
    yield from window(request, browser, server, LAPTOP)


@pytest.fixture
def phone(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[BrowserContext]:
    """With a touch screen."""
    yield from window(request, browser, server, PHONE, has_touch=True, is_mobile=True)


def window(
    request: pytest.FixtureRequest, browser: Browser, server: Server, size: dict[str, int], **more: bool
) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=server.address, viewport=size, locale="en-GB", **more)
    context.set_default_timeout(90_000)
    yield context
    # What was on the screen last: the first thing to look at when a test failed.
    RESULTS.mkdir(exist_ok=True)
    for number, page in enumerate(context.pages):
        page.screenshot(path=RESULTS / f"{request.node.name}-{number}.png", full_page=True)
    context.close()
