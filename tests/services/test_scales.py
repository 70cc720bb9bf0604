"""The scale of a photo as people tell it, and the millimetres that follow."""

from __future__ import annotations

from datetime import date

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from db.models import Diagnosis, Upload
from services import lesions, opinions, performance, photos, reviews, scales, sharing, worklist
from services.errors import Conflict, NotFound, ValidationError
from services.fields import today
from services.scales import Coin, Field, Points, Ruler
from services.unit_of_work import reading
from tests.helpers import photo_bytes

MIDDLE = Points((0.25, 0.5), (0.75, 0.5), 20.0)
"""80 of the 160 pixels of the photo are 20 mm: 0.25 mm a pixel."""


@pytest.fixture
def visit(patient, tiny):
    mole = lesions.add_lesion(patient, name="Nape", body_site="nape")
    return photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(radius=30), taken_on=date(2024, 5, 1))


def test_two_points_give_the_scale_and_the_lesion_its_millimetres(patient, visit) -> None:
    found = scales.set_scale(patient, upload_id=visit.photo.id, how=MIDDLE, instead_of=None)
    assert (found.mm_per_pixel, found.source) == (pytest.approx(0.25), "points")
    assert found.relative_error > 0
    seen = lesions.visit(patient, visit_id=visit.id).photo
    assert seen.scale == found
    assert seen.finding.area_mm2 == pytest.approx(3.1416 * 7.5**2, rel=0.05), "a disc of 30 pixels"
    assert seen.finding.measurements["longest_diameter_mm"] == pytest.approx(15.0, rel=0.05)


def test_diagnosis_is_added_and_none_overwritten(patient, visit) -> None:
    scales.set_scale(patient, upload_id=visit.photo.id, how=MIDDLE, instead_of=None)
    with reading() as session:
        before, after = session.scalars(select(Diagnosis).order_by(Diagnosis.id))
        assert (before.area_mm2, before.upload_id) == (None, after.upload_id)
        assert (before.masks, before.malignant_probability, before.model_versions) == (
            after.masks, after.malignant_probability, after.model_versions,
        )


def test_field_of_view_goes_across_the_longer_side(patient, visit) -> None:
    found = scales.set_scale(patient, upload_id=visit.photo.id, how=Field(20.0), instead_of=None)
    assert (found.mm_per_pixel, found.source) == (pytest.approx(20 / 160), "field")


@pytest.mark.parametrize(
    ("how", "key"),
    [
        (Field(0.0), "mm"), (Field(900.0), "mm"), (Field(float("nan")), "mm"),
        (Points((0.1, 0.1), (0.9, 0.9), 0.0), "mm"), (Coin("florin"), "code"), (Ruler(), "how"),
        (Points((0.5, 0.5), (0.5, 0.5), 10.0), "points"), (Points((0.5, 0.5), (0.51, 0.5), 10.0), "points"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_and_changes_nothing(patient, visit, how, key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        scales.set_scale(patient, upload_id=visit.photo.id, how=how, instead_of=None)
    assert set(caught.value.fields) == {key}
    with reading() as session:
        assert session.scalar(select(Upload.scale_mm_per_pixel)) is None


def test_photo_without_a_lesion_takes_no_scale(patient, tiny) -> None:
    tiny.reasons = ("no_lesion",)
    mole = lesions.add_lesion(patient, name="Nape", body_site="nape")
    visit = photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    with pytest.raises(ValidationError):
        scales.set_scale(patient, upload_id=visit.photo.id, how=MIDDLE, instead_of=None)


NAEVUS, MELANOMA = "400096001", "93655004"


@pytest.fixture
def measured_anew(patient, doctor, other_doctor, visit):
    """What two doctors said of the photo, and its diagnosis after the scale was set."""
    for one in (doctor, other_doctor):
        sharing.share_with(patient, doctor_email=one.email)
    review = reviews.record_review(doctor, diagnosis_id=visit.finding.id, verdict="agree", code=NAEVUS)
    opinions.ask(doctor, diagnosis_id=visit.finding.id, colleague_email=other_doctor.email)
    scales.set_scale(patient, upload_id=visit.photo.id, how=MIDDLE, instead_of=None)
    return review, lesions.visit(doctor, visit_id=visit.id).finding.id


def test_review_stands_when_the_scale_is_set_after_it(doctor, measured_anew) -> None:
    review, diagnosis_id = measured_anew
    assert diagnosis_id != review.diagnosis_id
    assert reviews.reviews_of(doctor, diagnosis_id=diagnosis_id) == (review,)
    assert worklist.work_list(doctor).counts["new"] == 0, "the photo has its review"
    with pytest.raises(Conflict, match="You reviewed this photo"):
        reviews.record_review(doctor, diagnosis_id=diagnosis_id, verdict="agree")
    changed = reviews.record_review(doctor, diagnosis_id=diagnosis_id, verdict="agree", management="biopsy", supersedes_id=review.id)
    assert reviews.standing(reviews.reviews_of(doctor, diagnosis_id=diagnosis_id)) == (changed,)


def test_opinions_stand_too_and_agree_with_the_review(doctor, other_doctor, measured_anew) -> None:
    _, diagnosis_id = measured_anew
    (asked,) = opinions.opinions_on(doctor, diagnosis_id=diagnosis_id)
    with pytest.raises(ValidationError, match="asked Emil Eck already"):
        opinions.ask(doctor, diagnosis_id=diagnosis_id, colleague_email=other_doctor.email)
    opinions.answer(other_doctor, opinion_id=asked.id, code=MELANOMA, reason="Veil.")
    assert opinions.opinions_on(doctor, diagnosis_id=diagnosis_id)[0].agreement.startswith("You differ")


def test_laboratory_counts_before_a_review_of_the_same_photo_measured_anew(doctor, other_doctor, measured_anew) -> None:
    review, diagnosis_id = measured_anew
    reviews.record_histology(doctor, review_id=review.id, code=MELANOMA, found_on=today())
    reviews.record_review(other_doctor, diagnosis_id=diagnosis_id, verdict="agree")
    assert performance.performance(doctor).by_laboratory == 1


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_card_is_a_pdf_for_each_paper(paper: str) -> None:
    assert scales.card_pdf(paper).startswith(b"%PDF")


def test_card_for_another_paper_does_not_exist() -> None:
    with pytest.raises(NotFound):
        scales.card_pdf("a3")


def with_coin() -> bytes:
    """A mole in the middle and a coin of 80 pixels beside it."""
    picture = np.full((300, 400, 3), (205, 165, 145), np.uint8)
    cv2.circle(picture, (130, 150), 25, (90, 60, 45), -1, cv2.LINE_AA)
    cv2.circle(picture, (300, 150), 40, (190, 190, 195), -1, cv2.LINE_AA)
    return cv2.imencode(".png", cv2.GaussianBlur(picture, (0, 0), 1.0)[:, :, ::-1])[1].tobytes()


def test_coin_is_shown_as_found_and_nothing_is_stored_by_looking(patient, tiny) -> None:
    mole = lesions.add_lesion(patient, name="Nape", body_site="nape")
    visit = photos.add_photo(patient, lesion_id=mole.id, data=with_coin(), taken_on=date(2024, 5, 1))
    seen = scales.sight(patient, upload_id=visit.photo.id, how=Coin("eur_2"))
    assert seen.scale.mm_per_pixel == pytest.approx(25.75 / 80, rel=0.03)
    (edge,) = np.array(seen.lines)
    assert edge.mean(axis=0) == pytest.approx((300 / 400, 150 / 300), abs=0.01)
    with reading() as session:
        assert session.scalar(select(Upload.scale_mm_per_pixel)) is None
    assert scales.set_scale(patient, upload_id=visit.photo.id, how=Coin("eur_2"), instead_of=None) == seen.scale
    with pytest.raises(ValidationError) as caught:
        scales.sight(patient, upload_id=visit.photo.id, how=Ruler())
    assert set(caught.value.fields) == {"how"}


def test_who_read_an_older_scale_is_told_and_nothing_is_stored(patient, doctor, visit) -> None:
    sharing.share_with(patient, doctor_email=doctor.email)
    theirs = scales.set_scale(doctor, upload_id=visit.photo.id, how=Field(20.0), instead_of=None)
    with pytest.raises(Conflict, match="Somebody else set the scale"):
        scales.set_scale(patient, upload_id=visit.photo.id, how=Field(30.0), instead_of=None)
    assert lesions.visit(patient, visit_id=visit.id).photo.scale == theirs
    mine = scales.set_scale(patient, upload_id=visit.photo.id, how=Field(30.0), instead_of=theirs)
    assert lesions.visit(doctor, visit_id=visit.id).photo.scale == mine
