"""What is known of the networks: their model cards."""

import streamlit as st

from pages._parts import caution, show_error
from pages._session import require_role
from pages._words import plain
from services.errors import ServiceError
from services.model_cards import Figure, model_cards

FIGURES = {
    "dice": "Agreement with an expert's outline (Dice)",
    "jaccard": "Agreement with an expert's outline (Jaccard)",
    "failures": "Outlines that failed (Jaccard below 0.65)",
    "auc": "Area under the ROC curve",
    "ece": "Calibration error",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity for malignant",
    "specificity": "Specificity",
    "shown_high": "Calls shown as high confidence",
    "right_when_high": "Right among calls of high confidence",
    "counted_as_camera_photo": "Counted as taken without a dermoscope",
}
SOURCES = {
    "ham10000": "HAM10000, held out", "ph2": "PH2, held out", "fanconic": "ISIC archive, balanced, held out",
    "mednode": "MED-NODE, camera photos, held out", "drawn, dermoscope": "Drawn, as through a dermoscope",
    "drawn, phone": "Drawn, as with a phone",
}
MOST_OPEN = 12
"""So many figures stand open on the page."""
TASKS = {"segmentation": "Finds the outline", "classification": "Estimates the probability of malignancy",
    "gate": "Tells photos that can be used from those that cannot"}


def row(figure: Figure) -> dict[str, str]:
    interval = f" ({figure.interval[0]:.3f} to {figure.interval[1]:.3f})" if figure.interval else ""
    photos = SOURCES.get(figure.source, figure.source.replace("_", " "))
    if figure.left_out:
        photos = f"{photos.removesuffix(', held out')}, before it learned from any of them"
    return {
        "Figure": FIGURES.get(figure.name, figure.name.capitalize()), "Photos": photos,
        "n": str(figure.n), "Value (95 % interval)": f"{figure.value:.3f}{interval}",
    }


require_role("doctor", "admin")
try:
    cards = model_cards()
except ServiceError as error:
    st.title("The model cards cannot be shown", anchor=False)
    show_error(error)
    st.stop()
st.title(f"{len(cards)} networks answer", anchor=False)
st.caption("Measured on photos that no network saw while it learned.")
for card in cards:
    st.subheader(f"{card.title} {card.version}", anchor=False)
    learned = ", ".join(SOURCES.get(source, source).split(",")[0] for source in card.learned_from)
    st.markdown(f"{TASKS.get(card.task, card.task)}. Learned from {learned}.")
    if card.malignant_means:
        st.markdown(f"Malignant means {card.malignant_means}.")
    if card.figures:
        # The gate's figures are many: one for each kind of picture that it has to tell.
        with st.expander(f"{len(card.figures)} figures", icon=":material/table:") if len(card.figures) > MOST_OPEN else st.container():
            st.table([row(figure) for figure in card.figures], border="horizontal")
    else:
        st.markdown(":material/hourglass_empty: This version has not been measured yet.")
    st.caption(plain(card.licence))
caution()
