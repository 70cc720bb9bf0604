"""One mole of mine over time."""

import streamlit as st

from pages import _timeline as timeline_parts
from pages._bin import delete_button
from pages._parts import caution, empty_state, format_date, link
from pages._session import require_role
from pages._share import link_maker
from pages._words import joined, place, plain

person = require_role("patient")
evolution = timeline_parts.evolution_or_stop(person, back="moles")
lesion = evolution.timeline.lesion
if st.session_state.pop("photo_withdrawn", False):
    st.toast("The photo lies in the bin for 30 days, under My data.", icon=":material/delete:")

with st.container(horizontal=True):
    link("moles", "My moles", icon=":material/arrow_back:")
    link("edit-mole", "Change name or place", icon=":material/edit_location:", mole=lesion.id)
    link("reminders", "Next dates", icon=":material/event:")
noticed = f"first noticed {format_date(lesion.first_noticed)}" if lesion.first_noticed else ""
where = joined(place(lesion.name, lesion.body_site_label), noticed)
if not any(visit.photo for visit in evolution.visits):
    st.title(f"{plain(lesion.name)}: no photo yet", anchor=False)
    if where:
        st.caption(where)
    empty_state(
        "Start with one photo", "From the second photo on, this page shows what changed.",
        icon=":material/add_a_photo:", page="add-photo", action="Add a photo", mole=lesion.id,
    )
    if evolution.visits:  # the photos were withdrawn, what a doctor wrote stays
        timeline_parts.notes(evolution, "What the doctor said", nobody="", visit_page="visit")
    delete_button(person, lesion)
    st.stop()

st.title(timeline_parts.headline(evolution), anchor=False)
timeline_parts.standing(evolution, f"{where}." if where else "")
timeline_parts.actions(evolution, compare_page="compare", add_page="add-photo")
timeline_parts.photo_strip(evolution, visit_page="visit")
timeline_parts.plots(evolution, visit_page="visit")
timeline_parts.notes(evolution, "What the doctor said", nobody="No doctor has written about this mole yet.", visit_page="visit")
timeline_parts.numbers(evolution)
st.link_button("Report to print (PDF)", f"/moles/{lesion.id}/report.pdf", icon=":material/picture_as_pdf:")
link_maker(person, lesion)
delete_button(person, lesion)
caution()
