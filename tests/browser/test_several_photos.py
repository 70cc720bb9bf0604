"""Several photos in one go on a phone, analysed for real: one fits, one shows another mole, one is no photo."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from core import synthetic
from tests.browser.people import add_mole, add_photo, sign_up
from tests.browser.test_phone import overflow

expect.set_options(timeout=90_000)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("photos")
    first, other = synthetic.Mole.random(7), synthetic.Mole.random(11)
    taken = {
        "first": synthetic.photograph(first, size=(1280, 960)),
        "again": synthetic.photograph(first, visit=1, size=(1280, 960)),
        "other": synthetic.photograph(other, size=(1280, 960)),
    }
    for name, photo in taken.items():
        (folder / f"{name}.jpg").write_bytes(synthetic.encode(photo))
    (folder / "broken.jpg").write_bytes(b"no photo at all")
    return {path.stem: path for path in folder.iterdir()}


def test_question_and_fault_are_told_beside_their_photos_and_do_not_stop_the_rest(phone: BrowserContext, files: dict[str, Path]) -> None:
    page = phone.new_page()
    sign_up(page, role="patient", first_name="Sam", surname="Several", email="sam@example.org", password="green ladder at noon")
    expect(page.get_by_role("heading", name="No moles yet")).to_be_visible()
    add_mole(page, "Freckle", "Left forearm")
    add_photo(page, files["first"], taken_on="12/03/2025")
    page.goto("/add-photos")
    page.locator("input[type=file]").set_input_files([files["again"], files["other"], files["broken"]])
    expect(page.get_by_label("Mole", exact=True)).to_have_count(3)
    assert overflow(page) <= 0
    page.get_by_role("button", name="Add 3 photos").tap()
    expect(page.get_by_role("heading", name="1 photo was added, 1 needs your answer, 1 could not be")).to_be_visible()
    expect(page.get_by_text("This photo does not look like the one of")).to_have_count(1)
    expect(page.get_by_text("not a photo that can be read")).to_have_count(1)
    assert overflow(page) <= 0

    page.get_by_text("It is the same mole").tap()
    page.get_by_role("button", name="Add 2 photos").tap()
    expect(page.get_by_role("heading", name="2 photos were added, 1 could not be")).to_be_visible()
    expect(page.get_by_role("link", name="Freckle")).to_have_count(2)
