"""A patient's moles, for the doctor they share them with."""

import streamlit as st

from pages._pages import PAGES
from pages._parts import (
    STATE_OF_A_FINDING,
    caution,
    empty_state,
    format_date,
    go,
    link,
    photo,
    probability_words,
    query_number,
    state_badge,
)
from pages._session import require_role
from pages._words import ago, brief, plain
from services import lesions, sharing
from services.errors import AccessError
from services.views import LesionSummary


def card(mole: LesionSummary) -> None:
    with st.container(border=True, key=f"mole_{mole.id}"), st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        if mole.last_upload_id:
            photo(mole.last_upload_id, "thumb", alt=f"Newest photo of {mole.name}", width=112)
        with st.container(gap="xxsmall"):
            st.markdown(f"**{plain(mole.name)}**")
            visits = "1 visit" if mole.visit_count == 1 else f"{mole.visit_count} visits"
            last = f", last {ago(mole.last_visited_on)}" if mole.last_visited_on else ""
            st.caption(f"{mole.body_site_label}. {visits}{last}")
            if mole.last_finding:
                state, _ = STATE_OF_A_FINDING[mole.last_finding.diagnosis, mole.last_finding.confidence]
                state_badge(state, brief(mole.last_finding))
                st.caption(f"Probability {probability_words(mole.last_finding)}")
            else:
                st.caption("No finding yet")
            if st.button("Open", key=f"open_{mole.id}", icon=":material/timeline:", help=f"All photos of {plain(mole.name)}"):
                go("timeline", patient=patient.id, mole=mole.id)


person = require_role("doctor")
try:
    patient = sharing.patient_of(person, patient_id=query_number("patient") or 0)
    moles = lesions.list_lesions(person, patient_id=patient.id)
except AccessError as error:
    st.title("This patient cannot be shown", anchor=False)
    empty_state("Nothing to show here", str(error), page="patients", action=f"Back to {PAGES['patients'].title}")
    st.stop()

link("patients", "Patients", icon=":material/arrow_back:")
count = "no moles yet" if not moles else "1 mole" if len(moles) == 1 else f"{len(moles)} moles"
st.title(f"{plain(patient.full_name)}: {count}", anchor=False)
st.caption(f"Born {format_date(patient.birth_date)}. {plain(patient.email)}" if patient.birth_date else plain(patient.email))

if not moles:
    empty_state("No moles yet", "The patient has not added a mole so far.")
grid = st.grid(min_column_width=320)
for mole in sorted(moles, key=lambda mole: -(mole.last_finding.malignant_probability if mole.last_finding else -1)):
    with grid.cell():
        card(mole)
caution()
