"""Part of "My account": what it says of its owner, how dates and sizes are shown, and reminders by e-mail."""

from __future__ import annotations

from datetime import date, timedelta

import streamlit as st

from pages._parts import field, preferences, show_error
from services import accounts, mail, profile
from services.errors import ServiceError, ValidationError
from services.fields import today
from services.views import Person
from services.words import DATE_STYLES, UNITS

LINES = {
    "first_name": "given-name", "surname": "family-name", "address": "address-line1", "second_address": "address-line2",
    "zip_code": "postal-code", "city": "address-level2", "state": "address-level1",
}  # fmt: skip
"""Field of one line -> what the browser may fill it with."""


def draw(person: Person) -> None:
    found = profile.profile(person)
    if sentence := st.session_state.pop("personal_done", None):
        st.toast(sentence, icon=":material/check:")
    st.header("Dates, sizes and reminders" if person.role == "patient" else "Dates and sizes", anchor=False)
    _preferences(person, found)
    st.header("About you", anchor=False)
    _about(person, found)


def _preferences(person: Person, found: profile.Profile) -> None:
    with st.form("preferences_form", border=False):
        units = st.radio(
            "Sizes", list(UNITS), index=list(UNITS).index(found.units), format_func=UNITS.get, horizontal=True, key="preferences_units"
        )
        style = st.selectbox(
            "Dates", list(DATE_STYLES), index=list(DATE_STYLES).index(found.date_style), format_func=DATE_STYLES.get,
            key="preferences_date_style",
        )
        mails = found.reminder_emails
        if person.role == "patient":
            mails = st.toggle("Remind me by e-mail too when a mole is due", value=mails, key="preferences_mails")
            if not mail.goes_out():
                st.caption("This site sends no e-mail at the moment. The calendar file under Reminders reminds you too.")
        listed = found.listed
        if person.role == "doctor":
            listed = st.toggle(
                "Patients may find me by name when they choose a doctor", value=listed, key="preferences_listed",
                help="Every patient here then reads your name and e-mail address. You see nobody's moles before they share them.",
            )
        if st.form_submit_button("Save", icon=":material/check:"):
            _tried(
                "preferences_errors", "Saved.", profile.change_preferences, person,
                units=units, date_style=style, reminder_emails=mails, listed=listed,
            )


def _about(person: Person, found: profile.Profile) -> None:
    errors: dict[str, str] = st.session_state.get("about_errors", {})
    shown = LINES if person.role == "patient" else {name: LINES[name] for name in profile.OF_STAFF}
    with st.expander("Change what is known of you", icon=":material/edit:", expanded=bool(errors)), st.form("about_form", border=False):
        typed: dict[str, object] = {}
        for name, fills in shown.items():
            with field(errors, name):
                label = accounts.FIELDS[name]
                typed[name] = st.text_input(label, value=getattr(found, name), key=f"about_{name}", autocomplete=fills)
        if person.role == "patient":
            sexes = list(accounts.SEXES)
            typed["sex"] = st.selectbox("Sex", sexes, index=sexes.index(found.sex), format_func=accounts.SEXES.get, key="about_sex")
            with field(errors, "birth_date"):
                typed["birth_date"] = st.date_input(
                    "Birth date", value=found.birth_date, min_value=date(1900, 1, 1), max_value=today() - timedelta(days=1),
                    format=preferences().typed, key="about_birth_date",
                )
        if st.form_submit_button("Save what changed", type="primary"):
            _tried("about_errors", "Your account is up to date.", profile.change_profile, person, **typed)


def _tried(errors: str, sentence: str, service, person: Person, **values: object) -> None:
    """What the service refuses stands under its field on the next run."""
    try:
        service(person, **values)
        st.session_state.pop(errors, None)
        st.session_state["personal_done"] = sentence
    except ValidationError as error:
        st.session_state[errors] = error.fields
    except ServiceError as error:
        show_error(error)
        return
    st.rerun()
