"""What one photo gave, as patient and doctor both see it: pictures, warnings, numbers, notes, or why it was refused."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._finding import finding_card, probability_words
from pages._pages import PAGES
from pages._parts import (
    caution,
    empty_state,
    format_date,
    full_address,
    heat_map,
    link,
    overlay,
    photo,
    preferences,
    query_number,
)
from pages._words import area_words, brief, plain
from services import lesions
from services.errors import AccessError
from services.reviews import PatientReview, ReviewView
from services.views import NoteView, Person, PhotoView, VisitView
from services.words import digits
from services.words import headline as finding_headline

MAIN = ("longest_diameter", "asymmetry_long", "asymmetry_short", "abrupt_segments", "colours", "abcd")
"""How the measurements begin that a doctor reads first: size, and the A, B and C of the ABCD rule."""
MODEL_NAMES = {
    "unet": "U-Net", "deeplabv3": "DeepLabV3", "fusion": "Both together",
    "mobilenetv2": "MobileNetV2", "resnet18": "ResNet-18",
}
UNITS = {"fraction": "of the frame", "px": "pixels", "px2": "square pixels", "mm": "mm", "mm2": "mm²", "deg": "degrees", "percent": "%"}
"""Last part of a measurement's name -> its unit in words."""
NAMES = {"abcd_without_structures": "ABCD score without differential structures (1.3 A + 0.1 B + 0.5 C)"}
"""Measurements whose name in core says too little."""


def visit_or_stop(actor: Person, *, back: str) -> VisitView:
    """The visit of the page's address; where there is none to show, a sentence, a way back, and the page ends."""
    try:
        return lesions.visit(actor, visit_id=query_number("visit") or 0)
    except AccessError as error:
        st.title("This visit cannot be shown", anchor=False)
        empty_state("Nothing to show here", str(error), page=back, action=f"Back to {PAGES[back].title}")
        st.stop()


def shown_photo(visit: VisitView) -> PhotoView | None:
    """The photo the address asks for, else the one that stands for the visit."""
    asked = query_number("photo")
    return next((photo for photo in visit.photos if photo.id == asked), visit.photo)


def headline(shown: PhotoView | None) -> str:
    """The title of the page, which is its answer."""
    if shown is None:
        return "No photo of this day"
    if not shown.accepted:
        return "This photo could not be used"
    return finding_headline(shown.finding) if shown.finding else "No lesion was found in this photo"


def other_photos(visit: VisitView, shown: PhotoView, *, page: str) -> None:
    """Ways to the other photos of the same day, with what each says: one may look worse than the one shown."""
    for place, other in enumerate(visit.photos, start=1):
        if other.id != shown.id:
            said = f": {brief(other.finding).lower()}" if other.accepted and other.finding else "" if other.accepted else ": refused"
            words = f"Photo {place} of this day{said}"
            link(page, words, icon=":material/photo:", mole=visit.lesion_id, visit=visit.id, photo=other.id)


def pictures(shown: PhotoView, corrected: Sequence[ReviewView] = ()) -> None:
    """Original beside the red outline; either network's outline, a doctor's correction, the heat map, or none, on request."""
    names = [name for name in shown.finding.models if name != shown.finding.chosen_model]
    by_hand = {f"review {review.id}": review for review in corrected}
    choices = [*by_hand, shown.finding.chosen_model, *names, *(["heat map"] if shown.finding.has_heat_map else []), "none"]
    words = {name: model_name(name) for name in choices} | {name: plain(review.author) for name, review in by_hand.items()}
    words |= {
        shown.finding.chosen_model: f"{model_name(shown.finding.chosen_model)} (chosen)", "heat map": "Heat map", "none": "No outline",
    }
    with st.container():
        original, outlined = st.columns(2)
        outline = st.radio("Outline", choices, format_func=words.get, horizontal=True, key=f"outline_{shown.id}_{len(by_hand)}")
    with original:
        photo(shown.id, caption="Original")
    with outlined:
        if outline == "none":
            photo(shown.id, caption="Without outline")
        elif outline == "heat map":
            heat_map(shown.id, caption="What spoke for malignant")
            st.caption(
                "Yellow: this part of the photo spoke strongly for malignant. Green and violet: less. Clear: not at all, or not looked at. "
                "It explains the number; it does not show where a disease is."
            )
        elif outline in by_hand:
            review = by_hand[outline]
            overlay(shown.id, review_id=review.id, caption=f"Lesion as {plain(review.author)} corrected the outline")
        else:
            who = "both networks outline it" if outline == "fusion" else f"{model_name(outline)} outlines it"
            overlay(shown.id, outline, caption=f"Lesion as {who}")


def answer(shown: PhotoView) -> None:
    """For the patient: probability, advice and caution, then what the photo itself leaves in doubt."""
    finding_card(shown.finding)
    _basis(shown)
    _warnings(shown)


def reading(shown: PhotoView) -> None:
    """For the doctor: probability and what it rests on."""
    st.markdown(f"Probability of malignancy **{probability_words(shown.finding)}**")
    st.markdown("From this one photo: the networks know no history, no other mole and no touch.")
    _basis(shown)
    _warnings(shown)
    caution()


def _basis(shown: PhotoView) -> None:
    if shown.by_camera:
        return  # its warning says the same of this very photo
    # On held-out camera photos the classifier is sure and wrong: see left_out, mednode, in weights/mobilenetv2/card.json.
    st.caption(
        ":material/dermatology: The networks learned from photos through a dermoscope. For a plain camera photo the probability is "
        "far less sure and often too high; the outline and the comparison over time help there, too."
    )


def _warnings(shown: PhotoView) -> None:
    for sentence in shown.warnings:
        st.markdown(f":material/warning: {sentence}")


def refusal(shown: PhotoView) -> None:
    """Why a photo gave no finding, and how the next one will."""
    picture, words = st.columns([2, 3], gap="medium")
    with picture:
        photo(shown.id, caption="Kept, so that the timeline shows the gap")
    with words:
        for sentence in (*shown.reasons, *shown.warnings):
            st.markdown(f":material/info: {sentence}")
        st.markdown(
            "A photo that works: the mole in the middle and sharp, filling about a third of the picture; "
            "even daylight, no flash, no shadow; hair brushed aside."
        )


def numbers(shown: PhotoView, *, everything: bool = False) -> None:
    """The main numbers with their units; `everything` adds what a doctor reads, the rest of it folded up."""
    st.subheader("Numbers", anchor=False)
    finding = shown.finding
    no_scale = "" if finding.area_mm2 is not None else " (relative only: this photo carries no scale)"
    rows = [("Area", area_words(finding) + no_scale)]
    if finding.expected_dice is not None:
        rows.append(("Expected agreement of the outline with an expert's (Dice, 0 to 1)", f"{finding.expected_dice:.2f}"))
    if everything:
        measured = finding.measurements
        rows += [measurement_words(name, measured[name]) for name in measured if name.startswith(MAIN)]
        rows.append(("Probability of malignancy, as computed", f"{finding.malignant_probability:.4f}"))
    rows += [
        ("Photo", f"{shown.width} × {shown.height} pixels"),
        ("Analysis", f"took {finding.elapsed_ms / 1000:.1f} s"),
        ("Networks", ", ".join(f"{model_name(name)} {version}" for name, version in finding.model_versions.items())),
    ]
    st.table(dict(rows), border="horizontal")
    if everything:
        with st.expander("All measurements"):
            rest = [measurement_words(name, measured[name]) for name in measured if not name.startswith((*MAIN, "area_"))]
            st.table(dict(rest), border="horizontal")
    st.markdown(f":material/download: [The photo as DICOM]({full_address(f'/photo/{shown.id}/full.dcm')})")


def measurement_words(name: str, value: float) -> tuple[str, str]:
    """E.g. equivalent_diameter_px, 212.4 -> ("Equivalent diameter", "212 pixels")."""
    words, _, unit = name.rpartition("_")
    if unit not in UNITS:
        words, unit = name, ""
    factor, shown = preferences().shown_in(UNITS.get(unit, ""))
    return NAMES.get(name) or words.replace("_", " ").capitalize(), f"{digits(value * factor)} {shown}".strip()


def model_name(name: str) -> str:
    return MODEL_NAMES.get(name, name)


def notes(written: tuple[NoteView, ...]) -> None:
    """What doctors wrote about this visit."""
    for note in written:
        with st.container(border=True, gap="xxsmall"):
            st.caption(f":material/stethoscope: {plain(note.author)}, {format_date(note.created_at)}, {note.created_at.astimezone():%H:%M}")
            st.text(note.text)


def doctors_words(said: Sequence[PatientReview]) -> None:
    """What doctors' reviews tell the patient."""
    for one in said:
        with st.container(border=True, gap="xxsmall"):
            st.caption(f":material/stethoscope: {plain(one.author)}, {format_date(one.created_at)}")
            if one.words:
                st.text(one.words)
            next_check = f" Next check: **{format_date(one.follow_up_on)}**." if one.follow_up_on else ""
            st.markdown(one.management + next_check)
