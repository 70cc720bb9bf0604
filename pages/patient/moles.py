"""My moles: what changed and what is due, on the body and as a list, and the way to the next photo."""

import streamlit as st

from pages import _notices as notices
from pages._body_map import body_map
from pages._duckling import unlike_the_others
from pages._parts import caution, go, link, photo, show_error, state_badge
from pages._session import require_role
from pages._words import ago, brief, joined, place, plain
from services import body, ugly_duckling
from services.body import Overview, PlacedMole
from services.body_figure import BUILDS, SKINS, MapPoint
from services.errors import ServiceError

A_PAGE = 12


def title(found: Overview) -> str:
    """The answer: what is to be done, or that nothing is."""
    counts = [(len(found.in_state(state)), one, many) for state, one, many in (
        ("refer", "to show a doctor", "to show a doctor"), ("changed", "changed", "changed"), ("due", "is due", "are due"),
    )]  # fmt: skip
    told = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    total = len(found.moles)
    moles = "1 mole" if total == 1 else f"{total} moles"
    return f"{moles}: {', '.join(told) if told else 'nothing changed, nothing is due'}"


def place_mole(point: MapPoint) -> None:
    go("add-mole", view=point.view, x=f"{point.x:.4f}", y=f"{point.y:.4f}")


def card(placed: PlacedMole, unlike: bool) -> None:
    """Thumbnail, name, state with its reason, last check, and the next step; `unlike` the person's other moles."""
    mole = placed.mole
    with st.container(border=True, key=f"mole_{mole.id}"):
        with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
            if mole.last_upload_id:
                photo(mole.last_upload_id, "thumb", alt=f"Newest photo of {mole.name}", width=96)
            with st.container(gap="xxsmall"):
                st.markdown(f"**{plain(mole.name)}**")
                state_badge(placed.standing.state)
                st.caption(placed.standing.reason)
                if unlike:
                    st.caption(":material/join_inner: Unlike your other moles, see below")
                checked = f"checked {ago(mole.last_visited_on)}" if mole.last_visited_on else "no photo yet"
                found = f". {brief(mole.last_finding)}" if mole.last_finding else ""
                st.caption(joined(place(mole.name, mole.body_site_label), checked) + found)
        with st.container(horizontal=True):
            about = f"All photos of {plain(mole.name)}"
            if st.button("Open", key=f"open_{mole.id}", icon=":material/timeline:", width="stretch", help=about):
                go("mole", mole=mole.id)
            if st.button("Add a photo", key=f"add_photo_{mole.id}", icon=":material/add_a_photo:", width="stretch"):
                go("add-photo", mole=mole.id)


def choose_figure(found: Overview) -> None:
    """Build and skin of the figure."""
    with st.popover("Figure", icon=":material/accessibility:"):
        build = st.radio("Build", BUILDS, list(BUILDS).index(found.figure.build), BUILDS.get, horizontal=True, key="figure_build")
        skin = st.radio("Skin", SKINS, list(SKINS).index(found.figure.skin), SKINS.get, horizontal=True, key="figure_skin")
    if (build, skin) != (found.figure.build, found.figure.skin):
        try:
            body.choose_figure(person, build=build, skin=skin)
            st.rerun()
        except ServiceError as error:
            show_error(error)


person = require_role("patient")
st.session_state.pop("adding_photos", None)  # the next photos start afresh
found = body.overview(person)

if not found.moles:
    st.title("No moles yet", anchor=False)
    st.markdown(
        "Start with the mole you think about most: tap the figure where it is, then take the first photo. "
        "From the second photo on, you see what changed."
    )
    body_map((), figure=found.figure, on_place=place_mole)
    if st.button("Add a mole", key="empty_add-mole", type="primary", icon=":material/add:", width="stretch"):
        go("add-mole")
    choose_figure(found)
    caution()
    st.stop()

st.title(title(found), anchor=False)
notices.draw(person)
with st.bottom:  # within reach of the thumb
    if st.button("Add a photo", key="add_photo", type="primary", icon=":material/add_a_photo:", width="stretch"):
        go("add-photo")
body_map(found.moles, figure=found.figure, on_open=lambda number: go("mole", mole=number), on_place=place_mole)
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    link("add-mole", "Add a mole by its place in words", icon=":material/add:")
    choose_figure(found)

compared = ugly_duckling.order(person)
odd = {one.lesion_id for one in compared if one.unlike}
pages = -(-len(found.moles) // A_PAGE)
number = st.pagination(pages, key="moles_page") if pages > 1 else 1
grid = st.grid(min_column_width=300)
for placed in found.moles[(number - 1) * A_PAGE : number * A_PAGE]:
    with grid.cell():
        card(placed, placed.mole.id in odd)
unlike_the_others(compared)
caution()
