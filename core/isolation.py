"""What a person sent is decoded in a worker process, which may hang, run out of memory or crash without harm to the server.

    photo = isolation.read_photo(data)      # as core.photo.read_photo, for bytes that somebody sent

A worker is a fresh process (`python -m core.isolation`), not a fork: a fork would inherit the server's threads half-way through
what they do, its networks and its secrets. It gets an environment of its own, no open file but one socket, limits on address space,
processor time and files, and of the kernel's calls only those for memory, time and that socket (core.confinement). The answer is
checked as if an attacker wrote it, since after a decoder was taken over one does: a line of JSON and pixels, nothing that is executed
on reading (no pickle) and no shared memory that could be shortened while the server looks at it.

A photo has 5 s of the worker's own processor time. Wall time would refuse honest photos on a machine that is busy: a worker that
waits for its turn is late through no fault of the file. The server reads the worker's clock (of all its threads) ten times a second
and kills it, since a decoder that was taken over could lift its own limit, which is there for the case that nobody is left to watch
it. What sleeps uses no processor time, so wall time is limited too, to a minute: with 5 s of work that is a machine with twelve times
more to do than it can, and nothing that decoders do sleeps; they open no file and no connection, only HEIF's threads could wait for
one another for ever. On a machine with nothing else to do, then, a file that keeps a decoder at work is refused after 5 s, or sooner
where it works in several threads.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms

from core import confinement
from core.photo import FORMATS, MOST_PIXELS, Photo, UnreadablePhoto
from core.photo import read_photo as decode

logger = logging.getLogger(__name__)

WORKERS = 2
SECONDS = 5.0
"""Processor time for one photo. 50 megapixels took 2.6 s at most (PNG and lossy WebP of noise, on one 2 GHz core)."""
WALL_SECONDS = 60.0
"""Wall time for one photo, or for starting a worker."""
_LOOK_SECONDS = 0.1
"""So often the server looks at the worker's clock."""
MEMORY_BYTES = 1280 * 1024**2
"""What a worker may take beyond what it has when it starts; 50 megapixels of WebP with alpha, the most demanding, take 1000 MB."""
PHOTOS_PER_WORKER = 500
"""Then a new one: libraries leak a little with each damaged file."""
REMEMBERED_SECONDS = 20.0
REMEMBERED_BYTES = 3 * MOST_PIXELS

_ROOT = Path(__file__).resolve().parents[1]
_READY = b"ready\n"
_LONGEST_ANSWER = 500
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG")
_VARIABLES = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "PYTHONDONTWRITEBYTECODE": "1"}
"""Threads would each reserve address space that the photo then lacks."""


class WorkersUnavailable(RuntimeError):
    """No worker could be started: the machine is out of memory or processes."""


class Decoder:
    """A few workers, started when first needed, replaced when they end, and shared by all threads."""

    def __init__(
        self,
        workers: int = WORKERS,
        *,
        seconds: float = SECONDS,
        wall_seconds: float = WALL_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
    ):
        """`seconds` are processor time for one photo, `wall_seconds` wall time."""
        self._seconds = seconds
        self._wall_seconds = wall_seconds
        self._memory_bytes = memory_bytes
        self._places = threading.BoundedSemaphore(workers)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self.stopped: Counter[str] = Counter()
        """Why workers were given up: processor time, wall time, memory, or how the process ended."""
        self.longest_seconds = 0.0
        """The most processor time that a photo took, whatever came of it; 0 where the system does not tell."""

    @property
    def pids(self) -> list[int]:
        """The processes that are there now."""
        with self._lock:
            return [worker.process.pid for worker in self._all]

    def read_photo(self, data: bytes) -> Photo:
        """Decode in a worker; `rgb` is read-only.

        Raises UnreadablePhoto, with the code over_limits where the worker had to be given up; WorkersUnavailable.
        """
        if not data:
            raise UnreadablePhoto("empty_file")
        with self._places:
            worker = self._take()
            good, limits = False, _Limits(worker.process.pid, self._seconds, self._wall_seconds)
            try:
                photo = worker.read(data, limits)
                good = worker.photos < PHOTOS_PER_WORKER
                return photo
            except UnreadablePhoto as refusal:
                good = refusal.code != "over_limits" and worker.photos < PHOTOS_PER_WORKER
                if refusal.code == "over_limits":
                    self._note("memory", data)
                raise
            except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
                self._note(str(error) if isinstance(error, TimeoutError) else worker.ending(), data)
                raise UnreadablePhoto("over_limits") from error
            finally:
                with self._lock:
                    self.longest_seconds = max(self.longest_seconds, limits.spent())
                # Whatever else interrupts this (Streamlit does, with an exception of its own), the worker is then in mid-sentence.
                self._give_back(worker) if good else self._end(worker)

    def start(self) -> None:
        """Start one worker before somebody waits for it. Raises WorkersUnavailable."""
        with self._places:
            self._give_back(self._take())

    def close(self) -> None:
        """End all workers; those that decode at this moment too. The next photo starts one anew."""
        with self._lock:
            workers, self._idle = list(self._all), []
        for worker in workers:
            self._end(worker)

    def _take(self) -> _Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                break
            if worker.process.poll() is None:
                return worker
            self._end(worker)  # killed while it had nothing to do
        worker = _Worker(self._seconds, self._memory_bytes)
        with self._lock:
            self._all.add(worker)
        return worker

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            if worker in self._all:
                self._idle.append(worker)

    def _end(self, worker: _Worker) -> None:
        worker.end()
        with self._lock:
            self._all.discard(worker)

    def _note(self, why: str, data: bytes) -> None:
        with self._lock:
            self.stopped[why] += 1
        logger.warning("Decoding a photo of %d bytes was stopped: %s", len(data), why)


class RecentPhotos:
    """Remembers for seconds what was read, so that date, preview and analysis of the same bytes cost one decoding.

    Bounded in bytes, found only by whoever has the photo itself, and dropped by a timer even when nobody asks again.
    """

    def __init__(self, decoder: Decoder, *, seconds: float = REMEMBERED_SECONDS, most_bytes: int = REMEMBERED_BYTES):
        self._decoder = decoder
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._read: OrderedDict[bytes, tuple[float, Photo | str]] = OrderedDict()
        """Content hash -> when it was last asked for, and the photo or the code of its refusal; longest ago first."""
        self._timer: threading.Timer | None = None

    def read_photo(self, data: bytes) -> Photo:
        """As Decoder.read_photo."""
        key = sha256(data).digest()
        with self._lock:
            _, result = self._read.get(key, (0.0, None))
        if result is None:
            try:
                result = self._decoder.read_photo(data)
            except UnreadablePhoto as refusal:
                # Remembered too, so that a file that takes too long does so once; not prolonged, so that it may be tried again.
                self._remember(key, refusal.code)
                raise
        if isinstance(result, str):
            raise UnreadablePhoto(result)
        self._remember(key, result)
        return result

    def forget(self) -> None:
        """Drop everything now."""
        with self._lock:
            self._read.clear()

    @property
    def remembered_bytes(self) -> int:
        """Memory that the pixels take at the moment."""
        with self._lock:
            return self._bytes()

    def _remember(self, key: bytes, result: Photo | str) -> None:
        with self._lock:
            self._read[key] = time.monotonic(), result
            self._read.move_to_end(key)
            while len(self._read) > 1 and (self._bytes() > self._most_bytes or len(self._read) > 50):
                self._read.popitem(last=False)
            self._wake_in(self._seconds)

    def _drop_old(self) -> None:
        with self._lock:
            self._timer = None
            now = time.monotonic()
            while self._read and next(iter(self._read.values()))[0] + self._seconds <= now:
                self._read.popitem(last=False)
            if self._read:
                self._wake_in(next(iter(self._read.values()))[0] + self._seconds - now)

    def _wake_in(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = threading.Timer(seconds, self._drop_old)
            self._timer.daemon = True
            self._timer.start()

    def _bytes(self) -> int:
        return sum(result.rgb.nbytes for _, result in self._read.values() if isinstance(result, Photo))


decoder = Decoder()
"""The workers of this process."""
recent = RecentPhotos(decoder)
read_photo = recent.read_photo
atexit.register(decoder.close)


class _Limits:
    """What is left for one photo."""

    def __init__(self, pid: int, seconds: float, wall_seconds: float):
        self._pid = pid
        self._seconds = seconds
        self._until = time.monotonic() + wall_seconds
        self._spent = 0.0
        self._before = 0.0
        self._before = self.spent()

    def spent(self) -> float:
        """Processor time in seconds since this began; of a process that has ended, what it was when last asked."""
        with suppress(OSError):
            # The clock of another process, see clock_getcpuclockid(3): Linux makes its number of the process's.
            self._spent = time.clock_gettime((~self._pid << 3) | 2) - self._before
        return self._spent

    def wait_seconds(self) -> float:
        """How long to wait for the worker before asking again. Raises TimeoutError, which says which time is over."""
        if self.spent() >= self._seconds:
            raise TimeoutError("processor time")
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("wall time")
        return min(left, _LOOK_SECONDS)


class _Worker:
    """One process and the server's end of the socket to it."""

    def __init__(self, seconds: float, memory_bytes: int):
        self.photos = 0
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "core.isolation", str(seconds), str(memory_bytes)]
            environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ} | _VARIABLES
            try:
                # A session of its own: Ctrl-C at the server's terminal is for the server.
                self.process = subprocess.Popen(
                    command, cwd=_ROOT, env=environment, stdin=theirs, stdout=subprocess.DEVNULL, start_new_session=True
                )
            except OSError as error:
                self._socket.close()
                raise WorkersUnavailable(f"No process to decode photos could be started: {error.strerror}.") from error
        try:
            self._receive(len(_READY), _Limits(self.process.pid, WALL_SECONDS, WALL_SECONDS))
        except (OSError, EOFError) as error:
            self.end()
            raise WorkersUnavailable("The process to decode photos did not start.") from error
        except BaseException:
            self.end()
            raise

    def read(self, data: bytes, limits: _Limits) -> Photo:
        """Raises UnreadablePhoto as the worker found.

        If it does not answer as agreed: TimeoutError, or another of OSError, EOFError, ValueError, KeyError and TypeError.
        """
        self.photos += 1
        self._send(struct.pack("!Q", len(data)), limits)
        self._send(data, limits)
        (size,) = struct.unpack("!I", self._receive(4, limits))
        if size > _LONGEST_ANSWER:
            raise EOFError
        answer = json.loads(self._receive(size, limits))
        if "refused" in answer:
            raise UnreadablePhoto(answer["refused"])
        height, width = int(answer["height"]), int(answer["width"])
        if answer["format"] not in FORMATS or min(height, width) < 1 or height * width > MOST_PIXELS:
            raise EOFError
        taken_on = date.fromisoformat(answer["taken_on"]) if answer["taken_on"] else None
        rgb = np.empty((height, width, 3), np.uint8)
        self._receive_into(memoryview(rgb).cast("B"), limits)
        rgb.flags.writeable = False
        return Photo(rgb, answer["format"], width, height, taken_on)

    def end(self) -> None:
        """Kill the process, whatever it does."""
        self._socket.close()
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):  # in the kernel's hands; it is reaped later
            self.process.wait(5)

    def ending(self) -> str:
        """How the process ended by itself, in words."""
        try:
            code = self.process.wait(1)
        except subprocess.TimeoutExpired:
            return "it did not answer as agreed"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit {code}"

    def _send(self, data: bytes, limits: _Limits) -> None:
        view = memoryview(data)
        while view:
            self._socket.settimeout(limits.wait_seconds())
            with suppress(TimeoutError):
                view = view[self._socket.send(view) :]

    def _receive(self, size: int, limits: _Limits) -> bytearray:
        buffer = bytearray(size)
        self._receive_into(buffer, limits)
        return buffer

    def _receive_into(self, buffer: bytearray | memoryview, limits: _Limits) -> None:
        view = memoryview(buffer)
        while view:
            self._socket.settimeout(limits.wait_seconds())
            try:
                count = self._socket.recv_into(view)
            except TimeoutError:
                continue
            if count == 0:
                raise EOFError
            view = view[count:]


# --- in the worker ---


def _work(connection: socket.socket, seconds: float, memory_bytes: int) -> None:
    """Answer photo after photo until the server hangs up or one needs more memory than there is."""
    _import_all()
    put_in_force = _filter()
    connection.sendall(_READY)
    # Decoders write to stderr what they think of a file; nobody reads it, and it may quote the file. The errors of starting did show.
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    _limit(memory_bytes)
    with suppress(confinement.Unavailable):  # a kernel without it; the limits stay
        put_in_force()
    with connection.makefile("rb") as requests, suppress(BrokenPipeError, ConnectionResetError):
        healthy = True
        while healthy and (header := requests.read(8)):
            data = requests.read(struct.unpack("!Q", header)[0])
            _limit_cpu(seconds)
            healthy = _answer(connection, data)


def _filter() -> Callable[[], None]:
    try:
        return confinement.filter_calls()
    except confinement.Unavailable as error:
        print(f"Processes that decode photos are limited and not confined: {error}", file=sys.stderr)
        return lambda: None


def _import_all() -> None:
    """What Pillow imports when it first needs it, while files can still be opened."""
    Image.init()
    for mode, format_ in (("CMYK", "JPEG"), ("LA", "PNG"), ("P", "BMP"), ("RGBA", "WEBP")):
        file = BytesIO()
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
        Image.new(mode, (1, 1)).save(file, format_, exif=exif, icc_profile=profile)
        decode(file.getvalue())


def _answer(connection: socket.socket, data: bytes) -> bool:
    """Send the photo or the code of its refusal; False if memory ran out, after which no library is to be trusted."""
    try:
        photo = decode(data)
    except (UnreadablePhoto, MemoryError) as error:
        code = error.code if isinstance(error, UnreadablePhoto) else "over_limits"
        _send_header(connection, {"refused": code})
        return code != "over_limits"
    taken_on = photo.taken_on.isoformat() if photo.taken_on else None
    _send_header(connection, {"format": photo.format, "width": photo.width, "height": photo.height, "taken_on": taken_on})
    connection.sendall(memoryview(photo.rgb).cast("B"))
    return True


def _send_header(connection: socket.socket, answer: dict) -> None:
    line = json.dumps(answer).encode()
    connection.sendall(struct.pack("!I", len(line)) + line)


def _limit(memory_bytes: int) -> None:
    with suppress(OSError):  # Linux only: elsewhere address space is not limited, processor time still is
        # If the machine runs out of memory all the same, this process goes before the server does.
        Path("/proc/self/oom_score_adj").write_text("1000")
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + memory_bytes)
    # From here on no file, no directory and no connection can be opened, not even in place of one that is closed: whoever takes a
    # decoder over reads nobody's photos.
    _lower(resource.RLIMIT_NOFILE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, most: int) -> None:
    """Set a limit for good; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def _limit_cpu(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    # The kernel counts whole seconds; one more, so that the server looks first.
    most = int(used.ru_utime + used.ru_stime + seconds) + 2
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    # As _Worker runs it: the socket in place of stdin.
    _work(socket.socket(fileno=0), seconds=float(sys.argv[1]), memory_bytes=int(sys.argv[2]))
