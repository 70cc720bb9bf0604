"""The bin: deleted moles and withdrawn photos, taken back or erased at once."""

from collections.abc import Callable
from datetime import date

import streamlit as st

from pages._parts import format_date, link, show_error
from pages._session import require_role
from pages._words import joined, place, plain
from services import bin
from services.errors import ServiceError


def done(service: Callable, sentence: str, **what: int) -> None:
    """A button's work; what it says is shown on the next run."""
    try:
        service(person, **what)
        st.session_state["bin_done"] = sentence
    except ServiceError as error:
        st.session_state["bin_refused"] = error


def row(key: str, name: str, words: str, erased_on: date, restore: Callable, erase: Callable, **what: int) -> None:
    with st.container(border=True, key=f"bin_{key}"):
        with st.container(gap="xxsmall"):
            st.markdown(f"**{name}**")
            st.caption(f"{words}. Erased on {format_date(erased_on)}.")
        with st.container(horizontal=True):
            st.button(
                "Take it back", key=f"restore_{key}", icon=":material/undo:", help=f"Take back: {name}", kwargs=what,
                on_click=done, args=(restore, "It is back where it was."),
            )
            with st.popover("Erase now", icon=":material/delete_forever:", key=f"open_erase_{key}"):
                st.markdown("Photos and findings go for good. This cannot be undone.")
                st.button("Erase it", key=f"erase_{key}", type="primary", on_click=done, args=(erase, "It is erased."), kwargs=what)


person = require_role("patient")
held = bin.list_bin(person)
if refused := st.session_state.pop("bin_refused", None):
    show_error(refused)
if sentence := st.session_state.pop("bin_done", None):
    st.toast(sentence, icon=":material/check:")

count = len(held.moles) + len(held.photos)
link("moles", "My moles", icon=":material/arrow_back:")
some = "1 thing can be taken back" if count == 1 else f"{count} things can be taken back"
st.title(some if count else "The bin is empty", anchor=False)
st.markdown("What you delete waits here for 30 days, seen by nobody, and is then erased for good.")

for mole in held.moles:
    photos = "1 photo" if mole.photo_count == 1 else f"{mole.photo_count} photos"
    words = joined("mole", place(mole.name, mole.body_site_label).lower(), photos)
    row(f"mole_{mole.id}", plain(mole.name), words, mole.erased_on, bin.restore_lesion, bin.erase_lesion, lesion_id=mole.id)
for photo in held.photos:
    name = f"{plain(photo.lesion_name)}, {format_date(photo.visited_on)}"
    row(f"photo_{photo.id}", name, "Photo", photo.erased_on, bin.restore_photo, bin.erase_photo, upload_id=photo.id)
