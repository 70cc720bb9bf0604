"""Bytes in, an upright RGB photo out; and the two encodings in which photos and masks are kept.

What a person sent is decoded by `core.isolation`, which calls `read_photo` in a process that may die.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps

from core.codes import sentence

# The photo itself is all that is wanted of a container; what is not read cannot do harm.
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "BMP")
MOST_PIXELS = 50_000_000
MOST_ELONGATED = 80
"""A longer strip is no photo. With MOST_PIXELS this keeps each side below the 65,500 px that a JPEG can hold."""

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
"""Major brands of HEIF pictures (ISO/IEC 23008-12); films and AVIF share the container."""

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_ROWS_AT_ONCE = 256


class UnreadablePhoto(ValueError):
    """The bytes are no photo that can be read; `code` says why and the message says what to do."""

    def __init__(self, code: str):
        super().__init__(sentence(code))
        self.code = code


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright photo: `rgb` is height x width x 3 uint8, sRGB where the file says in which colours it is."""

    rgb: NDArray[np.uint8]
    format: str
    """What the content is: JPEG, PNG, WEBP, HEIF or BMP."""
    width: int
    height: int
    taken_on: date | None
    """The camera's own date, where it wrote one."""


def read_photo(source: bytes | Path) -> Photo:
    """Decode a photo whatever its file name says; of several pictures in the file the first. Raises UnreadablePhoto."""
    data = _read(source)
    if not data:
        raise UnreadablePhoto("empty_file")
    format_ = _format(data)
    if format_ is None:
        raise UnreadablePhoto("not_a_photo")
    try:
        if format_ == "WEBP":
            # Pillow makes room for the whole canvas before it says how large that is.
            _check_size(*_webp_size(data))
        with Image.open(BytesIO(data), formats=[format_]) as picture:
            _check_size(*picture.size)
            taken_on = _taken_on(picture)
            rgb = _pixels(_to_srgb(_upright(picture)))
    except UnreadablePhoto:
        raise
    except Image.DecompressionBombError:
        raise UnreadablePhoto("too_many_pixels") from None
    except MemoryError:
        raise UnreadablePhoto("over_limits") from None
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
    return _grey_png(data) > 127


def encode_heat_map_png(heat_map: NDArray[np.float32]) -> bytes:
    """Encode an h x w heat map, 0 to 1, as an 8-bit grey PNG."""
    return _encode(".png", np.clip(np.rint(heat_map * 255), 0, 255).astype(np.uint8), [])


def decode_heat_map_png(data: bytes) -> NDArray[np.float32]:
    """Decode what `encode_heat_map_png` wrote. Raises UnreadablePhoto."""
    return _grey_png(data).astype(np.float32) / 255


def _grey_png(data: bytes) -> NDArray[np.uint8]:
    grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if grey is None:
        raise UnreadablePhoto("damaged_file" if data else "empty_file")
    return grey


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


def _format(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return "HEIF"
    return "BMP" if data.startswith(b"BM") else None


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height of the canvas from the first chunk (RFC 9649). Raises struct.error, ValueError."""
    if data[12:16] == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if data[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("The first chunk of this WebP file is none that holds a picture.")


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise UnreadablePhoto("too_many_pixels")
    if max(width, height) > MOST_ELONGATED * min(width, height):
        raise UnreadablePhoto("too_small")


def _taken_on(picture: Image.Image) -> date | None:
    try:
        written = picture.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
        return date(*map(int, str(written)[:10].split(":")))
    except Exception:  # Cameras and editors write all kinds of EXIF; a photo without a date is still a photo.
        return None


def _upright(picture: Image.Image) -> Image.Image:
    picture.load()
    try:
        ImageOps.exif_transpose(picture, in_place=True)
    except MemoryError:
        raise
    except Exception:  # Damaged EXIF: the pixels are sound, so show them as they are.
        pass
    return picture


def _to_srgb(picture: Image.Image) -> Image.Image:
    """Return the picture as 8-bit sRGB on white, converted from its own colour profile where that can be read."""
    profile = picture.info.get("icc_profile", b"")
    if picture.mode.startswith("I"):
        # 16-bit grey, which Pillow would clip rather than scale.
        picture = Image.fromarray(cv2.convertScaleAbs(np.asarray(picture).astype(np.uint16), alpha=1 / 257))
    elif picture.has_transparency_data:
        picture = _on_white(picture)
    if picture.mode not in ("RGB", "L", "CMYK"):
        picture = picture.convert("RGB")
    return _from_profile(picture, profile) if profile else picture


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        picture = picture.convert("RGBA")
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def _from_profile(picture: Image.Image, profile: bytes) -> Image.Image:
    """Phones write Display P3, cameras Adobe RGB: colours are measured, so they must mean the same in every photo."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return picture
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        in_place = picture.mode == "RGB"
        converted = ImageCms.profileToProfile(picture, source, _SRGB, intent, "RGB", in_place, ImageCms.Flags.BLACKPOINTCOMPENSATION)
        return picture if in_place else converted
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture  # A damaged profile, or one of other colours than the picture's.


def _pixels(picture: Image.Image) -> NDArray[np.uint8]:
    """Return height x width x 3, copied in strips: at 50 megapixels each whole copy in between would take 200 MB."""
    rgb = np.empty((picture.height, picture.width, 3), np.uint8)
    for top in range(0, picture.height, _ROWS_AT_ONCE):
        bottom = min(top + _ROWS_AT_ONCE, picture.height)
        rgb[top:bottom] = np.asarray(picture.crop((0, top, picture.width, bottom)).convert("RGB"))
    return rgb
