"""Which of one's own moles is unlike the others."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._parts import link, photo
from pages._words import plain
from services.ugly_duckling import Compared

SHOWN = 5


def unlike_the_others(compared: Sequence[Compared]) -> None:
    """The moles in order of how unlike the others they are, with the reason; nothing where too few are measured."""
    if not compared:
        return
    odd = [one for one in compared if one.unlike]
    st.subheader(
        f"{plain(odd[0].name)} is unlike the other moles" if len(odd) == 1
        else f"{len(odd)} moles are unlike the others" if odd else "No mole is unlike the others",
        anchor=False,
    )
    st.caption(
        f"Each of {len(compared)} measured moles against your others, by its newest photo. A doctor looks first at the one "
        "that does not fit in. It is an order, no diagnosis."
    )
    for place, one in enumerate(compared[: max(SHOWN, len(odd))], start=1):
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", key=f"unlike_{one.lesion_id}"):
            photo(one.upload_id, "thumb", alt=f"Newest photo of {one.name}", width=64)
            with st.container(gap="xxsmall"):
                link("mole", f"{place}. {plain(one.name)}", mole=one.lesion_id)
                st.caption(", ".join(one.reasons[:3]).capitalize() or "Like the others")
