"""Add a mole: what I call it, where it is, since when; then straight on to its first photo."""

import streamlit as st

from pages._mole_form import mole_fields, point_in_address
from pages._parts import go, link, show_error
from pages._session import require_role
from services import lesions
from services.body_figure import zone_at
from services.body_sites import label
from services.errors import ServiceError, ValidationError

person = require_role("patient")
# One filling of the form, until the photo page is reached: a second click on "Add" goes on, rather than adding a second mole.
filling: dict = st.session_state.setdefault("adding_mole", {})
if "mole_id" in filling:
    go("add-photo", mole=filling["mole_id"])

place = point_in_address()
site = zone_at(place) if place else None
taken = [mole.name for mole in lesions.list_lesions(person)] if site else []

link("moles", "My moles", icon=":material/arrow_back:")
st.title(f"A mole here: {label(site).lower()}" if site else "Which mole do you want to follow?", anchor=False)

with st.form("add_mole", border=False):
    said = mole_fields(filling.get("errors", {}), name=lesions.suggested_name(label(site), taken) if site else "", body_site=site)
    asked = st.form_submit_button("Add and take a photo", key="mole_add", type="primary", icon=":material/add_a_photo:", width="stretch")

if asked:
    try:
        filling["mole_id"] = lesions.add_lesion(person, **said, place=place).id
        go("add-photo", mole=filling["mole_id"])
    except ValidationError as error:
        filling["errors"] = error.fields
        st.rerun()
    except ServiceError as error:
        show_error(error)
