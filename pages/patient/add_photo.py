"""Add a photo of a mole: file or camera, the day it was taken, a note; then the result."""

import secrets

import streamlit as st

from pages import _same_mole as same_mole
from pages._adding import EARLIEST, LARGEST, STEPS, TYPES, checklist, forget, look_at
from pages._consent import consent_or_stop
from pages._ghost import ghost_over_camera
from pages._parts import empty_state, field, go, link, overlay, preferences, query_number, unstored_photo
from pages._scale import card_links
from pages._session import require_role
from pages._words import plain
from services import lesions, photos
from services.errors import LooksDifferent, PhotoRefused, ServiceError, ValidationError
from services.fields import today

person = require_role("patient")
consent_or_stop(person)
st.session_state.pop("adding_mole", None)
# One adding, until its result is reached: a second click, or a change while it works, goes on with this one.
adding: dict = st.session_state.setdefault("adding_photo", {"key": secrets.token_hex(4), "wanted": False, "errors": {}})
if "stored" in adding:
    go("visit", **adding["stored"])


def look(key: str) -> None:
    """A new photo is looked at once."""
    chosen = st.session_state.get(key)
    seen = look_at(chosen) if chosen else None
    st.session_state[date_key] = seen.taken_on if seen else today()
    adding.update(dated=bool(seen and seen.dated), preview=seen.preview if seen else None, errors={}, same=False)


def add(upload) -> None:
    """Store and analyse, step by step in sight; on to the result, or back with the reason."""
    with st.status(STEPS["reading"], expanded=True) as status:

        def show(step: str) -> None:
            status.update(label=STEPS[step])
            status.markdown(STEPS[step])

        adding["wanted"] = False
        try:
            visit = photos.add_photo(
                person, lesion_id=mole.id, data=upload.getvalue(), taken_on=taken_on, note=note,
                confirmed_same=adding.get("same", False), on_step=show,
            )
            adding["stored"] = {"mole": mole.id, "visit": visit.id, "photo": visit.photos[-1].id}
        except LooksDifferent as error:
            adding["errors"] = {"same": str(error)}
        except PhotoRefused as error:
            adding["errors"] = {"data": str(error)}
        except ValidationError as error:
            adding["errors"] = error.fields
        except ServiceError as error:
            adding["errors"] = {"": str(error)}
        except BaseException as stopped:
            # A click while this ran is no Exception: Streamlit starts the page anew, which takes the adding up again.
            adding["wanted"] = not isinstance(stopped, Exception)
            raise
    if "stored" in adding:
        forget(upload)
        go("visit", **adding["stored"])
    st.rerun()


file_key, camera_key, date_key = (f"{part}_{adding['key']}" for part in ("file", "camera", "taken_on"))
moles = {mole.id: mole for mole in lesions.list_lesions(person)}
chosen = any(st.session_state.get(key) for key in (file_key, camera_key))
errors: dict[str, str] = adding["errors"] if chosen else {}
# Only the button closes while this works: Streamlit would drop what was typed last into a field that closes.
working = adding["wanted"] = adding["wanted"] and chosen

link("moles", "My moles", icon=":material/arrow_back:")
if not moles or (query_number("mole") is not None and query_number("mole") not in moles):
    named = query_number("mole") is not None
    st.title("There is no such mole" if named else "No moles yet", anchor=False)
    why = "A photo belongs to a mole." + (" This address names none of yours." if named else "")
    empty_state("Add a mole first", why, page="add-mole", action="Add a mole")
    st.stop()

mole = moles.get(adding.get("other", query_number("mole"))) or next(iter(moles.values()))
st.title(f"New photo: {plain(mole.name)}" if len(moles) == 1 or query_number("mole") else "New photo", anchor=False)
if query_number("mole") is None and len(moles) > 1 and "other" not in adding:
    mole = moles[st.selectbox("Mole", moles, format_func=lambda number: moles[number].name, key="photo_mole")]
with st.expander("What makes a good photo", icon=":material/lightbulb:", expanded=mole.last_upload_id is None):
    checklist()
    card_links()
if mole.last_upload_id:
    overlay(mole.last_upload_id, caption="The last photo: from as near, and turned the same way", width=240)
how = st.radio("Photo from", ["File", "Camera"], horizontal=True, key=f"how_{adding['key']}")
with field(errors, "data"):
    if how == "Camera":
        if mole.last_upload_id:
            ghost_over_camera(person, mole.last_upload_id)
        upload = st.camera_input("Take the photo", resolution="1080p", on_change=look, args=[camera_key], key=camera_key)
    else:
        label = f"The photo, {LARGEST}"
        upload = st.file_uploader(label, TYPES, on_change=look, args=[file_key], key=file_key)
        st.caption("A file marked in red is larger or of another kind and was not sent; choose a smaller copy or another format.")
if upload and how == "File" and adding.get("preview"):
    unstored_photo(adding["preview"], "The photo you chose", caption="Your photo, not stored yet", width=320)

with field(errors, "taken_on"):
    taken_on = st.date_input("Taken on", max_value=today(), min_value=EARLIEST, format=preferences().typed, key=date_key)
    if upload and how == "File":
        st.caption("The photo says so." if adding.get("dated") else "The photo does not say when it was taken; today is suggested.")
with field(errors, "note"):
    note = st.text_area(
        "Note (optional)", max_chars=photos.LONGEST_NOTE, placeholder="For example: itched last week",
        key=f"note_{adding['key']}",
    )
if "same" in errors:
    same_mole.ask(errors["same"], adding, mole, moles)
if "" in errors:
    st.error(errors[""], icon=":material/error:")

st.caption("If the photo says where it was taken, that is removed before it is stored.")
st.button(
    "Add this photo", key=f"add_{adding['key']}", type="primary", icon=":material/add_a_photo:", width="stretch",
    disabled=upload is None or working, on_click=lambda: adding.update(wanted=True, errors={}),
)
link("add-photos", "Several photos at once", icon=":material/add_photo_alternate:")
if working and upload:
    add(upload)
