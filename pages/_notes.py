"""What doctors write about a visit: the notes there are, the form for another, and the words to begin with."""

from __future__ import annotations

import re
from collections.abc import Iterable

import streamlit as st

from pages._parts import field, format_date, show_error
from pages._words import plain
from services import lesions, notes
from services.errors import ServiceError, ValidationError
from services.notes import Template
from services.views import NoteView, Person, VisitView


def head(note: NoteView, about: str = "") -> None:
    """Who wrote it, when to the minute, and who reads it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        when = f"{format_date(note.created_at)}, {note.created_at.astimezone():%H:%M}"
        st.markdown(f"**{plain(note.author)}**{about}, {when}", width="content")
        if not note.for_patient:
            st.badge("doctors only", icon=":material/visibility_off:", color="gray")


def mentioned(note: NoteView, visits: Iterable[VisitView]) -> list[VisitView]:
    """The visits that the note speaks of by their dates."""
    return [visit for visit in visits if re.search(rf"\b{format_date(visit.visited_on)}\b", note.text)]


def of_visit(visit: VisitView) -> None:
    for note in visit.notes:
        with st.container(border=True, gap="xxsmall"):
            head(note)
            st.text(note.text)


def form(person: Person, visit: VisitView) -> None:
    """A new form after each stored note, so that a second click finds nothing to store."""
    key = f"note_{visit.id}_{len(visit.notes)}"
    errors: dict[str, str] = st.session_state.pop("note_errors", {})
    _begin_with(person, visit, key)
    with st.form(key, border=False):
        with field(errors, "text"):
            text = st.text_area("Add a note", key=f"{key}_text", max_chars=notes.LONGEST, placeholder="Findings, advice, when to come back")
        for_patient = st.checkbox(
            "The patient reads it too", value=True, key=f"{key}_for_patient", help="If not, only doctors the patient shares with do."
        )
        asked = st.form_submit_button("Save note", key=f"{key}_save", type="primary")
    if asked:
        try:
            notes.add_note(person, visit_id=visit.id, text=text, for_patient=for_patient)
            st.rerun()
        except ValidationError as error:
            st.session_state["note_errors"] = error.fields
            st.rerun()
        except ServiceError as error:
            show_error(error)


def _begin_with(person: Person, visit: VisitView, key: str) -> None:
    """Choose words to begin with, and keep one's own."""
    templates = {template.id: template for template in notes.list_templates(person)}

    def take() -> None:
        if template := templates.get(st.session_state[f"{key}_template"]):
            st.session_state[f"{key}_text"] = _filled(person, visit, template)
            st.session_state[f"{key}_for_patient"] = template.for_patient

    with st.container(horizontal=True, vertical_alignment="bottom"):
        if templates:
            st.selectbox(
                "Begin with", tuple(templates), index=None, placeholder="A template", format_func=lambda number: templates[number].title,
                key=f"{key}_template", on_change=take, width=320,
            )
        with st.popover("Templates", icon=":material/edit_note:", key=f"{key}_templates"):
            _keep(person, tuple(templates.values()))


def _filled(person: Person, visit: VisitView, template: Template) -> str:
    days = [other.visited_on for other in lesions.timeline(person, lesion_id=visit.lesion_id).visits if other.visited_on < visit.visited_on]
    return notes.filled(
        template.text, visit=visit.visited_on, before=max(days, default=None), mole=visit.lesion_name, words=format_date
    )


def _keep(person: Person, templates: tuple[Template, ...]) -> None:
    for template in templates:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(template.title), width="stretch")
            st.button(
                "Delete", key=f"delete_template_{template.id}", icon=":material/delete:", on_click=notes.delete_template,
                args=(person,), kwargs={"template_id": template.id},
            )
    errors: dict[str, str] = st.session_state.pop("template_errors", {})
    with st.form("template", border=False):
        with field(errors, "title"):
            title = st.text_input("Name of the template", key="template_title", max_chars=notes.LONGEST_TITLE)
        with field(errors, "text"):
            text = st.text_area(
                "Words", key="template_text", max_chars=notes.LONGEST,
                help=f"{', '.join(notes.PLACES)} are filled in with the dates of the visits and the name of the mole.",
            )
        for_patient = st.checkbox("The patient reads it too", value=True, key="template_for_patient")
        asked = st.form_submit_button("Keep the template", key="template_save")
    if asked:
        try:
            notes.save_template(person, title=title, text=text, for_patient=for_patient)
        except ValidationError as error:
            st.session_state["template_errors"] = error.fields
        st.rerun()
