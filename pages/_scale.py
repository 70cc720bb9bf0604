"""How large a photo is on the skin: said under its numbers, and set by who knows."""

from __future__ import annotations

import streamlit as st

from pages._marked_photo import marked_photo
from pages._parts import field, preferences
from pages._two_points import two_points
from services import scales
from services.errors import ServiceError, ValidationError
from services.views import Person, PhotoView, ScaleView
from services.words import MM_PER_INCH

SOURCES = {
    "card": "the scale card in the photo",
    "ruler": "the ruler in the photo",
    "coin": "the coin in the photo",
    "field": "the dermoscope's field of view",
    "points": "two points set by hand",
}
"""core.Scale.source -> in words."""
WAYS = ("Two points", "Ruler", "Coin", "Dermoscope")
CARD_ADDRESS = "/scale-card.pdf?paper={}"


def scale_words(scale: ScaleView | None) -> str:
    """Where the millimetres come from and how exact they are; error of a length, 95 %."""
    if scale is None:
        return "No scale in this photo: its sizes are relative to the frame and say nothing in millimetres."
    return f"Millimetres from {SOURCES[scale.source]}, lengths to ±{200 * scale.relative_error:.2g} %."


def scale_of(actor: Person, shown: PhotoView) -> None:
    """The scale of a measured photo, and a form to set it, opened on request."""
    st.markdown(f":material/straighten: {scale_words(shown.scale)}")
    card_links()
    if not st.toggle("Set the scale", key=f"set_scale_{shown.id}"):
        st.session_state.pop(f"scale_seen_{shown.id}", None)
        return
    errors: dict[str, str] = st.session_state.pop("scale_errors", {})
    # As it stood when the form was opened, or when it was last said to have changed.
    if "" in errors or f"scale_seen_{shown.id}" not in st.session_state:
        st.session_state[f"scale_seen_{shown.id}"] = shown.scale
    with field(errors, "how"):
        way = st.radio("How the size is known", WAYS, horizontal=True, key=f"way_{shown.id}")
    how = _how(way, shown, errors)
    there = not isinstance(how, scales.Coin | scales.Ruler) or _found(actor, shown, how)
    if there and st.button("Use this scale", key=f"use_scale_{shown.id}", type="primary", icon=":material/straighten:"):
        _set(actor, shown, how)
    for name in errors.keys() & {""}:
        st.error(errors[name], icon=":material/error:")


def _how(way: str, shown: PhotoView, errors: dict[str, str]) -> scales.How:
    key = f"{way}_{shown.id}"
    match way:
        case "Ruler":
            st.caption("A ruler with millimetre ticks that lies beside the mole is looked for in the photo.")
            return scales.Ruler()
        case "Coin":
            with field(errors, "code"):
                coin = st.selectbox("Which coin lies beside the mole", scales.COINS, format_func=scales.COINS.get, key=key, width=320)
                return scales.Coin(coin)
        case "Dermoscope":
            with field(errors, "mm"):
                return scales.Field(_millimetres("Field of view across the photo's longer side", key, mm=25.0, inches=1.0))
    known = "half an inch" if preferences().units == "inch" else "10 mm"
    st.caption(f"Put the points on two places whose distance you know, such as {known} of a ruler: tap, pull, or use the arrow keys.")
    with field(errors, "points"):
        first, second = two_points(shown.id, key=f"points_{shown.id}")
    with field(errors, "mm"):
        return scales.Points(first, second, _millimetres("Distance between the two points", key, mm=10.0, inches=0.5))


def _found(actor: Person, shown: PhotoView, how: scales.Coin | scales.Ruler) -> bool:
    """Show what is taken for the coin or the ruler, and what follows from it, before it is used; where there is none, say so."""
    key, kept = f"sighted_{shown.id}", st.session_state.get(f"sighted_{shown.id}")
    if kept is None or kept[0] != how:
        try:
            with st.spinner("Looking for it in the photo"):
                kept = how, scales.sight(actor, upload_id=shown.id, how=how), ""
        except ValidationError as error:
            kept = how, None, " ".join(error.fields.values())
        st.session_state[key] = kept
    _, seen, otherwise = kept
    if seen is None:
        st.warning(otherwise, icon=":material/search_off:")
        return False
    if isinstance(how, scales.Coin):
        what, right = "The edge that was taken for the coin's is marked in red", "the line follows the coin's edge"
    else:
        what, right = f"{len(seen.lines)} millimetres were found and are marked in red", "each line lies on a millimetre"
    marked_photo(shown.id, seen.lines, f"The photo. {what}.", key=f"marked_{shown.id}")
    st.markdown(
        f"{what}. By it the mole is {preferences().length(seen.longest_mm)} long, to ±{200 * seen.scale.relative_error:.2g} %. "
        f"Use it only if {right}."
    )
    return True


def _millimetres(label: str, key: str, *, mm: float, inches: float) -> float:
    """What is typed, in the person's unit; `mm` and `inches` stand in the field at first."""
    if preferences().units == "inch":
        least, most = scales.SMALLEST_MM / MM_PER_INCH, scales.LARGEST_MM / MM_PER_INCH
        typed = st.number_input(f"{label}, in inches", least, most, inches, step=0.05, format="%.3f", key=f"{key}_inches", width=320)
        return min(max(typed * MM_PER_INCH, scales.SMALLEST_MM), scales.LARGEST_MM)
    return st.number_input(f"{label}, in mm", scales.SMALLEST_MM, scales.LARGEST_MM, mm, step=0.5, format="%.1f", key=key, width=320)


def _set(actor: Person, shown: PhotoView, how: scales.How) -> None:
    try:
        with st.spinner("Measuring"):
            scales.set_scale(actor, upload_id=shown.id, how=how, instead_of=st.session_state[f"scale_seen_{shown.id}"])
        del st.session_state[f"set_scale_{shown.id}"], st.session_state[f"scale_seen_{shown.id}"]
    except ValidationError as error:
        st.session_state["scale_errors"] = error.fields
    except ServiceError as error:
        st.session_state["scale_errors"] = {"": str(error)}
    st.rerun()


def card_links() -> None:
    """The card to print, for both kinds of paper."""
    papers = " or ".join(f"[{name}]({CARD_ADDRESS.format(code)})" for code, name in scales.PAPERS.items())
    # No caption: a link in its faded colour cannot be read on the dark theme.
    st.markdown(f":small[:material/print: For sizes in millimetres lay the printed scale card beside the mole: {papers}.]")
