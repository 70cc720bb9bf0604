"""Two visits of one mole beside and over each other, as patient and doctor both see them."""

from __future__ import annotations

import streamlit as st

from pages._pages import PAGES
from pages._parts import caution, empty_state, format_date, image, link, photo, query_number
from pages._two_photos import two_photos
from pages._words import plain, short_date
from services import comparing
from services.comparing import Comparison
from services.errors import AccessError
from services.views import Person, VisitView

SIDE_BY_SIDE, SWIPE, BLINK, DIFFERENCE, OUTLINES = "Side by side", "Swipe", "Blink", "Difference", "Outlines"
WAYS = (SIDE_BY_SIDE, SWIPE, BLINK, DIFFERENCE, OUTLINES)


def comparison_or_stop(actor: Person, *, back: str) -> Comparison:
    """The two visits that the page's address names; where they cannot be shown, a sentence, a way back, and the page ends."""
    try:
        return comparing.compare(
            actor, lesion_id=query_number("mole") or 0, first_visit_id=query_number("first"), second_visit_id=query_number("second")
        )
    except AccessError as error:
        st.title("These visits cannot be shown", anchor=False)
        empty_state("Nothing to show here", str(error), page=back, action=f"Back to {PAGES[back].title}")
        st.stop()


def draw(comparison: Comparison, *, timeline_page: str, visit_page: str) -> None:
    """The page below its way back: what changed between the two, which two, and the two in each way of comparing."""
    st.title(comparison.headline, anchor=False)
    st.caption(plain(comparison.lesion_name))
    if comparison.first is None and comparison.unjudged:
        empty_state(
            "Your judgement comes first",
            "What changed shows once you have judged the photos: you judge before seeing the networks' answer.",
            icon=":material/visibility_off:", page=timeline_page, action="Back to the mole", mole=comparison.lesion_id,
        )
        return
    if comparison.first is None:
        empty_state(
            "Two measured photos are needed", "From the second measured photo on, any two visits can be compared here.",
            page=timeline_page, action="Back to the mole", mole=comparison.lesion_id,
        )
        return
    if comparison.unjudged:
        told = "1 visit is" if comparison.unjudged == 1 else f"{comparison.unjudged} visits are"
        st.caption(f":material/visibility_off: {told} left out until you have judged what the photo shows.")
    chosen, shown = st.columns([4, 7], gap="medium")
    with chosen:
        _choose(comparison)
        way = _way(comparison)
    with shown:
        _show(comparison, way)
        for visit in (comparison.first, comparison.second):
            link(visit_page, f"Visit of {format_date(visit.visited_on)}", icon=":material/photo:", mole=visit.lesion_id, visit=visit.id)
    caution()


def _way(comparison: Comparison) -> str:
    """How the two are shown, as chosen; what could not be laid over each other is shown side by side."""
    if comparison.instead:
        st.markdown(
            ":material/info: The first and the newest photo could not be laid over each other. Shown are the newest two that could; choose "
            "any others above."
        )
    if comparison.aligned and not comparison.by_skin:
        st.markdown(
            ":material/info: Too little of the same skin shows around the mole, so the mole itself was laid over the earlier one. "
            "Growth does not show in these pictures. A scale card beside the mole makes it measurable."
        )
    if comparison.aligned:
        # In the page's address too, so that what one sees can be kept and sent.
        return st.radio("Show", WAYS, index=WAYS.index(SWIPE), horizontal=True, key="way", bind="query-params")
    st.markdown(
        ":material/info: These two photos could not be laid over each other with certainty, so they are shown side by side only, "
        "each at its own distance. Take the next photo from the same side, at the same distance and in even light."
    )
    return SIDE_BY_SIDE


def _choose(comparison: Comparison) -> None:
    """Two lists of dates; a choice goes into the page's address, so that it can be kept and sent."""
    days = {visit.id: short_date(visit.visited_on) for visit in comparison.visits}
    keys = {name: f"compare_{name}_{comparison.lesion_id}" for name in ("first", "second")}
    for name, label, visit in zip(keys, ("Earlier visit", "Later visit"), (comparison.first, comparison.second), strict=True):
        st.session_state[keys[name]] = visit.id
        st.selectbox(label, days, format_func=days.get, key=keys[name], on_change=_open, args=[keys])


def _open(keys: dict[str, str]) -> None:
    """Both go into the address: the one that was not touched stays what it is."""
    for name, key in keys.items():
        st.query_params[name] = str(st.session_state[key])


def _show(comparison: Comparison, way: str) -> None:
    first, second = comparison.first, comparison.second
    match way:
        case "Swipe" | "Blink":
            two_photos(
                way.lower(),
                (_address(comparison, "first"), short_date(first.visited_on), f"Photo of {format_date(first.visited_on)}, in register"),
                (_address(comparison, "second"), short_date(second.visited_on), f"Photo of {format_date(second.visited_on)}"),
                key=f"two_photos_{first.id}_{second.id}",
            )
        case "Difference":
            image(_address(comparison, "difference"), None, f"Where {format_date(second.visited_on)} differs from the earlier photo")
            st.caption(
                "Orange to red: the colour there differs, the darker the more. Light and shadow differ from photo to photo too; "
                "a ring around the mole is growth."
            )
        case "Outlines":
            image(_address(comparison, "outlines"), None, "Outlines of both visits over the later photo")
            st.caption(
                f"Dashed light blue: outline of {format_date(first.visited_on)}. "
                f"Whole red line: outline of {format_date(second.visited_on)}, over its photo."
            )
        case _:
            for side, visit, kind in zip(st.columns(2, gap="small"), (first, second), ("first", "second"), strict=True):
                with side:
                    _one_of_two(comparison, visit, kind)


def _one_of_two(comparison: Comparison, visit: VisitView, kind: str) -> None:
    caption = format_date(visit.visited_on)
    if comparison.aligned:
        image(_address(comparison, kind), caption, f"Photo of {caption}, in register with the other")
    else:
        photo(visit.photo.id, caption=caption)


def _address(comparison: Comparison, kind: str) -> str:
    return f"/aligned/{comparison.first.photo.id}/{comparison.second.photo.id}/{kind}.jpg"
