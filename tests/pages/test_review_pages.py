"""How a doctor reviews a case, asks and answers colleagues, and what the patient reads of it."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pytest

from core.photo import encode_mask_png
from db.models import Diagnosis
from pages._words import plain
from services import lesions, opinions, photos, reviews, sharing
from services.fields import today
from services.model_cards import AdviceFrom, Figure, ModelCard
from services.unit_of_work import transaction
from tests.helpers import photo_bytes
from tests.pages.app import open_app, open_page, sentences_under, tables, words

NAEVUS, MELANOMA = "400096001", "93655004"


@pytest.fixture
def page(monkeypatch, doctor, token_of, tiny):
    """Opens a page by its file, as the doctor."""
    app = open_app(monkeypatch, token_of(doctor))
    return lambda file="doctor/visit.py", **query: open_page(app, file, **query)


@pytest.fixture
def visit(patient, doctor, other_doctor, mole, tiny):
    for one in (doctor, other_doctor):
        sharing.share_with(patient, doctor_email=one.email)
    return photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(), taken_on=today())


def field(app, kind: str, label: str):
    return next(widget for widget in app.get(kind) if widget.label.startswith(label))


def click(app, label: str):
    next(button for button in app.button if label in (button.label, button.key)).click().run()
    assert not app.exception
    return app


def stored(doctor, visit):
    return reviews.standing(reviews.reviews_of(doctor, diagnosis_id=visit.finding.id))


def test_overruling_is_signed_with_diagnosis_reason_management_and_follow_up(page, doctor, visit) -> None:
    app = page(visit=visit.id)
    field(app, "radio", "The networks").set_value("overrule")
    field(app, "selectbox", "Your diagnosis").set_value(MELANOMA)
    field(app, "text_area", "Reason").input("Blue-white veil.")
    field(app, "radio", "Management").set_value("excise")
    field(app, "selectbox", "Follow-up in").set_value(14)
    field(app, "text_area", "For the patient").input("Please come in.")
    app = click(app, "Sign the review")
    (review,) = stored(doctor, visit)
    assert (review.verdict, review.code, review.reason, review.management, review.for_patient, review.blind) == (
        "overrule", MELANOMA, "Blue-white veil.", "excise", "Please come in.", False,
    )
    assert review.follow_up_on == today() + timedelta(days=14)
    seen = words(app)
    assert "**Overruled: melanoma, malignant**" in seen and "Dora Dale" in seen and "Blue-white veil." in seen
    assert any(button.label == "Sign the new version" for button in app.button)


def test_what_a_doctor_reads_first_stands_before_all_measurements(page, visit) -> None:
    with transaction() as session:
        first = {"longest_diameter_px": 60.0, "asymmetry_long": 0.1, "abrupt_segments": 2.0, "colours": 2.0}
        rest = {"area_px": 900.0, "fractal_dimension": 1.1, "perimeter_px": 120.0, "colour_variation": 7.0}
        session.get_one(Diagnosis, visit.finding.id).measurements = first | rest
    app = page(visit=visit.id)
    (every,) = (one for one in app.expander if one.label == "All measurements")
    assert set(every.table[0].value.index) == {"Fractal dimension", "Perimeter", "Colour variation"}
    shown = next(set(table.value.index) for table in app.table if "Area" in table.value.index)
    assert {"Longest diameter", "Asymmetry long", "Abrupt segments", "Colours"} <= shown
    assert not {"Fractal dimension", "Perimeter"} & shown


def test_agreeing_without_more_to_say_is_one_key(page, doctor, visit) -> None:
    app = click(page(visit=visit.id), "Agree, nothing to do")
    (review,) = stored(doctor, visit)
    assert (review.verdict, review.management, review.follow_up_on) == ("agree", "none", None)
    assert "Agree, nothing to do" not in [button.label for button in app.button]


def test_mistake_stands_under_its_field_and_what_was_typed_stays(page, doctor, visit) -> None:
    app = page(visit=visit.id)
    field(app, "radio", "The networks").set_value("overrule")
    field(app, "text_area", "For the patient").input("Please come in.")
    app = click(app, "Sign the review")
    key = field(app, "selectbox", "Your diagnosis").key
    assert sentences_under(app, key) == [":small[:red[:material/error: Please choose the diagnosis that you hold it for.]]"]
    assert field(app, "text_area", "For the patient").value == "Please come in."
    assert stored(doctor, visit) == ()


def test_second_doctor_is_told_and_what_they_typed_stays(page, doctor, other_doctor, visit) -> None:
    app = page(visit=visit.id)
    reviews.record_review(other_doctor, diagnosis_id=visit.finding.id, verdict="agree", reason="Calm.")
    field(app, "radio", "The networks").set_value("agree")
    field(app, "text_area", "Reason").input("Regular network.")
    app = click(app, "Sign the review")
    assert "Emil Eck reviewed this photo on" in app.error[0].value
    assert "Calm." in words(app)
    assert field(app, "text_area", "Reason").value == "Regular network."
    assert len(stored(doctor, visit)) == 1
    app = click(app, "Sign the review")
    assert not app.error
    assert {review.author for review in stored(doctor, visit)} == {"Dora Dale", "Emil Eck"}


def test_own_review_is_changed_as_a_new_version(page, doctor, visit) -> None:
    reviews.record_review(doctor, diagnosis_id=visit.finding.id, verdict="agree", reason="Calm.")
    app = page(visit=visit.id)
    assert field(app, "text_area", "Reason").value == "Calm."
    field(app, "text_area", "Reason").input("Calm and symmetric.")
    app = click(app, "Sign the new version")
    (review,) = stored(doctor, visit)
    assert (review.reason, review.supersedes_id is not None) == ("Calm and symmetric.", True)
    assert "Calm." in words(app)  # the earlier version, to look up


def test_histology_comes_later(page, doctor, visit) -> None:
    reviews.record_review(doctor, diagnosis_id=visit.finding.id, verdict="overrule", code=MELANOMA, reason="Veil.", management="excise")
    app = page(visit=visit.id)
    field(app, "selectbox", "The laboratory").set_value(NAEVUS)
    app = click(app, "Save the result")
    assert "Histology of" in words(app) and "**Melanocytic naevus**" in words(app)
    assert stored(doctor, visit)[0].histology_code == NAEVUS


def test_corrected_outline_waits_for_the_signature(page, doctor, visit, monkeypatch) -> None:
    mask = cv2.circle(np.zeros((120, 160), np.uint8), (80, 60), 20, 1, -1) > 0
    begun = []
    monkeypatch.setattr(
        "pages._review.editor", lambda upload_id, begin, key: begun.append((upload_id, begin)) or encode_mask_png(mask)
    )
    app = page(visit=visit.id)
    app.toggle[[toggle.label for toggle in app.toggle].index("Correct the outline by hand")].set_value(True).run()
    assert begun[0] == (visit.photo.id, reviews.outline_of(doctor, diagnosis_id=visit.finding.id))
    assert "Your outline is kept with the review when you sign it." in words(app)
    field(app, "radio", "The networks").set_value("agree")
    click(app, "Sign the review")
    (review,) = stored(doctor, visit)
    assert review.measurements["area_px"] == mask.sum()


def test_what_a_component_hands_over_is_never_trusted(doctor, visit) -> None:
    from types import SimpleNamespace

    from pages import _outline

    def drawn(outline):
        answer = lambda **_given: SimpleNamespace(outline=outline)  # noqa: E731
        _outline.st = SimpleNamespace(components=SimpleNamespace(v2=SimpleNamespace(component=lambda *_a, **_k: answer)))
        try:
            return _outline.editor(1, b"", key="k")
        finally:
            import streamlit

            _outline.st = streamlit

    assert drawn(None) is None
    assert drawn(base64.b64encode(b"png").decode()) == b"png"
    assert drawn("<script>") == drawn({"a": 1}) == b"?"


# Blind


def test_blind_page_sends_nothing_of_the_networks_before_the_signature(page, doctor, other_doctor, visit) -> None:
    reviews.record_review(other_doctor, diagnosis_id=visit.finding.id, verdict="agree", reason="Regular network.")
    reviews.choose_blind(doctor, blind=True)
    app = page(visit=visit.id)
    assert app.title[0].value == "What do you hold this for?"
    assert len(app.image) == 1
    sent = words(app) + repr([element.proto for element in app.get("imgs")])
    assert not [sign for sign in ("%", "enign", "overlay", "Regular network", "Dice") if sign in sent]
    assert not app.table
    field(app, "selectbox", "Your diagnosis").set_value(MELANOMA)
    app = click(app, "Sign the review")
    mine = next(review for review in stored(doctor, visit) if review.author_id == doctor.id)
    assert (mine.blind, mine.verdict) == (True, "overrule")
    assert app.title[0].value == "Benign, high confidence"
    assert "Regular network." in words(app) and app.table


def test_doctor_of_the_patient_who_is_asked_to_judge_blind_judges_first(page, patient, doctor, other_doctor, visit) -> None:
    sharing.share_with(patient, doctor_email=other_doctor.email)
    opinions.ask(other_doctor, diagnosis_id=visit.finding.id, colleague_email=doctor.email, blind=True)
    app = page(visit=visit.id)
    assert app.title[0].value == "What do you hold this for?"
    assert not [sign for sign in ("%", "enign", "overlay") if sign in words(app) + repr([one.proto for one in app.get("imgs")])]


def test_blind_switch_is_remembered(page, doctor, visit) -> None:
    app = page(visit=visit.id)
    next(toggle for toggle in app.toggle if toggle.key == "judge_blind").set_value(True).run()
    assert app.title[0].value == "What do you hold this for?"
    assert reviews.prefers_blind(doctor)


# Second opinions


def test_colleague_is_asked_from_the_case(page, doctor, other_doctor, visit) -> None:
    app = page(visit=visit.id)
    field(app, "text_input", "E-mail of the colleague").input("nobody@example.org")
    app = click(app, "Ask")
    assert "There is no doctor with this e-mail address" in words(app)
    field(app, "text_input", "E-mail of the colleague").input(other_doctor.email)
    field(app, "text_area", "Question").input("Would you take it off?")
    app = click(app, "Ask")
    assert "Not answered yet" in words(app)
    (asked,) = opinions.asked_of_me(other_doctor)
    assert (asked.question, asked.blind) == ("Would you take it off?", True)
    assert "Taken back" in words(click(app, "Take back"))
    assert opinions.asked_of_me(other_doctor) == ()


def test_colleague_answers_blind_and_sees_the_agreement_afterwards(page, patient, doctor, other_doctor, visit) -> None:
    reviews.record_review(other_doctor, diagnosis_id=visit.finding.id, verdict="agree", code=NAEVUS, reason="Calm as ever.")
    sharing.revoke(patient, grant_id=next(grant.id for grant in sharing.list_grants(patient) if grant.doctor.id == doctor.id))
    opinion = opinions.ask(other_doctor, diagnosis_id=visit.finding.id, colleague_email=doctor.email, question="And you?")
    app = page("doctor/opinions.py")
    assert app.title[0].value == "1 colleague's question waits for you"
    assert click(app, f"open_{opinion.id}").title[0].value == "What do you hold this for?"
    app = page("doctor/opinion.py", opinion=opinion.id)
    assert len(app.image) == 1
    assert not [sign for sign in ("%", "Calm as ever", "Archer", "Nape") if sign in words(app).replace("Nape of the neck", "")]
    field(app, "selectbox", "Your diagnosis").set_value(MELANOMA)
    app = click(app, "Sign the opinion")
    assert app.title[0].value == plain("You differ: Emil Eck holds it for melanocytic naevus, Dora Dale for melanoma.")
    assert len(app.image) == 2 and "Calm as ever." in words(app)


@pytest.mark.parametrize("number", ["999", "x"])
def test_question_that_is_not_mine_gets_a_sentence(number, page, moletrail) -> None:
    assert page("doctor/opinion.py", opinion=number).title[0].value == "This question cannot be shown"
    assert page("doctor/opinions.py").title[0].value == "No colleague waits for your opinion"


@pytest.mark.parametrize("name", ["opinions", "opinion", "model_cards"])
def test_pages_are_not_shown_to_patients(name, monkeypatch, patient, token_of) -> None:
    app = open_page(open_app(monkeypatch, token_of(patient)), f"doctor/{name}.py")
    assert app.title[0].value == "This page is not for your account"


# Model cards, and the patient


def test_model_cards_have_figures_with_their_number_and_interval(page, monkeypatch) -> None:
    figures = Figure("dice", "ph2", 100, 0.9082, (0.8936, 0.9204)), Figure("auc", "ph2", 20, 0.8, None, left_out=True)
    measured, new = (
        ModelCard(name, name.title(), "1", "segmentation", ("ham10000",), "", "", "", "", figures)
        for name, figures in (("old", figures), ("new", ()))
    )
    measured = replace(
        measured, advice_from=(AdviceFrom(0.104, "ham10000", 548, 0.978, 0.702),),
        learned_from=("ham10000", "ham10000", "melanoma10k"), without_labels=("melanoma10k",),
    )  # fmt: skip
    monkeypatch.setattr("services.model_cards.model_cards", lambda: (measured, new))
    app = page("doctor/model_cards.py")
    assert app.title[0].value == "2 networks answer"
    assert "So many figures" not in words(app), "what explains a constant is not for the page"
    assert tables(app) == [[
        {"Photos": "PH2, held out (n = 100)", "Dice": "0.908 (0.894 to 0.920)", "AUC": ""},
        {"Photos": "PH2, before it learned from any of them (n = 20)", "Dice": "", "AUC": "0.800"},
    ]]  # fmt: skip
    assert "Learned from HAM10000, ISIC archive (photos without their labels)." in words(app)
    assert "has not been measured yet" in words(app)
    assert (
        "From a probability of 10 % on, people are advised to have a doctor look: of HAM10000 it finds 98 % of the malignant lesions "
        "and sends 30 % of the benign ones (n = 548)." in words(app)
    )


def test_patient_reads_plain_words_and_none_of_the_field(monkeypatch, patient, doctor, visit, token_of, mole) -> None:
    reviews.record_review(
        doctor, diagnosis_id=visit.finding.id, verdict="overrule", code=MELANOMA, reason="Atypical network.", management="recheck",
        recheck_days=30, for_patient="I would like to see it again.",
    )
    app = open_page(open_app(monkeypatch, token_of(patient)), "patient/visit.py", visit=visit.id)
    seen = words(app)
    assert "I would like to see it again." in seen and "It is to be looked at again." in seen and "Next check: **" in seen
    assert not [sign for sign in ("Melanoma", "Atypical", "verrule") if sign in seen]
    assert lesions.visit(patient, visit_id=visit.id)
