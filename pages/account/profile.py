"""Who is logged in, and the way out."""

import streamlit as st

from pages._pages import EVERY_ROLE
from pages._parts import format_date
from pages._session import log_out_browser, require_role

person = require_role(*EVERY_ROLE)

st.title(f"You are logged in as {person.full_name}", anchor=False)
shown = {"E-mail": person.email, "Account": f"{person.role}, since {format_date(person.created_at)}"}
if person.birth_date:
    shown["Birth date"] = format_date(person.birth_date)
for label, value in shown.items():
    with st.container(gap="xxsmall"):
        st.caption(label)
        st.text(value)
st.space("small")
if st.button("Log out", icon=":material/logout:", type="primary", key="log_out"):
    log_out_browser()
