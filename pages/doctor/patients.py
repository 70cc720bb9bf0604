"""The patients who share their moles with me."""

import streamlit as st

from pages._parts import empty_state, format_date, go
from pages._session import require_role
from pages._words import ago, plain
from services import reviews, sharing
from services.views import PatientSummary
from services.words import percent


def count(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def card(patient: PatientSummary) -> None:
    born = f"Born {format_date(patient.person.birth_date)}. " if patient.person.birth_date else ""
    last = f"last visit {ago(patient.last_visited_on)}" if patient.last_visited_on else "no visit yet"
    highest = patient.highest_probability
    with st.container(border=True, gap="xxsmall", key=f"patient_{patient.person.id}"):
        st.markdown(f"**{plain(patient.person.full_name)}**")
        st.caption(f"{born}Shares since {format_date(patient.shared_since)}.")
        st.markdown(f"{count(patient.lesion_count, 'mole')}, {count(patient.photo_count, 'photo')}; {last}")
        if highest is None:
            nothing = "No finding to show yet" if patient.photo_count else "No finding yet"
            st.markdown("Its findings appear once you have judged the photos" if blind else nothing)
        else:
            call = " ({}, {} confidence)".format(*patient.highest_call) if patient.highest_call else ""
            st.markdown(f"Highest probability **{percent(highest)}**{call}, for reference only")
        if st.button("Open", key=f"open_{patient.person.id}", icon=":material/person:", help=f"Moles of {plain(patient.person.full_name)}"):
            go("patient", patient=patient.person.id)


def first_page() -> None:
    st.session_state["patients_page"] = 1


person = require_role("doctor")
blind = reviews.prefers_blind(person)
heading = st.empty()
search = st.text_input(
    "Search by name or e-mail", key="search", type="search", icon=":material/search:", bind="query-params", on_change=first_page
)
page = sharing.list_patients(person, search=search or "", page=st.session_state.get("patients_page", 1))

if search:
    heading.title(f"{count(page.total, 'patient')} found", anchor=False)
else:
    heading.title("1 patient shares with you" if page.total == 1 else f"{page.total} patients share with you", anchor=False)

if not page.total and search:
    empty_state(
        "Nobody by that name", "Only patients who share with you are searched. Try a part of the name or of the e-mail.",
        icon=":material/search_off:",
    )
elif not page.total:
    empty_state(
        "Nobody shares with you yet",
        f"Patients share with you by your e-mail, {plain(person.email)}. Once they do, their moles appear here.",
        icon=":material/group:",
    )
grid = st.grid(min_column_width=320)
for patient in page.items:
    with grid.cell():
        card(patient)
if page.count > 1:
    st.pagination(page.count, key="patients_page")
