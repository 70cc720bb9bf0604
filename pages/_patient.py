"""A patient as their doctor sees them: moles as cards with their course, all photos, all events, what they told of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from pages._parts import empty_state, format_date, go, link, photo, preferences, state_badge
from pages._sparkline import sparkline
from pages._words import ago, joined, place, plain, short_date
from services import events, risk
from services.body import PlacedMole
from services.events import Event, PhotoPoint
from services.risk import RiskView
from services.ugly_duckling import Compared
from services.views import Person
from services.words import digits, percent

PHOTOS_A_PAGE = 24
KINDS: dict[str, tuple[str, str]] = {
    "photo": ("Photos", ":material/photo:"),
    "diagnosis": ("Findings", ":material/neurology:"),
    "review": ("Reviews", ":material/rate_review:"),
    "laboratory": ("Laboratory", ":material/biotech:"),
    "note": ("Notes", ":material/edit_note:"),
    "opinion": ("Opinions", ":material/forum:"),
    "reminder": ("Re-checks", ":material/schedule:"),
    "share": ("Shares", ":material/group:"),
}
"""Kind of event -> its word and icon."""


def mole_card(placed: PlacedMole, photos: Sequence[PhotoPoint], review: Event | None, unlike: Compared | None) -> None:
    """Thumbnail, state with its reason, the course of area and probability, the last review. `photos` of this mole, newest first."""
    mole = placed.mole
    with st.container(border=True, key=f"mole_{mole.id}"):
        with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
            if mole.last_upload_id:
                photo(mole.last_upload_id, "thumb", alt=f"Newest photo of {mole.name}", width=112)
            with st.container(gap="xxsmall"):
                st.markdown(f"**{plain(mole.name)}**")
                last = f"last photo {ago(mole.last_visited_on)}" if mole.last_visited_on else "no photo yet"
                st.caption(joined(place(mole.name, mole.body_site_label), last))
                state_badge(placed.standing.state, for_doctor=True)
                st.caption(f"{placed.standing.reason}.")
        if mole.unjudged:
            st.caption("Its numbers appear once you have judged it")
        else:
            _course(photos)
        if unlike:
            st.markdown(f":material/join_inner: Unlike the others: {', '.join(unlike.reasons[:2])}")
        if review:
            st.markdown(f":material/rate_review: {plain(review.words)} ({plain(review.who)}, {format_date(review.day)})")
        if st.button("Open", key=f"open_{mole.id}", icon=":material/timeline:", help=f"All photos of {plain(mole.name)}"):
            go("timeline", patient=mole.patient_id, mole=mole.id)


def _course(photos: Sequence[PhotoPoint]) -> None:
    """Newest area and probability, with small lines of how they came there; areas only like with like."""
    measured = [point for point in reversed(photos) if point.probability is not None]
    if not measured:
        st.caption("No finding yet")
        return
    scaled = measured[-1].area_mm2 is not None
    factor, unit = preferences().shown_in("mm²" if scaled else "% of the frame")
    areas = [
        factor * (point.area_mm2 if scaled else 100 * point.area_fraction)
        for point in measured if (point.area_mm2 is not None) == scaled
    ]
    probabilities = [100 * point.probability for point in measured]
    for side, name, words, values in zip(
        st.columns(2, wrap=False), (f"Area, {unit}", "Probability"), (digits(areas[-1]), percent(measured[-1].probability)),
        (areas, probabilities), strict=True,
    ):
        with side, st.container(gap="xxsmall"):
            st.metric(name, words)
            if len(values) > 1:
                # st.metric's own line has no words for who cannot see it.
                st.image(sparkline(values), alt=f"{name}, over {len(values)} photos: {', '.join(map(digits, values))}", width=160)


def all_photos(photos: Sequence[PhotoPoint]) -> None:
    """Every photo of every mole, newest first, under the day it was taken."""
    pages = -(-len(photos) // PHOTOS_A_PAGE)
    page = st.pagination(pages, key="photos_page") if pages > 1 else 1
    shown = photos[(page - 1) * PHOTOS_A_PAGE : page * PHOTOS_A_PAGE]
    if not shown:
        empty_state("No photo yet", "The patient has not photographed a mole so far.", icon=":material/photo:")
    grid = st.grid(min_column_width=132)
    for point in shown:
        with grid.cell(), st.container(gap="xxsmall"):
            told = f"{point.lesion_name}, {format_date(point.visited_on)}"
            photo(point.upload_id, "thumb", alt=told if point.accepted else f"{told}, could not be used")
            link("case", short_date(point.visited_on), mole=point.lesion_id, visit=point.visit_id, photo=point.upload_id)
            st.caption(plain(point.lesion_name) if point.accepted else f"{plain(point.lesion_name)}, refused")


def all_events(person: Person, patient_id: int, moles: Sequence[PlacedMole]) -> None:
    """The patient's timeline, by kind and by mole."""
    def first_page() -> None:
        st.session_state["events_page"] = 1

    names = {placed.mole.id: placed.mole.name for placed in moles}
    by_kind, by_mole = st.columns([2, 1])
    kinds = by_kind.multiselect(
        "Kind", events.KINDS, format_func=lambda kind: KINDS[kind][0].capitalize(), key="event_kinds", on_change=first_page,
        placeholder="All",
    )
    mole = by_mole.selectbox(
        "Mole", tuple(names), index=None, placeholder="All", format_func=lambda number: names[number], key="event_mole",
        on_change=first_page,
    )
    found = events.list_events(person, patient_id=patient_id, kinds=kinds, lesion_id=mole, page=st.session_state.get("events_page", 1))
    if not found.items:
        empty_state("Nothing of that kind", "Choose another kind, or all moles.", icon=":material/filter_alt_off:")
    for day, events_of_day in groupby(found.items, key=lambda event: event.day):
        with st.container(key=f"events_{day}"):
            when, what = st.columns([1, 4], gap="xsmall")
        when.markdown(f"**{format_date(day)}**")
        with what:
            for event in events_of_day:
                _event(event)
    if found.count > 1:
        st.pagination(found.count, key="events_page")


def _event(event: Event) -> None:
    with st.container(gap="xxsmall"):
        about = f"**{plain(event.lesion_name)}**: " if event.lesion_name else ""
        told = f"{KINDS[event.kind][1]} {about}{plain(event.words)}"
        told += f", to be seen again on {format_date(event.seen_again_on)}" if event.seen_again_on else ""
        told += f" ({plain(event.who)})" if event.who else ""
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(told, width="content")
            if event.visit_id:
                link("case", "Open the visit", mole=event.lesion_id, visit=event.visit_id)
        if event.text:
            st.text(event.text)


def history(told: RiskView) -> None:
    """What the patient answered, with what raises the risk on top."""
    if not told.version:
        empty_state("Nothing told yet", "The patient has not answered the questions on skin, family and history.", icon=":material/quiz:")
        return
    st.markdown(f"Skin type **{told.skin_type or 'not known'}** (Fitzpatrick). {raised_words(told)}")
    st.caption(f"As told by the patient on {format_date(told.answered_at)}, version {told.version}")
    asked = {question.key: question.text for question in (*risk.FITZPATRICK, *risk.HISTORY)} | risk.TEXTS
    st.table({asked[key]: told.answers[key] for key in asked if told.answers.get(key)}, border="horizontal")


def raised_words(told: RiskView) -> str:
    return f"Raised risk: {', '.join(told.raised)}." if told.raised else "Nothing told raises the risk."


def ducklings(compared: Sequence[Compared]) -> None:
    """The moles that are least like the patient's others, each with its reason."""
    unlike = [mole for mole in compared if mole.unlike]
    if not compared:
        return
    st.subheader("Unlike the others", anchor=False)
    if not unlike:
        st.markdown("No mole stands out from the others.")
    for mole in unlike:
        with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
            photo(mole.upload_id, "thumb", alt=f"Newest photo of {mole.name}", width=72)
            with st.container(gap=None):
                link("timeline", plain(mole.name), mole=mole.lesion_id)
                st.caption(", ".join(mole.reasons[:3]).capitalize())
