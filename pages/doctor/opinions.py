"""What colleagues ask me about."""

import streamlit as st

from pages._parts import empty_state, format_date, go, photo
from pages._session import require_role
from pages._words import plain
from services import opinions
from services.opinions import AskedOfMe


def card(asked: AskedOfMe) -> None:
    with st.container(border=True, gap="xxsmall", key=f"opinion_{asked.id}"):
        photo(asked.upload_id, "large", alt=f"{asked.body_site}, photo for a second opinion")
        st.markdown(f"**{asked.body_site}**")
        blind = ", to judge blind" if asked.blind else ""
        st.caption(f"{plain(asked.asker)} asks since {format_date(asked.asked_at)}{blind}")
        if asked.question:
            st.text(asked.question)
        if asked.answered_at:
            st.markdown(f":material/check: Answered on {format_date(asked.answered_at)}")
        words, kind = ("Look", "secondary") if asked.answered_at else ("Answer", "primary")
        if st.button(words, key=f"open_{asked.id}", type=kind):
            go("opinion", opinion=asked.id)


person = require_role("doctor")
asked_of_me = opinions.asked_of_me(person)
waiting = sum(asked.answered_at is None for asked in asked_of_me)
title = {0: "No colleague waits for your opinion", 1: "1 colleague's question waits for you"}
st.title(title.get(waiting, f"{waiting} colleagues' questions wait for you"), anchor=False)
if not asked_of_me:
    empty_state(
        "Nothing was asked of you", f"Colleagues ask you by your e-mail, {plain(person.email)}. You then see the one photo they ask about.",
        icon=":material/forum:",
    )
grid = st.grid(min_column_width=300)
for asked in asked_of_me:
    with grid.cell():
        card(asked)
