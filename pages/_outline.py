"""The editor with which a doctor corrects an outline on the photo, see _outline.js."""

from __future__ import annotations

import base64
from pathlib import Path

import streamlit as st

from pages._parts import photo_address

PARTS = {kind: Path(__file__).with_name(f"_outline.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")}


def editor(upload_id: int, mask: bytes, *, key: str) -> bytes | None:
    """Draw the editor with this outline (PNG) to begin from; the outline that was drawn (PNG) in the run in which it is handed over."""
    # Registered here, not at import: the component registry belongs to the running server.
    draw = st.components.v2.component("moletrail_outline", **PARTS)
    answer = draw(
        data={
            "id": key,
            "photo": photo_address(upload_id, "large"),
            "mask": "data:image/png;base64," + base64.b64encode(mask).decode(),
        },
        on_outline_change=lambda: None,
        key=key,
    )
    try:
        return base64.b64decode(answer.outline, validate=True) if answer.outline else None
    except (ValueError, TypeError):
        return b"?"  # not from our editor: the service refuses it with a sentence
