"""One visit as a doctor reads and judges it: pictures, the networks' finding, the review, second opinions, notes, numbers."""

import streamlit as st

from pages import _cases as cases
from pages import _expert as expert
from pages import _notes as notes
from pages import _opinions as opinions
from pages import _result as result
from pages import _review as review
from pages._parts import caution, format_date, link, photo
from pages._scale import scale_of
from pages._session import require_role
from pages._words import plain
from services import reviews, sharing

person = require_role("doctor")
visit = result.visit_or_stop(person, back="patients")
patient = sharing.patient_of(person, patient_id=visit.patient_id)
shown = result.shown_photo(visit)
finding = shown.finding if shown and shown.accepted else None
written = reviews.reviews_of(person, diagnosis_id=finding.id) if finding else ()
standing = reviews.standing(written)
mine = next((one for one in standing if one.author_id == person.id and one.opinion_id is None), None)
prefers = reviews.prefers_blind(person)
blind = finding is not None and reviews.judges_first(person, diagnosis_id=finding.id)

cases.steps(person, visit.lesion_id)
link("timeline", f"{plain(patient.full_name)}: {plain(visit.lesion_name)}", icon=":material/arrow_back:", mole=visit.lesion_id)
st.title("What do you hold this for?" if blind else result.headline(shown), anchor=False)
st.caption(f"{plain(patient.full_name)}, {plain(visit.lesion_name)}, visit of {format_date(visit.visited_on)}")

if shown is None:
    caution()
elif finding:
    seen, said = st.columns([3, 2], gap="medium")
    with seen:
        if blind:
            photo(shown.id, caption="Original")
        else:
            if not review.correct_outline(person, finding, mine):
                result.pictures(shown, [one for one in standing if one.corrected])
            result.reading(shown)
            link("compare-visits", "Compare with another visit", icon=":material/compare:", mole=visit.lesion_id)
            link("model-cards", "What is known of the networks", icon=":material/fact_check:")
    with said:
        st.toggle(
            "Judge before the networks", value=prefers, key="judge_blind",
            on_change=lambda: reviews.choose_blind(person, blind=st.session_state["judge_blind"]),
        )
        if blind and not prefers:
            st.caption(
                ":material/visibility_off: A colleague asks you to judge this photo blind: what others make of it appears once you have "
                "answered, or signed a review of your own."
            )
        if not blind:
            review.standing(written)
        with st.expander("Change your review", icon=":material/edit:") if mine else st.container():
            review.form(person, finding, mine, blind=blind)
        if mine:
            review.histology(person, mine)
else:
    result.refusal(shown)
    caution()

if finding and not blind:
    st.subheader("Second opinions", anchor=False)
    opinions.asked(person, finding.id)

if visit.note:
    st.subheader("Patient's note", anchor=False)
    st.text(visit.note)

st.subheader("Notes on this visit", anchor=False)
notes.of_visit(visit)
notes.form(person, visit)

if finding and not blind:
    result.numbers(shown, everything=True)
    expert.compared(person, shown)
    scale_of(person, shown)
if shown:
    result.other_photos(visit, shown, page="case")
