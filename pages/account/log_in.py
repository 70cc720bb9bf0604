"""Log in. Also the first page of whoever is not logged in."""

import streamlit as st

from pages._session import current_person, log_in_form, session_token, way_home

person = current_person()
if person is None:
    if not session_token() and "second_step" not in st.session_state:
        st.markdown("Moletrail follows your moles through time: one photo a visit, what changed, and a doctor you choose to show it to.")
    log_in_form("Your session has ended. Log in again to go on." if session_token() else "")
else:
    st.title(f"You are logged in as {person.full_name}", anchor=False)
    way_home(person)
