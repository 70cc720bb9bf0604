"""What doctors see and do: who shares with them, a patient's moles, a mole's timeline, a visit and their note on it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import Confidence
from services import lesions, notes, photos, risk, sharing
from services.body_sites import BODY_SITES
from services.fields import today
from tests.helpers import photo_bytes
from tests.pages.app import open_app, open_page, sentences_under, tables, words

PAGES = ("patients", "patient", "timeline", "visit", "compare")
OF_A_PATIENT = PAGES[1:]
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


def show(app, view: str):
    """Choose a view of the patient's page."""
    return app.radio(key="view").set_value(view).run()


# Who may see them


@pytest.mark.parametrize("name", PAGES)
def test_page_is_not_shown_to_the_logged_out(name, monkeypatch, moletrail):
    assert open_page(open_app(monkeypatch), f"doctor/{name}.py").title[0].value == "Log in"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("role", ["patient", "admin"])
def test_page_is_not_shown_to_other_roles(name, role, monkeypatch, request, token_of):
    app = open_page(open_app(monkeypatch, token_of(request.getfixturevalue(role))), f"doctor/{name}.py")
    assert app.title[0].value == "This page is not for your account"


@pytest.mark.parametrize("name", OF_A_PATIENT)
def test_patient_who_does_not_share_looks_like_none(name, page, patient, mole, add):
    visit = add()
    app = page(name, patient=patient.id, mole=mole.id, visit=visit.id)
    assert "cannot be shown" in app.title[0].value
    seen = words(app)
    assert "does not exist, or it is not shared with you" in seen
    assert "Nape" not in seen and "Archer" not in seen


@pytest.mark.parametrize("name", OF_A_PATIENT)
def test_revoked_share_closes_at_the_next_click(name, page, patient, mole, shared, add):
    query = {"patient": patient.id, "mole": mole.id, "visit": add().id}
    app = page(name, **query)
    assert "cannot be shown" not in app.title[0].value and ("Nape" in words(app) or "Archer" in words(app))
    sharing.revoke(patient, grant_id=shared.id)
    app.run()  # a click on anything runs the open page again
    assert "cannot be shown" in app.title[0].value
    for seen in (words(app), words(page(name, **query)), words(page("patients"))):
        assert "Nape" not in seen and "Archer" not in seen


@pytest.mark.parametrize("name", OF_A_PATIENT)
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


def test_list_says_counts_last_visit_and_the_highest_probability_as_its_photo_told_of_it(page, patient, mole, shared, add, tiny):
    add(400, probability=0.02)
    # Not what its probability alone would say: a photo taken without a dermoscope is never told of with high confidence.
    tiny.confidence = Confidence.MEDIUM
    add(4, probability=0.99)
    app = page("patients")
    seen = words(app)
    assert app.title[0].value == "1 patient shares with you"
    assert "1 mole, 2 photos; last visit 4 days ago" in seen
    assert "Highest probability **99 %** (malignant, medium confidence), for reference only" in seen


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


def test_moles_are_listed_with_the_most_urgent_first(page, patient, mole, shared, add):
    add(4, probability=0.03)
    worse = lesions.add_lesion(patient, name="Left shoulder", body_site=SITE)
    add(9, probability=0.9, lesion_id=worse.id)
    lesions.add_lesion(patient, name="No photo", body_site=SITE)
    app = page("patient", patient=patient.id)
    assert app.title[0].value.startswith("Ann Archer: 1 to refer") and app.title[0].value.endswith(" of 3 moles")
    names = [value for value in (markdown.value for markdown in app.markdown) if value in ("**Left shoulder**", "**Nape**", "**No photo**")]
    assert names[0] == "**Left shoulder**"
    assert set(names) == {"**Left shoulder**", "**Nape**", "**No photo**"}
    assert next(metric.value for metric in app.metric if metric.label == "Probability") == "90 %"
    assert "The newest photo looks malignant, high confidence." in words(app)


def test_course_of_a_mole_is_drawn_with_words_for_who_cannot_see_it(page, patient, mole, shared, add):
    for days_ago, probability in ((300, 0.02), (100, 0.2), (4, 0.9)):
        add(days_ago, probability=probability)
    drawn = [image.proto.imgs[0] for image in page("patient", patient=patient.id).get("image") if "svg" in image.proto.imgs[0].url]
    assert [one.url.partition(",")[0] for one in drawn] == ["data:image/svg+xml;base64"] * 2, "in the page, and on no open address"
    assert "Probability, over 3 photos: 2, 20, 90" in [one.alt for one in drawn]


def test_mole_of_the_list_opens_its_timeline(page, patient, mole, shared, add):
    add(4)
    assert "changes show from the second photo on" in click(page("patient", patient=patient.id), f"open_{mole.id}").title[0].value


def test_photos_of_all_moles_by_date(page, patient, mole, shared, add):
    add(4)
    other = lesions.add_lesion(patient, name="Left shoulder", body_site=SITE)
    add(9, lesion_id=other.id)
    add(2, lesion_id=other.id, reasons=("no_lesion",))
    app = show(page("patient", patient=patient.id), "photos")
    captions = [caption.value for caption in app.caption]
    told = [caption for caption in captions if caption.startswith(("Nape", "Left shoulder"))]
    assert told == ["Left shoulder, refused", "Nape", "Left shoulder"]
    assert len(app.image) == 3


def test_everything_that_happened_by_kind_and_mole(page, patient, mole, shared, add, doctor):
    visit = add(4)
    notes.add_note(doctor, visit_id=visit.id, text="Looks calm.", for_patient=False)
    app = show(page("patient", patient=patient.id), "events")
    seen = words(app)
    for told in ("Shared with Dora Dale", "Looks calm.", "Note for doctors only", "Benign, high confidence", "To be photographed again"):
        assert told in seen
    app.multiselect(key="event_kinds").set_value(["share"]).run()
    assert "Looks calm." not in words(app)
    app.selectbox(key="event_mole").set_value(mole.id).run()
    assert "Nothing of that kind" in words(app)


def test_history_says_what_raises_the_risk(page, patient, mole, shared, add):
    assert "Nothing told yet" in words(show(page("patient", patient=patient.id), "history"))
    risk.answer(patient, version=0, answers={"own_cancer": "Yes, melanoma"})
    app = page("patient", patient=patient.id)
    assert "Raised risk: skin cancer before." in words(app)
    assert app.table[0].value.iloc[:, 0].to_dict()["Have you had skin cancer?"] == "Yes, melanoma"


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
    assert [row["Finding"] for row in tables(app)[0]] == ["Benign, high confidence", "Photo refused", "Benign, high confidence"]


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


def test_note_for_doctors_is_marked_and_not_the_patients(page, patient, mole, shared, add):
    visit = add()
    app = page("visit", visit=visit.id)
    note_field(app).input("Doubtful.")
    next(box for box in app.checkbox if box.key.startswith("note_")).uncheck()
    app = click(app, "Save note")
    assert "Doubtful." in words(app) and "doctors only" in words(app)
    assert lesions.visit(patient, visit_id=visit.id).notes == ()


def test_template_fills_the_note(page, patient, mole, shared, add, doctor):
    add(100)
    visit = add(4)
    kept = notes.save_template(doctor, title="As before", text="[mole] as on [visit before].", for_patient=False)
    app = page("visit", visit=visit.id)
    box = next(box for box in app.selectbox if box.label == "Begin with")
    box.set_value(kept.id).run()
    text = note_field(app).value
    before = today() - timedelta(days=100)
    assert text == f"Nape as on {before.day} {before:%B %Y}."
    assert next(box for box in app.checkbox if "note_" in box.key).value is False


def test_template_is_kept_and_deleted(page, patient, mole, shared, add, doctor):
    visit = add()
    app = page("visit", visit=visit.id)
    app.text_input(key="template_title").input("Fine")
    app.text_area(key="template_text").input("All well.")
    app = click(app, "template_save")
    (kept,) = notes.list_templates(doctor)
    assert (kept.title, kept.text) == ("Fine", "All well.")
    click(page("visit", visit=visit.id), f"delete_template_{kept.id}")
    assert notes.list_templates(doctor) == ()


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


def test_report_of_the_patient_is_one_click_away(page, shared, patient, mole):
    app = page("patient", patient=patient.id)
    assert [link.proto.url for link in app.get("link_button")] == [f"/report.pdf?patient={patient.id}"]
