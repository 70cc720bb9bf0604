"""Change what a mole is called and where it is."""

import streamlit as st

from pages._body_map import body_map
from pages._mole_form import mole_fields
from pages._parts import empty_state, go, link, query_number, show_error
from pages._session import require_role
from pages._words import plain
from services import body, lesions
from services.body_figure import centre_of, zone_at
from services.body_sites import label
from services.errors import NotFound, ServiceError, ValidationError

person = require_role("patient")
found = body.overview(person)
mole = next((placed.mole for placed in found.moles if placed.mole.id == query_number("mole")), None)
if mole is None:
    st.title("This mole cannot be shown", anchor=False)
    empty_state("Nothing to show here", str(NotFound()), page="moles", action="Back to My moles")
    st.stop()

# What was read when the change began: a change made elsewhere meanwhile is told, not overwritten.
changing: dict = st.session_state.setdefault("changing_mole", {})
if changing.get("mole") != mole.id or "mole_name" not in st.session_state:
    changing.clear()
    changing.update(mole=mole.id, version=mole.version, place=mole.place, errors={})
place = changing["place"]
site = zone_at(place) if place else mole.body_site

link("mole", plain(mole.name), icon=":material/arrow_back:", mole=mole.id)
st.title(f"Change {plain(mole.name)}", anchor=False)


def move(point) -> None:
    changing.update(place=point)
    st.session_state["mole_site"] = zone_at(point)
    st.rerun()


body_map((), figure=found.figure, on_place=move, place_label="Put it here", pin=place or centre_of(mole.body_site))
with st.form("edit_mole", border=False):
    said = mole_fields(changing["errors"], name=mole.name, body_site=site, first_noticed=mole.first_noticed)
    asked = st.form_submit_button("Save", key="mole_save", type="primary", icon=":material/check:", width="stretch")
if place and zone_at(place) != said["body_site"] and said["body_site"]:
    st.caption(f"The point on the map is not here: {label(said['body_site']).lower()}. It will be left out, or tap the map to set another.")
if "version" in changing["errors"]:
    st.error(changing["errors"]["version"], icon=":material/error:")

if asked:
    try:
        lesions.edit_lesion(person, lesion_id=mole.id, version=changing["version"], **said, place=place)
        del st.session_state["changing_mole"]
        go("mole", mole=mole.id)
    except ValidationError as error:
        changing["errors"] = error.fields
        if "version" in error.fields:
            changing["version"] = mole.version
        st.rerun()
    except ServiceError as error:
        show_error(error)
