"""Add a mole: what I call it, where it is, since when; then straight on to its first photo."""

from datetime import date

import streamlit as st

from pages._parts import field, go, link, show_error
from pages._session import require_role
from services import lesions
from services.body_sites import BODY_SITES
from services.errors import ServiceError, ValidationError
from services.fields import today

EARLIEST = date(1920, 1, 1)

person = require_role("patient")
# One filling of the form, until the photo page is reached: a second click on "Add" goes on, rather than adding a second mole.
filling: dict = st.session_state.setdefault("adding_mole", {})
if "mole_id" in filling:
    go("add-photo", mole=filling["mole_id"])
errors: dict[str, str] = filling.get("errors", {})

link("moles", "My moles", icon=":material/arrow_back:")
st.title("Which mole do you want to follow?", anchor=False)

with st.form("add_mole", border=False):
    with field(errors, "name"):
        example = "For example: Dark one below the shoulder"
        name = st.text_input("Name", key="mole_name", max_chars=lesions.LONGEST_NAME, placeholder=example)
    with field(errors, "body_site"):
        body_site = st.selectbox(
            "Where on the body", BODY_SITES, index=None, format_func=BODY_SITES.get, placeholder="Choose a place", key="mole_site"
        )
    with field(errors, "first_noticed"):
        first_noticed = st.date_input(
            "First noticed (optional)", value=None, min_value=EARLIEST, max_value=today(), format="DD/MM/YYYY",
            help="A guess is fine. Leave it empty if you do not know.", key="mole_first_noticed",
        )
    asked = st.form_submit_button("Add and take a photo", key="mole_add", type="primary", icon=":material/add_a_photo:", width="stretch")

if asked:
    try:
        filling["mole_id"] = lesions.add_lesion(person, name=name, body_site=body_site or "", first_noticed=first_noticed).id
        go("add-photo", mole=filling["mole_id"])
    except ValidationError as error:
        filling["errors"] = error.fields
        st.rerun()
    except ServiceError as error:
        show_error(error)
