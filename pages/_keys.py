"""Single keys that lead to a place of the page, so that nobody walks there with Tab through all that stands before it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

SCRIPT = Path(__file__).with_name("_keys.js").read_text(encoding="utf-8")


def of_judging(form: str, *, blind: bool, outline: str = "") -> None:
    """The keys with which a doctor judges, and a line that tells them: `form` begins the keys of its widgets (verdict, code,
    reason, sign), `outline` is that of the switch to the editor of the outline."""
    diagnosis, reason = f".st-key-{form}_code input", f".st-key-{form}_reason textarea"
    agree, overrule = (f'.st-key-{form}_verdict input[value="{number}"]' for number in (0, 1))
    places = {"d": {"focus": diagnosis}}
    told = ["D diagnosis"]
    if not blind:
        places |= {"1": {"press": agree, "focus": reason}, "2": {"press": overrule, "focus": diagnosis}}
        told = ["1 agree", "2 overrule", *told]
    if outline:
        switch = f".st-key-{outline} input"
        places["c"] = {"press": switch, "focus": switch}
        told.append("C correct the outline")
    st.caption(f":material/keyboard: {', '.join(told)}")
    # Registered here, not at import: the component registry belongs to the running server.
    listen = st.components.v2.component("moletrail_keys", js=SCRIPT)
    listen(data={"places": places, "sign": f".st-key-{form}_sign button"}, key=f"{form}_keys")
