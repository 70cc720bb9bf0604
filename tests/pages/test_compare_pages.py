"""Two visits compared, and the scale of a photo, as pages: what is offered, and what is said where photos do not lie over each other."""

from __future__ import annotations

import json
import math
from datetime import timedelta

import numpy as np
import pytest

from core import scale
from core.analysis import Scale
from core.registration import Registration
from core.sameness import Sameness
from core.scale import Sighted
from services import alignments, lesions, photos, profile, reviews, scales, sharing
from services.fields import today
from tests.helpers import photo_bytes
from tests.pages.app import open_app, open_page, words


@pytest.fixture
def in_register(monkeypatch) -> dict:
    """Whether two photos can be laid over each other, and whether they look like the same mole; change its fields."""
    answer = {"same": True, "accepted": True, "by_skin": True}

    def registration(*_photos) -> Registration:
        return Registration(
            matrix=np.array([[1.0, 0, 0], [0, 1, 0]]), relative_scale=1.0, rotation_degrees=0.0, overlap=1.0, residual_px=math.nan,
            agreement=0.9, features=50, skin_agreement=0.9, by_skin=answer["by_skin"], outline_overlap=0.9,
            accepted=answer["accepted"], reason="" if answer["accepted"] else "unlike",
        )

    monkeypatch.setattr(photos, "same_mole", lambda first, second: Sameness(1.0, answer["same"], registration()))
    monkeypatch.setattr(alignments.registration, "register", registration)
    return answer


@pytest.fixture
def visits(patient, mole, tiny, in_register):
    """Two visits of a disc that grew; `in_register` decides before."""

    def make():
        days = (today() - timedelta(days=60), today())
        return [
            photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(radius=radius), taken_on=day)
            for radius, day in zip((20, 30), days, strict=True)
        ]

    return make


def ways(app) -> list[str]:
    return [way for radio in app.radio if radio.key == "way" for way in radio.options]


def shown(app) -> list[str]:
    """Addresses of the pictures, those of the custom element too."""
    elements = [json.loads(component.proto.json) for component in app.get("bidi_component")]
    custom = [element[which]["address"] for element in elements for which in ("first", "second") if which in element]
    plain = [picture.url for image in app.get("imgs") for picture in image.proto.imgs]
    return [address.partition("localhost")[2] or address for address in (*custom, *plain)]


@pytest.mark.parametrize(("role", "file"), [("patient", "patient/compare.py"), ("doctor", "doctor/compare.py")])
def test_two_visits_in_register_are_offered_in_every_way(role, file, request, monkeypatch, patient, mole, visits, token_of):
    who = request.getfixturevalue(role)
    if role == "doctor":
        sharing.share_with(patient, doctor_email=who.email)
    visits()
    app = open_page(open_app(monkeypatch, token_of(who)), file, mole=mole.id)
    assert not app.exception
    assert app.title[0].value.startswith("Grew 1")
    assert ways(app) == ["Side by side", "Swipe", "Blink", "Difference", "Outlines"]
    for way in ways(app):
        app.radio(key="way").set_value(way).run()
        assert not app.exception


def test_photos_out_of_register_are_shown_side_by_side_only_and_the_page_says_so(monkeypatch, patient, mole, visits, in_register, token_of):
    in_register.update(accepted=False, by_skin=False)
    visits()
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/compare.py", mole=mole.id)
    assert not app.exception
    assert "could not be laid over each other" in words(app)
    assert ways(app) == []


def test_photos_laid_over_by_the_mole_alone_say_what_they_hide(monkeypatch, patient, mole, visits, in_register, token_of):
    in_register["by_skin"] = False
    visits()
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/compare.py", mole=mole.id)
    assert not app.exception
    assert "cannot be compared" in app.title[0].value
    assert "Growth does not show in these pictures" in words(app)
    assert ways(app) == ["Side by side", "Swipe", "Blink", "Difference", "Outlines"]


def test_one_visit_says_what_is_needed(monkeypatch, patient, mole, tiny, token_of):
    photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(), taken_on=today())
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/compare.py", mole=mole.id)
    assert not app.exception
    assert "Two measured photos are needed" in words(app)


def test_doctor_who_judges_first_is_told_why_nothing_is_compared(monkeypatch, patient, doctor, mole, visits, token_of):
    sharing.share_with(patient, doctor_email=doctor.email)
    judged = visits()
    reviews.choose_blind(doctor, blind=True)

    def page():
        return open_page(open_app(monkeypatch, token_of(doctor)), "doctor/compare.py", mole=mole.id)

    said = words(page())
    assert "Your judgement comes first" in said and "Two measured photos are needed" not in said
    assert "Grew" not in said
    for visit in judged:
        reviews.record_review(doctor, diagnosis_id=visit.finding.id, code="400096001", blind=True)
    assert page().title[0].value.startswith("Grew 1")


def test_mole_of_somebody_else_is_not_compared(monkeypatch, other_patient, mole, visits, token_of):
    visits()
    app = open_page(open_app(monkeypatch, token_of(other_patient)), "patient/compare.py", mole=mole.id)
    assert app.title[0].value == "These visits cannot be shown"


def test_scale_is_set_on_the_page_of_the_visit(monkeypatch, patient, mole, visits, token_of):
    visit = visits()[1]
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/visit.py", mole=mole.id, visit=visit.id)
    assert "No scale in this photo" in words(app)
    app.toggle(key=f"set_scale_{visit.photo.id}").set_value(True).run()
    app.radio(key=f"way_{visit.photo.id}").set_value("Dermoscope").run()
    app.button(key=f"use_scale_{visit.photo.id}").click().run()
    assert not app.exception
    assert "Millimetres from the dermoscope's field of view" in words(app)
    assert lesions.visit(patient, visit_id=visit.id).finding.area_mm2 > 0


def test_lengths_are_typed_in_the_persons_unit(monkeypatch, patient, mole, visits, token_of):
    visit = visits()[1]
    profile.change_preferences(patient, units="inch", date_style="en-US", reminder_emails=False)
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/visit.py", mole=mole.id, visit=visit.id)
    app.toggle(key=f"set_scale_{visit.photo.id}").set_value(True).run()
    app.radio(key=f"way_{visit.photo.id}").set_value("Dermoscope").run()
    (typed,) = app.number_input
    assert typed.label == "Field of view across the photo's longer side, in inches"
    typed.set_value(0.5).run()
    app.button(key=f"use_scale_{visit.photo.id}").click().run()
    assert not app.exception
    assert lesions.visit(patient, visit_id=visit.id).photo.scale.mm_per_pixel == pytest.approx(12.7 / 160)


@pytest.fixture
def scale_page(monkeypatch, patient, mole, visits, token_of):
    """The page of a visit with the form of the scale open, and a photo that shows a coin where `on_it` is set."""
    visit = visits()[1]
    on_it = {}
    edge = np.array([[0.0, 0.0], [16.0, 0.0], [16.0, 12.0]]) - 0.5
    monkeypatch.setattr(scale, "find_coin", lambda rgb, code: Sighted(Scale(0.2, "coin", 0.02), (edge,)) if on_it else None)
    monkeypatch.setattr(scale, "find_ruler", lambda rgb: Sighted(Scale(0.1, "ruler", 0.02), (edge, edge)) if on_it else None)
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/visit.py", mole=mole.id, visit=visit.id)
    app.toggle(key=f"set_scale_{visit.photo.id}").set_value(True).run()
    return app, visit, on_it


def marked(app) -> list:
    """The lines over the photo."""
    return [found["lines"] for component in app.get("bidi_component") if "lines" in (found := json.loads(component.proto.json))]


@pytest.mark.parametrize(("way", "lines", "long"), [("Coin", 1, "12.4 mm"), ("Ruler", 2, "6.22 mm")])
def test_what_was_found_is_shown_with_its_size_before_it_is_used(scale_page, patient, way: str, lines: int, long: str):
    app, visit, on_it = scale_page
    on_it["coin"] = True
    app.radio(key=f"way_{visit.photo.id}").set_value(way).run()
    assert marked(app) == [[[[0, 0], [0.1, 0], [0.1, 0.1]]] * lines]
    assert not app.exception
    assert f"the mole is {long} long" in words(app)
    assert lesions.visit(patient, visit_id=visit.id).photo.scale is None, "nothing is stored by looking"
    app.button(key=f"use_scale_{visit.photo.id}").click().run()
    assert not app.exception
    assert lesions.visit(patient, visit_id=visit.id).photo.scale.source == way.lower()


def test_scale_that_somebody_else_set_meanwhile_is_told_before_it_is_replaced(scale_page, patient):
    app, visit, _ = scale_page
    scales.set_scale(patient, upload_id=visit.photo.id, how=scales.Field(20.0), instead_of=None)
    app.radio(key=f"way_{visit.photo.id}").set_value("Dermoscope").run()
    app.button(key=f"use_scale_{visit.photo.id}").click().run()
    assert [error.value[:24] for error in app.error] == ["Somebody else set the sc"]
    before = lesions.visit(patient, visit_id=visit.id).photo.scale
    app.button(key=f"use_scale_{visit.photo.id}").click().run()
    assert not app.error
    assert lesions.visit(patient, visit_id=visit.id).photo.scale != before


@pytest.mark.parametrize("way", ["Coin", "Ruler"])
def test_what_is_not_found_cannot_be_used(scale_page, way: str):
    app, visit, _ = scale_page
    app.radio(key=f"way_{visit.photo.id}").set_value(way).run()
    assert f"No {way.lower()} was found in the photo" in words(app)
    assert marked(app) == []
    assert not any(button.key == f"use_scale_{visit.photo.id}" for button in app.button)


def test_plots_of_the_timeline_know_the_photo_of_each_visit(monkeypatch, patient, mole, visits, tiny, token_of):
    first, second = visits()
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/mole.py", mole=mole.id)
    assert not app.exception
    (told,) = [found["visits"] for component in app.get("bidi_component") if "visits" in (found := json.loads(component.proto.json))]
    assert [visit["id"] for visit in told] == [first.id, second.id]
    assert [visit["day"] for visit in told] == [first.visited_on.isoformat(), second.visited_on.isoformat()]
    assert [visit["address"].partition("localhost")[2] for visit in told] == [
        f"/photo/{visit.photo.id}/thumb.jpg" for visit in (first, second)
    ]
    assert "Benign" in told[0]["words"] and "% of the first photo" in told[1]["words"]
