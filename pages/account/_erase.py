"""Part of "My account" and "My data": erase the account, for which password and second step are asked."""

from __future__ import annotations

import streamlit as st

from pages._parts import show_error
from pages._session import log_out_browser
from pages.account._proof import proof
from services import erasure
from services.errors import ServiceError, ValidationError
from services.views import Person

GOES = {
    "patient": "Your photos, moles, findings, notes, shares and everything that tells who you are go at once and for good.",
    "doctor": "Everything that tells who you are goes at once and for good, and you see no patient any more.",
    "admin": "Everything that tells who you are goes at once and for good.",
}


def draw(person: Person) -> None:
    errors: dict[str, str] = st.session_state.get("erase_errors", {})
    st.header("Erase the account", anchor=False)
    with st.expander("Erase everything", icon=":material/delete_forever:", expanded=bool(errors)):
        st.markdown(GOES[person.role])
        st.markdown(erasure.STAYS[person.role])
        if person.role == "patient":
            st.markdown("You may want to download your data first. An erased account cannot be brought back.")
        with st.form("erase", border=False):
            proved = proof(person, errors, "erase")
            sure = st.checkbox("I know that this cannot be undone", key="erase_sure")
            asked = st.form_submit_button("Erase my account", type="primary", icon=":material/delete_forever:")
    if not asked:
        return
    try:
        if not sure:
            raise ValidationError({"password": "Please tick the box first: this cannot be undone."})
        erasure.erase_account(person, **proved)
    except ValidationError as error:
        st.session_state["erase_errors"] = error.fields
        st.rerun()
    except ServiceError as error:
        show_error(error)
    else:
        st.session_state.pop("erase_errors", None)
        log_out_browser()
        st.stop()
