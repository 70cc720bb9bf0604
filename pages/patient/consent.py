"""Consent: the text in force, since when it is accepted, and how to withdraw it."""

import streamlit as st

from pages import _consent as parts
from pages._parts import format_date, link
from pages._session import require_role
from services import consent

person = require_role("patient")
state = consent.state(person)

link("my-data", "My data", icon=":material/arrow_back:")
if state.in_force:
    st.title(f"You agreed on {format_date(state.accepted_at)}", anchor=False)
elif state.withdrawn_at:
    st.title(f"You withdrew your consent on {format_date(state.withdrawn_at)}", anchor=False)
elif state.version:
    st.title("The consent text has changed", anchor=False)
else:
    st.title("You have not agreed yet", anchor=False)
st.markdown("This is what is done with your photos." if state.in_force else "No photo is taken in before you agree to this.")
parts.show_text()
if state.in_force:
    parts.withdraw_button(person)
else:
    parts.agree_button(person)
