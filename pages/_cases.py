"""The cases of the work list as doctors read them, and the walk through them from one to the next."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages._parts import format_date, go
from pages._words import ago, plain
from services import worklist
from services.views import Person
from services.words import percent
from services.worklist import Case, WorkFilter

WALK = "walk"
"""Key of the session's state that holds the walk."""


@dataclass(frozen=True)
class KindWords:
    """A reason to wait in the list: one word, what it means, icon and colour."""

    word: str
    meaning: str
    icon: str
    color: str


KINDS: dict[str, KindWords] = {
    "refer": KindWords("refer", "the networks hold it for malignant", ":material/stethoscope:", "red"),
    "opinion": KindWords("opinion", "a colleague asks for your opinion", ":material/forum:", "blue"),
    "changed": KindWords("changed", "changed beyond measurement error", ":material/change_circle:", "violet"),
    "overdue": KindWords("overdue", "the re-check is overdue", ":material/schedule:", "orange"),
    "uncertain": KindWords("uncertain", "the networks cannot tell", ":material/help:", "gray"),
    "new": KindWords("new", "a new photo without a review", ":material/photo:", "gray"),
}


def badge(case: Case) -> None:
    words = KINDS[case.kind]
    st.badge(words.word, icon=words.icon, color=words.color, help=words.meaning.capitalize())


def reason(case: Case) -> str:
    """Why it waits, in a sentence or two."""
    told = [
        {
            "refer": case.reason,
            "opinion": ". ".join(filter(None, (f"{plain(case.asked_by)} asks for your opinion", case.reason))),
            "changed": case.reason,
            "overdue": "",
            "uncertain": "The networks cannot tell from the newest photo",
            "new": "No doctor has reviewed the newest photo",
        }[case.kind]
    ]
    if case.overdue_since:
        told.append(f"The re-check was due on {format_date(case.overdue_since)}")
    if case.raised_risk:
        told.append("The patient is at raised risk")
    return ". ".join(sentence for sentence in told if sentence) + "."


def probability_words(case: Case) -> str:
    return f"p {percent(case.probability)}" if case.probability is not None else ""


def change_words(case: Case) -> str:
    """E.g. "area +24 %"."""
    return f"area {100 * case.change:+.0f} %".replace("-", "−") if case.change is not None else ""


def seen_words(case: Case) -> str:
    if case.patient_id is None:  # of a colleague's patient only the one photo is known
        return ""
    return f"last photo {ago(case.last_visited_on)}" if case.last_visited_on else "no photo yet"


# The walk


@dataclass(frozen=True)
class Walk:
    """The cases as the list showed them when the first was opened: what is decided on the way does not move the others."""

    moles: tuple[int, ...]

    def at(self, lesion_id: int, step: int) -> list[int]:
        """The moles before (step -1) or after (1) this one, the nearest first."""
        place = self.moles.index(lesion_id)
        return list(self.moles[place + 1 :]) if step > 0 else list(self.moles[:place][::-1])


def begin_walk(person: Person, filter: WorkFilter) -> None:
    """Whoever opens a case of the list goes on to the next from there."""
    st.session_state[WALK] = Walk(worklist.following(person, filter=filter))


def open_case(case: Case) -> None:
    if case.opinion_id is not None:
        go("opinion", opinion=case.opinion_id)
    if case.visit_id is None:
        go("timeline", mole=case.lesion_id)
    go("case", mole=case.lesion_id, visit=case.visit_id)


def steps(person: Person, lesion_id: int) -> None:
    """Where this mole stands in the walk, and the ways to the next, the one before and the list; nothing outside a walk."""
    walk = st.session_state.get(WALK)
    if walk is None or lesion_id not in walk.moles:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="walk"):
        st.caption(f"Case {walk.moles.index(lesion_id) + 1} of {len(walk.moles)}", width="stretch")
        if st.button("Work list", key="walk_list", icon=":material/list:", shortcut="L"):
            go("work-list")
        if st.button("Before", key="walk_before", icon=":material/arrow_back:", shortcut="B", disabled=lesion_id == walk.moles[0]):
            _step(person, walk, lesion_id, -1)
        if st.button("Next", key="walk_next", icon=":material/arrow_forward:", type="primary", shortcut="N"):
            _step(person, walk, lesion_id, 1)


def _step(person: Person, walk: Walk, lesion_id: int, step: int) -> None:
    """To the nearest that still waits; past the last one, to the list."""
    for other in walk.at(lesion_id, step):
        if case := worklist.case_of(person, lesion_id=other):
            open_case(case)
    go("work-list")
