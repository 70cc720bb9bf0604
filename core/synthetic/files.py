"""A generated photo as the file that a camera would have written."""

from __future__ import annotations

from datetime import date, datetime, time
from io import BytesIO

from PIL import ExifTags, Image

from core.synthetic.capture import SyntheticPhoto

_PLACE = {  # Latitude and longitude as degrees, minutes, seconds (Exif 2.32, 4.6.6): the north pole, nobody's home.
    ExifTags.GPS.GPSLatitudeRef: "N",
    ExifTags.GPS.GPSLatitude: (90.0, 0.0, 0.0),
    ExifTags.GPS.GPSLongitudeRef: "E",
    ExifTags.GPS.GPSLongitude: (0.0, 0.0, 0.0),
}


def encode(photo: SyntheticPhoto, *, taken_on: date | None = None, gps: bool = False) -> bytes:
    """JPEG of the photo. `taken_on` (a date means noon) becomes EXIF DateTimeOriginal; `gps` adds a location, for tests of stripping it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = "Moletrail generated photo"
    if taken_on is not None:
        moment = taken_on if isinstance(taken_on, datetime) else datetime.combine(taken_on, time(12))
        stamp = moment.strftime("%Y:%m:%d %H:%M:%S")
        exif[ExifTags.Base.DateTime] = stamp
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = stamp
    if gps:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(_PLACE)
    written = BytesIO()
    Image.fromarray(photo.rgb).save(written, "JPEG", quality=92, exif=exif)
    return written.getvalue()
