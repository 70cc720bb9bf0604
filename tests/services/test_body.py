"""A patient's moles on the body."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services import body, lesions, photos
from services.body import Figure
from services.body_figure import MapPoint, centre_of, zone_at
from services.errors import ValidationError
from services.fields import today
from tests.helpers import photo_bytes


def test_most_urgent_mole_comes_first(patient, tiny) -> None:
    for name, probability, days_ago in (("Fine", 0.03, 3), ("Refer", 0.97, 3), ("Due", 0.03, 400)):
        lesion = lesions.add_lesion(patient, name=name, body_site="nape")
        tiny.probability = probability
        photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=today() - timedelta(days=days_ago))
    lesions.add_lesion(patient, name="New", body_site="nape")
    found = body.overview(patient)
    assert [placed.mole.name for placed in found.moles] == ["Refer", "New", "Due", "Fine"]
    assert [placed.mole.name for placed in found.in_state("due")] == ["New", "Due"]


def test_mole_lies_at_its_point_else_in_the_middle_of_its_site(patient) -> None:
    point = MapPoint("front", 0.75, 0.21)
    lesions.add_lesion(patient, name="A", body_site=zone_at(point), place=point)
    lesions.add_lesion(patient, name="B", body_site="nape")
    lesions.add_lesion(patient, name="C", body_site="other")
    assert {placed.mole.name: placed.place for placed in body.overview(patient).moles} == {"A": point, "B": centre_of("nape"), "C": None}


def test_reasons_give_dates_as_their_reader_reads_them(patient, tiny) -> None:
    mole = lesions.add_lesion(patient, name="B", body_site="nape")
    photos.add_photo(patient, lesion_id=mole.id, data=photo_bytes(), taken_on=date(2024, 3, 12))
    found = {style: body.overview(replace(patient, date_style=style)).moles[0].standing.reason for style in ("en-GB", "en-US", "iso")}
    assert list(found.values()) == [f"A new photo was due on {day}" for day in ("8 September 2024", "September 8, 2024", "2024-09-08")]


def test_figure_is_kept_once_it_was_chosen(patient, other_patient) -> None:
    assert body.choose_figure(patient, build="broad", skin="dark") == Figure("broad", "dark")
    assert body.overview(patient).figure == Figure("broad", "dark")
    assert body.overview(other_patient).figure == Figure("slender", "light")


@pytest.mark.parametrize("wrong", [{"build": "giant"}, {"skin": "green"}])
def test_figure_that_there_is_not_is_refused(patient, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        body.choose_figure(patient, **({"build": "broad", "skin": "dark"} | wrong))
    assert list(caught.value.fields) == list(wrong)
