"""Whatever bytes come in: an upright 8-bit RGB photo, or a sentence that says what to do."""

from datetime import date
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from core.photo import (
    FORMATS,
    UnreadablePhoto,
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


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_a_photo_taken_with_the_camera_on_its_side_comes_upright(format_):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the top of the scene is at the right: turn clockwise
    photo = read_photo(encoded(left_half_red(), format_, exif=exif))
    if format_ == "HEIF":
        # The HEIF container turns pictures itself; either way the photo stands upright.
        assert {photo.width, photo.height} == {20, 40}
        return
    assert (photo.width, photo.height) == (20, 40)
    assert close(photo.rgb[5, 10], RED, 20)


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


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_a_channel_become_8_by_scaling(channels):
    levels = np.full((10, 12, channels), 32768, np.uint16)
    if channels == 4:
        levels[:, :, 3] = 65535
    photo = read_photo(cv2.imencode(".png", levels)[1].tobytes())
    assert close(photo.rgb[5, 5], (128, 128, 128), 1)


def test_cmyk_and_grey_photos_become_rgb():
    assert close(read_photo(encoded(left_half_red("CMYK"), "JPEG", quality=95)).rgb[10, 5], RED, 20)
    assert read_photo(encoded(left_half_red("L"), "JPEG")).rgb.shape == (20, 40, 3)


def test_a_phones_jpeg_of_several_pictures_gives_the_first():
    assert read_photo(encoded(left_half_red(), "MPO", save_all=True, append_images=[left_half_red()])).format == "JPEG"


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
