"""Files that are small to send and large, long or deep to open: `python -m benchmarks.upload_bombs`.

Each is given to a fresh decoder as a page would. Printed: size as sent, outcome (read, or the code of the refusal), the worker's
processor time, wall time, and the largest memory that the worker and the server had meanwhile (VmHWM of Linux). Exit 1 if one took
longer than a hang may, or if the server does not read an ordinary photo afterwards. Other load changes the wall time alone.
"""

from __future__ import annotations

import contextlib
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from core.isolation import SECONDS, WALL_SECONDS, Decoder
from core.photo import UnreadablePhoto

MOST_SENT = 15 * 1024 * 1024
"""What services.photos lets in."""
SIDE = 7071
"""A square of just under 50 megapixels."""
GRACE_SECONDS = 1.0
"""Until the server looks, and for killing the worker."""


def encoded(picture: Image.Image, format_: str, **settings) -> bytes:
    file = BytesIO()
    picture.save(file, format_, **settings)
    return file.getvalue()


def deflated(size: int) -> bytes:
    """So many zero bytes, as zlib packs them."""
    packer, block = zlib.compressobj(9), bytes(1 << 20)
    return b"".join(packer.compress(block[: min(len(block), size - at)]) for at in range(0, size, len(block))) + packer.flush()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks, with their lengths and checksums in order."""
    parts = [struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def flat_png(
    width: int, height: int, *, depth: int = 8, colour: int = 2, extra: tuple[tuple[bytes, bytes], ...] = (), size: int = 0
) -> bytes:
    """A black PNG; colour 0 is grey, 2 RGB, 6 RGBA. `size` is how much pixel data there is, where not what the header says."""
    bits = depth * {0: 1, 2: 3, 6: 4}[colour]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = deflated(size or height * (1 + (width * bits + 7) // 8))
    return png((b"IHDR", header), *extra, (b"IDAT", pixels), (b"IEND", b""))


def endless_scans(side: int = SIDE, size: int = MOST_SENT) -> bytes:
    """A progressive JPEG whose last scan, a few bytes that go over the whole picture, comes again until the file is full."""
    data = encoded(Image.new("RGB", (side, side), "tan"), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    scan = data[last:-2]
    return data[:-2] + scan * ((size - len(data)) // len(scan)) + data[-2:]


def segmented_jpeg(marker: int, start: bytes, size: int) -> bytes:
    """A small JPEG behind as many application segments of zeros."""
    data = encoded(Image.new("RGB", (64, 64), "tan"), "JPEG")
    total = size // 65_000
    segments = []
    for number in range(total):
        content = start + (struct.pack("BB", number % 255 + 1, min(total, 255)) if start.startswith(b"ICC") else b"") + bytes(64_900)
        segments.append(struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content)
    return data[:2] + b"".join(segments) + data[2:]


def looping_exif() -> bytes:
    """An eXIf chunk of directories that each hold thousands of entries, and point to one another for ever."""
    entry = struct.pack(">HHII", 0x8769, 4, 1, 8)
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">H", 60_000) + entry * 60_000 + struct.pack(">I", 8)
    return flat_png(64, 64, extra=((b"eXIf", tiff + bytes(MOST_SENT - 2 * len(tiff))),))


def webp_of_canvas(width: int, height: int) -> bytes:
    """An animated WebP whose header claims this canvas."""
    picture = encoded(Image.new("RGB", (64, 64), "tan"), "WEBP", save_all=True, append_images=[Image.new("RGB", (64, 64))])
    at = picture.index(b"VP8X") + 12
    return picture[:at] + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + picture[at + 6 :]


def heic_of_size(width: int, height: int) -> bytes:
    """A HEIC that claims this size, whatever it holds."""
    data = encoded(Image.new("RGB", (64, 64), "tan"), "HEIF")
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def jpeg_of_size(width: int, height: int) -> bytes:
    data = encoded(Image.new("RGB", (64, 64), "tan"), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def run_length_bmp(width: int, height: int) -> bytes:
    """A BMP of runs of 255 equal pixels."""
    line = (b"\xff\x01" * (width // 255) + bytes([width % 255, 1]) if width % 255 else b"\xff\x01" * (width // 255)) + b"\0\0"
    pixels = line * height + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pixels), 2835, 2835, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(pixels), 0, 0, 54 + 1024) + head + bytes(1024) + pixels


def gif_of_size(width: int, height: int) -> bytes:
    data = encoded(Image.new("P", (64, 64)), "GIF")
    return data[:6] + struct.pack("<HH", width, height) + data[10:]


def tiff_of_size(width: int, height: int) -> bytes:
    """A TIFF packed with deflate (compression 8)."""
    entries = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 8), (262, 3, 1), (273, 4, 200), (277, 3, 1), (278, 4, height)]
    packed = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return (b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + bytes(4)).ljust(200, b"\0") + deflated(500_000)


BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(9))
    + b']><svg xmlns="http://www.w3.org/2000/svg"><text>&j;</text></svg>'
)

BOMBS: dict[str, Callable[[], bytes]] = {
    "PNG, 50 MP of one colour": lambda: flat_png(SIDE, SIDE),
    "PNG, 50 MP, 16 bits, RGBA": lambda: flat_png(SIDE, SIDE, depth=16, colour=6),
    "PNG, 50 MP and a line": lambda: flat_png(SIDE, SIDE + 1, depth=1, colour=0),
    "PNG, 3,600 MP": lambda: flat_png(60_000, 60_000, depth=1, colour=0, size=10_000),
    "PNG, a strip of 2,000,000 x 1": lambda: flat_png(2_000_000, 1, depth=1, colour=0),
    "PNG, 1 GB of pixels behind a small header": lambda: flat_png(64, 64, size=1 << 30),
    "PNG, 1 GB of packed text": lambda: flat_png(64, 64, extra=((b"zTXt", b"Comment\0\0" + deflated(1 << 30)),)),
    "PNG, 1 GB of packed colour profile": lambda: flat_png(64, 64, extra=((b"iCCP", b"P\0\0" + deflated(1 << 30)),)),
    "PNG, camera data in circles": looping_exif,
    "GIF, 4,295 MP": lambda: gif_of_size(65_535, 65_535),
    "TIFF, 4,295 MP": lambda: tiff_of_size(65_535, 65_535),
    "SVG, a billion laughs": lambda: BILLION_LAUGHS,
    "WebP, 50 MP of one colour": lambda: encoded(Image.new("RGB", (SIDE, SIDE), "tan"), "WEBP", lossless=True, method=0, quality=0),
    "WebP, 50 MP canvas of small frames": lambda: webp_of_canvas(SIDE, SIDE),
    "WebP, 268 MP canvas": lambda: webp_of_canvas(16_384, 16_384),
    "JPEG, 50 MP of one colour": lambda: encoded(Image.new("RGB", (SIDE, SIDE), "tan"), "JPEG"),
    "JPEG, 50 MP claimed of 64 x 64": lambda: jpeg_of_size(SIDE, SIDE),
    "JPEG, 4,295 MP": lambda: jpeg_of_size(65_535, 65_535),
    "JPEG, 50 MP, 15 MB of empty scans": endless_scans,
    "JPEG, 14 MB of colour profile": lambda: segmented_jpeg(0xE2, b"ICC_PROFILE\0", 14_000_000),
    "JPEG, 14 MB of camera data": lambda: segmented_jpeg(0xE1, b"Exif\0\0", 14_000_000),
    "BMP, 50 MP of runs": lambda: run_length_bmp(SIDE, SIDE),
    "BMP, 4,295 MP": lambda: b"BM" + struct.pack("<IHHIIiiHHIIiiII", 58, 0, 0, 54, 40, 65_535, 65_535, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(4),
    # Last, because the encoder keeps memory that would then be counted as the server's.
    "HEIC, 50 MP of one colour": lambda: encoded(Image.new("RGB", (7068, 7068), "tan"), "HEIF", quality=10),
    "HEIC, 4,295 MP": lambda: heic_of_size(65_535, 65_535),
    "HEIC, 50 MP claimed of 64 x 64": lambda: heic_of_size(SIDE, SIDE),
}


def peak_mb(pid: int | str = "self") -> float:
    """The largest memory that a process has had, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


@contextlib.contextmanager
def watch_memory(decoder: Decoder) -> Iterator[dict[str, float]]:
    """Yields a dict that holds, at the end, the peaks of the server and of the largest worker in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    peaks = {"server": 0.0, "worker": 0.0}
    over = threading.Event()

    def look() -> None:
        for pid in decoder.pids:
            with contextlib.suppress(OSError):  # ended meanwhile
                peaks["worker"] = max(peaks["worker"], peak_mb(pid))

    def keep_looking() -> None:
        while not over.wait(0.005):
            look()

    watcher = threading.Thread(target=keep_looking)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()
        look()
        peaks["server"] = peak_mb()


def outcome(decoder: Decoder, data: bytes) -> str:
    try:
        photo = decoder.read_photo(data)
    except UnreadablePhoto as refusal:
        return f"refused: {refusal.code}"
    return f"read, {photo.width} x {photo.height}"


def took_too_long(decoder: Decoder, wall_seconds: float) -> bool:
    """Whether a photo took more processor time than the limit, or more wall time than its net."""
    return decoder.longest_seconds > SECONDS + GRACE_SECONDS or wall_seconds > WALL_SECONDS + GRACE_SECONDS


def main() -> int:
    ordinary = encoded(Image.fromarray(np.full((60, 80, 3), 170, np.uint8)), "JPEG")
    failed = []
    print("| bomb | sent | outcome | processor | wall | worker's peak | server's peak |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, make in BOMBS.items():
        data = make()
        decoder = Decoder(1)
        decoder.start()
        with watch_memory(decoder) as peaks:
            begun = time.perf_counter()
            said = outcome(decoder, data)
            wall = time.perf_counter() - begun
        spent = decoder.longest_seconds
        why = f" ({', '.join(decoder.stopped)})" if decoder.stopped else ""
        sent = f"{len(data) / 1024:,.0f} kB"
        took = f"{spent:.2f} s | {wall:.2f} s"
        print(f"| {name} | {sent} | {said}{why} | {took} | {peaks['worker']:.0f} MB | {peaks['server']:.0f} MB |", flush=True)
        if took_too_long(decoder, wall) or outcome(decoder, ordinary) != "read, 80 x 60":
            failed.append(name)
        decoder.close()
    print(f"{len(BOMBS)} bombs, {len(failed)} failed{': ' + ', '.join(failed) if failed else ''}; after each an ordinary photo was read.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
