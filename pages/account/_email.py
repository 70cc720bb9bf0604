"""Part of "My account": another e-mail address, for which the password is asked."""

from __future__ import annotations

import streamlit as st

from pages._parts import field, show_error
from pages._words import plain
from services import change_email, two_factor
from services.errors import ServiceError, ValidationError
from services.views import Person


def draw(person: Person) -> None:
    errors: dict[str, str] = st.session_state.get("email_errors", {})
    st.header("E-mail address", anchor=False)
    if waiting := st.session_state.get("email_asked"):
        st.success(f"A link is on its way to {plain(waiting)}. Open it within 24 hours; nothing changes before.", icon=":material/mail:")
    change = st.expander("Change the e-mail address", icon=":material/alternate_email:", expanded=bool(errors))
    with change, st.form("email", border=False):
        with field(errors, "new"):
            new = st.text_input("New e-mail address", key="email_new", autocomplete="email")
        with field(errors, "password"):
            password = st.text_input("Your password", type="password", key="email_password", autocomplete="current-password")
        code = ""
        if two_factor.status(person).enabled_since is not None:
            with field(errors, "code"):
                code = st.text_input("Code of the app, or a recovery code", key="email_code", autocomplete="one-time-code")
        st.caption("We send a link to the new address. Once you open it, you log in with that address.")
        asked = st.form_submit_button("Send me the link", type="primary")
    if not asked:
        return
    st.session_state.pop("email_asked", None)
    try:
        change_email.ask_change(person, new=new, password=password, code=code)
        st.session_state.pop("email_errors", None)
        st.session_state["email_asked"] = new.strip()
    except ValidationError as error:
        st.session_state["email_errors"] = error.fields
    except ServiceError as error:
        show_error(error)
        return
    st.rerun()
