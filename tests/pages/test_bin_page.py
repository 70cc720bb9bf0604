from __future__ import annotations

from datetime import date

import pytest

from services import bin, lesions, photos
from tests.helpers import photo_bytes
from tests.pages.app import open_app, open_page, words


@pytest.fixture
def app(patient, mole, tiny, token_of, monkeypatch):
    photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    return open_app(monkeypatch, token_of(patient))


def test_mole_goes_into_the_bin_and_comes_back(app, patient, mole) -> None:
    app = open_page(app, "patient/mole.py", mole=mole.id)
    app.button("delete_mole").click().run()
    assert lesions.list_lesions(patient) == ()
    assert "1 thing can be taken back" in words(app)
    assert "Nape" in words(app)
    app = open_page(app, "patient/bin.py")
    app.button(f"restore_mole_{mole.id}").click().run()
    assert "The bin is empty" in words(app)
    assert len(lesions.list_lesions(patient)) == 1


def test_bin_is_emptied_by_hand(app, patient, mole) -> None:
    bin.delete_lesion(patient, lesion_id=mole.id)
    app = open_page(app, "patient/bin.py")
    app.button(f"erase_mole_{mole.id}").click().run()
    assert "The bin is empty" in words(app)
    assert bin.list_bin(patient).moles == ()
