"""Where the link to a new e-mail address leads: one click takes it over. Opening it alone does nothing, as mail programs do that too."""

import streamlit as st

from pages._parts import go, show_error
from pages._session import link_token
from services import change_email, email_links
from services.errors import ServiceError

token = link_token("change-email")

if changed := st.session_state.get("email_changed"):
    st.title("Your e-mail address is changed", anchor=False)
    st.markdown("From now on you log in with this one:")
    st.text(changed)
elif token and email_links.works(purpose="change", token=token):
    st.title("Use this e-mail address from now on?", anchor=False)
    st.markdown("You then log in with the address that this link was sent to. The old one is told of it.")
    if st.button("Use it", type="primary", icon=":material/mark_email_read:", key="confirm_change"):
        try:
            st.session_state["email_changed"] = change_email.confirm_change(token=token)
            st.rerun()
        except ServiceError as error:
            show_error(error)
else:
    st.title("This link does not work", anchor=False)
    st.markdown(f"{email_links.DEAD} Your e-mail address is what it was; under My account you can change it.")

if st.button("Go to Moletrail", key="to_moletrail"):
    st.session_state.pop("email_changed", None)
    go("log-in")
