"""A doctor's review: those that stand, the form that signs one, and the histology that comes later."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import streamlit as st

from pages import _keys as keys
from pages._outline import editor
from pages._parts import field, format_date, preferences, show_error, tried
from pages._result import measurement_words
from pages._words import plain
from services import reviews, snomed
from services.errors import ServiceError, ValidationError
from services.fields import today
from services.reviews import MANAGEMENT, ReviewView
from services.views import Finding, Person

VERDICTS = {"agree": "Agree", "overrule": "Overrule"}
INTERVALS = {14: "2 weeks", 30: "1 month", 91: "3 months", 182: "6 months", 365: "12 months"}
"""Days until the re-check -> as it is offered."""


def standing(written: tuple[ReviewView, ...]) -> None:
    """The reviews in force, each with its earlier versions."""
    by_id = {review.id: review for review in written}
    for review in reviews.standing(written):
        if review.opinion_id is None:
            with st.container(border=True, gap="xxsmall"):
                _card(review)
                earlier = by_id.get(review.supersedes_id)
                if earlier:
                    with st.popover("Earlier versions", icon=":material/history:", type="tertiary"):
                        while earlier:
                            _card(earlier)
                            earlier = by_id.get(earlier.supersedes_id)


def _card(review: ReviewView) -> None:
    kind = "malignant" if review.malignant else "benign"
    said = "Agreed" if review.verdict == "agree" else "Overruled"
    icon = ":material/check:" if review.verdict == "agree" else ":material/swap_horiz:"
    blind = ", before seeing the networks' answer" if review.blind else ""
    st.caption(f":material/stethoscope: {plain(review.author)}, {signed(review.created_at)}{blind}")
    st.markdown(f"{icon} **{said}: {review.term.lower() + ', ' if review.term else ''}{kind}**")
    if review.reason:
        st.text(review.reason)
    follow_up = f", {format_date(review.follow_up_on)}" if review.follow_up_on else ""
    st.markdown(f"{MANAGEMENT[review.management]}{follow_up}")
    if review.for_patient:
        st.markdown("The patient reads:")
        st.text(review.for_patient)
    if review.histology_on:
        st.markdown(f":material/biotech: Histology of {format_date(review.histology_on)}: **{review.histology_term}**")
    if review.measurements:
        rows = [measurement_words(name, value) for name, value in review.measurements.items()]
        with st.popover("Measured on the corrected outline", icon=":material/straighten:", type="tertiary"):
            st.table(dict(rows), border="horizontal")


def signed(moment: datetime) -> str:
    here = moment.astimezone()
    return f"{format_date(here)} at {here:%H:%M}"


def form(person: Person, finding: Finding, mine: ReviewView | None, *, blind: bool) -> None:
    """Sign a review, or a new version of one's own. What was typed stays until it is signed, whoever else was quicker."""
    state = st.session_state.setdefault(f"review_{finding.id}", {"signed": 0, "errors": {}})
    key = f"review_{finding.id}_{state['signed']}"
    errors: dict[str, str] = state["errors"]
    if told := state.pop("told", None):
        show_error(told)
    # Most of a morning's cases: one key and on to the next.
    quick = not (mine or blind) and finding.diagnosis != "uncertain" and st.button(
        "Agree, nothing to do", icon=":material/check:", key=f"{key}_quick", shortcut="Alt+A", width="stretch"
    )
    if state.get("mask"):
        st.markdown(":material/draw: Your outline is kept with the review when you sign it.")
    with st.form(key, border=False):
        with field(errors, "verdict"):
            verdict = "" if blind else st.radio(
                "The networks' answer", VERDICTS, index=_index(VERDICTS, mine and mine.verdict), format_func=VERDICTS.get,
                horizontal=True, key=f"{key}_verdict",
            )
        with field(errors, "code"):
            code = st.selectbox(
                "Your diagnosis (SNOMED CT)" + ("" if blind else ", needed to overrule"), snomed.CONCEPTS,
                index=_index(snomed.CONCEPTS, mine and mine.code), format_func=concept, placeholder="Type to search", key=f"{key}_code",
            )
        with field(errors, "reason"):
            reason = st.text_area(
                "Reason", value=mine.reason if mine else "", max_chars=reviews.LONGEST, height=80, key=f"{key}_reason",
                placeholder="What you see, in the field's terms",
            )
        with field(errors, "management"):
            management = st.radio(
                "Management", MANAGEMENT, index=_index(MANAGEMENT, mine.management if mine else "none"), format_func=MANAGEMENT.get,
                horizontal=True, key=f"{key}_management",
            )
        with field(errors, "follow_up_on"):
            within, on = st.columns(2)
            days = within.selectbox(
                "Follow-up in", INTERVALS, index=None, format_func=INTERVALS.get, placeholder="No interval", key=f"{key}_days"
            )
            last = mine.follow_up_on if mine and mine.follow_up_on and mine.follow_up_on >= today() else None
            day = on.date_input(
                "or on", value=last, min_value=today(), max_value=today() + timedelta(days=365 * reviews.FURTHEST_YEARS),
                format=preferences().typed, key=f"{key}_on",
            )
        with field(errors, "for_patient"):
            for_patient = st.text_area(
                "For the patient, in plain words", value=mine.for_patient if mine else "", max_chars=reviews.LONGEST, height=80,
                key=f"{key}_for_patient", placeholder="What you found and what happens next",
            )
        for name in ("mask", "supersedes_id"):
            with field(errors, name):
                pass
        asked = st.form_submit_button(
            "Sign the new version" if mine else "Sign the review", type="primary", icon=":material/signature:", key=f"{key}_sign",
            shortcut="Ctrl+Enter", width="stretch",
        )
    if not mine:
        keys.of_judging(key, blind=blind, outline="" if blind else _switch(finding, state))
    given = {
        "verdict": verdict or "", "code": code or "", "reason": reason, "for_patient": for_patient, "management": management,
        "follow_up_on": None if days else day, "recheck_days": days,
    }
    if quick:
        given = {"verdict": "agree"}
    if asked or quick:
        _sign(person, finding, state, given, blind=blind)
    else:  # what is on the screen now is what the doctor has seen when they sign
        state |= {"errors": {}, "supersedes_id": mine.id if mine else None, "opened_at": datetime.now().astimezone()}


def _sign(person: Person, finding: Finding, state: dict, given: dict, *, blind: bool) -> None:
    done = tried(state, lambda: reviews.record_review(
        person, diagnosis_id=finding.id, supersedes_id=state.get("supersedes_id"), opened_at=state.get("opened_at"), blind=blind,
        mask=state.get("mask"), **given,
    ))  # fmt: skip
    if done:
        st.session_state[f"review_{finding.id}"] = {"signed": state["signed"] + 1, "errors": {}}
        st.toast("Signed.", icon=":material/check:")
        st.rerun()


def correct_outline(person: Person, finding: Finding, mine: ReviewView | None) -> bool:
    """Whether the doctor draws the outline anew, with the editor for it; what they draw waits for the signature."""
    state = st.session_state.setdefault(f"review_{finding.id}", {"signed": 0, "errors": {}})
    if not st.toggle("Correct the outline by hand", key=_switch(finding, state)):
        return False
    begin = reviews.outline_of(person, diagnosis_id=finding.id, review_id=mine.id if mine else None)
    if drawn := editor(finding.upload_id, begin, key=f"outline_{finding.id}_{state['signed']}"):
        state["mask"] = drawn
    return True


def _switch(finding: Finding, state: dict) -> str:
    """Key of the switch to the editor of the outline; off again once the review is signed."""
    return f"correct_{finding.id}_{state['signed']}"


def histology(person: Person, mine: ReviewView) -> None:
    """What the laboratory found, once it did."""
    errors: dict[str, str] = st.session_state.pop("histology_errors", {})
    with st.expander("Histopathology result", icon=":material/biotech:"), st.form(f"histology_{mine.id}", border=False):
        with field(errors, "code"):
            code = st.selectbox(
                "The laboratory found", snomed.CONCEPTS, index=_index(snomed.CONCEPTS, mine.histology_code), format_func=concept,
                placeholder="Type to search", key=f"histology_{mine.id}_code",
            )
        with field(errors, "found_on"):
            found_on = st.date_input(
                "Report of", value=mine.histology_on or today(), min_value=date(1990, 1, 1), max_value=today(), format=preferences().typed,
                key=f"histology_{mine.id}_on",
            )
        asked = st.form_submit_button("Save the result", key=f"histology_{mine.id}_save")
    if asked:
        try:
            reviews.record_histology(person, review_id=mine.id, code=code or "", found_on=found_on)
        except ValidationError as error:
            st.session_state["histology_errors"] = error.fields
        except ServiceError as error:
            show_error(error)
            return
        st.rerun()


def concept(code: str) -> str:
    concept = snomed.CONCEPTS[code]
    kind = "malignant" if concept.malignant else "benign"
    return f"{concept.term} ({kind}, {code})" if concept.coded else f"{concept.term} ({kind}, no code)"


def _index(choices: dict, chosen: object) -> int | None:
    return list(choices).index(chosen) if chosen in choices else None
