"""What is said of a mole: its name, where it is, since when. Shared by adding and changing one."""

from __future__ import annotations

from datetime import date
from math import isfinite

import streamlit as st

from pages._parts import field, preferences
from services import lesions
from services.body_figure import VIEWS, MapPoint
from services.body_sites import BODY_SITES
from services.fields import today

EARLIEST = date(1920, 1, 1)


def mole_fields(errors: dict[str, str], *, name: str = "", body_site: str | None = None, first_noticed: date | None = None) -> dict:
    """The fields, with what they hold at first; returns what they hold now, as lesions.add_lesion takes it."""
    for key, value in (("mole_name", name), ("mole_site", body_site), ("mole_first_noticed", first_noticed)):
        st.session_state.setdefault(key, value)
    with field(errors, "name"):
        example = "For example: Dark one below the shoulder"
        name = st.text_input("Name", key="mole_name", max_chars=lesions.LONGEST_NAME, placeholder=example)
    with field(errors, "body_site"):
        site = st.selectbox(
            "Where on the body", BODY_SITES, index=None, format_func=BODY_SITES.get, placeholder="Choose a place", key="mole_site"
        )
    with field(errors, "first_noticed"):
        noticed = st.date_input(
            "First noticed (optional)", None, min_value=EARLIEST, max_value=today(), format=preferences().typed,
            help="A guess is fine. Leave it empty if you do not know.", key="mole_first_noticed",
        )
    return {"name": name, "body_site": site or "", "first_noticed": noticed}


def point_in_address() -> MapPoint | None:
    """The point that was tapped on the body map, from the page's address; None where there is none, or none to make sense of."""
    try:
        x, y = (float(st.query_params.get(axis, "")) for axis in ("x", "y"))
    except ValueError:
        return None
    view = st.query_params.get("view")
    return MapPoint(view, x, y) if view in VIEWS and isfinite(x) and isfinite(y) and 0 <= x <= 1 and 0 <= y <= 1 else None
