"""A second opinion that a colleague asks of me: one photo, and my answer."""

import streamlit as st

from pages import _cases as cases
from pages import _keys as keys
from pages import _opinions as parts
from pages._finding import probability_words
from pages._opinions import MANAGEMENT
from pages._parts import caution, empty_state, field, format_date, link, overlay, photo, query_number, show_error
from pages._review import INTERVALS, VERDICTS, concept
from pages._session import require_role
from pages._words import brief, plain
from services import opinions, reviews, snomed
from services.errors import AccessError, ServiceError, ValidationError
from services.opinions import OpinionCase


def case_or_stop() -> OpinionCase:
    try:
        return opinions.opinion_case(person, opinion_id=query_number("opinion") or 0)
    except AccessError as error:
        st.title("This question cannot be shown", anchor=False)
        empty_state("Nothing to show here", str(error), page="opinions", action="Back to Opinions")
        st.stop()


def answer_form(case: OpinionCase) -> None:
    errors: dict[str, str] = st.session_state.pop("answer_errors", {})
    key = f"answer_{case.id}"
    with st.form(key, border=False):
        with field(errors, "verdict"):
            verdict = "" if case.blind else st.radio(
                "The networks' answer", VERDICTS, index=None, format_func=VERDICTS.get, horizontal=True, key=f"{key}_verdict"
            )
        with field(errors, "code"):
            code = st.selectbox(
                "Your diagnosis (SNOMED CT)", snomed.CONCEPTS, index=None, format_func=concept, placeholder="Type to search",
                key=f"{key}_code",
            )
        with field(errors, "reason"):
            reason = st.text_area("Reason", max_chars=reviews.LONGEST, height=80, key=f"{key}_reason")
        with field(errors, "management"):
            management = st.radio("You would", MANAGEMENT, format_func=MANAGEMENT.get, horizontal=True, key=f"{key}_management")
        with field(errors, "follow_up_on"):
            days = st.selectbox(
                "Follow-up in", INTERVALS, index=None, format_func=INTERVALS.get, placeholder="No interval", key=f"{key}_days"
            )
        asked = st.form_submit_button(
            "Sign the opinion", type="primary", icon=":material/signature:", shortcut="Ctrl+Enter", key=f"{key}_sign", width="stretch"
        )
    keys.of_judging(key, blind=case.blind)
    if not asked:
        return
    try:
        opinions.answer(
            person, opinion_id=case.id, verdict=verdict or "", code=code or "", reason=reason, management=management, recheck_days=days
        )
    except ValidationError as error:
        st.session_state["answer_errors"] = error.fields
    except ServiceError as error:
        show_error(error)
        return
    st.rerun()


person = require_role("doctor")
case = case_or_stop()
cases.steps(person, case.lesion_id)
link("opinions", "Opinions asked of you", icon=":material/arrow_back:")
st.title(plain(case.agreement) or ("You have answered" if case.answer else "What do you hold this for?"), anchor=False)
about = ", ".join(words for words in (case.sex.lower(), f"{case.age} years" if case.age is not None else "") if words)
st.caption(f"{case.body_site}; {about}; photo of {format_date(case.visited_on)}. Asked by {plain(case.asker)}.")
if case.question:
    st.text(case.question)

seen, said = st.columns([3, 2], gap="medium")
with seen:
    original, outlined = st.columns(2) if case.finding else (st.container(), None)
    with original:
        photo(case.upload_id, caption="Original", alt=f"{case.body_site}, photo for a second opinion")
    if case.finding:
        with outlined:
            overlay(case.upload_id, caption="Lesion as the networks outline it")
    for sentence in case.warnings:
        st.markdown(f":material/warning: {sentence}")
with said:
    if case.finding:
        st.markdown(f"The networks say **{brief(case.finding).lower()}**: {probability_words(case.finding)}")
    if case.first:
        st.markdown(f"{plain(case.asker)} says:")
        parts.answer(case.first)
    if case.answer:
        st.markdown("You say:")
        parts.answer(case.answer)
    else:
        if case.blind:
            st.caption("You are asked to judge blind: what others make of it appears once you have signed.")
        answer_form(case)
caution()
