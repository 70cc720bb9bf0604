"""Two points that a person sets on a photo, to say how far apart they are.

A custom element, as Streamlit has none that takes points on a picture. Mouse and touch: tap or pull, with a magnified view of what the
finger hides. Keyboard: each point can be focused and moved by the arrow keys, ten times as far with Shift.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._parts import full_address, photo_address

PARTS = {part: Path(__file__).with_suffix(f".{part}").read_text(encoding="utf-8") for part in ("html", "css", "js")}

Point = tuple[float, float]

START: tuple[Point, Point] = ((0.35, 0.5), (0.65, 0.5))


def two_points(upload_id: int, *, key: str) -> tuple[Point, Point]:
    """Show the photo with two points to move, and return where they are, in shares of its width and height."""
    # Registered here, not at import: the component registry belongs to the running server.
    draw = st.components.v2.component("moletrail_two_points", **PARTS)
    points = _points(st.session_state.get(key))
    data = {"address": full_address(photo_address(upload_id)), "alt": "The photo, with two points to set", "points": points}
    return _points(draw(data=data, default={"points": START}, on_points_change=lambda: None, key=key))


def _points(state) -> tuple[Point, Point]:
    """What the browser says, as far as it makes sense: two points within the photo."""
    try:
        (x1, y1), (x2, y2) = state["points"]
        points = tuple((min(1.0, max(0.0, float(x))), min(1.0, max(0.0, float(y)))) for x, y in ((x1, y1), (x2, y2)))
    except (KeyError, TypeError, ValueError):
        return START
    return points
