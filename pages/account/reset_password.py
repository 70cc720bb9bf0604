"""A forgotten password: ask for a link by e-mail, or, with the link, choose a new password."""

import streamlit as st

from pages._pages import PAGES
from pages._parts import field, go, show_error
from pages._session import link_token
from services import email_links
from services.errors import ServiceError, ValidationError

token = link_token("reset-password")


def to_log_in(kind: str = "secondary") -> None:
    if st.button("Go to log in", icon=PAGES["log-in"].icon, width=480, type=kind, key="to_log_in"):
        for name in ("reset_done", "reset_errors", "reset_asked"):
            st.session_state.pop(name, None)
        go("log-in")


def choose() -> None:
    errors: dict[str, str] = st.session_state.get("reset_errors", {})
    st.title("Choose a new password", anchor=False)
    with st.form("reset", border=False, width=480):
        st.caption("8 to 128 characters, any you like; three or four random words are good. Common ones are refused.")
        with field(errors, "new"):
            new = st.text_input("New password", type="password", key="reset_new", autocomplete="new-password")
        st.caption("You are then logged out everywhere.")
        sent = st.form_submit_button("Set the password", type="primary", width="stretch")
    if not sent:
        return
    try:
        email_links.reset_password(token=token, new=new)
        st.session_state["reset_done"] = True
        st.rerun()
    except ValidationError as error:
        st.session_state["reset_errors"] = error.fields
        st.rerun()
    except ServiceError as error:
        show_error(error)


def ask() -> None:
    st.title("Forgot your password?", anchor=False)
    if token:
        st.error(email_links.DEAD, icon=":material/link_off:")
    st.markdown("We send a link to your e-mail address, with which you choose a new one.")
    with st.form("ask_reset", border=False, width=480):
        email = st.text_input("E-mail", key="reset_email", autocomplete="username")
        sent = st.form_submit_button("Send me the link", type="primary", width="stretch")
    if sent:
        try:
            email_links.ask_reset(email=email)
        except ServiceError as error:
            show_error(error)
        else:
            st.session_state["reset_asked"] = True
            st.rerun()


if st.session_state.get("reset_done"):
    st.title("Your password is changed", anchor=False)
    st.markdown("You are logged out everywhere. Log in with the new password.")
    to_log_in("primary")
elif token and email_links.works(purpose="reset", token=token):
    choose()
elif st.session_state.get("reset_asked"):
    st.title("Look into your e-mail", anchor=False)
    st.markdown("If there is an account with this address, a link is on its way to it. It works once, for 30 minutes.")
    st.caption("Nothing came after a few minutes? Look among the unwanted mail, and whether the address was right.")
    to_log_in()
else:
    ask()
    to_log_in()
