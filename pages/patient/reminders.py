"""What is due when: the next date of each mole, its interval, and the dates as a calendar file."""

import streamlit as st

from pages._parts import STATES, caution, empty_state, format_date, go, link, show_error, state_badge
from pages._session import require_role
from pages._words import plain
from services import reminders
from services.errors import ServiceError
from services.reminders import INTERVALS, DueMole

A_PAGE = 20
CHOSEN_BY = {"state": "by how the mole stands", "patient": "as you chose", "doctor": "as your doctor asked"}
USUAL = "As usual for how it stands"


def title(dated: tuple[DueMole, ...]) -> str:
    due = sum(one.is_due for one in dated)
    if due:
        return "1 mole is due" if due == 1 else f"{due} moles are due"
    return f"Nothing is due before {format_date(dated[0].due_on)}"


def set_interval(mole: DueMole) -> None:
    try:
        reminders.set_interval(person, lesion_id=mole.lesion_id, days=st.session_state[f"interval_{mole.lesion_id}"])
    except ServiceError as error:
        st.session_state["reminders_error"] = error


def row(mole: DueMole) -> None:
    """Name, next date and who chose it, the interval, and the ways on."""
    with st.container(border=True, key=f"due_{mole.lesion_id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            link("mole", plain(mole.name), icon=STATES["due"].icon if mole.is_due else ":material/event:", mole=mole.lesion_id)
            if mole.is_due:
                state_badge("due")
        st.markdown(f"**{format_date(mole.due_on)}**, {CHOSEN_BY[mole.chosen_by]}")
        st.selectbox(
            "How often", [None, *INTERVALS], index=[None, *INTERVALS].index(mole.recheck_days),
            format_func=lambda days: INTERVALS.get(days, USUAL), key=f"interval_{mole.lesion_id}", on_change=set_interval,
            args=[mole], help="A date that your doctor gave comes first, until there is a photo of it.",
        )
        with st.container(horizontal=True):
            if st.button("Add a photo", key=f"add_photo_{mole.lesion_id}", icon=":material/add_a_photo:", width="stretch"):
                go("add-photo", mole=mole.lesion_id)
            calendar = f"/moles/{mole.lesion_id}/reminder.ics"
            st.link_button("Calendar file", calendar, icon=":material/event:", width="stretch", help=f"The next date of {plain(mole.name)}")


person = require_role("patient")
dated = reminders.list_due(person)

if not dated:
    st.title("No dates yet", anchor=False)
    empty_state(
        "A mole has its next date from its first photo on", "Add a photo, then this page says when the next one is due.",
        icon=":material/event:", page="moles", action="Go to My moles",
    )
    st.stop()

st.title(title(dated), anchor=False)
st.markdown("Each mole has a date for its next photo. Put the dates into your calendar: a newer file moves the older dates.")
st.link_button("All dates as a calendar file", "/reminders.ics", icon=":material/calendar_add_on:", type="primary")
if error := st.session_state.pop("reminders_error", None):
    show_error(error)
pages = -(-len(dated) // A_PAGE)
number = st.pagination(pages, key="reminders_page") if pages > 1 else 1
for mole in dated[(number - 1) * A_PAGE : number * A_PAGE]:
    row(mole)
caution()
