"""Damaged photos by the thousand: `python -m benchmarks.fuzz_uploads [--count 10000] [--seed 1]`.

Small valid files of every format, accepted and refused, are mutated (bits flipped, cut, spliced with one another, numbers in headers and
chunk lengths replaced, checksums put right again so that the damage is found deeper) and given to the decoder of uploads by two threads.
Printed: how many were read and refused, by code; how workers ended and were replaced; the slowest file, in wall time and in processor
time, which other load does not change; peak memory of server and worker. Exit 1 if anything but a photo or a refusal came out, a file
took longer than a hang may, or memory went over its bound.
"""

from __future__ import annotations

import argparse
import struct
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageCms

from benchmarks.upload_bombs import encoded, flat_png, peak_mb, run_length_bmp, took_too_long, watch_memory
from core.isolation import MEMORY_BYTES, SECONDS, Decoder
from core.photo import MOST_PIXELS, UnreadablePhoto

MOST_WORKER_MB = 400 + MEMORY_BYTES / 1024**2
"""What a worker has when it starts, and its limit."""
MOST_SERVER_GROWTH_MB = 2 * 3 * MOST_PIXELS / 1024**2 + 50
"""Two photos of the largest size, which damaged headers may well claim."""
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
_SIZED = (b"IHDR", b"IDAT", b"iCCP", b"eXIf", b"fdAT", b"VP8 ", b"VP8X", b"ANMF", b"ispe", b"iloc", b"hvcC", b"\xff\xc0", b"\xff\xda")
"""What in the formats has its length before or its numbers behind it."""


def samples() -> list[bytes]:
    """Small valid files: every accepted format in its variants, and some that are refused."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :64]
    skin = np.stack([225 - y, 180 - x, 160 - y], axis=2).astype(np.uint8)
    cv2.circle(skin, (32, 24), 12, (90, 55, 40), -1)
    picture = Image.fromarray(cv2.add(skin, rng.integers(0, 12, skin.shape, np.uint8)))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:03:12 21:04:59"
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes())
    profile[24:36] = bytes(12)  # the moment of its making, which would make every run another one
    profile = bytes(profile)
    frames = {"save_all": True, "append_images": [picture.rotate(90), picture.rotate(180)]}
    alpha = picture.convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(picture.size))
    levels = np.asarray(picture, np.uint16) * 257
    return [
        encoded(picture, "JPEG", exif=exif, icc_profile=profile),
        encoded(picture, "JPEG", progressive=True, comment=b"mole"),
        encoded(picture.convert("CMYK"), "JPEG"),
        encoded(picture.convert("L"), "JPEG", restart_marker_blocks=2),
        encoded(picture, "MPO", **frames),
        encoded(picture, "PNG", exif=exif, icc_profile=profile),
        encoded(picture.convert("P"), "PNG", transparency=3),
        encoded(picture.convert("1"), "PNG"),
        encoded(alpha, "PNG"),
        encoded(picture, "PNG", **frames),
        cv2.imencode(".png", levels)[1].tobytes(),
        cv2.imencode(".png", levels[:, :, 0])[1].tobytes(),
        flat_png(64, 48, depth=16, colour=6),
        encoded(picture, "WEBP", exif=exif, icc_profile=profile),
        encoded(picture, "WEBP"),
        encoded(alpha, "WEBP", lossless=True),
        encoded(picture, "WEBP", **frames),
        encoded(picture, "HEIF", exif=exif, icc_profile=profile),
        encoded(alpha, "HEIF"),
        encoded(picture, "HEIF", **frames),
        encoded(picture, "BMP"),
        encoded(picture.convert("P"), "BMP"),
        encoded(picture.convert("1"), "BMP"),
        run_length_bmp(64, 48),
        encoded(picture, "GIF"),
        encoded(picture, "TIFF"),
    ]


# --- mutations: each returns the damaged bytes ---


def flip_bits(rng: np.random.Generator, data: bytes, _others: list[bytes]) -> bytes:
    changed = bytearray(data)
    for at in rng.integers(0, len(data), rng.integers(1, 20)):
        changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def cut(rng: np.random.Generator, data: bytes, _others: list[bytes]) -> bytes:
    return data[: int(rng.integers(0, len(data)))]


def take_out(rng: np.random.Generator, data: bytes, _others: list[bytes]) -> bytes:
    first, last = sorted(int(at) for at in rng.integers(0, len(data), 2))
    return data[:first] + data[last:]


def repeat(rng: np.random.Generator, data: bytes, _others: list[bytes]) -> bytes:
    first, last = sorted(int(at) for at in rng.integers(0, len(data), 2))
    return data[:last] + data[first:last] * int(rng.integers(1, 50)) + data[last:]


def splice(rng: np.random.Generator, data: bytes, others: list[bytes]) -> bytes:
    other = others[int(rng.integers(len(others)))]
    return data[: int(rng.integers(len(data)))] + other[int(rng.integers(len(other))) :]


def replace_header_number(rng: np.random.Generator, data: bytes, _others: list[bytes]) -> bytes:
    return _with_number(rng, data, int(rng.integers(0, min(len(data) - 4, 120))))


def replace_any_number(rng: np.random.Generator, data: bytes, _others: list[bytes]) -> bytes:
    return _with_number(rng, data, int(rng.integers(0, len(data) - 4)))


def replace_size(rng: np.random.Generator, data: bytes, _others: list[bytes]) -> bytes:
    """A chunk, box or segment of another length, or a picture of another size."""
    places = [at + shift for name in _SIZED if (at := data.find(name)) >= 0 for shift in (-4, 2, 4, 5, 8)]
    places = [at for at in places if 0 <= at <= len(data) - 4]
    return _with_number(rng, data, places[int(rng.integers(len(places)))] if places else 0)


def _with_number(rng: np.random.Generator, data: bytes, at: int) -> bytes:
    width = int(rng.choice((1, 2, 4)))
    interesting = int(rng.integers(3))
    value = int(rng.choice(_INTERESTING)) if interesting == 0 else int(rng.integers(1 << 8 * width))
    if interesting == 1:  # a little off, which survives most checks
        value = int.from_bytes(data[at : at + width], "big") + int(rng.integers(-8, 9))
    return data[:at] + (value % (1 << 8 * width)).to_bytes(width, "big" if rng.integers(2) else "little") + data[at + width :]


MUTATIONS = (flip_bits, flip_bits, cut, take_out, repeat, splice, replace_header_number, replace_any_number, replace_size, replace_size)


def mutated(count: int, seed: int) -> Iterator[bytes]:
    """So many damaged files, the same for the same seed."""
    originals = samples()
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        data = originals[index % len(originals)]
        for _ in range(int(rng.integers(1, 4))):
            if len(data) > 8:
                data = MUTATIONS[int(rng.integers(len(MUTATIONS)))](rng, data, originals)
        yield _checksums_right(data) if rng.integers(2) else data


def _checksums_right(data: bytes) -> bytes:
    """Put the checksums of a PNG right as far as its chunks hold together; other files as they are."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    changed, at = bytearray(data), 8
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if at + 12 + size > len(data):
            break
        struct.pack_into(">I", changed, at + 8 + size, zlib.crc32(data[at + 4 : at + 8 + size]))
        at += 12 + size
    return bytes(changed)


@dataclass
class Figures:
    """What came of the files of a run."""

    outcomes: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    """Workers that were given up, by reason."""
    failures: list[str] = field(default_factory=list)
    """What no file may cause."""
    slowest_seconds: float = 0.0
    """Wall time, waiting for a worker included."""
    longest_seconds: float = 0.0
    """The most processor time that a file took."""
    slowest: int = -1
    """Index of the slowest file."""
    server_mb: float = 0.0
    server_growth_mb: float = 0.0
    worker_mb: float = 0.0
    seconds: float = 0.0


def fuzz(count: int, seed: int, decoder: Decoder, *, threads: int = 2, progress: bool = False) -> Figures:
    """Decode `count` mutated files, an untouched one after every 100, and say what came of them."""
    figures = Figures()
    lock = threading.Lock()
    files = enumerate(mutated(count, seed))
    ordinary = samples()[1]

    def next_file() -> tuple[int, bytes] | None:
        with lock:
            return next(files, None)

    def work() -> None:
        while (file := next_file()) is not None:
            index, data = file
            begun = time.perf_counter()
            said = _outcome(decoder, data)
            seconds = time.perf_counter() - begun
            sound = index % 100 or _outcome(decoder, ordinary) == "read"
            with lock:
                figures.outcomes[said] += 1
                if seconds > figures.slowest_seconds:
                    figures.slowest_seconds, figures.slowest = seconds, index
                if said.startswith("failed") or not sound:
                    figures.failures.append(f"file {index}: {said}{'' if sound else '; the untouched file after it was not read'}")
                if progress and figures.outcomes.total() % 1000 == 0:
                    print(f"{figures.outcomes.total()} of {count}", file=sys.stderr, flush=True)

    begun = time.perf_counter()
    decoder.start()
    before = peak_mb()
    with watch_memory(decoder) as peaks, ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(work) for _ in range(threads)]:
            future.result()
    figures.seconds = time.perf_counter() - begun
    figures.stopped = Counter(decoder.stopped)
    figures.server_mb, figures.worker_mb = peaks["server"], peaks["worker"]
    figures.server_growth_mb = max(0.0, peaks["server"] - before)
    figures.longest_seconds = decoder.longest_seconds
    if took_too_long(decoder, figures.slowest_seconds):
        figures.failures.append(f"a file took {figures.longest_seconds:.1f} s, or file {figures.slowest} {figures.slowest_seconds:.1f} s")
    if figures.worker_mb > MOST_WORKER_MB or figures.server_growth_mb > MOST_SERVER_GROWTH_MB:
        figures.failures.append("memory went over its bound")
    return figures


def _outcome(decoder: Decoder, data: bytes) -> str:
    try:
        decoder.read_photo(data)
    except UnreadablePhoto as refusal:
        return f"refused: {refusal.code}"
    except Exception as error:
        return f"failed: {error!r}"
    return "read"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_uploads")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    decoder = Decoder(2)
    figures = fuzz(options.count, options.seed, decoder, progress=True)
    decoder.close()
    print(f"{options.count} mutations of {len(samples())} files, seed {options.seed}, in {figures.seconds:.0f} s")
    for said, number in figures.outcomes.most_common():
        print(f"  {number:6} {said}")
    print(f"workers given up and replaced: {dict(figures.stopped) or 'none'}")
    print(f"most processor time of a file: {figures.longest_seconds:.2f} s (limit {SECONDS:.0f} s)")
    print(f"slowest: file {figures.slowest}, {figures.slowest_seconds:.2f} s of wall time, waiting for a worker included")
    growth = f"{figures.server_growth_mb:.0f} MB more than before"
    print(f"peak memory: server {figures.server_mb:.0f} MB ({growth}), worker {figures.worker_mb:.0f} MB")
    print("\n".join(figures.failures) or "no crash of the server, no hang, memory bounded")
    return 1 if figures.failures else 0


if __name__ == "__main__":
    sys.exit(main())
