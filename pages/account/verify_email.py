"""Where the link in the e-mail leads: one click confirms the address. Opening it alone does nothing, as mail programs do that too."""

import streamlit as st

from pages._parts import go, show_error
from pages._session import link_token
from services import email_links
from services.errors import ServiceError

token = link_token("verify-email")

if st.session_state.get("verified"):
    st.title("Your e-mail address is confirmed", anchor=False)
elif token and email_links.works(purpose="verify", token=token):
    st.title("Confirm your e-mail address", anchor=False)
    st.markdown("Is it yours, and is the Moletrail account too? Then one click is all that is left.")
    if st.button("Confirm", type="primary", icon=":material/mark_email_read:", key="confirm_email"):
        try:
            email_links.verify_email(token=token)
            st.session_state["verified"] = True
            st.rerun()
        except ServiceError as error:
            show_error(error)
else:
    st.title("This link does not work", anchor=False)
    st.markdown(f"{email_links.DEAD} Under My account you can have it sent again.")

if st.button("Go to Moletrail", key="to_moletrail"):
    st.session_state.pop("verified", None)
    go("log-in")
