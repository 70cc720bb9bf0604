"""What waits for me: one row a mole over all patients who share with me, the most urgent first."""

import streamlit as st

from pages import _cases as cases
from pages._cases import KINDS
from pages._parts import caution, empty_state, photo, preferences
from pages._session import require_role
from pages._words import joined, place, plain
from services import worklist
from services.body_sites import REGIONS
from services.worklist import Case, WorkFilter


def first_page() -> None:
    st.session_state["work_list_page"] = 1


def choose_kind() -> None:
    first_page()
    if st.session_state["kind"]:
        st.query_params["kind"] = st.session_state["kind"]
    else:
        st.query_params.pop("kind", None)


def title(count: int, *, filtered: bool) -> str:
    if filtered:
        return "1 case matches" if count == 1 else f"{count or 'No'} case{'s' if count else ''} match{'' if count else 'es'}"
    return "1 case waits for you" if count == 1 else f"{count} cases wait for you" if count else "No case waits for you"


def row(case: Case) -> None:
    """Patient and site, state and why it waits, the numbers, and the way in."""
    with st.container(key=f"case_{case.lesion_id}"):
        who, why, way = st.columns([5, 6, 5], gap="xsmall", vertical_alignment="center")
    # On a phone the three stand in a column; what belongs together stays side by side there too.
    beside = {"horizontal": True, "wrap": False, "vertical_alignment": "center"}
    with who, st.container(**beside):
        if case.upload_id:
            photo(case.upload_id, "thumb", alt=f"Newest photo of {case.lesion_name or 'the mole'}", width=72)
        with st.container(gap=None):
            st.markdown(f"**{plain(case.patient_name) or 'A patient of a colleague'}**")
            st.caption(joined(plain(case.lesion_name), place(case.lesion_name, case.body_site_label).lower()))
    with why, st.container(gap="xxsmall"):
        cases.badge(case)
        st.caption(cases.reason(case))
    with way, st.container(**beside):
        with st.container(gap=None, width="stretch"):
            st.markdown(", ".join(filter(None, (cases.probability_words(case), cases.change_words(case)))))
            st.caption(cases.seen_words(case))
        about = f"{plain(case.patient_name)}, {plain(case.lesion_name)}" if case.patient_name else case.body_site_label
        if st.button("Open", key=f"open_{case.lesion_id}", help=about):
            cases.begin_walk(person, wanted)
            cases.open_case(case)


person = require_role("doctor")
heading = st.empty()
reasons = st.container()
# Every choice is in the address too, so that it survives a refresh and the way back.
kept = {"bind": "query-params", "on_change": first_page}
with st.container(horizontal=True, vertical_alignment="bottom"):
    search = st.text_input("Patient", key="search", type="search", placeholder="Name, e-mail or number", width=280, **kept)
    active = sum(name in st.query_params for name in ("region", "since"))
    with st.popover(f"Filters ({active})" if active else "Filters", icon=":material/filter_list:", key="filters"):
        region = st.selectbox(
            "Body site", tuple(REGIONS), index=None, placeholder="All", format_func=lambda code: REGIONS[code][0], filter_mode=None,
            key="region", **kept,
        )
        since = st.date_input("Last photo since", value=None, format=preferences().typed, key="since", **kept)
# The reason is kept in the address by hand: bound, the words of the choice would be, and they hold the counts.
kind = st.query_params.get("kind") if st.query_params.get("kind") in worklist.KINDS else None
wanted = WorkFilter(kind=kind, region=region, since=since, search=search or "")
found = worklist.work_list(person, filter=wanted, page=st.session_state.get("work_list_page", 1))
reasons.pills(
    "Reason", worklist.KINDS, format_func=lambda kind: f"{KINDS[kind].icon} {KINDS[kind].word} {found.counts[kind]}", default=kind,
    key="kind", label_visibility="collapsed", on_change=choose_kind,
)
if found.blind:
    st.caption(":material/visibility_off: You judge before seeing the networks' answer, so the list neither tells it nor follows it.")
filtered = bool(kind or region or since or search)
heading.title(title(found.cases.total, filtered=filtered), anchor=False)

if not found.cases.items and filtered:
    empty_state("Nothing matches", "Take a filter away, or try fewer letters of the name.", icon=":material/filter_alt_off:")
elif not found.cases.items:
    empty_state(
        "All caught up",
        f"New photos, changes and overdue re-checks of patients who share with you appear here. They share by your e-mail, "
        f"{plain(person.email)}.",
        icon=":material/task_alt:",
    )
else:
    if st.button("Start with the first", key="start", type="primary", icon=":material/play_arrow:", shortcut="N"):
        cases.begin_walk(person, wanted)
        cases.open_case(found.cases.items[0])
    with st.container(gap="medium"):
        for case in found.cases.items:
            row(case)
    if found.cases.count > 1:
        st.pagination(found.cases.count, key="work_list_page")
    caution()
