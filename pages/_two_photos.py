"""Two photos of one place laid over each other in the browser: a dividing line to pull (swipe), or one after the other (blink).

One custom element, as Streamlit has none that lays pictures over each other. Mouse, touch and keyboard: the line is a range
field, which arrow keys move; on the picture, too, one may pull. Blinking stops for who asked their device for less motion.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._parts import full_address

PARTS = {part: Path(__file__).with_suffix(f".{part}").read_text(encoding="utf-8") for part in ("html", "css", "js")}


def two_photos(mode: str, first: tuple[str, str, str], second: tuple[str, str, str], *, key: str) -> None:
    """`mode` is swipe or blink; a photo is its route, the date to show on it, and what a screen reader says of it."""
    # Registered here, not at import: the component registry belongs to the running server.
    draw = st.components.v2.component("moletrail_two_photos", **PARTS)
    names = ("address", "date", "alt")
    photos = [dict(zip(names, (full_address(address), *words), strict=True)) for address, *words in (first, second)]
    draw(data={"mode": mode, "first": photos[0], "second": photos[1]}, key=key)
