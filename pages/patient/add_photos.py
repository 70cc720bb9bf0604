"""Several photos of several moles in one go: choose the files, say which mole each shows, then all are analysed one after the other."""

import secrets

import streamlit as st

from pages._adding import EARLIEST, LARGEST, STEPS, TYPES, Look, checklist, forget, look_at
from pages._consent import consent_or_stop
from pages._finding import finding_badge
from pages._parts import caution, empty_state, link, photo, preferences, unforeseen, unstored_photo
from pages._session import require_role
from pages._words import plain
from services import lesions, photos
from services.errors import LooksDifferent, ServiceError
from services.fields import today
from services.views import PhotoView, VisitView

MOST = 20

person = require_role("patient")
consent_or_stop(person)
moles = {mole.id: mole for mole in lesions.list_lesions(person)}
# One adding until the next is begun: what is stored already is not stored again after a click in the middle.
begun = {"key": secrets.token_hex(4), "wanted": False, "looks": {}, "done": {}, "asked": {}}
adding: dict = st.session_state.setdefault("adding_photos", begun)
# File -> what was stored, or the sentence why nothing was.
done: dict[str, tuple[VisitView, PhotoView] | str] = adding["done"]
# File -> the last photo of the mole that it does not look like.
asked: dict[str, int] = adding["asked"]


def chosen_mole(file_id: str) -> int:
    return st.session_state[f"mole_of_{file_id}"]


def ask_anew(file_id: str) -> None:
    """What was said of it with the mole chosen before holds no more; what is stored stays so, also where the browser tells of its
    choice once more after that."""
    if isinstance(done.get(file_id), str):
        del done[file_id]
    asked.pop(file_id, None)


def choose(upload, look: Look) -> None:
    """One file: how it looks, which mole it shows, when it was taken, and what went wrong with it."""
    with st.container(border=True, horizontal=True, wrap=False, key=f"file_{upload.file_id}"):
        if look.preview:
            unstored_photo(look.preview, f"Chosen photo {upload.name}", width=112)
        with st.container(gap="xxsmall"):
            st.caption(plain(upload.name))
            st.selectbox(
                "Mole", moles, index=0 if len(moles) == 1 else None, format_func=lambda number: moles[number].name,
                placeholder="Which mole is it?", key=f"mole_of_{upload.file_id}", on_change=ask_anew, args=[upload.file_id],
            )
            st.date_input(
                "Taken on", look.taken_on, min_value=EARLIEST, max_value=today(), format=preferences().typed, key=f"taken_{upload.file_id}"
            )
            if isinstance(sentence := done.get(upload.file_id), str):
                st.markdown(f":small[:red[:material/error: {sentence}]]")
            if upload.file_id in asked:
                photo(asked[upload.file_id], "thumb", caption="The last photo of this mole", width=112)
                st.checkbox("It is the same mole", key=f"same_{upload.file_id}")
                st.caption("Tick it, or choose the mole that it shows, then add it again.")


def title(added: int, unsure: int, failed: int) -> str:
    """What became of them, in numbers."""
    if not added + unsure + failed:
        return "Several photos at once"
    counted = f"{added} photos were added" if added > 1 else f"{'1' if added else 'No'} photo was added"
    needs = f", {unsure} {'needs' if unsure == 1 else 'need'} your answer" if unsure else ""
    return counted + needs + (f", {failed} could not be" if failed else "")


def add_all(waiting) -> None:
    """One after the other, with progress; what fails is told beside its file and does not stop the others."""
    bar = st.progress(0.0, text="Beginning")
    for place, upload in enumerate(waiting):
        name = moles[chosen_mole(upload.file_id)].name

        def show(step: str, place=place, name=name) -> None:
            bar.progress(place / len(waiting), text=f"Photo {place + 1} of {len(waiting)}, {plain(name)}: {STEPS[step].lower()}")

        asked.pop(upload.file_id, None)
        try:
            visit = photos.add_photo(
                person, lesion_id=chosen_mole(upload.file_id), data=upload.getvalue(), taken_on=st.session_state[f"taken_{upload.file_id}"],
                confirmed_same=st.session_state.get(f"same_{upload.file_id}", False), on_step=show,
            )
            done[upload.file_id] = visit, visit.photos[-1]
            forget(upload)
        except LooksDifferent as question:
            asked[upload.file_id] = question.last_upload_id
            done[upload.file_id] = str(question)
        except ServiceError as error:
            done[upload.file_id] = str(error)
        except Exception as error:  # a click while this runs is none: it starts the page anew, which goes on with the rest
            done[upload.file_id] = unforeseen(error)
    adding["wanted"] = False
    st.rerun()


link("moles", "My moles", icon=":material/arrow_back:")
if not moles:
    st.title("No moles yet", anchor=False)
    empty_state("Add a mole first", "A photo belongs to a mole.", page="add-mole", action="Add a mole")
    st.stop()

stored = [result for result in done.values() if not isinstance(result, str)]
st.title(title(len(stored), len(asked), len(done) - len(stored) - len(asked)), anchor=False)
for visit, added in stored:
    with st.container(border=True, horizontal=True, wrap=False, vertical_alignment="center", key=f"added_{added.id}"):
        photo(added.id, "thumb", alt=f"Photo of {visit.lesion_name}", width=96)
        with st.container(gap="xxsmall"):
            link("visit", plain(visit.lesion_name), mole=visit.lesion_id, visit=visit.id, photo=added.id)
            if added.finding:
                finding_badge(added.finding)
            for sentence in added.reasons:
                st.markdown(f":material/info: {sentence}")
            if not added.accepted:
                link("add-photo", "Take it again", icon=":material/replay:", mole=visit.lesion_id)

if not done:
    with st.expander("What makes a good photo", icon=":material/lightbulb:"):
        checklist()
label = f"Up to {MOST} photos, {LARGEST} each"
uploads = st.file_uploader(label, TYPES, accept_multiple_files=True, key=f"files_{adding['key']}")
waiting = [upload for upload in uploads[:MOST] if isinstance(done.get(upload.file_id, ""), str)]
for upload in waiting:
    if upload.file_id not in adding["looks"]:
        adding["looks"][upload.file_id] = look_at(upload)
    choose(upload, adding["looks"][upload.file_id])
if len(uploads) > MOST:
    st.caption(f"The first {MOST} are taken; choose the others afterwards.")

unnamed = sum(chosen_mole(upload.file_id) is None for upload in waiting)
if waiting and unnamed:
    st.caption("Say which mole it is for each photo, then add them." if unnamed > 1 else "One photo still needs its mole.")
words = "Add this photo" if len(waiting) == 1 else f"Add {len(waiting)} photos"
st.button(
    words if waiting else "Add photos", key="add_all", type="primary", icon=":material/add_a_photo:", width="stretch",
    disabled=not waiting or bool(unnamed) or adding["wanted"], on_click=lambda: adding.update(wanted=True),
)
if adding["wanted"] and waiting and not unnamed:
    add_all(waiting)
caution()
