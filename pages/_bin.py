"""The way of a mole into the bin."""

from __future__ import annotations

import streamlit as st

from pages._parts import go, show_error
from services import bin
from services.errors import ServiceError
from services.views import LesionSummary, Person


def delete_button(person: Person, lesion: LesionSummary) -> None:
    # No popover: at the foot of a phone's page it opens below the screen.
    with st.expander("Delete this mole", icon=":material/delete:"):
        st.markdown("It goes into the bin with all its photos. You can take it back for 30 days; then it is erased.")
        if st.button("Put it into the bin", key="delete_mole", type="primary"):
            try:
                bin.delete_lesion(person, lesion_id=lesion.id)
            except ServiceError as error:
                show_error(error)
            else:
                go("bin")
