"""Streamlit hands out whatever it keeps at /media to everybody who has the address, logged in or not: pages put nothing there."""

from __future__ import annotations

from datetime import timedelta

import pytest
import streamlit as st
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from pages._pages import PAGES
from services import mole_links, notes, opinions, photos, reviews, sharing
from services.fields import today
from tests.helpers import photo_bytes
from tests.pages.app import open_app, open_page

SHOW_PHOTOS = {"moles", "mole", "add-photo", "visit", "compare", "shared-mole", "timeline", "case", "compare-visits", "opinion"}
"""Where photos have to be seen, so that nothing kept means something."""


@pytest.fixture
def kept(monkeypatch) -> list[tuple[str, int]]:
    """All that was ever put at an address of Streamlit's own: its kind and size in bytes."""
    found: list[tuple[str, int]] = []
    keep = MemoryMediaFileStorage.load_and_get_id

    def told(self, path_or_data, mimetype, *arguments, **more):
        found.append((mimetype, len(path_or_data)))
        return keep(self, path_or_data, mimetype, *arguments, **more)

    monkeypatch.setattr(MemoryMediaFileStorage, "load_and_get_id", told)
    return found


def pictures(app) -> list[str]:
    return [picture.url for kind in ("image", "imgs") for element in app.get(kind) for picture in element.proto.imgs]


def shows_a_photo(app) -> bool:
    components = [component.proto.json for component in app.get("bidi_component")]
    return any(route in address for address in (*pictures(app), *components) for route in ("/photo/", "/share/", "/aligned/"))


def everything_on(app) -> None:
    """With whatever a page draws only when it is asked for."""
    for toggle in app.toggle:
        toggle.set_value(toggle.key != "judge_blind")
    for box in app.checkbox:
        box.set_value(True)
    app.run()


@pytest.fixture
def people(patient, doctor, other_doctor, admin, mole, tiny, token_of):
    """A mole of two visits that is shared, judged, asked about and linked to, and a photo in the bin.

    Gives who looks (role, session token or None, token of an e-mailed link), and what stands behind the ? of the addresses.
    """
    sharing.share_with(patient, doctor_email=doctor.email)
    sharing.share_with(patient, doctor_email=other_doctor.email)
    first, second, third = (
        photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(radius=radius), taken_on=today() - timedelta(days=days))
        for radius, days in ((30, 60), (32, 30), (34, 0))
    )
    photos.withdraw_photo(patient, upload_id=third.photo.id)
    notes.add_note(doctor, visit_id=second.id, text="No sign of concern.")
    finding = second.photo.finding.id
    reviews.choose_blind(doctor, blind=False)
    asked = opinions.ask(doctor, diagnosis_id=finding, colleague_email=other_doctor.email)
    link = mole_links.make_link(patient, lesion_id=mole.id, days=7).address.partition("token=")[2]
    query = {
        "mole": mole.id, "visit": second.id, "photo": second.photo.id, "patient": patient.id, "opinion": asked.id,
        "diagnosis": finding, "first": first.id, "second": second.id,
    }  # fmt: skip
    return [("nobody", None, link), *((person.role, token_of(person), "") for person in (patient, doctor, other_doctor, admin))], query


def test_no_page_puts_anything_at_an_address_of_streamlits(people, kept, monkeypatch) -> None:
    looks, query = people
    seen = set()
    for role, token, link in looks:
        app = open_app(monkeypatch, token, link=link)
        for name in [name for name, entry in PAGES.items() if not entry.roles or role in entry.roles]:
            open_page(app, PAGES[name].file, **query)
            everything_on(app)
            assert not app.exception, name
            assert kept == [], f"{name} gave them away"
            if shows_a_photo(app):
                seen.add(name)
    assert seen >= SHOW_PHOTOS


def test_a_photo_that_is_not_stored_yet_is_seen_and_kept_nowhere(patient, mole, tiny, kept, monkeypatch, token_of) -> None:
    app = open_app(monkeypatch, token_of(patient))
    for page in ("add_photo", "add_photos"):
        open_page(app, f"patient/{page}.py", mole=mole.id)
        app.file_uploader[0].upload("mole.jpg", photo_bytes(), "image/jpeg").run()
        assert [address[:23] for address in pictures(app) if "/photo/" not in address] == ["data:image/jpeg;base64,"]
        assert kept == []


def test_the_code_of_an_authenticator_is_seen_and_kept_nowhere(patient, kept, monkeypatch, token_of) -> None:
    app = open_page(open_app(monkeypatch, token_of(patient)), "account/profile.py")
    app.button("begin_set_up").click().run()
    assert [address[:19] for address in pictures(app)] == ["data:image/svg+xml;"]
    assert kept == []


@pytest.mark.parametrize("mistake", [lambda: st.image(photo_bytes()), lambda: st.download_button("Report", b"%PDF-1.7 of Ann")])
def test_a_page_that_did_would_be_noticed(mistake, patient, kept, monkeypatch, token_of) -> None:
    monkeypatch.setattr("services.lesions.list_lesions", lambda *_arguments, **_more: mistake() and ())
    open_app(monkeypatch, token_of(patient))
    assert len(kept) == 1
