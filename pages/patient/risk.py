"""Risk and history: skin type by questionnaire, family, earlier skin cancer, sun-burns, medicines. Each saving is a new version."""

import streamlit as st

from pages._parts import caution, field, format_date, link, show_error
from pages._session import require_role
from services import risk
from services.errors import ServiceError, ValidationError
from services.risk import FITZPATRICK, HISTORY, TEXTS, RiskView

LONGEST = risk.LONGEST_TEXT


def title(found: RiskView) -> str:
    if not found.version:
        return "Your skin and your history"
    skin = f"Skin type {found.skin_type}" if found.skin_type else "Skin type not known yet"
    return f"{skin}, {'raised risk' if found.raised else 'nothing that raises the risk'}"


def choices(questions, found: RiskView) -> dict[str, str | None]:
    said = {}
    for question in questions:
        with field(errors, question.key):
            at = question.options.index(found.answers[question.key]) if question.key in found.answers else None
            said[question.key] = st.radio(question.text, question.options, index=at, horizontal=True, key=f"risk_{question.key}")
    return said


person = require_role("patient")
found = risk.answers_of(person)
if f"risk_{FITZPATRICK[0].key}" not in st.session_state:  # the page was just opened: what it shows is this version
    st.session_state.update(risk_read=found.version, risk_errors={})
errors: dict[str, str] = st.session_state["risk_errors"]

link("moles", "My moles", icon=":material/arrow_back:")
st.title(title(found), anchor=False)
if found.raised:
    st.markdown(f"What raises it: {', '.join(found.raised)}. Moles that stand fine are due after three months instead of six.")
st.markdown(
    "Doctors ask these things first. Your answers set how soon a mole is due again, and a doctor you share with reads them. "
    "They change no result of a photo. Every question may stay open."
)
if found.version:
    st.caption(f"Version {found.version}, answered on {format_date(found.answered_at)}. Older versions are kept.")

with st.form("risk", border=False):
    st.subheader("Your skin", anchor=False)
    said = choices(FITZPATRICK, found)
    st.subheader("Your history", anchor=False)
    said |= choices(HISTORY, found)
    for key, label in TEXTS.items():
        with field(errors, key):
            said[key] = st.text_area(f"{label} (optional)", found.answers.get(key, ""), max_chars=LONGEST, key=f"risk_{key}")
    asked = st.form_submit_button("Save", key="risk_save", type="primary", icon=":material/check:", width="stretch")
if "version" in errors:
    st.error(errors["version"], icon=":material/error:")

if asked:
    st.session_state["risk_errors"] = {}
    try:
        saved = risk.answer(person, version=st.session_state["risk_read"], answers={key: value for key, value in said.items() if value})
        st.session_state["risk_read"] = saved.version
        st.toast("Saved. The next dates of your moles follow.", icon=":material/check:")
        st.rerun()
    except ValidationError as error:
        st.session_state["risk_errors"] = error.fields
        st.rerun()
    except ServiceError as error:
        show_error(error)
caution()
