"""Part of "My account": a new password, for which the current one is asked."""

from __future__ import annotations

import streamlit as st

from pages._parts import field, show_error
from pages._session import log_in_browser, visitor
from services import accounts
from services.errors import ServiceError, ValidationError
from services.views import Person


def draw(person: Person) -> None:
    errors: dict[str, str] = st.session_state.get("password_errors", {})
    st.header("Password", anchor=False)
    if st.query_params.get("changed") == "password":
        st.success("Your password is changed. You are logged out everywhere but here.", icon=":material/check_circle:")
    with st.expander("Change the password", icon=":material/key:", expanded=bool(errors)), st.form("password", border=False):
        with field(errors, "current"):
            current = st.text_input("Current password", type="password", key="password_current", autocomplete="current-password")
        st.caption("8 to 128 characters, any you like; three or four random words are good. Common ones are refused.")
        with field(errors, "new"):
            new = st.text_input("New password", type="password", key="password_new", autocomplete="new-password")
        st.caption("You are then logged out everywhere but here.")
        asked = st.form_submit_button("Change the password", type="primary")
    if not asked:
        return
    try:
        ticket = accounts.change_password(person, current=current, new=new, user_agent=visitor()["user_agent"])
    except ValidationError as error:
        st.session_state["password_errors"] = error.fields
        st.rerun()
    except ServiceError as error:
        show_error(error)
    else:
        st.session_state.pop("password_errors", None)
        st.query_params["changed"] = "password"
        log_in_browser(ticket, stay=True)
