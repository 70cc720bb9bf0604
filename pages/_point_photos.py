"""The photo of a visit beside its point in the plots, as long as one points at it.

A custom element, as a hover label of Plotly holds no picture. Mouse: over a point. Touch: a finger on the plot, or drawn along it; the
photo then has a button that opens its visit, and stands instead of Plotly's own words.
Keyboard: each plot can be focused, arrow keys go from visit to visit, Enter opens the one shown.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._parts import format_date, full_address, photo_address
from pages._words import said
from services.evolution import Evolution

HTML = '<div class="card" hidden><img alt=""><p role="status"></p><button type="button" hidden>Open this visit</button></div>'
PARTS = {part: Path(__file__).with_suffix(f".{part}").read_text(encoding="utf-8") for part in ("css", "js")}


def point_photos(shown: Evolution) -> int | None:
    """Draw it once on a page with plots of this mole; the visit that was opened by keyboard or finger, in the run in which it was."""
    # Registered here, not at import: the component registry belongs to the running server.
    draw = st.components.v2.component("moletrail_point_photos", html=HTML, **PARTS)
    visits = [
        {
            "id": visit.id,
            "day": visit.visited_on.isoformat(),
            "address": full_address(photo_address(visit.photo.id, "thumb")) if visit.photo else "",
            "words": "\n".join(filter(None, [format_date(visit.visited_on), said(visit), shown.words_of("area", visit.id)])),
        }
        for visit in shown.visits
    ]
    answer = draw(data={"visits": visits}, on_open_change=lambda: None, key=f"point_photos_{shown.timeline.lesion.id}")
    return answer.open if answer.open in {visit.id for visit in shown.visits} else None
