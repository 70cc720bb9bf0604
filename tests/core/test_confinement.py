"""What a decoder that was taken over could still do: each attempt fails, and work goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fuzz_uploads import samples
from core import confinement
from core.isolation import Decoder

ROOT = Path(__file__).parents[2]
ATTEMPTS = """
import ctypes, json, os, resource, socket, sys, threading
from core import confinement
put_in_force = confinement.filter_calls()
libc = ctypes.CDLL(None, use_errno=True)
parent, ours = os.getppid(), os.getpid()

def call(name, *arguments):
    ctypes.set_errno(0)
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

ATTEMPTS = {
    "open a file": lambda: open("/etc/passwd"),
    "open a file in place of another": lambda: (os.close(2), open("/etc/passwd")),
    "list a folder": lambda: os.listdir("/"),
    "ask whether a file is there": lambda: os.stat("/etc/passwd"),
    "remove a file": lambda: os.unlink("/no/such/file"),
    "make a socket": socket.socket,
    "make a pair of sockets": socket.socketpair,
    "make a process": os.fork,
    "run a program": lambda: os.execv(sys.executable, ["python"]),
    "look into the server": lambda: call("ptrace", 16, parent, None, None),
    "read the server's memory": lambda: call("process_vm_readv", parent, None, 0, None, 0, 0),
    "signal the server": lambda: os.kill(parent, 0),
    "change the server's limits": lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE),
    "ask by way of a ring": lambda: call("syscall", 425, 1, None),
    "map the network anew": lambda: call("unshare", 0x40000000),
}
done = []
def compute():
    done.append(sum(range(1000)))
put_in_force()
told = {}
for name, attempt in ATTEMPTS.items():
    try:
        attempt()
        told[name] = "done"
    except OSError as error:
        told[name] = error.errno
thread = threading.Thread(target=compute)
thread.start()
thread.join()
told["compute in a thread"] = done == [499500]
told["take memory"] = len(bytearray(50_000_000)) == 50_000_000
told["look at the own limits"] = bool(resource.getrlimit(resource.RLIMIT_CPU))
os.write(1, json.dumps(told).encode())
"""


@pytest.fixture
def filtered() -> None:
    try:
        confinement.filter_calls()
    except confinement.Unavailable as error:
        pytest.skip(f"System calls cannot be filtered here: {error}.")


def test_nothing_is_opened_started_or_looked_into_and_work_goes_on(filtered) -> None:
    done = subprocess.run([sys.executable, "-c", ATTEMPTS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    work = {name: told.pop(name) for name in ("compute in a thread", "take memory", "look at the own limits")}
    assert set(told.values()) == {1}, told  # EPERM, whatever was tried
    assert all(work.values()), work


def test_decoders_are_confined(filtered) -> None:
    decoder = Decoder(1)
    try:
        decoder.read_photo(samples()[0])
        status = Path(f"/proc/{decoder.pids[0]}/status").read_text().split()
    finally:
        decoder.close()
    assert status[status.index("Seccomp:") + 1] == "2"
    assert status[status.index("NoNewPrivs:") + 1] == "1"


def test_where_calls_cannot_be_filtered_that_is_said(monkeypatch) -> None:
    def missing(_name: str) -> None:
        raise OSError("libseccomp.so.2: cannot open shared object file")

    monkeypatch.setattr(confinement.ctypes, "CDLL", missing)
    with pytest.raises(confinement.Unavailable, match="libseccomp"):
        confinement.filter_calls()
