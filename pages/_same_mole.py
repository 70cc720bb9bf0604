"""The question asked before a photo is stored with a mole that it does not look like."""

from __future__ import annotations

import streamlit as st

from services.views import LesionSummary


def ask(sentence: str, adding: dict, mole: LesionSummary, moles: dict[int, LesionSummary]) -> None:
    """Is it the same mole? `adding` is the page's own state: it goes on as soon as the answer is given."""

    def same() -> None:
        adding.update(wanted=True, same=True, errors={})

    def another() -> None:
        adding.update(wanted=True, same=False, other=st.session_state[key], errors={})

    key = f"other_{adding['key']}"
    st.warning(sentence, icon=":material/help:")
    st.button("It is the same mole, store it", key=f"same_{adding['key']}", on_click=same)
    others = {number: other.name for number, other in moles.items() if number != mole.id}
    if others:
        words = {"index": None, "format_func": others.get, "placeholder": "Choose which"}
        st.selectbox("It is another mole", others, key=key, on_change=another, **words)
