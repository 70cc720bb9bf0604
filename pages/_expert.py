"""The networks' outlines against an expert's, for whoever has drawn one elsewhere."""

import streamlit as st

from pages._parts import show_error
from pages._result import model_name
from services import photos
from services.errors import ServiceError
from services.views import Person, PhotoView


def compared(person: Person, shown: PhotoView) -> None:
    """Dice and Jaccard of every outline with a mask that is chosen here; the mask is not kept."""
    with st.expander("Compare with an expert's outline", icon=":material/straighten:"):
        chosen = st.file_uploader(
            "Mask of this photo",
            ["png", "jpg", "jpeg", "bmp"],
            key=f"expert_{shown.id}",
            help="A picture of the same proportions in which the lesion is white and everything else black. It is not kept.",
        )
        if chosen is None:
            st.caption("Shows how far each network's outline agrees with one that was drawn by hand.")
            return
        try:
            found = photos.agreement_with(person, upload_id=shown.id, mask=chosen.getvalue())
        except ServiceError as error:
            show_error(error)
            return
        rows = [
            {"Outline": model_name(one.model) + (" (chosen)" if one.model == shown.finding.chosen_model else ""),
             "Dice": f"{one.dice:.3f}", "Jaccard": f"{one.jaccard:.3f}"}
            for one in found
        ]  # fmt: skip
        st.table(rows, border="horizontal")
