"""Second opinions on a case: asking a colleague, and what came of it."""

from __future__ import annotations

import streamlit as st

from pages._parts import field, format_date, tried
from pages._review import signed
from pages._words import plain
from services import opinions
from services.opinions import Opinion
from services.reviews import MANAGEMENT, ReviewView
from services.views import Person


def asked(person: Person, diagnosis_id: int) -> None:
    """The questions to colleagues about this photo with their answers, and a form for another."""
    for opinion in opinions.opinions_on(person, diagnosis_id=diagnosis_id):
        with st.container(border=True, gap="xxsmall"):
            _question(person, opinion)
    with st.expander("Ask a colleague", icon=":material/group_add:"):
        _form(person, diagnosis_id)


def _question(person: Person, opinion: Opinion) -> None:
    blind = ", to judge blind" if opinion.blind else ""
    st.caption(f":material/group: {plain(opinion.asker)} asked {plain(opinion.colleague)} on {format_date(opinion.asked_at)}{blind}")
    if opinion.question:
        st.text(opinion.question)
    if opinion.answer:
        answer(opinion.answer)
    if opinion.agreement:
        agreement(opinion.agreement)
    elif opinion.answer and opinion.asker_id == person.id:
        st.caption("How far you agree shows once you have signed your own review.")
    if opinion.withdrawn_at:
        st.markdown(":material/undo: Closed" if opinion.answer else ":material/undo: Taken back")
        return
    if not opinion.answer:
        st.markdown(":material/schedule: Not answered yet")
    words, told = ("Close", "The colleague sees the photo no more; the answer stays.") if opinion.answer else (
        "Take back", "The colleague sees the photo no more.",
    )
    if opinion.asker_id == person.id and st.button(words, key=f"withdraw_{opinion.id}", help=told):
        opinions.withdraw(person, opinion_id=opinion.id)
        st.rerun()


def answer(given: ReviewView) -> None:
    """What the colleague says."""
    kind = "malignant" if given.malignant else "benign"
    blind = ", blind" if given.blind else ""
    st.caption(f":material/stethoscope: {plain(given.author)}, {signed(given.created_at)}{blind}")
    st.markdown(f"**{given.term or kind.capitalize()}{f', {kind}' if given.term else ''}**. {MANAGEMENT[given.management]}")
    if given.reason:
        st.text(given.reason)


def agreement(sentence: str) -> None:
    icon = ":material/compare_arrows:" if sentence.startswith("You differ") else ":material/handshake:"
    st.markdown(f"{icon} {plain(sentence)}")


def _form(person: Person, diagnosis_id: int) -> None:
    state = st.session_state.setdefault(f"ask_{diagnosis_id}", {"sent": 0, "errors": {}})
    key, errors = f"ask_{diagnosis_id}_{state['sent']}", state["errors"]
    with st.form(key, border=False):
        with field(errors, "colleague_email"):
            email = st.text_input("E-mail of the colleague", key=f"{key}_email")
        with field(errors, "question"):
            question = st.text_area("Question", key=f"{key}_question", max_chars=opinions.LONGEST, height=80)
        blind = st.checkbox(
            "The colleague judges blind, before seeing the networks' answer and yours", value=True, key=f"{key}_blind"
        )
        st.caption("The colleague sees this one photo, the body site, age and sex, and no name. It closes when you take it back.")
        sent = st.form_submit_button("Ask", icon=":material/send:", key=f"{key}_send")
    if not sent:
        return
    if tried(state, lambda: opinions.ask(person, diagnosis_id=diagnosis_id, colleague_email=email, question=question, blind=blind)):
        st.session_state[f"ask_{diagnosis_id}"] = {"sent": state["sent"] + 1, "errors": {}}
        st.rerun()
