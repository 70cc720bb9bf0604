"""What doctors see and do: who shares with them, a patient's moles, a mole's timeline, a visit and their note on it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services import lesions, photos, sharing
from services.body_sites import BODY_SITES
from services.fields import today
from tests.helpers import photo_bytes
from tests.pages.app import open_app, open_page, sentences_under, words

PAGES = ("patients", "patient", "timeline", "visit")
SITE = next(iter(BODY_SITES))


@pytest.fixture
def page(monkeypatch, doctor, token_of, tiny):
    """Opens a page of the doctor's by its name."""
    app = open_app(monkeypatch, token_of(doctor))
    return lambda name, **query: open_page(app, f"doctor/{name}.py", **query)


@pytest.fixture
def shared(patient, doctor):
    return sharing.share_with(patient, doctor_email=doctor.email)


@pytest.fixture
def add(patient, mole, tiny):
    """add(days_ago) stores another photo of the mole and gives its visit; `reasons` makes the gate refuse it."""

    def add_photo(days_ago: int = 0, *, reasons: tuple[str, ...] = (), probability: float = 0.03, note: str = "", lesion_id: int = mole.id):
        tiny.reasons, tiny.probability = reasons, probability
        taken_on = today() - timedelta(days=days_ago)
        return photos.add_photo(patient, lesion_id=lesion_id, data=photo_bytes(shift=days_ago % 40), taken_on=taken_on, note=note)

    return add_photo


def click(app, key_or_label: str):
    next(button for button in app.button if key_or_label in (button.label, button.key)).click().run()
    assert not app.exception
    return app


def note_field(app):
    return next(area for area in app.text_area if area.label == "Add a note")


# Who may see them


@pytest.mark.parametrize("name", PAGES)
def test_page_is_not_shown_to_the_logged_out(name, monkeypatch, moletrail):
    assert open_page(open_app(monkeypatch), f"doctor/{name}.py").title[0].value == "Log in"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("role", ["patient", "admin"])
def test_page_is_not_shown_to_other_roles(name, role, monkeypatch, request, token_of):
    app = open_page(open_app(monkeypatch, token_of(request.getfixturevalue(role))), f"doctor/{name}.py")
    assert app.title[0].value == "This page is not for your account"


@pytest.mark.parametrize("name", ["patient", "timeline", "visit"])
def test_patient_who_does_not_share_looks_like_none(name, page, patient, mole, add):
    visit = add()
    app = page(name, patient=patient.id, mole=mole.id, visit=visit.id)
    assert "cannot be shown" in app.title[0].value
    seen = words(app)
    assert "does not exist, or it is not shared with you" in seen
    assert "Nape" not in seen and "Archer" not in seen


@pytest.mark.parametrize("name", ["patient", "timeline", "visit"])
def test_revoked_share_closes_at_the_next_click(name, page, patient, mole, shared, add):
    query = {"patient": patient.id, "mole": mole.id, "visit": add().id}
    assert "cannot be shown" not in page(name, **query).title[0].value
    sharing.revoke(patient, grant_id=shared.id)
    assert "cannot be shown" in page(name, **query).title[0].value


@pytest.mark.parametrize("name", ["patient", "timeline", "visit"])
@pytest.mark.parametrize("number", ["999", "-1", "x"])
def test_address_that_names_nothing_gets_a_sentence_and_a_way_back(name, number, page):
    app = page(name, patient=number, mole=number, visit=number)
    assert "cannot be shown" in app.title[0].value
    assert click(app, "Back to Patients").title[0].value == "0 patients share with you"


# Patients


def test_nobody_shares_yet(page):
    app = page("patients")
    assert app.title[0].value == "0 patients share with you"
    assert "Nobody shares with you yet" in words(app)


def test_list_says_counts_last_visit_and_the_highest_probability_with_its_band(page, patient, mole, shared, add):
    add(400, probability=0.02)
    add(4, probability=0.74)
    app = page("patients")
    seen = words(app)
    assert app.title[0].value == "1 patient shares with you"
    assert "1 mole, 2 photos; last visit 4 days ago" in seen
    assert "Highest probability **74 %** (malignant, low confidence), for reference only" in seen


def test_patient_without_photos_has_no_finding_yet(page, patient, shared):
    seen = words(page("patients"))
    assert "0 moles, 0 photos; no visit yet" in seen
    assert "No finding yet" in seen


def test_search_narrows_the_list(page, sign_up, doctor, patient, shared):
    other = sign_up(first_name="Bo", surname="Berg", email="bo@example.org")
    sharing.share_with(other, doctor_email=doctor.email)
    app = page("patients")
    assert app.title[0].value == "2 patients share with you"
    app.text_input(key="search").input("berg").run()
    assert app.title[0].value == "1 patient found"
    assert "Archer" not in words(app)
    app.text_input(key="search").input("nobody").run()
    assert app.title[0].value == "0 patients found"
    assert "Nobody by that name" in words(app)


def test_long_list_comes_in_pages_and_a_search_starts_at_the_first(page, sign_up, doctor):
    for number in range(27):
        other = sign_up(first_name="Pat", surname="Z" + "ab"[number % 2] * (number + 1), email=f"p{number}@example.org")
        sharing.share_with(other, doctor_email=doctor.email)
    app = page("patients")
    assert len(app.button) == 25
    app.pagination[0].set_value(2).run()
    assert len(app.button) == 2
    app.text_input(key="search").input("pat").run()
    assert len(app.button) == 25


def test_name_is_shown_as_typed_and_never_as_markdown(page, sign_up, doctor):
    person = sign_up(first_name="O'Neil", surname="Van-Der-Berg", email="odd@example.org")
    sharing.share_with(person, doctor_email=doctor.email)
    app = page("patients")
    assert r"**O'Neil Van\-Der\-Berg**" in words(app)
    assert click(app, f"open_{person.id}").title[0].value == r"O'Neil Van\-Der\-Berg: no moles yet"


# One patient


def test_moles_are_listed_with_the_highest_probability_first(page, patient, mole, shared, add):
    add(4, probability=0.03)
    worse = lesions.add_lesion(patient, name="Left shoulder", body_site=SITE)
    add(9, probability=0.9, lesion_id=worse.id)
    lesions.add_lesion(patient, name="No photo", body_site=SITE)
    app = page("patient", patient=patient.id)
    assert app.title[0].value == "Ann Archer: 3 moles"
    seen = words(app)
    assert seen.index("Left shoulder") < seen.index("Nape") < seen.index("No photo")
    assert "90 % (45 to over 99 %), for reference only" in seen


def test_mole_of_the_list_opens_its_timeline(page, patient, mole, shared, add):
    add(4)
    assert "changes show from the second photo on" in click(page("patient", patient=patient.id), f"open_{mole.id}").title[0].value


# Timeline


def test_timeline_has_both_plots_the_strip_and_the_numbers(page, patient, mole, shared, add):
    add(400)
    add(200, reasons=("no_lesion",))
    add(4)
    app = page("timeline", mole=mole.id)
    assert app.title[0].value.startswith("Nape: ")
    assert "Newest photo: benign, high confidence" in words(app)
    assert "Ann Archer, born 17 May 1980" in words(app)
    assert len(app.get("plotly_chart")) == 7
    assert len(app.image) == 3
    assert app.table[0].value["Finding"].tolist() == ["Benign, high confidence", "Photo refused", "Benign, high confidence"]


def test_timeline_of_one_visit(page, mole, shared, add):
    add(4)
    app = page("timeline", mole=mole.id)
    assert len(app.get("plotly_chart")) == 7
    assert "changes show from the second photo on" in app.title[0].value


def test_timeline_without_a_photo_says_so(page, mole, shared):
    app = page("timeline", mole=mole.id)
    assert app.title[0].value == "Nape: not measured yet"
    assert "No photo yet" in words(app)


# A visit


def test_visit_shows_finding_numbers_and_the_patients_note(page, mole, shared, add):
    visit = add(note="It itched", probability=0.03)
    app = page("visit", visit=visit.id)
    seen = words(app)
    assert app.title[0].value == "Benign, high confidence"
    assert "3 % (2 to 6 %), for reference only" in seen
    assert "It itched" in seen
    assert "not a medical device" in seen
    numbers = app.table[0].value.iloc[:, 0].to_dict()
    assert numbers["Probability of malignancy, as computed"] == "0.0300"
    assert len(app.image) == 2


def test_refused_photo_says_why_and_can_still_be_noted(page, mole, shared, add):
    visit = add(reasons=("no_lesion",))
    app = page("visit", visit=visit.id)
    assert app.title[0].value == "This photo could not be used"
    assert "No mole was found in the photo." in words(app)
    assert app.text_area


def test_note_is_stored_once_signed_and_the_field_is_empty_again(page, patient, mole, shared, add):
    visit = add()
    app = page("visit", visit=visit.id)
    note_field(app).input("Looks calm.\nSee you in May.")
    app = click(app, "Save note")
    assert "Looks calm.\nSee you in May." in words(app)
    assert "Dora Dale" in words(app)
    assert note_field(app).value == ""
    (note,) = lesions.visit(patient, visit_id=visit.id).notes
    assert note.author == "Dora Dale"


@pytest.mark.parametrize("text", ["", "   \n "])
def test_empty_note_is_refused_under_its_field(text, page, mole, shared, add):
    visit = add()
    app = page("visit", visit=visit.id)
    key = note_field(app).key
    note_field(app).input(text)
    app = click(app, "Save note")
    assert sentences_under(app, key) == [":small[:red[:material/error: The note is empty; please write something first.]]"]


def test_note_after_a_revoked_share_is_not_stored(page, patient, mole, shared, add):
    visit = add()
    app = page("visit", visit=visit.id)
    note_field(app).input("Looks calm.")
    sharing.revoke(patient, grant_id=shared.id)
    app = click(app, "Save note")
    assert "cannot be shown" in app.title[0].value
    assert lesions.visit(patient, visit_id=visit.id).notes == ()
