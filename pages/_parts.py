"""Parts that several pages share, so that one thing looks and reads the same everywhere."""

from __future__ import annotations

import base64
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import NoReturn
from urllib.parse import quote

import streamlit as st

from pages._pages import PAGES
from services import logs
from services.errors import Conflict, ServiceError, ValidationError
from services.words import Preferences


@dataclass(frozen=True)
class State:
    """How a mole stands. Told by icon and word, and only then by colour."""

    word: str
    icon: str
    color: str
    """Name in the theme's palette (.streamlit/config.toml gives each its tint in both themes)."""
    for_doctor: str = ""
    """The field's word, where it is another."""


STATES: dict[str, State] = {
    "fine": State("fine", ":material/check_circle:", "green"),
    "due": State("due", ":material/schedule:", "orange"),
    "changed": State("changed", ":material/change_circle:", "violet"),
    "refer": State("see a doctor", ":material/stethoscope:", "red", "refer"),
}

# Words


def format_date(day: date | datetime | None, missing: str = "not yet") -> str:
    """The same form everywhere, as the person chose it: 12 March 2026 where they chose none."""
    return preferences().date(day) if day else missing


def preferences() -> Preferences:
    """How who is logged in reads dates and sizes; set by pages._session whenever it looks who that is."""
    return st.session_state.get("preferences") or Preferences()


# Things drawn


def state_badge(state: str, word: str | None = None, *, for_doctor: bool = False) -> None:
    """One of fine, due, changed, refer; `word` says it more precisely, e.g. "grew 24 %"."""
    shown = STATES[state]
    st.badge(word or (for_doctor and shown.for_doctor) or shown.word, icon=shown.icon, color=shown.color)


def caution() -> None:
    """Stands on every page and report with a result."""
    st.caption(
        ":material/info: A reference and follow-up aid, not a medical device. "
        "See a doctor about any discomfort or suspicious change, whatever this page says."
    )


def empty_state(
    title: str, text: str, *, icon: str = ":material/inbox:", page: str | None = None, action: str = "", **query: str | int
) -> None:
    """Where a list has nothing yet: what this is, and the one thing to do."""
    with st.container(horizontal_alignment="center", gap="small"):
        st.space("medium")
        st.markdown(f"### {icon} {title}", text_alignment="center")
        st.markdown(text, text_alignment="center")
        if page and st.button(action, type="primary", icon=PAGES[page].icon, key=f"empty_{page}"):
            go(page, **query)


def show_error(error: Exception) -> None:
    """A service's own sentence: what happened, what was kept, what to do."""
    st.error(str(error), icon=":material/error:")


def unforeseen(error: Exception) -> str:
    """The words for what nobody caught, with a number under which the log holds the details."""
    number = secrets.token_hex(3).upper()
    logs.event("error", level=logging.ERROR, error=error, number=number)
    return f"Something went wrong on our side. What was saved before is safe. Please try again; if it comes back, report it as {number}."


@contextmanager
def field(errors: dict[str, str], name: str) -> Iterator[None]:
    """Draw a widget inside; close under it stands the sentence about it, where ValidationError.fields has one."""
    with st.container(gap="xxsmall"):
        yield
        if name in errors:
            st.markdown(f":small[:red[:material/error: {errors[name]}]]")


def tried(state: dict, deed: Callable[[], object]) -> bool:
    """Whether it was done. What was mistaken is in state["errors"] for the fields of the next run, and in state["told"] where somebody
    else was quicker."""
    state["errors"] = {}
    try:
        deed()
    except Conflict as error:
        state["told"] = error
    except ValidationError as error:
        state["errors"] = error.fields
    except ServiceError as error:
        show_error(error)
        return False
    else:
        return True
    st.rerun()


# Photos: pixels only ever come through the routes that check the session


def photo_address(upload_id: int, size: str = "large") -> str:
    """`size`: full, large (at most 1600 px) or thumb (square, 320 px)."""
    return f"/photo/{upload_id}/{size}.jpg"


def overlay_address(upload_id: int, model: str | None = None, *, review_id: int | None = None) -> str:
    """The photo with the lesion's contour; `model` None is the chosen mask, `review_id` a doctor's correction."""
    if review_id is not None:
        return f"/photo/{upload_id}/overlay.jpg?review={review_id}"
    return f"/photo/{upload_id}/overlay.jpg" + (f"?model={quote(model)}" if model else "")


def photo(upload_id: int, size: str = "large", *, caption: str | None = None, alt: str = "", width: str | int = "stretch") -> None:
    """`alt` is what a screen reader says; without it the caption."""
    image(photo_address(upload_id, size), caption, alt or caption or "Photo of the mole", width)


def overlay(
    upload_id: int, model: str | None = None, *, review_id: int | None = None, caption: str | None = None, width: str | int = "stretch"
) -> None:
    image(overlay_address(upload_id, model, review_id=review_id), caption, caption or "Photo of the mole with its outline", width)


def heat_map(upload_id: int, *, caption: str, width: str | int = "stretch") -> None:
    image(f"/photo/{upload_id}/heat-map.jpg", caption, caption, width)


def image(address: str, caption: str | None, alt: str, width: str | int = "stretch") -> None:
    """A picture of one of our routes; `alt` is what a screen reader says."""
    # st.image takes a path for a file on disk; the full address makes the browser fetch it, with its cookie.
    st.image(full_address(address), caption=caption, alt=alt, width=width)


def unstored_photo(data: bytes, alt: str, *, caption: str | None = None, width: int) -> None:
    """A small JPEG that no route has, within the page itself: what st.image is given as bytes lies at an address that asks for no
    session."""
    st.image(f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", caption=caption, alt=alt, width=width)


def full_address(route: str) -> str:
    """The address of one of our routes with the server's name before it, as the browser reached it."""
    return "/".join((st.context.url or "http://localhost").split("/")[:3]) + route


# Ways from page to page


def go(page: str, **query: str | int) -> NoReturn:
    """Open a page by its address, e.g. go("mole", id=3)."""
    st.switch_page(PAGES[page].file, query_params={name: str(value) for name, value in query.items()})


def link(page: str, label: str, *, icon: str | None = None, **query: str | int) -> None:
    """A quiet link to a page by its address, e.g. link("mole", "Left shoulder", id=3); the main way on is a button with `go`."""
    st.page_link(PAGES[page].file, label=label, icon=icon, query_params={name: str(value) for name, value in query.items()})


def query_number(name: str = "id") -> int | None:
    """The number in the page's address, e.g. 3 of /mole?id=3; None where there is none to read."""
    value = st.query_params.get(name, "")
    # isdecimal takes digits of other scripts too, which int() reads; 18 digits fit the database's integers.
    return int(value) if value.isdecimal() and len(value) <= 18 else None
