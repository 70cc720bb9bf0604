"""What happened that the person has not seen yet, each with the way to it."""

from __future__ import annotations

import streamlit as st

from pages._pages import PAGES
from pages._parts import format_date, go
from pages._words import plain
from services import notifications
from services.notifications import Notice
from services.views import Person

WORDS = {
    "review": "{about} reviewed a photo of {mole}",
    "note": "{about} wrote about {mole}",
    "share": "{about} lets you see their moles",
    "opinion_asked": "{about} asks for your opinion",
    "opinion_answered": "{about} gave a second opinion",
}


def draw(person: Person) -> None:
    """Nothing where there is nothing new."""
    found = notifications.unread(person)
    if not found:
        return
    with st.expander(f"{len(found)} new", icon=":material/notifications:", expanded=len(found) == 1, key="notices"):
        for notice in found:
            with st.container(horizontal=True, vertical_alignment="center"):
                with st.container(gap="xxsmall", width="stretch"):
                    st.markdown(words(notice))
                    st.caption(format_date(notice.created_at))
                if st.button("Open", key=f"notice_{notice.id}", help=f"Open: {words(notice)}"):
                    notifications.mark_read(person, notice_id=notice.id)
                    go_to(person, notice)
        st.button("Mark all as read", key="notices_read", on_click=notifications.mark_read, args=(person,))


def words(notice: Notice) -> str:
    return WORDS[notice.kind].format(about=plain(notice.about) or "Somebody", mole=plain(notice.lesion_name) or "a mole")


def go_to(person: Person, notice: Notice) -> None:
    if person.role == "patient" and notice.visit_id:
        go("visit", mole=notice.lesion_id, visit=notice.visit_id)
    if person.role == "patient" and notice.lesion_id:
        go("mole", mole=notice.lesion_id)
    if notice.kind == "share":
        go("patient", patient=notice.about_id)
    for page in ("opinions", "opinion", "work-list"):
        if page in PAGES and person.role in PAGES[page].roles:
            go(page)
    st.rerun()
