"""What the pages that add photos share: limits and steps in words, what a chosen file says of itself, how to take a good photo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from services import photos
from services.fields import today

LARGEST = f"at most {photos.MAX_UPLOAD_BYTES // 1024**2} MB"
TYPES = ["jpg", "jpeg", "png", "webp", "heic", "heif"]
EARLIEST = date(1970, 1, 1)
STEPS = {
    "reading": "Reading the photo",
    "checking": "Checking the photo: light, sharpness, skin",
    "finding": "Finding the lesion",
    "classifying": "Classifying",
    "comparing": "Comparing with the last photo",
    "saving": "Saving",
}


@dataclass(frozen=True)
class Look:
    """What a photo says of itself before it is sent."""

    taken_on: date
    dated: bool
    """The photo itself says so; otherwise it is today."""
    preview: bytes | None


def look_at(upload: UploadedFile) -> Look:
    """Its own date (today where it holds none, or one that cannot be), and how it looks."""
    data = upload.getvalue()
    taken = photos.suggested_date(data)
    dated = taken is not None and EARLIEST <= taken <= today()
    return Look(taken if dated else today(), dated, photos.preview(data))


def forget(upload: UploadedFile) -> None:
    """The stored photo leaves the memory that Streamlit keeps of this browser's uploads."""
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)


def checklist() -> None:
    """Four things that make a photo usable."""
    with st.container(gap="xsmall"):
        for line in (
            ":material/wb_sunny: **Light:** even daylight, no flash, no shadow of the phone",
            ":material/straighten: **Distance:** a hand's width away; the mole fills about a third of the picture",
            ":material/center_focus_strong: **Sharp:** tap the mole on the screen, wait, hold still; brush hair aside",
            ":material/crop_free: **Scale:** lay the printed scale card flat beside the mole, so that sizes are in millimetres",
        ):
            st.markdown(line)
