"""My moles: how many, when last looked at, and the way to the next photo."""

from datetime import date

import streamlit as st

from pages._parts import caution, empty_state, finding_badge, go, link, photo
from pages._session import require_role
from pages._words import ago, brief, plain
from services import lesions
from services.views import LesionSummary


def title(moles: tuple[LesionSummary, ...], last: date | None) -> str:
    count = "1 mole" if len(moles) == 1 else f"{len(moles)} moles"
    return f"{count}, last checked {ago(last)}" if last else f"{count}, not photographed yet"


def card(mole: LesionSummary) -> None:
    """Thumbnail, name, place, last check and finding, and the next step."""
    with st.container(border=True, key=f"mole_{mole.id}"):
        with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
            if mole.last_upload_id:
                photo(mole.last_upload_id, "thumb", alt=f"Newest photo of {mole.name}", width=112)
            with st.container(gap="xxsmall"):
                st.markdown(f"**{plain(mole.name)}**")
                checked = f"checked {ago(mole.last_visited_on)}" if mole.last_visited_on else "no photo yet"
                st.caption(f"{mole.body_site_label}, {checked}")
                if mole.last_finding:
                    finding_badge(mole.last_finding)
                    st.caption(brief(mole.last_finding))
                elif mole.visit_count:
                    st.markdown("No photo could be measured yet")
        with st.container(horizontal=True):
            about = f"All photos of {plain(mole.name)}"
            if st.button("Open", key=f"open_{mole.id}", icon=":material/timeline:", width="stretch", help=about):
                go("mole", mole=mole.id)
            if st.button("Add a photo", key=f"add_photo_{mole.id}", icon=":material/add_a_photo:", width="stretch"):
                go("add-photo", mole=mole.id)


person = require_role("patient")
moles = lesions.list_lesions(person)

if not moles:
    st.title("No moles yet", anchor=False)
    empty_state(
        "Start with the mole you think about most",
        "Give it a name and a place on the body, then take the first photo. From the second photo on, you see what changed.",
        icon=":material/body_system:", page="add-mole", action="Add a mole",
    )
    caution()
    st.stop()

st.title(title(moles, max((mole.last_visited_on for mole in moles if mole.last_visited_on), default=None)), anchor=False)
with st.bottom:  # within reach of the thumb
    if st.button("Add a photo", key="add_photo", type="primary", icon=":material/add_a_photo:", width="stretch"):
        go("add-photo")
grid = st.grid(min_column_width=300)
for mole in moles:
    with grid.cell():
        card(mole)
link("add-mole", "Add another mole", icon=":material/add:")
caution()
