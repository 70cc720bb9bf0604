"""A patient who shares with me: where their moles are and how each stands, every photo, everything that happened, their history."""

import streamlit as st

from pages import _patient as parts
from pages._body_map import body_map
from pages._pages import PAGES
from pages._parts import caution, empty_state, format_date, go, link, query_number
from pages._session import require_role
from pages._words import plain
from services import body, events, risk, sharing, ugly_duckling
from services.body import Overview
from services.errors import AccessError

VIEWS = {"moles": "Moles", "photos": "Photos", "events": "Timeline", "history": "History and risk"}


def title(overview: Overview) -> str:
    """How the moles stand, from the most urgent down."""
    if not overview.moles:
        return f"{plain(patient.full_name)}: no moles yet"
    counts = {state: len(overview.in_state(state)) for state in ("refer", "changed", "due")}
    words = {"refer": "to refer", "changed": "changed", "due": "due"}
    told = ", ".join(f"{count} {words[state]}" for state, count in counts.items() if count)
    number = "1 mole" if len(overview.moles) == 1 else f"{len(overview.moles)} moles"
    return f"{plain(patient.full_name)}: {told or 'nothing urgent'} of {number}"


person = require_role("doctor")
try:
    patient = sharing.patient_of(person, patient_id=query_number("patient") or 0)
    overview = body.overview(person, patient_id=patient.id)
    told = risk.answers_of(person, patient_id=patient.id)
except AccessError as error:
    st.title("This patient cannot be shown", anchor=False)
    empty_state("Nothing to show here", str(error), page="patients", action=f"Back to {PAGES['patients'].title}")
    st.stop()

link("patients", "Patients", icon=":material/arrow_back:")
st.title(title(overview), anchor=False)
born = f"born {format_date(patient.birth_date)}, " if patient.birth_date else ""
skin = f", skin type {told.skin_type}" if told.skin_type else ""
st.caption(f"P-{patient.id}, {born}{plain(patient.email)}{skin}")
if any(placed.mole.unjudged for placed in overview.moles):
    st.caption(":material/visibility_off: What you are to judge before you see the networks' answer is left out here.")
if told.raised:
    st.markdown(f":material/priority_high: {parts.raised_words(told)}")
if not overview.moles:
    empty_state("No moles yet", "The patient has not added a mole so far.")
    st.stop()

st.link_button("Report to print (PDF)", f"/report.pdf?patient={patient.id}", icon=":material/picture_as_pdf:")
view = st.radio(
    "Show", tuple(VIEWS), format_func=VIEWS.get, horizontal=True, key="view", label_visibility="collapsed", bind="query-params"
)
match view:
    case "moles":
        compared = ugly_duckling.order(person, patient_id=patient.id)
        unlike = {mole.lesion_id: mole for mole in compared if mole.unlike}
        points = events.list_photos(person, patient_id=patient.id)
        reviewed = events.list_events(person, patient_id=patient.id, kinds=("review",), size=200).items
        newest = {event.lesion_id: event for event in reversed(reviewed)}
        where, cards = st.columns([2, 5], gap="large")
        with where:
            body_map(overview.moles, figure=overview.figure, on_open=lambda number: go("timeline", patient=patient.id, mole=number))
            parts.ducklings(compared)
        with cards:
            grid = st.grid(min_column_width=320)
            for placed in overview.moles:
                with grid.cell():
                    own = [point for point in points if point.lesion_id == placed.mole.id]
                    parts.mole_card(placed, own, newest.get(placed.mole.id), unlike.get(placed.mole.id))
    case "photos":
        parts.all_photos(events.list_photos(person, patient_id=patient.id))
    case "events":
        parts.all_events(person, patient.id, overview.moles)
    case "history":
        parts.history(told)
caution()
