"""Part of "My account": another e-mail address, for which the password is asked."""

from __future__ import annotations

import streamlit as st

from pages._parts import field, tried
from pages._words import plain
from pages.account._proof import proof
from services import change_email
from services.views import Person


def draw(person: Person) -> None:
    state = st.session_state.setdefault("email_change", {"errors": {}, "sent_to": ""})
    errors: dict[str, str] = state["errors"]
    st.header("E-mail address", anchor=False)
    if state["sent_to"]:
        told = f"A link is on its way to {plain(state['sent_to'])}. Open it within 24 hours; nothing changes before."
        st.success(told, icon=":material/mail:")
    change = st.expander("Change the e-mail address", icon=":material/alternate_email:", expanded=bool(errors))
    with change, st.form("email", border=False):
        with field(errors, "new"):
            new = st.text_input("New e-mail address", key="email_new", autocomplete="email")
        proved = proof(person, errors, "email")
        st.caption("We send a link to the new address. Once you open it, you log in with that address.")
        asked = st.form_submit_button("Send me the link", type="primary")
    if not asked:
        return
    state["sent_to"] = ""
    if tried(state, lambda: change_email.ask_change(person, new=new, **proved)):
        state["sent_to"] = new.strip()
        st.rerun()
