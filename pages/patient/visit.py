"""The result: what the networks say of one photo, how sure they are, and what to do now."""

import streamlit as st

from pages import _result as result
from pages._parts import caution, format_date, go, link, show_error
from pages._scale import scale_of
from pages._session import require_role
from pages._words import plain
from services import evolution, photos, reviews
from services.errors import ServiceError
from services.views import PhotoView


def withdraw(shown: PhotoView) -> None:
    """Take this photo out of everything; it lies in the bin for 30 days."""
    with st.expander("Withdraw this photo", icon=":material/delete:"):
        st.markdown("It then counts and shows nowhere any more, for your doctor neither. It is erased after 30 days.")
        if st.button("Withdraw it", key=f"withdraw_{shown.id}", icon=":material/delete:"):
            try:
                photos.withdraw_photo(person, upload_id=shown.id)
                st.session_state["photo_withdrawn"] = True
                go("mole", mole=visit.lesion_id)
            except ServiceError as error:
                show_error(error)


person = require_role("patient")
st.session_state.pop("adding_photo", None)  # the photo that led here is stored; the next one starts afresh

visit = result.visit_or_stop(person, back="moles")
shown = result.shown_photo(visit)

link("mole", plain(visit.lesion_name), icon=":material/arrow_back:", mole=visit.lesion_id)
st.title(result.headline(shown), anchor=False)
st.caption(f"{plain(visit.lesion_name)}, photo of {format_date(visit.visited_on)}")

if shown is None:
    caution()
elif shown.accepted and shown.finding:
    said, seen = st.columns([2, 3], gap="medium")
    with said:
        result.answer(shown)
    with seen:
        result.pictures(shown)
    result.numbers(shown)
    scale_of(person, shown)
else:
    result.refusal(shown)
    caution()

said = reviews.said_to_patient(person, visit_id=visit.id)
if said or visit.notes:
    st.subheader("What the doctor said", anchor=False)
    result.doctors_words(said)
    result.notes(visit.notes)
if visit.note:
    st.subheader("Your note", anchor=False)
    st.text(visit.note)

if shown:
    result.other_photos(visit, shown, page="visit")
if why := evolution.asks_for_another(visit):
    st.markdown(f":material/add_a_photo: {why}")
again = shown is not None and shown.finding is None
words, look = ("Take it again", "primary") if again else ("Add another photo", "secondary")
if st.button(words, key="add_photo", type=look, icon=":material/add_a_photo:"):
    go("add-photo", mole=visit.lesion_id, visit=visit.id)
if shown:
    withdraw(shown)
