"""Outlines that a doctor draws: checking what the browser sent, and what is there to begin with."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

import core
from core import isolation
from core import overlay as pictures
from core.photo import decode_mask_png, encode_mask_png
from db.models import Upload
from services import storage
from services.errors import ServiceError, ValidationError

JPEG, PNG = ".jpg", ".png"
DRAWN_PX = 1600
"""Longest side of the photo on which a doctor draws, which is that of the large photo."""
MOST_BYTES = 2 * 1024**2
SMALLEST_PX = 16
"""Fewer pixels of the photo than this are a slip of the pen and no lesion."""


def checked(upload: Upload, data: bytes) -> NDArray[np.bool_]:
    """The outline (PNG, white is lesion, of the size of the photo as it is drawn on) at the photo's own size.

    Raises ValidationError with the key mask.
    """
    if len(data) > MOST_BYTES:
        raise _wrong("The outline is too large to be read; please draw it again.")
    try:
        # Somebody sent it: decoded where it can do no harm.
        drawn = isolation.read_photo(data).rgb[:, :, 0] > 127
    except core.UnreadablePhoto:
        raise _wrong("The outline could not be read; please draw it again.") from None
    except isolation.WorkersUnavailable as error:
        raise ServiceError("Outlines cannot be read at the moment. Please try again in a minute.") from error
    if drawn.shape != _drawn_shape(upload):
        raise _wrong("The outline does not fit this photo; please draw it again.")
    mask = cv2.resize(drawn.astype(np.uint8) * 255, (upload.width, upload.height), interpolation=cv2.INTER_LINEAR) > 127
    if np.count_nonzero(mask) < SMALLEST_PX:
        raise _wrong("The outline is empty; please draw around the lesion.")
    if mask.all():
        raise _wrong("The outline covers the whole photo; please leave out the skin around the lesion.")
    return mask


def to_draw_on(mask_hash: str) -> bytes:
    """A stored outline at the size on which a doctor draws, as PNG."""
    mask = decode_mask_png(storage.read(mask_hash, PNG))
    return encode_mask_png(pictures.shrink_to(mask.astype(np.uint8) * 255, DRAWN_PX) > 127)


def _drawn_shape(upload: Upload) -> tuple[int, int]:
    shrink = min(1.0, DRAWN_PX / max(upload.width, upload.height))
    return (upload.height, upload.width) if shrink == 1.0 else (round(upload.height * shrink), round(upload.width * shrink))


def _wrong(sentence: str) -> ValidationError:
    return ValidationError({"mask": sentence})
