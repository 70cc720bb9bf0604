"""My account: who is logged in and where, the password, the second step, and the way out."""

import streamlit as st

from pages import _notices as notices
from pages._pages import EVERY_ROLE
from pages._parts import format_date
from pages._session import log_out_browser, require_role, session_token
from pages.account import _email, _erase, _password, _personal, _second_step, _where
from services import email_links

person = require_role(*EVERY_ROLE, before_second_step=True)

st.title(f"You are logged in as {person.full_name}", anchor=False)
shown = {"E-mail": person.email, "Account": f"{person.role}, since {format_date(person.created_at)}"}
if person.birth_date:
    shown["Birth date"] = format_date(person.birth_date)
for label, value in shown.items():
    with st.container(gap="xxsmall"):
        st.caption(label)
        st.text(value)
        if label == "E-mail" and person.email_verified:
            st.markdown(":green-badge[:material/check_circle: confirmed]")
        elif label == "E-mail":
            st.markdown(":orange-badge[:material/schedule: not confirmed yet]")
            if st.button("Send me the link", icon=":material/mail:", key="ask_verification"):
                email_links.ask_verification(email=person.email)
                st.toast("A link is on its way. It works once, for three days.", icon=":material/mail:")
st.space("small")
if not person.second_step_missing:
    notices.draw(person)
if st.button("Log out", icon=":material/logout:", type="primary", key="log_out"):
    log_out_browser()
    st.stop()

token = session_token() or ""
if not person.second_step_missing:
    _personal.draw(person)
    _email.draw(person)
    _password.draw(person)
_second_step.draw(person, token)
_where.draw(person, token)
if person.role != "patient":  # theirs is under My data, beside the download
    _erase.draw(person)
