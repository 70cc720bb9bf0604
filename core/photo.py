"""Bytes in, an upright RGB photo out; and the two encodings in which photos and masks are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from core.codes import sentence

pillow_heif.register_heif_opener()

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "BMP")
MOST_PIXELS = 50_000_000

_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG", b"BM")
"""First bytes of the accepted formats; WebP and HEIF carry theirs behind a length."""


class UnreadablePhoto(ValueError):
    """The bytes are no photo that can be read; `code` says why and the message says what to do."""

    def __init__(self, code: str):
        super().__init__(sentence(code))
        self.code = code


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright photo: `rgb` is height x width x 3 uint8."""

    rgb: NDArray[np.uint8]
    format: str
    """What the content is: JPEG, PNG, WEBP, HEIF or BMP."""
    width: int
    height: int
    taken_on: date | None
    """The camera's own date, where it wrote one."""


def read_photo(source: bytes | Path) -> Photo:
    """Decode a photo whatever its file name says. Raises UnreadablePhoto."""
    data = _read(source)
    if not data:
        raise UnreadablePhoto("empty_file")
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise UnreadablePhoto("too_many_pixels")
            # Phones store several pictures in one JPEG (MPO); the first is the photo.
            format_ = "JPEG" if picture.format == "MPO" else picture.format
            taken_on = _taken_on(picture)
            rgb = _to_rgb(_upright(picture))
    except UnreadablePhoto:
        raise
    except Image.DecompressionBombError:
        raise UnreadablePhoto("too_many_pixels") from None
    except UnidentifiedImageError:
        raise UnreadablePhoto("damaged_file" if _looks_like_a_photo(data) else "not_a_photo") from None
    except Exception as error:  # Decoders raise many types on damaged files; none of them says anything to a person.
        raise UnreadablePhoto("damaged_file") from error
    return Photo(rgb, format_, rgb.shape[1], rgb.shape[0], taken_on)


def encode_jpeg(rgb: NDArray[np.uint8], quality: int = 95) -> bytes:
    """Encode H x W x 3 RGB as a JPEG that holds the pixels and nothing else: no place, no date, no camera."""
    return _encode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])


def encode_mask_png(mask: NDArray[np.bool_]) -> bytes:
    """Encode an H x W bool mask as a black (0) and white (255) PNG."""
    return _encode(".png", mask.astype(np.uint8) * 255, [])


def decode_mask_png(data: bytes) -> NDArray[np.bool_]:
    """Decode what `encode_mask_png` wrote. Raises UnreadablePhoto."""
    mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if mask is None:
        raise UnreadablePhoto("damaged_file" if data else "empty_file")
    return mask > 127


def _encode(extension: str, pixels: np.ndarray, settings: list[int]) -> bytes:
    done, data = cv2.imencode(extension, np.ascontiguousarray(pixels), settings)
    if not done:
        raise ValueError(f"A picture of shape {pixels.shape} cannot be encoded as {extension}.")
    return data.tobytes()


def _read(source: bytes | Path) -> bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise UnreadablePhoto("cannot_open") from error


def _looks_like_a_photo(data: bytes) -> bool:
    return data.startswith(_BEGINNINGS) or data[8:12] == b"WEBP" or data[4:8] == b"ftyp"


def _taken_on(picture: Image.Image) -> date | None:
    try:
        written = picture.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
        return date(*map(int, str(written)[:10].split(":")))
    except Exception:  # Cameras and editors write all kinds of EXIF; a photo without a date is still a photo.
        return None


def _upright(picture: Image.Image) -> Image.Image:
    picture.load()
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # Damaged EXIF: the pixels are sound, so show them as they are.
        return picture


def _to_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode.startswith("I") or picture.mode == "F":
        # 16-bit grey, which Pillow would clip rather than scale.
        grey = np.asarray(picture).astype(np.float64)
        return np.repeat(np.clip(grey / 257, 0, 255).round().astype(np.uint8)[:, :, None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.array(picture.convert("RGB"))
