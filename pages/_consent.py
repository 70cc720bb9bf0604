"""The consent text: asked for kindly before the first photo, and on its own page."""

from __future__ import annotations

import streamlit as st

from pages._parts import show_error
from services import consent
from services.errors import ServiceError
from services.views import Person


def consent_or_stop(person: Person) -> None:
    """Goes on where the text in force is accepted; otherwise asks for it, and the page ends here."""
    state = consent.state(person)
    if state.in_force:
        return
    st.title("Before your first photo" if state.version is None else "Before your next photo", anchor=False)
    if state.withdrawn_at is not None:
        st.markdown("You withdrew your consent, so no photo is taken in. To add photos again, please read this and agree.")
    elif state.version is not None:
        st.markdown("This text has changed since you agreed to it. Please read it again.")
    else:
        st.markdown("Please read what is done with your photos. It takes two minutes, and you can withdraw it at any time.")
    show_text()
    agree_button(person)
    st.stop()


def show_text() -> None:
    text = consent.current()
    with st.container(border=True):
        st.markdown(text.text)
        st.caption(f"Version {text.version}")


def agree_button(person: Person) -> None:
    if st.button("I have read this and agree", key="consent_accept", type="primary", icon=":material/check:", width="stretch"):
        _tried(consent.accept, person, version=consent.current().version)


def withdraw_button(person: Person) -> None:
    with st.expander("Withdraw your consent", icon=":material/block:"):
        st.markdown(
            "No new photo is then taken in, and none is analysed again. What is stored stays, and doctors you share with still see it: "
            "stop that under Sharing, delete single moles and photos, or erase everything under My data."
        )
        if st.button("Withdraw it", key="consent_withdraw"):
            _tried(consent.withdraw, person)


def _tried(service, person: Person, **more) -> None:
    try:
        service(person, **more)
    except ServiceError as error:
        show_error(error)
    else:
        st.rerun()
