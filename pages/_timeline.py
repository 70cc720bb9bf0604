"""One mole over its visits, as patient and doctor both see it: what changed, photos by date, plots, numbers."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages import _charts as charts
from pages._pages import PAGES
from pages._parts import empty_state, format_date, go, link, percent, photo, query_number
from pages._words import area_words, bands, interval_words, plain, said, short_date
from services import lesions
from services.errors import AccessError
from services.views import Person, Timeline, VisitView

THUMBS_A_PAGE = 12
ROWS_A_PAGE = 25
NO_BREAK = "\u00a0"


def timeline_or_stop(actor: Person, *, back: str) -> Timeline:
    """The mole of the page's address; where there is none to show, a sentence, a way back, and the page ends."""
    try:
        return lesions.timeline(actor, lesion_id=query_number("mole") or 0)
    except AccessError as error:
        st.title("This mole cannot be shown", anchor=False)
        empty_state("Nothing to show here", str(error), page=back, action=f"Back to {PAGES[back].title}")
        st.stop()


def evolution_sentence(timeline: Timeline) -> str:
    """First against last, only like with like, and what the comparison is worth."""
    measured = [(visit.visited_on, visit.finding) for visit in timeline.visits if visit.finding]
    if not measured:
        return "No photo has been measured yet."
    last_day, last = measured[-1]
    alike = [(day, finding) for day, finding in measured[:-1] if (finding.area_mm2 is None) == (last.area_mm2 is None)]
    if not alike:
        return "The first measured photo. Changes show from the second on."
    first_day, first = alike[0]
    low, high = percent(first.malignant_probability).removesuffix(" %"), percent(last.malignant_probability)
    size = "" if last.area_mm2 is not None else " Without a scale in the photo, the distance to the camera changes the area too."
    return (
        f"From {format_date(first_day)} to {format_date(last_day)}: area {area_words(first).split()[0]} to {area_words(last)}, "
        f"probability {low} to {high}. How much of that is the mole and how much the photo cannot be told yet.{size}"
    )


def photo_strip(timeline: Timeline, *, visit_page: str) -> None:
    """Newest photo big, the others by date beside it, newest first."""
    shown = [visit for visit in reversed(timeline.visits) if visit.photo]
    newest, others = st.columns([2, 3], gap="medium")
    with newest:
        _visit_photo(shown[0], visit_page, size="large")
    with others:
        rest = shown[1:]
        pages = -(-len(rest) // THUMBS_A_PAGE)
        number = st.pagination(pages, key=f"strip_{timeline.lesion.id}") if pages > 1 else 1
        grid = st.grid(min_column_width=104)
        for visit in rest[(number - 1) * THUMBS_A_PAGE : number * THUMBS_A_PAGE]:
            with grid.cell():
                _visit_photo(visit, visit_page, size="thumb")


def _visit_photo(visit: VisitView, visit_page: str, size: str) -> None:
    with st.container(gap="xxsmall"):
        photo(visit.photo.id, size, alt=f"Photo of {format_date(visit.visited_on)}: {said(visit)}")
        link(visit_page, short_date(visit.visited_on), mole=visit.lesion_id, visit=visit.id)
        st.caption(said(visit))


def plots(timeline: Timeline, *, visit_page: str) -> None:
    """Area and probability; a point opens its visit. Nothing where no photo was measured.

    The visit's address names the mole too: on the way there Streamlit puts the new query behind the old page's path in the
    browser's history, and going back must show this mole again.
    """
    if not any(visit.finding for visit in timeline.visits):
        return
    sides = st.columns(2, gap="medium")
    figures = (
        ("area", "Area", charts.area_over_visits(timeline)),
        ("probability", "Probability", charts.probability_over_visits(timeline, bands())),
    )
    for side, (name, heading, figure) in zip(sides, figures, strict=True):
        with side:
            st.subheader(heading, anchor=False)
            event = st.plotly_chart(
                figure, config=charts.CONFIG, key=f"{name}_{timeline.lesion.id}", on_select="rerun", selection_mode="points",
                alt=f"{heading} over {len(timeline.visits)} visits; the table below holds the numbers.",
            )
        if chosen := charts.selected_visit(event.selection):
            go(visit_page, mole=timeline.lesion.id, visit=chosen)
    st.caption(
        "Point at a dot for its numbers, then click or tap it to open the visit. "
        "A cross is a photo that could not be measured, a flag a doctor's note. For reference only."
    )


def numbers(timeline: Timeline) -> None:
    """The table under the plots, newest first."""
    st.subheader("Numbers", anchor=False)
    visits = timeline.visits[::-1]
    pages = -(-len(visits) // ROWS_A_PAGE)
    number = st.pagination(pages, key=f"rows_{timeline.lesion.id}") if pages > 1 else 1
    rows = [_row(visit) for visit in visits[(number - 1) * ROWS_A_PAGE : number * ROWS_A_PAGE]]
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt="Numbers of each visit")
    st.caption("Area in % is a part of the photo's frame. Probability of malignancy with its range.")


def _row(visit: VisitView) -> dict[str, str]:
    finding = visit.finding
    return {
        "Date": short_date(visit.visited_on).replace(" ", NO_BREAK),
        "Area": area_words(finding).removesuffix(" of the frame").replace(" ", NO_BREAK) if finding else "",
        "Probability": interval_words(finding).replace(" ", NO_BREAK) if finding else "",
        "Finding": said(visit),
    }


def notes(timeline: Timeline, heading: str, *, nobody: str) -> None:
    """What doctors wrote, newest first; `nobody` says it where none did."""
    st.subheader(heading, anchor=False)
    written = [(note, visit) for visit in reversed(timeline.visits) for note in visit.notes]
    for note, visit in written:
        st.markdown(f"**{plain(note.author)}** on the visit of {format_date(visit.visited_on)}")
        st.text(note.text)
    if not written:
        st.markdown(nobody)
