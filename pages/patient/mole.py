"""One mole of mine over time."""

import streamlit as st

from pages import _timeline as timeline_parts
from pages._parts import caution, empty_state, format_date, go, link
from pages._session import require_role
from pages._words import brief, plain

person = require_role("patient")
timeline = timeline_parts.timeline_or_stop(person, back="moles")
lesion, name = timeline.lesion, plain(timeline.lesion.name)

link("moles", "My moles", icon=":material/arrow_back:")
if any(visit.photo for visit in timeline.visits):
    finding = lesion.last_finding
    st.title(f"{name}: {brief(finding).lower()}" if finding else f"{name}: no photo could be measured yet", anchor=False)
else:
    st.title(f"{name}: no photo yet", anchor=False)
noticed = f", first noticed {format_date(lesion.first_noticed)}" if lesion.first_noticed else ""
st.caption(f"{lesion.body_site_label}{noticed}")

if not any(visit.photo for visit in timeline.visits):
    empty_state(
        "Start with one photo", "From the second photo on, this page shows what changed.",
        icon=":material/add_a_photo:", page="add-photo", action="Add a photo", mole=lesion.id,
    )
    st.stop()

st.markdown(timeline_parts.evolution_sentence(timeline))
if st.button("Add a photo", key="add_photo", type="primary", icon=":material/add_a_photo:"):
    go("add-photo", mole=lesion.id)
timeline_parts.photo_strip(timeline, visit_page="visit")
timeline_parts.plots(timeline, visit_page="visit")
timeline_parts.notes(timeline, "What the doctor said", nobody="No doctor has written about this mole yet.")
timeline_parts.numbers(timeline)
caution()
