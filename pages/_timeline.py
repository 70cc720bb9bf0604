"""One mole over its visits, as patient and doctor both see it: what changed, photos by date, plots, numbers."""

from __future__ import annotations

import streamlit as st

from pages import _charts as charts
from pages import _notes as note_parts
from pages._pages import PAGES
from pages._parts import empty_state, format_date, full_address, go, link, photo, query_number, state_badge
from pages._point_photos import point_photos
from pages._table import table
from pages._words import bands, brief, interval_words, plain, said, short_date, waits_for_reader
from services import evolution
from services.errors import AccessError
from services.evolution import FEATURES, Evolution
from services.views import Person, VisitView

THUMBS_A_PAGE = 12
ROWS_A_PAGE = 25
NO_BREAK = "\u00a0"
SMALL = (*FEATURES, "growth")


def evolution_or_stop(actor: Person, *, back: str) -> Evolution:
    """The mole of the page's address; where there is none to show, a sentence, a way back, and the page ends."""
    try:
        return evolution.evolution(actor, lesion_id=query_number("mole") or 0)
    except AccessError as error:
        st.title("This mole cannot be shown", anchor=False)
        empty_state("Nothing to show here", str(error), page=back, action=f"Back to {PAGES[back].title}")
        st.stop()


def headline(shown: Evolution) -> str:
    """The page's title: the mole, and what changed beyond error or that nothing did."""
    words = shown.headline
    return f"{plain(shown.timeline.lesion.name)}: {words[0].lower()}{words[1:]}"


def standing(shown: Evolution, site: str, *, for_doctor: bool = False) -> None:
    """How the mole stands, why, and where it is."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        state_badge(shown.state.state, for_doctor=for_doctor)
        finding = shown.timeline.lesion.last_finding
        reason = "" if shown.changed and shown.state.state == "changed" else f"{shown.state.reason}. "  # the title says it already
        st.caption(f"{reason}{f'Newest photo: {brief(finding).lower()}. ' if finding else ''}{site}")


def actions(shown: Evolution, *, compare_page: str, add_page: str | None = None) -> None:
    """The ways on: another photo where one may add it, and two visits compared where there are two."""
    mole = shown.timeline.lesion.id
    with st.container(horizontal=True):
        if add_page and st.button("Add a photo", key="add_photo", type="primary", icon=":material/add_a_photo:"):
            go(add_page, mole=mole)
        comparable = sum(visit.finding is not None for visit in shown.visits) > 1
        if comparable and st.button("Compare visits", key="compare", icon=":material/compare:"):
            go(compare_page, mole=mole)


def photo_strip(shown: Evolution, *, visit_page: str) -> None:
    """Newest photo big, the others by date beside it, newest first; days without a photo stand in their place."""
    visits = shown.visits[::-1]
    big = next(visit for visit in visits if visit.photo)
    rest = [visit for visit in visits if visit is not big]
    newest, others = st.columns([2, 3], gap="medium")
    with newest:
        _visit_photo(big, visit_page, size="large")
    with others:
        pages = -(-len(rest) // THUMBS_A_PAGE)
        number = st.pagination(pages, key=f"strip_{shown.timeline.lesion.id}") if pages > 1 else 1
        grid = st.grid(min_column_width=104)
        for visit in rest[(number - 1) * THUMBS_A_PAGE : number * THUMBS_A_PAGE]:
            with grid.cell():
                _visit_photo(visit, visit_page, size="thumb")


def _visit_photo(visit: VisitView, visit_page: str, size: str) -> None:
    with st.container(gap="xxsmall"):
        if visit.photo:
            photo(visit.photo.id, size, alt=f"Photo of {format_date(visit.visited_on)}: {said(visit)}")
        else:
            st.markdown(":gray[:material/no_photography:]")
        link(visit_page, short_date(visit.visited_on), mole=visit.lesion_id, visit=visit.id)
        st.caption(said(visit))


def plots(shown: Evolution, *, visit_page: str) -> None:
    """Area, probability, diameter and the small multiples; a point opens its visit. Nothing where no photo was measured."""
    if not any(visit.finding for visit in shown.visits):
        return
    if shown.trend:
        st.markdown(shown.trend)
    for pair in (("area", "probability"), ("diameter", None)):
        for side, name in zip(st.columns(2, gap="medium"), pair, strict=True):
            with side:
                if name == "probability":
                    _plot(shown, name, charts.probability_over_visits(shown, bands()), visit_page)
                elif name:
                    _plot(shown, name, charts.over_visits(shown, name), visit_page)
                else:
                    _small_multiples(shown, visit_page)
    if opened := point_photos(shown):
        go(visit_page, mole=shown.timeline.lesion.id, visit=opened)
    waiting = "an open circle a photo that you have yet to judge, " if any(map(waits_for_reader, shown.visits)) else ""
    st.caption(
        "The soft band is the error: 95 of 100 photos of an unchanged mole would lie within it. Point at or tap a dot for its photo and "
        f"numbers, and click it or tap Open for the visit; arrow keys do the same. A cross is a visit without a measured photo, {waiting}"
        "a triangle a doctor's note, a diamond a doctor's review. For reference only."
    )


def _small_multiples(shown: Evolution, visit_page: str) -> None:
    """Asymmetry, border, colours and evolution, two beside two."""
    for pair in (SMALL[:2], SMALL[2:]):
        for side, name in zip(st.columns(2, gap="small"), pair, strict=True):
            with side:
                _plot(shown, name, charts.small_multiple(shown, name), visit_page)


def _plot(shown: Evolution, name: str, figure, visit_page: str) -> None:
    """The visit's address names the mole too: on the way there Streamlit puts the new query behind the old page's path in the
    browser's history, and going back must show this mole again."""
    label, mole = shown.lines_of(name)[0].label, shown.timeline.lesion.id
    st.subheader(label, anchor=False)
    event = st.plotly_chart(
        figure, config=charts.CONFIG, key=f"{name}_{mole}", on_select="rerun", selection_mode="points",
        alt=f"{label} over {len(shown.visits)} visits; the table below holds the numbers.",
    )
    if chosen := charts.selected_visit(event.selection):
        go(visit_page, mole=mole, visit=chosen)


def numbers(shown: Evolution) -> None:
    """The table under the plots, newest first, and the same as a file."""
    st.subheader("Numbers", anchor=False)
    visits = shown.visits[::-1]
    pages = -(-len(visits) // ROWS_A_PAGE)
    number = st.pagination(pages, key=f"rows_{shown.timeline.lesion.id}") if pages > 1 else 1
    rows = [_row(shown, visit) for visit in visits[(number - 1) * ROWS_A_PAGE : number * ROWS_A_PAGE]]
    table(rows, label="Numbers of each visit", key=f"numbers_{shown.timeline.lesion.id}")
    address = full_address(f"/export/mole/{shown.timeline.lesion.id}.csv")
    st.markdown(f":material/download: [Download all numbers as CSV]({address})")
    means = " Of several photos of one day the size is the mean; the one with the surer outline counts more." if shown.means else ""
    st.caption(f"In brackets the error, 95 %. Sizes in % of the frame carry no scale: the distance of the camera changes them.{means}")


def _row(shown: Evolution, visit: VisitView) -> dict[str, str]:
    finding = visit.finding
    return {
        "Date": short_date(visit.visited_on).replace(" ", NO_BREAK),
        "Area": shown.words_of("area", visit.id),
        "Diameter": shown.words_of("diameter", visit.id),
        "Probability": interval_words(finding).replace(" ", NO_BREAK) if finding else "",
        "Finding": said(visit),
    }


def notes(shown: Evolution, heading: str, *, nobody: str, visit_page: str) -> None:
    """What doctors wrote and judged, newest first, with ways to the visits they mention; `nobody` says it where none did."""
    st.subheader(heading, anchor=False)
    for visit in reversed(shown.visits):
        for note in visit.notes:
            note_parts.head(note, f" on the visit of {format_date(visit.visited_on)}")
            st.text(note.text)
            for other in note_parts.mentioned(note, shown.visits):
                link(visit_page, f"Visit of {format_date(other.visited_on)}", icon=":material/photo:", mole=other.lesion_id, visit=other.id)
        for marker in (marker for marker in shown.markers if marker.visit_id == visit.id and marker.kind == "review"):
            st.markdown(f"**{plain(marker.who)}**, review of the photo of {format_date(visit.visited_on)}")
            if marker.words != "Review":
                st.markdown(f":material/fact_check: {plain(marker.words)}")
            st.text(marker.text)
    if not shown.markers:
        st.markdown(nobody)
