"""What patients see and do: their moles, adding one, adding photos, the result, the timeline, sharing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from core import change
from services import lesions, notes, photos, profile, risk, sharing
from services.body_figure import MapPoint, zone_at
from services.body_sites import BODY_SITES
from services.errors import LooksDifferent, ServiceError
from services.fields import today
from tests.helpers import exif_with_place, photo_bytes
from tests.pages.app import open_app, open_page, sentences_under, tables, words

PAGES = ("moles", "add_mole", "edit_mole", "mole", "add_photo", "add_photos", "visit", "reminders", "risk", "sharing")
SITE = next(iter(BODY_SITES))


@pytest.fixture
def page(monkeypatch, patient, token_of, tiny):
    """Opens a page of the patient's by its name."""
    app = open_app(monkeypatch, token_of(patient))
    return lambda name, **query: open_page(app, f"patient/{name}.py", **query)


@pytest.fixture
def add(patient, mole, tiny):
    """add(days_ago) stores another photo of the mole and gives its visit; `reasons` makes the gate refuse it."""

    def add_photo(days_ago: int = 0, *, reasons: tuple[str, ...] = (), probability: float = 0.03, note: str = "", lesion_id: int = mole.id):
        tiny.reasons, tiny.probability = reasons, probability
        taken_on = today() - timedelta(days=days_ago)
        return photos.add_photo(patient, lesion_id=lesion_id, data=photo_bytes(shift=days_ago % 40), taken_on=taken_on, note=note)

    return add_photo


def element(app, kind: str, key_or_label: str):
    return next(one for one in app.get(kind) if key_or_label in (one.key, one.label) or (one.key or "").startswith(key_or_label))


def click(app, key_or_label: str):
    element(app, "button", key_or_label).click().run()
    assert not app.exception
    return app


def links(app) -> list[str]:
    return [link.proto.label for link in app.get("page_link")]


def drawn_plots(app) -> list[str]:
    return [plot.key.rpartition("_")[0] for plot in app.get("plotly_chart")]


# Who may see them


@pytest.mark.parametrize("name", PAGES)
def test_page_is_not_shown_to_the_logged_out(name, monkeypatch, moletrail):
    app = open_page(open_app(monkeypatch), f"patient/{name}.py")
    assert app.title[0].value == "Log in"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("role", ["doctor", "admin"])
def test_page_is_not_shown_to_other_roles(name, role, monkeypatch, request, token_of):
    app = open_page(open_app(monkeypatch, token_of(request.getfixturevalue(role))), f"patient/{name}.py")
    assert app.title[0].value == "This page is not for your account"


@pytest.mark.parametrize(("name", "query"), [("mole", "mole"), ("edit_mole", "mole"), ("visit", "visit")])
@pytest.mark.parametrize("number", [None, "999", "-1", "x", "9" * 30])
def test_address_that_names_nothing_gets_a_sentence_and_a_way_back(name, query, number, page):
    app = page(name, **({query: number} if number else {}))
    assert not app.exception
    assert "cannot be shown" in app.title[0].value
    assert "does not exist, or it is not shared with you" in words(app)
    assert click(app, "Back to My moles").title[0].value == "No moles yet"


@pytest.mark.parametrize("name", ["mole", "visit", "add_photo"])
def test_moles_of_others_look_like_none(name, page, other_patient, tiny):
    theirs = lesions.add_lesion(other_patient, name="Secret spot", body_site=SITE)
    visit = photos.add_photo(other_patient, lesion_id=theirs.id, data=photo_bytes(), taken_on=today())
    app = page(name, mole=theirs.id, visit=visit.id)
    assert not app.exception
    assert "Secret spot" not in words(app)
    assert "cannot be shown" in app.title[0].value or app.title[0].value == "There is no such mole"


# My moles


@pytest.mark.parametrize("name", ["add_photo", "add_photos"])
def test_photo_before_the_first_mole_leads_to_that(name, page):
    app = page(name)
    assert app.title[0].value == "No moles yet"
    assert element(app, "button", "empty_add-mole").label == "Add a mole"


def test_no_moles_yet_says_what_to_do_next(page):
    app = page("moles")
    assert app.title[0].value == "No moles yet"
    assert [button.label for button in app.button] == ["Add a mole"]


def test_heading_is_the_answer(page, patient, mole, add):
    assert page("moles").title[0].value == "1 mole: 1 is due"
    add(4)
    assert page("moles").title[0].value == "1 mole: nothing changed, nothing is due"
    lesions.add_lesion(patient, name="Left shoulder", body_site=SITE)
    second = lesions.add_lesion(patient, name="Right shoulder", body_site=SITE)
    assert page("moles").title[0].value == "3 moles: 2 are due"
    add(0, probability=0.97, lesion_id=second.id)
    assert page("moles").title[0].value == "3 moles: 1 to show a doctor, 1 is due"


def test_the_most_urgent_moles_come_first_and_many_come_in_pages(page, patient, mole, add):
    add(4)
    for number in range(12):
        lesions.add_lesion(patient, name=f"Mole {number}", body_site=SITE)
    app = page("moles")
    assert f"open_{mole.id}" not in {button.key for button in app.button}
    app.get("pagination")[0].set_value(2).run()
    assert [button.key for button in app.button if (button.key or "").startswith("open_")] == [f"open_{mole.id}"]


def drawn(app) -> dict:
    """What the page gives the body map to draw."""
    return next(data for data in (json.loads(one.proto.json) for one in app.get("bidi_component")) if "moles" in data)


def test_map_shows_each_mole_where_it_is_with_its_state_in_words(page, patient, mole, add):
    add(4)
    point = MapPoint("back", 0.4, 0.3)
    placed = lesions.add_lesion(patient, name="Dot", body_site=zone_at(point), place=point)
    shown = {one["id"]: one for one in drawn(page("moles"))["moles"]}
    assert shown[placed.id]["view"] == "back"
    assert shown[placed.id]["y"] == point.y
    assert shown[placed.id]["label"] == "Dot, due: No photo could be measured yet"
    assert shown[mole.id]["state"] == "fine"


def test_point_that_was_tapped_names_the_zone_and_is_kept_with_the_mole(page, patient):
    point = MapPoint("front", 0.744, 0.2)
    app = page("add_mole", view=point.view, x=point.x, y=point.y)
    assert app.title[0].value == "A mole here: left shoulder"
    assert app.text_input(key="mole_name").value == "Left shoulder"
    assert app.selectbox(key="mole_site").value == "left_shoulder"
    click(app, "mole_add")
    assert [mole.place for mole in lesions.list_lesions(patient)] == [point]
    page("moles")
    assert page("add_mole", view=point.view, x=point.x, y=point.y).text_input(key="mole_name").value == "Left shoulder 2"


@pytest.mark.parametrize("point", [{"x": "a", "y": "1"}, {"x": "nan", "y": "0.2"}, {"x": "7", "y": "0.2"}, {"x": "0.01", "y": "0.01"}])
def test_address_with_no_point_on_the_body_leaves_the_place_open(point, page):
    app = page("add_mole", view="front", **point)
    assert not app.exception
    assert app.title[0].value == "Which mole do you want to follow?"


# Changing a mole


def test_name_and_place_are_changed(page, patient, mole):
    app = page("edit_mole", mole=mole.id)
    assert app.text_input(key="mole_name").value == "Nape"
    app.text_input(key="mole_name").input("Chin")
    app.selectbox(key="mole_site").select("chin")
    assert click(app, "mole_save").title[0].value == "Chin: no photo yet"
    (changed,) = lesions.list_lesions(patient)
    assert (changed.name, changed.body_site, changed.version) == ("Chin", "chin", 2)


def test_change_made_elsewhere_meanwhile_is_told_and_not_overwritten_unasked(page, patient, mole):
    app = page("edit_mole", mole=mole.id)
    lesions.edit_lesion(patient, lesion_id=mole.id, version=1, name="Ear", body_site="left_ear")
    app.text_input(key="mole_name").input("Chin")
    app = click(app, "mole_save")
    assert "it is called Ear now" in app.error[0].value
    assert app.text_input(key="mole_name").value == "Chin"
    assert lesions.list_lesions(patient)[0].name == "Ear"
    click(app, "mole_save")
    assert lesions.list_lesions(patient)[0].name == "Chin"


def test_card_says_name_place_and_last_finding(page, mole, add):
    add(4)
    seen = words(page("moles"))
    assert "**Nape**" in seen
    assert f"{BODY_SITES[SITE]}, checked 4 days ago" in seen
    assert "Benign, high confidence" in seen


def test_mole_whose_photos_were_all_refused_says_so(page, mole, add):
    add(reasons=("no_lesion",))
    assert "No photo could be measured yet" in words(page("moles"))


def test_name_is_shown_as_typed_and_never_as_markdown(page, patient):
    lesions.add_lesion(patient, name="![x](http://evil.example/x.png) **b**", body_site=SITE)
    seen = words(page("moles"))
    assert "![x](" not in seen
    assert r"\!\[x\]\(" in seen


def test_card_leads_to_the_mole_and_to_its_next_photo(page, mole):
    assert click(page("moles"), f"open_{mole.id}").title[0].value == "Nape: no photo yet"
    assert click(page("moles"), f"add_photo_{mole.id}").title[0].value == "New photo: Nape"


# Adding a mole


def test_mole_is_added_and_its_photo_comes_next(page, patient):
    app = page("add_mole")
    app.text_input(key="mole_name").input("Left shoulder")
    app.selectbox(key="mole_site").select(SITE)
    app.date_input(key="mole_first_noticed").set_value(date(2024, 2, 1))
    assert click(app, "mole_add").title[0].value == "New photo: Left shoulder"
    (added,) = lesions.list_lesions(patient)
    assert (added.name, added.body_site, added.first_noticed) == ("Left shoulder", SITE, date(2024, 2, 1))


def test_mistakes_stand_under_their_fields_and_what_was_typed_stays(page, patient, mole):
    app = page("add_mole")
    app.text_input(key="mole_name").input("nape")
    app = click(app, "mole_add")
    assert "already" in sentences_under(app, "mole_name")[0]
    assert "where on the body" in sentences_under(app, "mole_site")[0]
    assert app.text_input(key="mole_name").value == "nape"
    assert len(lesions.list_lesions(patient)) == 1


def test_second_click_on_add_goes_on_instead_of_adding_again(page, patient):
    app = page("add_mole")
    app.text_input(key="mole_name").input("Left shoulder")
    app.selectbox(key="mole_site").select(SITE)
    app.session_state["adding_mole"]["mole_id"] = lesions.add_lesion(patient, name="Left shoulder", body_site=SITE).id
    assert click(app, "mole_add").title[0].value == "New photo: Left shoulder"
    assert len(lesions.list_lesions(patient)) == 1


# Adding a photo


def choose(app, data: bytes, name: str = "photo.jpg"):
    app.file_uploader[0].upload(name, data, "image/jpeg").run()
    assert not app.exception
    return app


def test_size_and_kinds_are_said_before(page, mole):
    uploader = page("add_photo", mole=mole.id).file_uploader[0]
    assert "at most 15 MB" in uploader.label
    assert uploader.allowed_type == [".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"]


def test_without_a_photo_there_is_nothing_to_add(page, mole):
    assert element(page("add_photo", mole=mole.id), "button", "Add this photo").disabled


def test_photo_is_stored_once_and_its_result_shown(page, patient, mole):
    app = choose(page("add_photo", mole=mole.id), photo_bytes())
    app.text_area[0].input("It itched")
    app = click(app, "Add this photo")
    assert app.title[0].value == "Benign, high confidence"
    (visit,) = lesions.timeline(patient, lesion_id=mole.id).visits
    assert (visit.visited_on, visit.note, len(visit.photos)) == (today(), "It itched", 1)


def test_stored_photo_leaves_the_memory_of_the_session_and_a_refused_one_stays_for_another_try(page, mole, monkeypatch):
    forgotten = []
    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", lambda self, session_id, file_id: forgotten.append(file_id))
    click(choose(page("add_photo", mole=mole.id), b"not a photo"), "Add this photo")
    assert forgotten == []
    click(choose(page("add_photo", mole=mole.id), photo_bytes()), "Add this photo")
    assert len(forgotten) == 1


def test_each_step_of_the_work_is_said(page, mole, monkeypatch):
    said = []
    add_photo = photos.add_photo
    monkeypatch.setattr(
        photos, "add_photo",
        lambda *args, on_step, **more: add_photo(*args, on_step=lambda step: (said.append(step), on_step(step)), **more),
    )
    click(choose(page("add_photo", mole=mole.id), photo_bytes()), "Add this photo")
    assert said == ["reading", "checking", "finding", "classifying", "saving"]


def test_date_comes_from_the_photo_and_can_be_changed(page, patient, mole):
    app = choose(page("add_photo", mole=mole.id), photo_bytes(exif=exif_with_place("2024:03:05 10:20:30")))
    assert app.date_input[0].value == date(2024, 3, 5)
    assert "The photo says so." in words(app)
    app.date_input[0].set_value(date(2024, 4, 1))
    click(app, "Add this photo")
    assert [visit.visited_on for visit in lesions.timeline(patient, lesion_id=mole.id).visits] == [date(2024, 4, 1)]


@pytest.mark.parametrize("written", ["2999:01:01 00:00:00", "1905:01:01 00:00:00", "nonsense"])
def test_impossible_date_in_the_photo_suggests_today(written, page, mole):
    app = choose(page("add_photo", mole=mole.id), photo_bytes(exif=exif_with_place(written)))
    assert app.date_input[0].value == today()
    assert "today is suggested" in words(app)


def test_unreadable_file_is_refused_under_the_field_and_what_was_typed_stays(page, patient, mole):
    app = choose(page("add_photo", mole=mole.id), b"not a photo")
    app.text_area[0].input("It itched")
    app.date_input[0].set_value(date(2024, 4, 1))
    app = click(app, "Add this photo")
    assert "not a photo" in words(app)
    assert app.text_area[0].value == "It itched"
    assert app.date_input[0].value == date(2024, 4, 1)
    assert lesions.timeline(patient, lesion_id=mole.id).visits == ()
    assert not element(app, "button", "Add this photo").disabled, "another try needs no new page"


def test_old_refusal_is_gone_when_the_page_is_opened_anew(page, mole):
    click(choose(page("add_photo", mole=mole.id), b"not a photo"), "Add this photo")
    page("moles")
    assert "not a photo" not in words(page("add_photo", mole=mole.id))


def test_chosen_photo_is_shown_before_it_is_sent(page, mole):
    assert choose(page("add_photo", mole=mole.id), photo_bytes()).image[0].captions == ["Your photo, not stored yet"]
    assert not choose(page("add_photo", mole=mole.id), b"not a photo").image


def test_failure_on_our_side_keeps_what_was_chosen(page, mole, monkeypatch):
    def fail(*_args, **_more):
        raise ServiceError("The disk is full, so nothing was saved.")

    app = choose(page("add_photo", mole=mole.id), photo_bytes())
    monkeypatch.setattr(photos, "add_photo", fail)
    app = click(app, "Add this photo")
    assert [error.value for error in app.error] == ["The disk is full, so nothing was saved."]
    monkeypatch.undo()


def test_fault_of_ours_is_not_tried_again_and_again(page, mole, monkeypatch):
    tries = []

    def fail(*_args, **_more):
        tries.append(1)
        raise RuntimeError("a bug")

    app = choose(page("add_photo", mole=mole.id), photo_bytes())
    monkeypatch.setattr(photos, "add_photo", fail)
    element(app, "button", "Add this photo").click().run()
    app.run()
    assert len(tries) == 1
    assert not element(app, "button", "Add this photo").disabled


def test_click_in_the_middle_of_the_work_takes_it_up_again_and_stores_once(page, patient, mole, monkeypatch):
    """Streamlit stops a run at its next step when someone clicks; the next run must go on by itself."""
    add_photo, runs = photos.add_photo, []

    def interrupted_once(*args, on_step, **more):
        runs.append(1)

        def stop(step):
            if step == "classifying" and len(runs) == 1:
                st.rerun()
            on_step(step)

        return add_photo(*args, on_step=stop, **more)

    app = choose(page("add_photo", mole=mole.id), photo_bytes())
    monkeypatch.setattr(photos, "add_photo", interrupted_once)
    assert click(app, "Add this photo").title[0].value == "Benign, high confidence"
    assert len(runs) == 2
    (visit,) = lesions.timeline(patient, lesion_id=mole.id).visits
    assert len(visit.photos) == 1


def test_photo_the_gate_refuses_is_kept_and_its_page_says_why(page, patient, mole, tiny):
    tiny.reasons = ("no_lesion",)
    app = click(choose(page("add_photo", mole=mole.id), photo_bytes()), "Add this photo")
    assert app.title[0].value == "This photo could not be used"
    assert "No mole was found in the photo." in words(app)
    assert "A photo that works" in words(app)
    assert [visit.photos[0].accepted for visit in lesions.timeline(patient, lesion_id=mole.id).visits] == [False]


def test_after_a_refused_photo_the_next_one_is_one_click_away(page, mole, add):
    visit = add(reasons=("no_lesion",))
    assert click(page("visit", mole=mole.id, visit=visit.id), "Take it again").title[0].value == "New photo: Nape"


def test_address_without_a_mole_lets_choose_among_them(page, patient, mole):
    second = lesions.add_lesion(patient, name="Left shoulder", body_site=SITE)
    app = page("add_photo")
    assert app.title[0].value == "New photo"
    app.selectbox(key="photo_mole").select(second.id).run()
    click(choose(app, photo_bytes()), "Add this photo")
    assert len(lesions.timeline(patient, lesion_id=second.id).visits) == 1


def test_camera_stands_behind_a_choice(page, mole):
    app = page("add_photo", mole=mole.id)
    assert not app.camera_input
    element(app, "radio", "Photo from").set_value("Camera").run()
    assert app.camera_input
    assert not app.file_uploader


def test_camera_shows_the_last_outline_as_a_ghost_and_the_last_photo_beside_it(page, mole, add):
    visit = add(3)
    app = page("add_photo", mole=mole.id)
    assert pictures(app) == [f"/photo/{visit.photos[0].id}/overlay.jpg"]
    element(app, "radio", "Photo from").set_value("Camera").run()
    assert not app.exception
    ghost = next(data for data in (json.loads(one.proto.json) for one in app.get("bidi_component")) if "path" in data)
    assert ghost["ratio"] == pytest.approx(160 / 120)
    assert ghost["path"].startswith("M")


# Several photos at once


def choose_several(app, *files: bytes):
    for number, data in enumerate(files):
        app.file_uploader[0].upload(f"photo-{number}.jpg", data, "image/jpeg")
    app.run()
    assert not app.exception
    return app


def assign(app, *lesion_ids: int):
    for chooser, lesion_id in zip([box for box in app.selectbox if box.label == "Mole"], lesion_ids, strict=True):
        chooser.select(lesion_id)
    app.run()
    return app


def test_photos_of_several_moles_are_added_in_one_go(page, patient, mole):
    second = lesions.add_lesion(patient, name="Left shoulder", body_site=SITE)
    app = choose_several(page("add_photos"), photo_bytes(radius=20), photo_bytes(exif=exif_with_place("2024:03:05 10:20:30")))
    assert element(app, "button", "add_all").disabled, "no mole is chosen yet"
    app = click(assign(app, mole.id, second.id), "add_all")
    assert app.title[0].value == "2 photos were added"
    days = {lesion.name: lesion.last_visited_on for lesion in lesions.list_lesions(patient)}
    assert days == {"Nape": today(), "Left shoulder": date(2024, 3, 5)}


def test_one_failing_does_not_stop_the_others_and_can_be_tried_again(page, patient, mole):
    app = assign(choose_several(page("add_photos"), b"not a photo", photo_bytes()), mole.id, mole.id)
    app = click(app, "add_all")
    assert app.title[0].value == "1 photo was added, 1 could not be"
    assert "not a photo" in words(app)
    assert len(lesions.timeline(patient, lesion_id=mole.id).visits) == 1
    assert element(app, "button", "add_all").label == "Add this photo"
    app = click(app, "add_all")
    assert app.title[0].value == "1 photo was added, 1 could not be", "what is stored is not stored again"


def test_fault_of_ours_with_one_photo_does_not_stop_the_others_and_is_not_tried_again_unasked(page, mole, tiny, monkeypatch):
    def fail(*_args, **_more):
        tried.append(1)
        raise RuntimeError("of ours")

    tried: list[int] = []
    app = assign(choose_several(page("add_photos"), photo_bytes(), photo_bytes(radius=20)), mole.id, mole.id)
    right, twice = photos.add_photo, iter([fail])
    monkeypatch.setattr(photos, "add_photo", lambda *args, **more: next(twice, right)(*args, **more))
    app = click(app, "add_all")
    assert app.title[0].value == "1 photo was added, 1 could not be"
    assert re.search("on our side.* report it as [0-9A-F]{6}", words(app))
    app.run()
    assert tried == [1]


@pytest.fixture
def doubted(monkeypatch, mole):
    """doubted(photo) is held for another mole than Nape until its owner says that it is the same."""
    held: list[bytes] = []
    right = photos.add_photo

    def add_photo(actor, *, lesion_id, data, confirmed_same=False, **more):
        if data in held and lesion_id == mole.id and not confirmed_same:
            raise LooksDifferent("12 March 2025", lesions.list_lesions(actor)[0].last_upload_id)
        return right(actor, lesion_id=lesion_id, data=data, confirmed_same=confirmed_same, **more)

    monkeypatch.setattr(photos, "add_photo", add_photo)
    return held.append


def test_photo_that_looks_like_another_mole_is_asked_about_and_does_not_stop_the_others(page, patient, mole, add, doubted):
    last = add(90).photo.id
    odd, even = photo_bytes(radius=12), photo_bytes(radius=20)
    doubted(odd)
    app = assign(choose_several(page("add_photos"), odd, even), mole.id, mole.id)
    element(app, "date_input", "Taken on").set_value(today() - timedelta(days=7)).run()
    app = click(app, "add_all")
    assert app.title[0].value == "1 photo was added, 1 needs your answer"
    assert "This photo does not look like the one of 12 March 2025. Is it the same mole? Nothing is stored yet." in words(app)
    assert f"/photo/{last}/thumb.jpg" in pictures(app), "with the last photo to look at"
    assert element(app, "selectbox", "Mole").value == mole.id, "what was chosen is kept"
    assert element(app, "date_input", "Taken on").value == today() - timedelta(days=7)
    element(app, "checkbox", "It is the same mole").check().run()
    app = click(app, "add_all")
    assert app.title[0].value == "2 photos were added"
    days = [(today() - visit.visited_on).days for visit in lesions.timeline(patient, lesion_id=mole.id).visits]
    assert days == [90, 7, 0]


def test_another_mole_can_be_the_answer(page, patient, mole, add, doubted):
    add(90)
    other = lesions.add_lesion(patient, name="Left shoulder", body_site=SITE)
    doubted(photo_bytes(radius=12))
    app = click(assign(choose_several(page("add_photos"), photo_bytes(radius=12)), mole.id), "add_all")
    assert app.title[0].value == "No photo was added, 1 needs your answer"
    app = assign(app, other.id)
    assert "does not look like" not in words(app) and not app.checkbox, "that was said of the mole chosen before"
    app = click(app, "add_all")
    assert app.title[0].value == "1 photo was added"
    assert {lesion.name: lesion.visit_count for lesion in lesions.list_lesions(patient)} == {"Nape": 1, "Left shoulder": 1}


def test_photo_the_gate_refuses_says_at_once_how_to_mend_it(page, mole, tiny):
    tiny.reasons = ("no_lesion",)
    app = click(assign(choose_several(page("add_photos"), photo_bytes()), mole.id), "add_all")
    assert "No mole was found in the photo." in words(app)
    assert "Take it again" in links(app)


# Reminders


def test_reminders_say_what_is_due_and_the_interval_can_be_chosen(page, patient, mole, add):
    assert page("reminders").title[0].value == "No dates yet"
    add(200)
    app = page("reminders")
    assert app.title[0].value == "1 mole is due"
    app.selectbox(key=f"interval_{mole.id}").select(365).run()
    assert not app.exception
    assert app.title[0].value.startswith("Nothing is due before")
    assert lesions.list_lesions(patient)[0].recheck_days == 365
    assert "as you chose" in words(app)


# Risk and history


def test_answers_are_saved_as_versions_and_their_meaning_is_said(page, patient):
    app = page("risk")
    assert app.title[0].value == "Your skin and your history"
    app.radio(key="risk_family").set_value("One")
    app.text_area(key="risk_medicines").input("Aspirin")
    app = click(app, "risk_save")
    assert app.title[0].value == "Skin type not known yet, raised risk"
    assert "melanoma in the family" in words(app)
    for question in risk.FITZPATRICK:
        app.radio(key=f"risk_{question.key}").set_value(question.options[1])
    assert click(app, "risk_save").title[0].value == "Skin type II, raised risk"
    found = risk.answers_of(patient)
    assert (found.version, found.answers["medicines"]) == (2, "Aspirin")


def test_answers_given_elsewhere_meanwhile_are_not_overwritten(page, patient):
    app = page("risk")
    app.radio(key="risk_family").set_value("One")
    risk.answer(patient, version=0, answers={"family": "None"})
    app = click(app, "risk_save")
    assert "changed elsewhere" in app.error[0].value
    assert risk.answers_of(patient).answers == {"family": "None"}


# Unlike the others


def test_mole_unlike_the_others_is_pointed_out_from_five_on(page, patient, mole, add):
    add(3)
    for number in range(4):
        other = lesions.add_lesion(patient, name=f"Mole {number}", body_site=SITE)
        assert "unlike" not in "\n".join(heading.value for heading in page("moles").subheader)
        add(number, lesion_id=other.id, probability=0.9 if number == 3 else 0.03)
    app = page("moles")
    assert app.subheader[0].value == "Mole 3 is unlike the other moles"
    assert "Higher probability of malignancy" in words(app)


# The result


def test_withdrawn_photo_is_gone_from_the_mole(page, patient, mole, add):
    add(5)
    visit = add()
    app = click(page("visit", mole=mole.id, visit=visit.id), f"withdraw_{visit.photos[0].id}")
    assert app.title[0].value.startswith("Nape")
    assert [toast.value for toast in app.toast] == ["The photo lies in the bin for 30 days, under My data."]
    assert len(lesions.timeline(patient, lesion_id=mole.id).visits) == 1


def test_result_says_finding_probability_and_advice_with_the_caution(page, mole, add):
    visit = add(probability=0.03)
    app = page("visit", mole=mole.id, visit=visit.id)
    seen = words(app)
    assert app.title[0].value == "Benign, high confidence"
    assert "3 % (2 to 6 %), for reference only" in seen
    assert "it is no diagnosis" in seen
    assert "See a doctor about any discomfort or suspicious change" in seen


def test_result_shows_the_photo_beside_its_outline_and_either_network_on_request(page, mole, add):
    visit = add()
    app = page("visit", mole=mole.id, visit=visit.id)
    upload = visit.photos[0].id
    assert pictures(app) == [f"/photo/{upload}/large.jpg", f"/photo/{upload}/overlay.jpg?model=tiny"]
    outline = element(app, "radio", "Outline")
    outline.set_value("other").run()
    assert pictures(app) == [f"/photo/{upload}/large.jpg", f"/photo/{upload}/overlay.jpg?model=other"]
    element(app, "radio", "Outline").set_value("none").run()
    assert pictures(app) == [f"/photo/{upload}/large.jpg"] * 2


def test_result_gives_every_number_its_unit(page, mole, add):
    visit = add()
    numbers = page("visit", mole=mole.id, visit=visit.id).table[0].value.iloc[:, 0].to_dict()
    assert numbers["Area"].endswith("% of the frame (relative only: this photo carries no scale)")
    assert numbers["Expected agreement of the outline with an expert's (Dice, 0 to 1)"] == "0.90"
    assert numbers["Photo"] == "160 × 120 pixels"
    assert numbers["Analysis"] == "took 0.0 s"
    assert numbers["Networks"] == "tiny 1, other 1"


def test_what_speaks_against_a_camera_photo_is_said_once(page, tiny, mole, add):
    general, of_this_photo = "The networks learned from photos through a dermoscope", "looks as if taken without a dermoscope"
    said = words(page("visit", visit=add(3).id))
    assert general in said and of_this_photo not in said
    tiny.warnings = ("camera_photo",)
    said = words(page("visit", visit=add().id))
    assert general not in said and of_this_photo in said


def test_warnings_are_sentences(page, mole, add):
    assert "The photo is smaller than 1280 x 720 pixels" in words(page("visit", visit=add().id))


def test_result_shows_what_the_doctor_said_and_ones_own_note(page, patient, doctor, mole, add):
    visit = add(note="It itched")
    sharing.share_with(patient, doctor_email=doctor.email)
    notes.add_note(doctor, visit_id=visit.id, text="Looks calm.\nSee you in May.")
    seen = words(page("visit", visit=visit.id))
    assert "Looks calm.\nSee you in May." in seen
    assert "Dora Dale" in seen
    assert "It itched" in seen


def test_two_photos_of_a_day_share_the_visit_and_lead_to_each_other(page, patient, mole, add, tiny):
    add()
    tiny.reasons = ("no_lesion",)
    visit = photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(radius=20), taken_on=today())
    first, second = visit.photos
    app = page("visit", visit=visit.id)
    assert app.title[0].value == "Benign, high confidence", "the accepted photo stands for the visit"
    assert "Photo 2 of this day: refused" in links(app)
    app = page("visit", visit=visit.id, photo=second.id)
    assert app.title[0].value == "This photo could not be used"
    assert "Photo 1 of this day: benign, high confidence" in links(app)
    assert page("visit", visit=visit.id, photo=first.id).title[0].value == "Benign, high confidence"


def test_a_photo_that_looks_worse_than_the_newest_of_its_day_is_named(page, patient, mole, add, tiny):
    add(probability=0.9)
    tiny.probability = 0.03
    visit = photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(radius=20), taken_on=today())
    app = page("visit", visit=visit.id)
    assert app.title[0].value == "Benign, high confidence"
    assert "Photo 1 of this day: malignant, high confidence" in links(app)
    assert "Another photo of the same day as the newest looks malignant" in words(page("mole", mole=mole.id))


def test_a_second_photo_of_the_day_is_asked_for_where_the_edge_is_hard_to_tell(page, patient, mole, add, monkeypatch):
    asked, meant = "Add a second photo of the same day", "Of several photos of one day the size is the mean"
    visit = add()
    assert asked not in words(page("visit", visit=visit.id))
    unsure = change.Repeatability(0.05, "relative", 0, "this test", (0.01, 2.0))
    monkeypatch.setattr(change, "REPEATABILITY", change.REPEATABILITY | {"area": unsure})
    assert asked in words(page("visit", visit=visit.id))
    assert meant not in words(page("mole", mole=mole.id))
    photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(radius=20), taken_on=today(), confirmed_same=True)
    assert asked not in words(page("visit", visit=visit.id))


def test_uncertain_finding_is_never_called_benign(page, mole, add, monkeypatch):
    visit = add()
    monkeypatch.setattr(
        lesions, "visit", lambda actor, visit_id, _stored=lesions.visit: uncertain(_stored(actor, visit_id=visit_id))
    )
    app = page("visit", visit=visit.id)
    assert app.title[0].value == "Uncertain: the networks cannot tell"
    assert "benign" not in words(app).lower()


def uncertain(visit):
    finding = replace(visit.photos[0].finding, diagnosis="uncertain", confidence="low", malignant_probability=0.4)
    return replace(visit, photos=(replace(visit.photos[0], finding=finding),))


def pictures(app) -> list[str]:
    return [image.proto.imgs[0].url.removeprefix("http://localhost") for image in app.get("image")]


# One mole over time


def test_mole_without_photos_says_what_to_do(page, mole):
    app = page("mole", mole=mole.id)
    assert app.title[0].value == "Nape: no photo yet"
    assert click(app, "Add a photo").title[0].value == "New photo: Nape"


def test_one_visit_has_both_plots_and_says_when_changes_show(page, mole, add):
    add(4)
    app = page("mole", mole=mole.id)
    assert "changes show from the second photo on" in app.title[0].value
    assert "Newest photo: benign, high confidence" in words(app)
    assert drawn_plots(app) == ["area", "probability", "diameter", "asymmetry", "border", "colours", "growth"]
    assert not any(button.key == "compare" for button in app.button)
    assert len(tables(app)[0]) == 1


def test_several_visits_are_compared_without_claiming_a_change(page, mole, add):
    for days_ago, probability in ((400, 0.02), (200, 0.03), (4, 0.04)):
        add(days_ago, probability=probability)
    app = page("mole", mole=mole.id)
    assert app.title[0].value.startswith("Nape: ")
    assert "grew" not in app.title[0].value
    assert tables(app)[0][0]["Probability"] == "4\u00a0%\u00a0(2\u00a0to\u00a08)"
    assert len(pictures(app)) == 3


def test_refused_photo_stays_visible_as_a_gap(page, mole, add):
    add(400)
    add(200, reasons=("no_lesion",))
    app = page("mole", mole=mole.id)
    assert [row["Finding"] for row in tables(app)[0]] == ["Photo refused", "Benign, high confidence"]
    assert len(pictures(app)) == 2


def test_only_refused_photos_draw_no_empty_plots(page, mole, add):
    add(reasons=("no_lesion",))
    app = page("mole", mole=mole.id)
    assert app.title[0].value == "Nape: not measured yet"
    assert not app.get("plotly_chart")
    assert "Photo refused" in words(app)


def test_many_visits_come_in_pages(page, mole, add):
    for number in range(30):
        add(3 * number)
    app = page("mole", mole=mole.id)
    assert len(pictures(app)) == 13, "the newest, and twelve thumbnails"
    assert len(tables(app)[0]) == 25
    strip, _ = app.get("pagination")
    strip.set_value(3).run()
    assert len(pictures(app)) == 6
    app.get("pagination")[1].set_value(2).run()
    assert len(tables(app)[0]) == 5


def test_plots_stand_without_bands_where_the_networks_cannot_be_loaded(page, mole, add, monkeypatch):
    add(4)

    def fail():
        raise ServiceError("Photos cannot be analysed at the moment.")

    monkeypatch.setattr(photos, "bands", fail)
    app = page("mole", mole=mole.id)
    assert not app.exception
    assert "probability" in drawn_plots(app)


# Sharing


def test_nobody_sees_the_moles_until_they_are_shared(page):
    assert page("sharing").title[0].value == "Only you can see your moles"


def test_doctor_is_added_by_e_mail_and_revoked_at_once(page, patient, doctor):
    app = page("sharing")
    app.text_input(key="share_email").input("DORA@example.org ")
    app = click(app, "share_now")
    assert app.title[0].value == "1 doctor can see your moles"
    assert "Dora Dale" in words(app)
    (grant,) = sharing.list_grants(patient)
    app = click(app, f"revoke_{grant.id}")
    assert app.title[0].value == "Only you can see your moles"
    assert sharing.list_grants(patient) == ()


def test_doctor_who_lets_patients_find_them_is_picked_by_name(page, patient, doctor):
    assert not page("sharing").selectbox, "there is none to pick"
    profile.change_preferences(doctor, units="mm", date_style="en-GB", reminder_emails=False, listed=True)
    app = page("sharing")
    app.selectbox(key="share_doctor").select("dora@example.org")
    app = click(app, "share_now")
    assert app.title[0].value == "1 doctor can see your moles"
    assert not app.selectbox, "who sees them already is not offered again"


@pytest.mark.parametrize("email", ["", "no address", "nobody@example.org", "bo@example.org"])
def test_refused_e_mail_gets_its_sentence_and_stays(email, page, other_patient):
    app = page("sharing")
    app.text_input(key="share_email").input(email)
    app = click(app, "share_now")
    assert len(sentences_under(app, "share_email")) == 1
    assert app.text_input(key="share_email").value == email
    assert app.title[0].value == "Only you can see your moles"


def test_unknown_address_and_patients_address_read_the_same(page, other_patient):
    said = set()
    for email in ("nobody@example.org", other_patient.email):
        app = page("sharing")
        app.text_input(key="share_email").input(email)
        said.add(sentences_under(click(app, "share_now"), "share_email")[0])
    assert len(said) == 1
