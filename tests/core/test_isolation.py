"""The process that decodes what was sent may hang, run out of memory or die; the next photo is read all the same."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from benchmarks.fuzz_uploads import fuzz, samples
from benchmarks.upload_bombs import BOMBS, SIDE, endless_scans, flat_png
from core import isolation
from core.isolation import MEMORY_BYTES, SECONDS, Decoder, RecentPhotos, WorkersUnavailable
from core.photo import MOST_PIXELS, Photo, UnreadablePhoto, read_photo

ROOT = Path(__file__).parents[2]
SLACK_SECONDS = 10.0
"""For a machine that does other things too."""
ORDINARY, OTHER = samples()[0], samples()[5]


@pytest.fixture
def decoders():
    made: list[Decoder] = []

    def make(workers: int = 1, **limits) -> Decoder:
        made.append(Decoder(workers, **limits))
        return made[-1]

    yield make
    for one in made:
        one.close()


def code_of(decoder, data: bytes) -> str:
    with pytest.raises(UnreadablePhoto) as caught:
        decoder.read_photo(data)
    return caught.value.code


def processor_seconds(pid: int) -> float:
    """What the kernel has counted for a process and its threads so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def gone(pid: int) -> bool:
    """Ended, even if nobody has asked for its exit code yet."""
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


# --- the same as without ---


def test_a_photo_is_read_as_in_process(decoders) -> None:
    decoder = decoders()
    for number, data in enumerate(samples()):
        try:
            expected = read_photo(data)
        except UnreadablePhoto as refusal:
            assert code_of(decoder, data) == refusal.code, number
            continue
        photo = decoder.read_photo(data)
        assert np.array_equal(photo.rgb, expected.rgb), number
        assert (photo.format, photo.width, photo.height, photo.taken_on) == (
            expected.format, expected.width, expected.height, expected.taken_on,
        )  # fmt: skip
    assert len(decoder.pids) == 1 and not decoder.stopped, "one worker read them all"


def test_an_empty_file_is_refused_without_a_worker(decoders) -> None:
    decoder = decoders()
    assert code_of(decoder, b"") == "empty_file"
    assert decoder.pids == []


def test_many_threads_share_few_workers(decoders) -> None:
    decoder = decoders(2)
    expected = {data: read_photo(data).rgb for data in (ORDINARY, OTHER)}
    with ThreadPoolExecutor(8) as pool:
        files = [ORDINARY, OTHER] * 20
        for data, photo in zip(files, pool.map(decoder.read_photo, files), strict=True):
            assert np.array_equal(photo.rgb, expected[data])
    assert len(decoder.pids) <= 2


def test_a_worker_is_replaced_after_many_photos(decoders, monkeypatch) -> None:
    monkeypatch.setattr(isolation, "PHOTOS_PER_WORKER", 2)
    decoder = decoders()
    seen = set()
    for _ in range(4):
        decoder.start()
        seen.update(decoder.pids)
        decoder.read_photo(ORDINARY)
    assert len(seen) == 2 and not decoder.stopped


# --- what may befall a worker ---


def test_a_worker_that_hangs_is_killed_and_replaced(decoders) -> None:
    decoder = decoders(wall_seconds=3.0)
    decoder.start()
    (hanging,) = decoder.pids
    os.kill(hanging, signal.SIGSTOP)
    begun = time.monotonic()
    assert code_of(decoder, ORDINARY) == "over_limits"
    assert 3.0 <= time.monotonic() - begun < 3.0 + SLACK_SECONDS
    assert gone(hanging) and decoder.stopped == {"wall time": 1}
    assert decoder.read_photo(ORDINARY).format == "JPEG"


def test_a_photo_that_takes_for_ever_costs_no_more_processor_time_than_the_limit(decoders) -> None:
    """By the kernel's account of the processes that ended, which no other load changes."""
    decoder = decoders()
    decoder.start()
    (pid,) = decoder.pids
    started = processor_seconds(pid)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert code_of(decoder, endless_scans()) == "over_limits"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime - started
    assert decoder.stopped == {"processor time": 1}, "the server saw it; the worker's own limit is the second net"
    assert SECONDS - 0.5 < spent < SECONDS + 1.5
    assert decoder.longest_seconds == pytest.approx(spent, abs=0.5)
    assert decoder.read_photo(ORDINARY).format == "JPEG"


def test_a_worker_that_has_to_wait_for_its_turn_is_not_late(decoders) -> None:
    """As on a machine with more to do than it can."""
    decoder = decoders(seconds=1.0)
    decoder.start()
    (waiting,) = decoder.pids
    os.kill(waiting, signal.SIGSTOP)
    threading.Timer(2.0, os.kill, (waiting, signal.SIGCONT)).start()
    begun = time.monotonic()
    assert decoder.read_photo(ORDINARY).format == "JPEG"
    assert time.monotonic() - begun >= 1.9, "it did wait"
    assert decoder.pids == [waiting] and not decoder.stopped


def test_a_worker_killed_while_it_decodes_is_replaced(decoders) -> None:
    decoder = decoders()
    decoder.start()
    (pid,) = decoder.pids
    os.kill(pid, signal.SIGSTOP)  # so that it surely has not answered when it is killed
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    assert code_of(decoder, ORDINARY) == "over_limits"
    assert decoder.stopped == {"killed by SIGKILL": 1}
    assert decoder.read_photo(ORDINARY).format == "JPEG"


def test_a_worker_killed_while_it_had_nothing_to_do_costs_nobody_a_photo(decoders) -> None:
    decoder = decoders()
    decoder.start()
    (pid,) = decoder.pids
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    assert decoder.read_photo(ORDINARY).format == "JPEG"
    assert decoder.pids != [pid] and not decoder.stopped


def test_memory_is_limited_and_the_next_photo_is_read(decoders) -> None:
    decoder = decoders(memory_bytes=100 * 1024**2)
    large = flat_png(SIDE, SIDE)
    assert code_of(decoder, large) == "over_limits"
    assert decoder.stopped == {"memory": 1}
    assert decoder.read_photo(ORDINARY).format == "JPEG"
    (pid,) = decoder.pids
    limits = Path(f"/proc/{pid}/limits").read_text()
    size = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    limit = next(int(line.split()[3]) for line in limits.splitlines() if line.startswith("Max address space"))
    assert limit < size + 200 * 1024**2


def test_the_limit_leaves_room_for_the_largest_photo_of_the_most_demanding_kind(decoders) -> None:
    side = 7071
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    file = BytesIO()
    Image.new("RGBA", (side, side), (200, 150, 130, 200)).save(file, "WEBP", lossless=True, method=0, quality=0, exif=turned)
    photo = decoders().read_photo(file.getvalue())
    assert photo.width * photo.height == side**2 > 0.99 * MOST_PIXELS


def test_cpu_time_is_limited_even_if_the_server_does_not_look() -> None:
    worker = isolation._Worker(0.1, MEMORY_BYTES)
    with pytest.raises((EOFError, OSError)):
        worker.read(endless_scans(), isolation._Limits(worker.process.pid, 120, 120))
    assert worker.ending() == "killed by SIGXCPU"
    worker.end()


def test_an_interrupted_wait_leaves_no_answer_for_the_next_photo(decoders, monkeypatch) -> None:
    """Streamlit ends a script with an exception that is no Exception."""

    class Rerun(BaseException):
        pass

    def interrupted(self, *_arguments):
        raise Rerun

    decoder = decoders()
    with monkeypatch.context() as patched, pytest.raises(Rerun):
        patched.setattr(isolation._Worker, "_receive_into", lambda *_: None)  # started
        decoder.start()
        patched.setattr(isolation._Worker, "_receive_into", interrupted)
        decoder.read_photo(ORDINARY)
    assert np.array_equal(decoder.read_photo(OTHER).rgb, read_photo(OTHER).rgb)


def answered(answer: bytes, pixels: bytes = b"") -> bytes:
    return struct.pack("!I", len(answer)) + answer + pixels


GOOD = {"format": "JPEG", "width": 2, "height": 2, "taken_on": None}
LIES = {
    "nothing": b"",
    "half a length": b"\0\0",
    "a length of gigabytes": b"\xff\xff\xff\xff",
    "no JSON": answered(b"\x80\4cos\nsystem"),
    "a list": answered(b"[1, 2]"),
    "a number": answered(b"7"),
    "an unknown code": answered(b'{"refused": "no_such_code"}'),
    "a code that is none": answered(b'{"refused": {}}'),
    "another format": answered(json.dumps(GOOD | {"format": "GIF"}).encode(), bytes(12)),
    "no width": answered(b'{"format": "JPEG"}'),
    "nothing wide": answered(json.dumps(GOOD | {"width": 0}).encode()),
    "negative": answered(json.dumps(GOOD | {"width": -2, "height": -2}).encode(), bytes(12)),
    "too many pixels": answered(json.dumps(GOOD | {"width": 10**9, "height": 10**9}).encode()),
    "too few pixels": answered(json.dumps(GOOD).encode(), bytes(11)),
    "a date that is none": answered(json.dumps(GOOD | {"taken_on": "never"}).encode(), bytes(12)),
    "a date of another kind": answered(json.dumps(GOOD | {"taken_on": 7}).encode(), bytes(12)),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_worker_that_was_taken_over_is_not_believed(decoders, monkeypatch, lie: str) -> None:
    decoder = decoders()
    decoder.start()
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(LIES[lie])
        theirs.shutdown(socket.SHUT_WR)
        (worker,) = decoder._idle
        worker._socket.close()
        worker._socket = ours
        assert code_of(decoder, ORDINARY) == "over_limits"
    assert decoder.stopped.total() == 1
    assert decoder.read_photo(ORDINARY).format == "JPEG"


# --- what a worker has and has not ---


def test_a_worker_knows_no_secret_and_can_open_nothing(decoders, monkeypatch) -> None:
    monkeypatch.setenv("MOLETRAIL_SECRET_OF_TEST", "do not tell")
    decoder = decoders()
    decoder.read_photo(ORDINARY)
    process = Path(f"/proc/{decoder.pids[0]}")
    assert b"do not tell" not in (process / "environ").read_bytes()
    assert sorted(path.name for path in (process / "fd").iterdir()) == ["0", "1", "2"]
    limits = {line[:26].strip(): line[26:].split()[1] for line in (process / "limits").read_text().splitlines()}
    assert (limits["Max open files"], limits["Max file size"], limits["Max core file size"]) == ("0", "0", "0")
    assert "onnxruntime" not in (process / "maps").read_text(), "the networks stay with the server"


def test_limits_that_are_lower_already_are_kept(tmp_path) -> None:
    code = (
        "import resource, sys; from core.isolation import decoder; from pathlib import Path;"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)); resource.setrlimit(resource.RLIMIT_CPU, (60, 60));"
        "print(decoder.read_photo(Path(sys.argv[1]).read_bytes()).format)"
    )
    photo = tmp_path / "photo"
    photo.write_bytes(ORDINARY)
    done = subprocess.run([sys.executable, "-c", code, photo], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("JPEG\n", "")


def test_workers_end_with_a_server_that_is_killed(tmp_path) -> None:
    code = (
        "import os, sys; from core.isolation import decoder; from pathlib import Path;"
        "decoder.read_photo(Path(sys.argv[1]).read_bytes()); print(decoder.pids[0], flush=True); os.kill(os.getpid(), 9)"
    )
    photo = tmp_path / "photo"
    photo.write_bytes(ORDINARY)
    done = subprocess.run([sys.executable, "-c", code, photo], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert gone(int(done.stdout))


def test_workers_end_when_the_server_stops_and_say_nothing(tmp_path) -> None:
    code = "import sys; from core.isolation import decoder; decoder.start(); print(decoder.pids[0])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert gone(int(done.stdout))


def test_a_machine_that_can_start_no_process_is_told_apart_from_a_bad_photo(decoders, monkeypatch, tmp_path) -> None:
    decoder = decoders()
    with monkeypatch.context() as patched, pytest.raises(WorkersUnavailable):
        patched.setattr(sys, "executable", str(tmp_path / "absent"))
        decoder.read_photo(ORDINARY)
    with monkeypatch.context() as patched, pytest.raises(WorkersUnavailable):
        patched.setattr(isolation, "_ROOT", tmp_path)  # a process that starts, and ends since it finds no code
        decoder.read_photo(ORDINARY)
    assert decoder.pids == []
    assert decoder.read_photo(ORDINARY).format == "JPEG"


# --- remembering for seconds ---


class Counting:
    """A stand-in for the workers that counts."""

    def __init__(self, side: int = 10) -> None:
        self.asked: list[bytes] = []
        self.side = side

    def read_photo(self, data: bytes) -> Photo:
        self.asked.append(data)
        if data == b"bad":
            raise UnreadablePhoto("damaged_file")
        return Photo(np.zeros((self.side, self.side, 3), np.uint8), "JPEG", self.side, self.side, None)


def test_the_same_bytes_are_decoded_once() -> None:
    recent = RecentPhotos(Counting())
    first = recent.read_photo(b"photo")
    assert recent.read_photo(b"photo") is first
    assert recent.read_photo(b"other") is not first
    for _ in range(2):
        assert code_of(recent, b"bad") == "damaged_file"
    assert recent._decoder.asked == [b"photo", b"other", b"bad"]
    recent.forget()


def test_pixels_are_remembered_for_seconds_only() -> None:
    recent = RecentPhotos(Counting(), seconds=0.2)
    recent.read_photo(b"photo")
    assert recent.remembered_bytes == 300
    deadline = time.monotonic() + SLACK_SECONDS
    while recent.remembered_bytes and time.monotonic() < deadline:
        time.sleep(0.02)
    assert recent.remembered_bytes == 0, "nobody asked again"
    recent.read_photo(b"photo")
    assert len(recent._decoder.asked) == 2


def test_a_refusal_is_remembered_too_but_may_be_tried_again_soon() -> None:
    recent = RecentPhotos(Counting(), seconds=0.3)
    begun = time.monotonic()
    while len(recent._decoder.asked) < 2 and time.monotonic() < begun + SLACK_SECONDS:
        assert code_of(recent, b"bad") == "damaged_file"  # asking does not prolong it
        time.sleep(0.02)
    assert time.monotonic() - begun >= 0.3
    assert len(recent._decoder.asked) == 2


def test_memory_of_what_is_remembered_is_bounded() -> None:
    recent = RecentPhotos(Counting(), most_bytes=1000)
    for number in range(20):
        recent.read_photo(bytes([number]))
        assert recent.remembered_bytes <= 1000
    recent.read_photo(bytes([19]))
    assert len(recent._decoder.asked) == 20, "the last ones are kept"
    recent.forget()
    assert recent.remembered_bytes == 0


# --- damaged by chance and by intent ---


def test_hundreds_of_damaged_files_harm_nobody(decoders) -> None:
    figures = fuzz(400, 7, decoders(2))
    assert figures.failures == []
    assert figures.outcomes["read"] > 40 and figures.outcomes["refused: damaged_file"] > 100


OUTCOMES: dict[str, str | None] = {
    "PNG, 50 MP and a line": "too_many_pixels",
    "PNG, 3,600 MP": "too_many_pixels",
    "PNG, a strip of 2,000,000 x 1": "too_small",
    "GIF, 4,295 MP": "not_a_photo",
    "TIFF, 4,295 MP": "not_a_photo",
    "SVG, a billion laughs": "not_a_photo",
    "WebP, 268 MP canvas": "too_many_pixels",
    "HEIC, 4,295 MP": "too_many_pixels",
    "HEIC, 50 MP claimed of 64 x 64": "damaged_file",
    "JPEG, 4,295 MP": "too_many_pixels",
    "JPEG, 14 MB of colour profile": None,
    "BMP, 4,295 MP": "too_many_pixels",
}


def test_bombs_are_refused_for_what_they_are(decoders) -> None:
    decoder = decoders(memory_bytes=300 * 1024**2)
    for name, code in OUTCOMES.items():
        if code is None:
            decoder.read_photo(BOMBS[name]())
        else:
            assert code_of(decoder, BOMBS[name]()) == code, name
    assert not decoder.stopped, "refused from the header, before any memory was taken"
