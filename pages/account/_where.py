"""Part of "My account": the browsers in which this person is logged in, and how to end that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from pages._parts import format_date, show_error
from services import sessions
from services.errors import ServiceError
from services.views import Person, SessionView

STILL_HERE = timedelta(minutes=5)


def draw(person: Person, token: str) -> None:
    """`token` is the session of this browser."""
    st.header("Where you are logged in", anchor=False)
    shown = sessions.list_sessions(person, token=token)
    for one in shown:
        with st.container(horizontal=True, vertical_alignment="center", key=f"session_{one.id}"):
            with st.container(gap="xxsmall", width="stretch"):
                st.markdown(f"**{one.device}**" + ("  :green-badge[:material/check: this one]" if one.is_this_one else ""))
                st.caption(words(one))
            if not one.is_this_one:
                st.button("End", key=f"end_{one.id}", on_click=_end, args=(person, one))
    if len(shown) > 1:
        st.button("End all others", icon=":material/logout:", key="end_others", on_click=_end_others, args=(person, token))
    if sentence := st.session_state.pop("sessions_refused", None):
        show_error(sentence)
    if sentence := st.session_state.pop("sessions_done", None):
        st.toast(sentence, icon=":material/check:")


def words(one: SessionView) -> str:
    """Since when, and when last seen, to the minute where it is long ago."""
    since = f"Logged in on {format_date(one.since)}"
    ago = datetime.now(UTC) - one.last_seen_at
    if one.is_this_one or ago < STILL_HERE:
        return f"{since}, active now"
    if ago < timedelta(hours=1):
        return f"{since}, last seen {round(ago / timedelta(minutes=1))} minutes ago"
    if ago < timedelta(days=1):
        hours = round(ago / timedelta(hours=1))
        return f"{since}, last seen {hours} hour{'' if hours == 1 else 's'} ago"
    return f"{since}, last seen on {format_date(one.last_seen_at)}"


def _end(person: Person, one: SessionView) -> None:
    try:
        sessions.end_session(person, session_id=one.id)
        st.session_state["sessions_done"] = f"{one.device} is logged out."
    except ServiceError as error:
        st.session_state["sessions_refused"] = error


def _end_others(person: Person, token: str) -> None:
    try:
        sessions.end_others(person, token=token)
        st.session_state["sessions_done"] = "You are logged in only here now."
    except ServiceError as error:
        st.session_state["sessions_refused"] = error
