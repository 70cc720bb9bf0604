"""A table that a phone can show: rows side by side where there is room, otherwise each row is a card headed by its first cell.

A custom element, as st.table of Streamlit scrolls sideways where it is narrow, which a keyboard cannot do, or breaks words in slivers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

HTML = '<div class="frame"><table role="table"></table></div>'
PARTS = {part: Path(__file__).with_suffix(f".{part}").read_text(encoding="utf-8") for part in ("css", "js")}


def table(rows: Sequence[dict[str, str]], *, label: str, key: str) -> None:
    """Rows of the same columns, as plain text; `label` is what a screen reader says of the whole."""
    # Registered here, not at import: the component registry belongs to the running server.
    draw = st.components.v2.component("moletrail_table", html=HTML, **PARTS)
    draw(data={"label": label, "columns": list(rows[0]) if rows else [], "rows": [list(row.values()) for row in rows]}, key=key)
