"""Runs on every visit and click: who is here, which pages they see in the menu, and the page itself."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._observed import one_page
from pages._pages import PAGES, PageEntry, home_of
from pages._parts import go
from pages._session import current_person

ICON = Path(__file__).parent.parent / "static" / "moletrail.svg"
NAME = Path(__file__).parent.parent / "static" / "moletrail-name.svg"


def draw() -> None:
    person = current_person()
    role = person.role if person else "nobody"
    first = st.Page(lambda: go(home_of(role).url_path), title="Moletrail", url_path="first", default=True, visibility="hidden")
    page = st.navigation([first, *(as_page(entry, role) for entry in PAGES.values())], position="top")
    wide = page.url_path in PAGES and PAGES[page.url_path].wide
    st.set_page_config(page_title=f"{page.title} · Moletrail", page_icon=ICON, layout="wide" if wide else "centered")
    st.logo(NAME, size="large")
    with one_page(page.url_path or "first", actor=person.id if person else None):
        page.run()


def as_page(entry: PageEntry, role: str) -> st.Page:
    """Every address is known to everybody, so that it can answer with a sentence; the menu shows a role's own.

    No icon here: Streamlit would fetch it from a font service as the tab's icon, and nothing of a visit leaves this server.
    """
    return st.Page(
        entry.file,
        title=entry.title,
        url_path=entry.url_path,
        visibility="visible" if entry.is_in_menu_of(role) else "hidden",
    )


draw()
