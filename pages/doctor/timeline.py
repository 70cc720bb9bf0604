"""One mole of a patient over time, for the doctor they share it with."""

import streamlit as st

from pages import _cases as cases
from pages import _timeline as timeline_parts
from pages._parts import caution, empty_state, format_date, link
from pages._session import require_role
from pages._words import brief, plain

person = require_role("doctor")
timeline = timeline_parts.timeline_or_stop(person, back="patients")
lesion, patient = timeline.lesion, plain(timeline.patient.full_name)

cases.steps(person, lesion.id)
link("patient", patient, icon=":material/arrow_back:", patient=lesion.patient_id)
finding = lesion.last_finding
st.title(f"{plain(lesion.name)}: {brief(finding).lower() if finding else 'no finding yet'}", anchor=False)
born = f", born {format_date(timeline.patient.birth_date)}" if timeline.patient.birth_date else ""
noticed = f", first noticed {format_date(lesion.first_noticed)}" if lesion.first_noticed else ""
st.caption(f"{patient}{born}. {lesion.body_site_label}{noticed}.")

if not any(visit.photo for visit in timeline.visits):
    empty_state("No photo yet", "The patient has added this mole but no photo of it.", icon=":material/photo:")
    st.stop()

st.markdown(timeline_parts.evolution_sentence(timeline))
timeline_parts.photo_strip(timeline, visit_page="case")
timeline_parts.plots(timeline, visit_page="case")
timeline_parts.notes(timeline, "Notes", nobody="No note yet. Open a visit to write one.")
timeline_parts.numbers(timeline)
caution()
