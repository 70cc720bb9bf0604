"""One visit as a doctor reads it: the networks' finding beside the photo, the numbers, and the doctor's own note."""

import streamlit as st

from pages import _cases as cases
from pages import _result as result
from pages._parts import caution, field, format_date, link, show_error
from pages._scale import scale_of
from pages._session import require_role
from pages._words import plain
from services import notes, sharing
from services.errors import ServiceError, ValidationError

person = require_role("doctor")
visit = result.visit_or_stop(person, back="patients")
patient = sharing.patient_of(person, patient_id=visit.patient_id)
shown = result.shown_photo(visit)

cases.steps(person, visit.lesion_id)
link("timeline", f"{plain(patient.full_name)}: {plain(visit.lesion_name)}", icon=":material/arrow_back:", mole=visit.lesion_id)
st.title(result.headline(shown), anchor=False)
st.caption(f"{plain(patient.full_name)}, {plain(visit.lesion_name)}, visit of {format_date(visit.visited_on)}")

if shown is None:
    caution()
elif shown.accepted and shown.finding:
    said, seen = st.columns([2, 3], gap="medium")
    with said:
        result.reading(shown)
    with seen:
        result.pictures(shown)
else:
    result.refusal(shown)
    caution()

if visit.note:
    st.subheader("Patient's note", anchor=False)
    st.text(visit.note)

st.subheader("Notes on this visit", anchor=False)
result.notes(visit.notes)
# A new form after each stored note, so that a second click finds nothing to store.
form = f"note_{visit.id}_{len(visit.notes)}"
errors: dict[str, str] = st.session_state.pop("note_errors", {})
with st.form(form, border=False):
    with field(errors, "text"):
        text = st.text_area(
            "Add a note", key=f"{form}_text", max_chars=notes.LONGEST, help="The patient reads it too.",
            placeholder="Findings, advice, when to come back",
        )
    asked = st.form_submit_button("Save note", key=f"{form}_save", type="primary")
if asked:
    try:
        notes.add_note(person, visit_id=visit.id, text=text)
        st.rerun()
    except ValidationError as error:
        st.session_state["note_errors"] = error.fields
        st.rerun()
    except ServiceError as error:
        show_error(error)

if shown and shown.finding:
    result.numbers(shown, everything=True)
    scale_of(person, shown)
if shown:
    result.other_photos(visit, shown, page="case")
