"""What is known of the networks: their model cards."""

from collections.abc import Sequence

import streamlit as st

from pages._parts import caution, show_error
from pages._session import require_role
from pages._table import table
from pages._words import plain
from services.errors import ServiceError
from services.model_cards import AdviceFrom, Figure, model_cards
from services.words import percent

FIGURES = {
    "dice": "Dice", "jaccard": "Jaccard", "failures": "Failed (Jaccard below 0.65)", "auc": "AUC", "ece": "Calibration error",
    "accuracy": "Accuracy", "sensitivity": "Sensitivity for malignant", "specificity": "Specificity",
    "shown_high": "Shown as high confidence", "right_when_high": "Right when high", "counted_as_camera_photo": "Counted as camera photo",
}
SOURCES = {
    "ham10000": "HAM10000, held out", "ph2": "PH2, held out", "fanconic": "ISIC archive, balanced, held out",
    "mednode": "MED-NODE, camera photos, held out", "melanoma10k": "ISIC archive, two collections",
    "drawn, dermoscope": "Drawn, as through a dermoscope", "drawn, phone": "Drawn, as with a phone",
}
MOST_OPEN = 12
"""So many rows of figures stand open on the page."""
TASKS = {"segmentation": "Finds the outline", "classification": "Estimates the probability of malignancy",
    "gate": "Tells photos that can be used from those that cannot"}


def rows(figures: Sequence[Figure]) -> list[dict[str, str]]:
    """One for each kind of photos, with how many there were and every figure of them with its 95 % interval."""
    names = dict.fromkeys(figure.name for figure in figures)
    found: dict[tuple, dict[str, str]] = {}
    for figure in figures:
        row = found.setdefault((figure.source, figure.left_out, figure.n), {"Photos": photos(figure)} | dict.fromkeys(map(head, names), ""))
        interval = f" ({figure.interval[0]:.3f} to {figure.interval[1]:.3f})" if figure.interval else ""
        row[head(figure.name)] = f"{figure.value:.3f}{interval}"
    return list(found.values())


def head(name: str) -> str:
    return FIGURES.get(name, name.capitalize())


def photos(figure: Figure) -> str:
    """E.g. "PH2, before it learned from any of them (n = 100)"."""
    name = SOURCES.get(figure.source, figure.source.replace("_", " "))
    if figure.left_out:
        name = f"{name.removesuffix(', held out')}, before it learned from any of them"
    return f"{name} (n = {figure.n})"


def advice_from(points: Sequence[AdviceFrom]) -> str:
    """From which probability people are sent to a doctor, and how many of whom that finds and sends for nothing."""
    each = "; ".join(
        f"of {SOURCES.get(one.source, one.source).removesuffix(', held out')} it finds {percent(one.sensitivity)} of the malignant lesions "
        f"and sends {percent(1 - one.specificity)} of the benign ones (n = {one.n})"
        for one in points
    )
    return f"From a probability of {percent(points[0].probability)} on, people are advised to have a doctor look: {each}."


require_role("doctor", "admin")
try:
    cards = model_cards()
except ServiceError as error:
    st.title("The model cards cannot be shown", anchor=False)
    show_error(error)
    st.stop()
st.title(f"{len(cards)} networks answer", anchor=False)
st.caption("Measured on photos that no network saw while it learned. In brackets the 95 % interval.")
for card in cards:
    st.subheader(f"{card.title} {card.version}", anchor=False)
    learned = ", ".join(dict.fromkeys(
        SOURCES.get(source, source).split(",")[0] + (" (photos without their labels)" if source in card.without_labels else "")
        for source in card.learned_from
    ))
    st.markdown(f"{TASKS.get(card.task, card.task)}. Learned from {learned}.")
    if card.malignant_means:
        st.markdown(f"Malignant means {card.malignant_means}.")
    if card.advice_from:
        st.markdown(advice_from(card.advice_from))
    if card.figures:
        # The gate's are many: one for each kind of picture that it has to tell.
        found = rows(card.figures)
        with st.expander(f"{len(card.figures)} figures", icon=":material/table:") if len(found) > MOST_OPEN else st.container():
            table(found, label=f"Figures of {card.title}", key=f"figures_{card.name}")
    else:
        st.markdown(":material/hourglass_empty: This version has not been measured yet.")
    st.caption(plain(card.licence))
caution()
