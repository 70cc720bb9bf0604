"""One mole of a patient over time, for the doctor they share it with."""

import streamlit as st

from pages import _cases as cases
from pages import _timeline as timeline_parts
from pages._parts import caution, empty_state, format_date, link
from pages._session import require_role
from pages._words import plain

person = require_role("doctor")
evolution = timeline_parts.evolution_or_stop(person, back="patients")
lesion, patient = evolution.timeline.lesion, evolution.timeline.patient

cases.steps(person, lesion.id)
link("patient", plain(patient.full_name), icon=":material/arrow_back:", patient=lesion.patient_id)
st.title(timeline_parts.headline(evolution), anchor=False)
born = f", born {format_date(patient.birth_date)}" if patient.birth_date else ""
noticed = f", first noticed {format_date(lesion.first_noticed)}" if lesion.first_noticed else ""
timeline_parts.standing(evolution, f"{plain(patient.full_name)}{born}. {lesion.body_site_label}{noticed}.", for_doctor=True)

if not any(visit.photo for visit in evolution.visits):
    empty_state("No photo yet", "The patient has added this mole but no photo of it.", icon=":material/photo:")
    st.stop()

timeline_parts.actions(evolution, compare_page="compare-visits")
timeline_parts.photo_strip(evolution, visit_page="case")
timeline_parts.plots(evolution, visit_page="case")
timeline_parts.notes(evolution, "Notes and reviews", nobody="No note yet. Open a visit to write one.", visit_page="case")
timeline_parts.numbers(evolution)
caution()
