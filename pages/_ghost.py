"""The outline of a mole's last photo over the live camera, so that the next photo is taken from as near and turned the same way."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from services import photos
from services.errors import ServiceError
from services.views import Person

SCRIPT = Path(__file__).with_name("_ghost.js")


def ghost_over_camera(actor: Person, upload_id: int) -> None:
    """Drawn by the browser over st.camera_input; where it cannot, the last photo beside the camera remains."""
    try:
        outline = photos.outline_of(actor, upload_id=upload_id)
    except ServiceError:
        return
    path = "".join("M" + "L".join(f"{100 * x:.1f} {100 * y:.1f}" for x, y in part) + "Z" for part in outline.parts)
    # Registered here, not at import: the component registry belongs to the running server.
    component = st.components.v2.component("moletrail_ghost", js=SCRIPT.read_text())
    component(data={"ratio": outline.width / outline.height, "path": path}, key="ghost")
    st.caption("The dashed outline is the mole as it was last time: bring the mole into it, then take the photo.")
