"""Photos and outlines of the data folder as arrays, for services that passed the policy already."""

from __future__ import annotations

import core
from core.analysis import Mask
from core.photo import decode_mask_png
from core.preprocess import RGB
from services import storage
from services.errors import StorageFailed

JPEG, PNG = ".jpg", ".png"


def pixels(content_hash: str) -> RGB:
    """The photo, H x W x 3 uint8. Raises StorageFailed."""
    try:
        return core.read_photo(storage.read(content_hash, JPEG)).rgb
    except core.UnreadablePhoto as error:
        raise StorageFailed(storage.DAMAGED) from error


def outline(mask_hash: str) -> Mask:
    """The outline, H x W. Raises StorageFailed."""
    try:
        return decode_mask_png(storage.read(mask_hash, PNG))
    except core.UnreadablePhoto as error:
        raise StorageFailed(storage.DAMAGED) from error
