"""Whatever bytes come in: an upright 8-bit RGB photo, or a sentence that says what to do."""

import struct
from datetime import date
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from benchmarks.upload_bombs import webp_of_canvas
from core.codes import sentence
from core.photo import (
    FORMATS,
    UnreadablePhoto,
    _webp_size,
    decode_mask_png,
    encode_jpeg,
    encode_mask_png,
    read_photo,
)

RED, WHITE = (255, 0, 0), (255, 255, 255)


def encoded(picture: Image.Image, format_: str = "PNG", **settings) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, format_, **settings)
    return buffer.getvalue()


def left_half_red(mode: str = "RGB") -> Image.Image:
    picture = Image.new("RGB", (40, 20), (0, 0, 255))
    picture.paste(RED, (0, 0, 20, 20))
    return picture.convert(mode)


def close(pixel, colour, tolerance=12) -> bool:
    return bool(np.abs(np.array(pixel, int) - colour).max() <= tolerance)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_accepted_format_is_told_by_its_content(format_, tmp_path):
    path = tmp_path / "photo.jpg"  # whatever its name says
    path.write_bytes(encoded(left_half_red(), format_))
    photo = read_photo(path)
    assert photo.format == format_
    assert (photo.width, photo.height) == (40, 20)
    assert photo.rgb.shape == (20, 40, 3) and photo.rgb.dtype == np.uint8
    assert close(photo.rgb[10, 5], RED, 20)


TURNED = {
    1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
}  # fmt: skip
"""EXIF orientation -> how the camera's picture lies compared with the scene."""


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("orientation", TURNED)
def test_a_photo_comes_upright_however_the_camera_was_held(format_, orientation):
    scene = left_half_red()
    scene.paste((0, 255, 0), (0, 10, 20, 20))
    lying = scene if TURNED[orientation] is None else scene.transpose(TURNED[orientation])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    photo = read_photo(encoded(lying, format_, exif=exif.tobytes()))  # from bytes HEIF makes the turn of its container, as phones do
    assert (photo.width, photo.height) == (40, 20)
    for y, x, colour in ((4, 5, RED), (15, 5, (0, 255, 0)), (4, 30, (0, 0, 255)), (15, 30, (0, 0, 255))):
        assert close(photo.rgb[y, x], colour, 25)


def test_the_cameras_date_is_read_and_nonsense_is_no_date():
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:03:12 21:04:59"
    assert read_photo(encoded(left_half_red(), "JPEG", exif=exif)).taken_on == date(2024, 3, 12)
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "0000:00:00 00:00:00"
    assert read_photo(encoded(left_half_red(), "JPEG", exif=exif)).taken_on is None
    assert read_photo(encoded(left_half_red(), "JPEG")).taken_on is None


def test_transparent_parts_are_shown_on_white():
    picture = left_half_red("RGBA")
    picture.putalpha(Image.new("L", picture.size, 0))
    assert close(read_photo(encoded(picture)).rgb[10, 5], WHITE)


def test_palette_with_a_transparent_colour_and_grey_with_alpha():
    palette = left_half_red("P")
    assert close(read_photo(encoded(palette, transparency=palette.getpixel((5, 5)))).rgb[10, 5], WHITE)
    assert close(read_photo(encoded(Image.new("LA", (8, 8), (0, 0)))).rgb[4, 4], WHITE)


def test_half_transparent_parts_are_mixed_with_white():
    picture = left_half_red("RGBA")
    picture.putalpha(Image.new("L", picture.size, 128))
    for format_ in ("PNG", "WEBP"):
        assert close(read_photo(encoded(picture, format_)).rgb[10, 5], (255, 127, 127), 4)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_a_channel_become_8_by_scaling(channels):
    levels = np.linspace(0, 65535, 256).round().astype(np.uint16)
    picture = np.repeat(np.tile(levels, (4, 1))[:, :, None], channels, axis=2)
    if channels == 4:
        picture[:, :, 3] = 65535
    rgb = read_photo(cv2.imencode(".png", picture)[1].tobytes()).rgb
    assert np.abs(rgb.astype(int) - np.arange(256)[None, :, None]).max() <= 1
    assert (rgb[0, 0].max(), rgb[0, -1].min()) == (0, 255)


def test_cmyk_and_grey_photos_become_rgb():
    assert close(read_photo(encoded(left_half_red("CMYK"), "JPEG", quality=95)).rgb[10, 5], RED, 20)
    assert read_photo(encoded(left_half_red("L"), "JPEG")).rgb.shape == (20, 40, 3)


def test_of_several_pictures_the_first_is_the_photo():
    """A phone's JPEG with a second picture behind the first (MPO), animations, bursts."""
    blue = Image.new("RGB", (40, 20), "blue")
    for format_ in ("MPO", "PNG", "WEBP", "HEIF"):
        photo = read_photo(encoded(left_half_red(), format_, save_all=True, append_images=[blue, blue]))
        assert photo.format == format_.replace("MPO", "JPEG")
        assert close(photo.rgb[10, 5], RED, 20)


def test_one_pixel_is_a_photo_that_the_gate_then_finds_too_small():
    for format_ in FORMATS:
        assert read_photo(encoded(Image.new("RGB", (1, 1), "red"), format_)).rgb.shape == (1, 1, 3)


# --- colours ---

SRGB_D50 = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
P3_D50 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
"""Red, green and blue (columns) as XYZ, adapted to D50 as ICC profiles have them."""


def display_p3() -> bytes:
    """The sRGB profile with the primaries of Display P3; both have the same tone curve."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for number in range(struct.unpack_from(">I", profile, 128)[0]):
        tag, at, _size = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if tag in (b"rXYZ", b"gXYZ", b"bXYZ"):
            column = P3_D50[:, (b"rXYZ", b"gXYZ", b"bXYZ").index(tag)]
            struct.pack_into(">iii", profile, at + 8, *(round(value * 65536) for value in column))
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "P3  ".encode("utf-16-be"))


def srgb_of_p3(colour) -> np.ndarray:
    """The definition, without ICC: IEC 61966-2-1 tone curve and two matrices."""
    share = np.array(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.linalg.solve(SRGB_D50, P3_D50 @ linear), 0, 1)
    return 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("colour", [(200, 150, 130), (90, 55, 40), (255, 255, 255), (60, 90, 200)])
def test_colours_of_a_phones_display_p3_become_srgb(format_, colour):
    expected = srgb_of_p3(colour)
    settings = {"lossless": True} if format_ == "WEBP" else {"quality": 95} if format_ != "PNG" else {}
    photo = read_photo(encoded(Image.new("RGB", (32, 32), colour), format_, icc_profile=display_p3(), **settings))
    assert close(photo.rgb[16, 16], expected, 3 if format_ in ("JPEG", "HEIF") else 1)


def test_srgb_stays_as_it_is_and_a_damaged_profile_is_as_none():
    picture = left_half_red()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, srgb[:200], b"nonsense", display_p3()[:300]):
        assert np.array_equal(read_photo(encoded(picture, icc_profile=profile)).rgb, np.asarray(picture))


def test_a_profile_of_other_colours_than_the_pictures_is_left_aside():
    assert close(read_photo(encoded(left_half_red("CMYK"), "JPEG", quality=95, icc_profile=display_p3())).rgb[10, 5], RED, 20)
    assert close(read_photo(encoded(Image.new("L", (8, 8), 128), "PNG", icc_profile=display_p3())).rgb[4, 4], (128, 128, 128), 1)


def test_a_palette_has_its_colours_converted_too():
    picture = Image.new("RGB", (8, 8), (200, 150, 130)).convert("P", palette=Image.Palette.ADAPTIVE)
    assert close(read_photo(encoded(picture, icc_profile=display_p3())).rgb[4, 4], srgb_of_p3((200, 150, 130)), 2)


# --- what is refused ---


def code_of(data) -> str:
    with pytest.raises(UnreadablePhoto) as caught:
        read_photo(data)
    assert str(caught.value).count(".") >= 2, "what is wrong, then what to do"
    return caught.value.code


def test_what_is_no_photo_is_refused_with_a_sentence(tmp_path):
    assert code_of(b"") == "empty_file"
    assert code_of(b"%PDF-1.7 and so on") == "not_a_photo"
    assert code_of(b"<svg xmlns='http://www.w3.org/2000/svg'/>") == "not_a_photo"
    assert code_of(encoded(left_half_red(), "GIF")) == "not_a_photo"
    assert code_of(encoded(left_half_red(), "TIFF")) == "not_a_photo"
    assert code_of(encoded(left_half_red(), "AVIF")) == "not_a_photo"
    assert code_of(b"\0\0\0\x18ftypqt  and a film") == "not_a_photo"
    assert code_of(b"\0\0\0\x18ftypmp42 and a film") == "not_a_photo"
    assert code_of(b"\xff") == "not_a_photo"
    assert "JPG, PNG, WebP, HEIC or BMP" in sentence("not_a_photo")
    assert code_of(tmp_path / "absent.jpg") == "cannot_open"
    assert code_of(tmp_path) == "cannot_open"


@pytest.mark.parametrize("format_", FORMATS)
def test_a_photo_cut_anywhere_is_called_damaged(format_):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8))
    data = encoded(noise, format_)
    for share in (0.01, 0.1, 0.5, 0.9):
        code = code_of(data[: max(16, int(len(data) * share))])
        assert code == "damaged_file", f"{format_} cut to {share:.0%}"


def test_too_many_pixels_are_refused_before_they_are_decoded():
    bomb = encoded(Image.new("1", (8000, 7000)), "PNG")
    assert len(bomb) < 20_000
    assert code_of(bomb) == "too_many_pixels"
    assert code_of(encoded(Image.new("1", (30000, 30000)), "PNG")) == "too_many_pixels"


def test_the_size_is_read_from_the_header_of_webp_before_room_is_made_for_it():
    for settings in ({}, {"lossless": True}, {"save_all": True, "append_images": [Image.new("RGB", (320, 200), "red")]}):
        data = encoded(Image.new("RGB", (320, 200)), "WEBP", **settings)
        assert _webp_size(data) == (320, 200)
        assert code_of(data[:20]) == "damaged_file"
    assert code_of(webp_of_canvas(16_384, 16_384)) == "too_many_pixels"


@pytest.mark.parametrize("size", [(8100, 100), (100, 8100), (70_000, 1), (1, 70_000)])
def test_a_long_strip_is_no_photo(size):
    assert code_of(encoded(Image.new("1", size))) == "too_small"
    assert read_photo(encoded(Image.new("1", (8000, 100)))).width == 8000


def test_memory_that_runs_out_is_no_damage_of_the_file(monkeypatch):
    def fail(*_arguments):
        raise MemoryError

    monkeypatch.setattr("core.photo._pixels", fail)
    assert code_of(encoded(left_half_red())) == "over_limits"


@pytest.mark.parametrize("tail", [b"PK\3\4 an archive PK\5\6" + bytes(18), b"<html><script>alert(1)</script></html>", b"%PDF-1.7"])
@pytest.mark.parametrize("format_", FORMATS)
def test_what_is_hung_on_behind_the_photo_changes_nothing_and_is_not_kept(format_, tail):
    data = encoded(left_half_red(), format_)
    photo = read_photo(data + tail)
    assert np.array_equal(photo.rgb, read_photo(data).rgb)
    assert tail not in encode_jpeg(photo.rgb)


def test_an_encoded_photo_holds_no_metadata():
    rgb = np.random.default_rng(1).integers(0, 255, (30, 40, 3), np.uint8)
    with Image.open(BytesIO(encode_jpeg(rgb))) as picture:
        assert picture.format == "JPEG" and picture.size == (40, 30)
        assert not picture.getexif() and "comment" not in picture.info
    assert close(read_photo(encode_jpeg(np.full_like(rgb, RED))).rgb[5, 5], RED)


def test_a_mask_comes_back_as_it_was():
    mask = np.random.default_rng(1).random((31, 47)) > 0.5
    assert np.array_equal(decode_mask_png(encode_mask_png(mask)), mask)
    for data in (b"", b"no mask"):
        with pytest.raises(UnreadablePhoto):
            decode_mask_png(data)
