"""What is shared: doctors who see all, and read-only links to one mole, made on the mole's page; both listed and ended under Sharing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from pages._parts import format_date, show_error
from pages._words import plain
from services import mole_links, sharing
from services.errors import ServiceError
from services.views import Grant, LesionSummary, Person


def link_maker(person: Person, lesion: LesionSummary) -> None:
    """A new link, shown once with its address."""
    made: mole_links.MadeLink | None = st.session_state.get(f"made_link_{lesion.id}")
    with st.expander("Share this mole by a link", icon=":material/link:", expanded=made is not None):
        st.markdown(
            "Whoever has the link sees this mole's photos and findings without an account: no name, no notes, nothing else. "
            "You can revoke it under Sharing."
        )
        choices = list(mole_links.DAYS)
        days = st.radio("It lasts", choices, choices.index(7), mole_links.DAYS.get, horizontal=True, key="link_days")
        if st.button("Make a link", key="make_link", icon=":material/add_link:"):
            try:
                made = st.session_state[f"made_link_{lesion.id}"] = mole_links.make_link(person, lesion_id=lesion.id, days=days)
            except ServiceError as error:
                show_error(error)
        if made:
            st.markdown(f"It works until {format_date(made.expires_at)}. Copy it now: it is not shown again.")
            st.code(made.address, language=None, wrap_lines=True)


def links(person: Person) -> None:
    """The links in force, each with a way to revoke it."""
    found = mole_links.list_links(person)
    st.subheader("Links to single moles", anchor=False)
    if not found:
        st.markdown("No link is in force. To make one, open a mole.")
    for one in found:
        opened = f"last opened on {format_date(one.opened_at)}" if one.opened_at else "not opened yet"
        asked = in_force(
            one.lesion_name, f"Made on {format_date(one.created_at)}, works until {format_date(one.expires_at)}, {opened}",
            "Revoke", key=f"revoke_link_{one.id}", icon=":material/link_off:",
        )
        if asked:
            _end(lambda one=one: mole_links.revoke_link(person, link_id=one.id), "The link no longer works.")


def grants(person: Person, given: Sequence[Grant]) -> None:
    """The doctors who see all, each with a way to stop it."""
    for grant in given:
        looked = f"last looked on {format_date(grant.last_looked_at)}" if grant.last_looked_at else "has not looked yet"
        asked = in_force(
            grant.doctor.full_name, f"{plain(grant.doctor.email)}, since {format_date(grant.since)}, {looked}",
            "Stop sharing", key=f"revoke_{grant.id}", icon=":material/block:",
        )
        if asked:
            _end(
                lambda grant=grant: sharing.revoke(person, grant_id=grant.id),
                f"{plain(grant.doctor.full_name)} no longer sees your moles.",
            )


def in_force(name: str, told: str, words: str, *, key: str, icon: str) -> bool:
    """One who may see something of one's own; whether the button that ends it was pressed."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"{key}_row"):
        with st.container(gap="xxsmall", width="stretch"):
            st.markdown(f"**{plain(name)}**")
            st.caption(told)
        return st.button(words, key=key, icon=icon)


def _end(deed: Callable[[], object], words: str) -> None:
    try:
        deed()
    except ServiceError as error:
        show_error(error)
    else:
        st.toast(words, icon=":material/check:")
        st.rerun()
