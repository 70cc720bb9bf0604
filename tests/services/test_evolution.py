"""A mole over its visits as pages and files get it; and whether a new photo looks like the same mole."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from sqlalchemy import delete, func, select, update

from core import change
from core.registration import Registration
from core.sameness import Sameness
from db.base import now
from db.models import Alignment, Diagnosis, Management, MoleSummary, Review, Upload, Verdict
from services import alignments, comparing, evolution, lesions, notes, photos, scales, sharing, worklist
from services.errors import LooksDifferent, NotFound, StorageFailed
from services.unit_of_work import reading, transaction
from tests.helpers import photo_bytes

DAYS = (date(2024, 1, 10), date(2024, 3, 10), date(2024, 6, 10))


def registration(accepted: bool = True, by_skin: bool = True) -> Registration:
    return Registration(
        matrix=np.array([[1.0, 0, 0], [0, 1, 0]]), relative_scale=1.0, rotation_degrees=0.0, overlap=1.0, residual_px=math.nan,
        agreement=0.9, features=50, skin_agreement=0.9, by_skin=accepted and by_skin, outline_overlap=0.9,
        accepted=accepted, reason="" if accepted else "unlike",
    )


@pytest.fixture
def in_register(monkeypatch):
    """What the comparison of two photos answers; change its fields."""
    answer = {"same": True, "accepted": True, "by_skin": True}

    def found(*_photos) -> Registration:
        return registration(answer["accepted"], answer["by_skin"])

    monkeypatch.setattr(photos, "same_mole", lambda first, second: Sameness(1.0, answer["same"], found()))
    monkeypatch.setattr(alignments.registration, "register", found)
    return answer


@pytest.fixture
def mole(patient, tiny, in_register) -> int:
    return lesions.add_lesion(patient, name="Nape", body_site="nape").id


@pytest.fixture
def add(patient, mole, tiny):
    """add(day, radius) stores a photo of the mole; a disc of that radius is the lesion."""

    def add_photo(day: date, radius: int = 20, **more):
        tiny.reasons = more.pop("reasons", ())
        return photos.add_photo(patient, lesion_id=mole, data=photo_bytes(radius=radius), taken_on=day, **more)

    return add_photo


def test_growth_in_register_is_the_headline(patient, mole, add) -> None:
    add(DAYS[0], 20)
    add(DAYS[1], 30)
    found = evolution.evolution(patient, lesion_id=mole)
    assert found.headline.startswith("Grew 1")
    assert "since 10 January 2024, beyond the ±" in found.headline
    assert found.changed
    assert found.state.state == "changed"
    assert found.state.change == pytest.approx(1.25, abs=0.1)
    (area,) = found.lines_of("area")
    assert area.unit == "% of the first photo"
    assert area.values == (100.0, pytest.approx(225, rel=0.05))
    assert area.lows[0] < 100 < area.highs[0]


@pytest.mark.parametrize(("style", "day"), [("iso", "2024-01-10"), ("en-US", "January 10, 2024")])
def test_doctors_list_tells_of_growth_as_the_doctor_writes_dates(patient, doctor, mole, add, style: str, day: str) -> None:
    add(DAYS[0], 20)
    add(DAYS[1], 30)
    sharing.share_with(patient, doctor_email=doctor.email)
    (case,) = worklist.work_list(replace(doctor, date_style=style)).cases.items
    assert case.reason.startswith("Grew 1")
    assert f"since {day}, beyond" in case.reason


def test_photos_that_could_not_be_laid_over_each_other_are_not_compared(patient, mole, add, in_register) -> None:
    in_register["accepted"] = False
    add(DAYS[0], 20)
    add(DAYS[1], 30)
    found = evolution.evolution(patient, lesion_id=mole)
    assert "cannot be compared" in found.headline
    assert not found.changed
    assert [line.unit for line in found.lines_of("area")] == ["% of the frame"]
    assert found.state.state != "changed"


def test_a_photo_laid_over_by_the_mole_itself_tells_no_size(patient, mole, add, in_register) -> None:
    """A mole laid over itself never grows."""
    in_register["by_skin"] = False
    add(DAYS[0], 20)
    add(DAYS[1], 30)
    found = evolution.evolution(patient, lesion_id=mole)
    assert "cannot be compared" in found.headline
    assert [line.unit for line in found.lines_of("area")] == ["% of the frame"]
    shown = comparing.compare(patient, lesion_id=mole)
    assert (shown.aligned, shown.by_skin) == (True, False)


def test_photos_never_laid_over_each_other_are_in_time(patient, mole, add) -> None:
    visits = [add(day, radius) for day, radius in zip(DAYS, (20, 24, 30), strict=True)]
    with transaction() as session:
        for row in session.scalars(select(Alignment)):
            session.delete(row)
        session.execute(update(MoleSummary).values(change=None))
    assert "cannot be compared" in evolution.evolution(patient, lesion_id=mole).headline
    assert alignments.complete() == 2
    assert evolution.evolution(patient, lesion_id=mole).headline.startswith("Grew 1")
    with reading() as session:
        pairs = {(row.first_upload_id, row.second_upload_id) for row in session.scalars(select(Alignment))}
        assert session.scalar(select(MoleSummary.change)) > 1, "the work list follows"
    assert pairs == {(visits[0].photo.id, visits[1].photo.id), (visits[1].photo.id, visits[2].photo.id)}
    assert alignments.complete() == 0


def test_a_damaged_photo_keeps_no_other_from_being_laid_over(patient, mole, add, monkeypatch) -> None:
    visits = [add(day, radius) for day, radius in zip(DAYS, (20, 24, 30), strict=True)]
    with transaction() as session:
        session.execute(delete(Alignment))

    def damaged(first, second):
        if second.upload_id == visits[2].photo.id:
            raise StorageFailed("The file is damaged.")
        return registration()

    monkeypatch.setattr(alignments, "_register", damaged)
    assert alignments.complete() == 1


def test_sizes_of_a_day_with_two_photos_are_their_mean_and_surer(patient, mole, add) -> None:
    add(DAYS[0], 20)
    add(DAYS[1], 26)
    alone = evolution.evolution(patient, lesion_id=mole)
    add(DAYS[1], 25)
    both = evolution.evolution(patient, lesion_id=mole)
    assert (alone.means, both.means) == (False, True)
    first, second = alone.area.values[1], both.area.values[1]
    assert first == pytest.approx(100 * (26 / 20) ** 2, rel=0.02)
    assert second == pytest.approx(100 * 26 * 25 / 20**2, rel=0.02), "neither photo alone"
    assert both.state.change == pytest.approx(second / 100 - 1, abs=0.01), "lists go by the same numbers"
    assert f"Grew {100 * both.state.change:.0f} %" in both.headline
    assert both.headline.replace("Grew", "grew") in comparing.compare(patient, lesion_id=mole).headline.replace("Grew", "grew")
    wide, narrow = (one.area.highs[1] / one.area.lows[1] for one in (alone, both))
    assert 1 < narrow < wide


def test_a_second_photo_is_asked_for_where_the_outline_is_unsure_and_only_once(patient, mole, add, monkeypatch) -> None:
    sure = add(DAYS[0], 20)
    assert evolution.asks_for_another(sure) == ""
    unsure = change.Repeatability(0.05, "relative", 0, "this test", (0.01, 2.0))
    monkeypatch.setattr(change, "REPEATABILITY", change.REPEATABILITY | {"area": unsure})
    least = np.exp(1.96 * np.sqrt(2) * np.hypot(0.01, 2.0 * 0.1)) - 1
    assert f"from about {100 * least:.0f} % on" in evolution.asks_for_another(sure)
    assert evolution.asks_for_another(add(DAYS[0], 21)) == ""
    assert evolution.asks_for_another(add(DAYS[1], 21, reasons=("no_lesion",))) == "", "it is to be taken anew"


def test_trend_needs_three_visits(patient, mole, add) -> None:
    add(DAYS[0], 20)
    add(DAYS[1], 25)
    assert evolution.evolution(patient, lesion_id=mole).trend == ""
    add(DAYS[2], 30)
    assert evolution.evolution(patient, lesion_id=mole).trend.startswith("Over 3 visits the area changed by +")


def test_a_trend_goes_by_the_errors_of_its_visits(patient, mole, add, monkeypatch) -> None:
    for day, radius in zip(DAYS, (20, 25, 30), strict=False):
        add(day, radius)
    for lacking, said in ((0.5, "Over 3 visits the area changed by +"), (5.0, "Over 3 visits the area went neither up nor down")):
        known = change.Repeatability(0.05, "relative", 0, "this test", (0.01, lacking))
        monkeypatch.setattr(change, "REPEATABILITY", change.REPEATABILITY | {"area": known})
        assert evolution.evolution(patient, lesion_id=mole).trend.startswith(said), "its outlines are as sure as that"


def test_shares_of_the_frame_have_no_trend(patient, mole, add, in_register) -> None:
    in_register["accepted"] = False
    for day, radius in zip(DAYS, (20, 25, 30), strict=False):
        add(day, radius)
    assert evolution.evolution(patient, lesion_id=mole).trend == "", "the headline says that they cannot be compared"


def test_refused_photo_is_a_visit_without_numbers(patient, mole, add) -> None:
    add(DAYS[0], 20)
    add(DAYS[1], 30, reasons=("no_lesion",))
    found = evolution.evolution(patient, lesion_id=mole)
    assert len(found.visits) == 2
    assert {line.values[1] for line in found.lines} == {None}
    assert found.headline.startswith("First measured on 10 January 2024")


def test_reviews_and_notes_are_markers_in_the_words_of_the_reader(patient, doctor, mole, add) -> None:
    visit = add(DAYS[0])
    sharing.share_with(patient, doctor_email=doctor.email)
    notes.add_note(doctor, visit_id=visit.id, text="Seen.")
    with transaction() as session:
        session.add(Review(
            diagnosis_id=session.scalar(select(Diagnosis.id)), author_id=doctor.id, verdict=Verdict.AGREE, malignant=False,
            management=Management.RECHECK, reason="Regular network", for_patient="All is well.",
        ))  # fmt: skip
    for who, words in ((patient, "All is well."), (doctor, "Regular network")):
        note, review = evolution.evolution(who, lesion_id=mole).markers
        assert (note.kind, note.text, note.visit_id) == ("note", "Seen.", visit.id)
        assert (review.kind, review.who) == ("review", "Dora Dale")
        assert words in review.text
    assert "Regular network" not in str(evolution.evolution(patient, lesion_id=mole).markers)


def test_csv_has_a_row_a_visit_with_value_error_and_unit(patient, mole, add) -> None:
    add(DAYS[0], 20)
    add(DAYS[1], 30)
    add(DAYS[2], 30, reasons=("no_lesion",))
    rows = list(csv.DictReader(io.StringIO(evolution.numbers_csv(patient, lesion_id=mole).decode())))
    assert [row["date"] for row in rows] == ["2024-01-10", "2024-03-10", "2024-06-10"]
    assert (rows[0]["area"], rows[0]["area_unit"]) == ("100", "% of the first photo")
    assert float(rows[1]["area_low"]) < float(rows[1]["area"]) < float(rows[1]["area_high"])
    assert (rows[2]["finding"], rows[2]["area"]) == ("refused", "")


def test_sizes_are_in_the_readers_unit_and_the_file_in_millimetres(patient, mole, add) -> None:
    visit = add(DAYS[0], 20)
    scales.set_scale(patient, upload_id=visit.photo.id, how=scales.Field(160.0), instead_of=None)  # a pixel is a millimetre
    (in_mm,) = evolution.evolution(patient, lesion_id=mole).lines_of("area")
    inches = replace(patient, units="inch")
    found = evolution.evolution(inches, lesion_id=mole)
    (area,) = found.lines_of("area")
    assert (in_mm.unit, area.unit) == ("mm²", "in²")
    for edge in ("values", "lows", "highs"):
        assert getattr(area, edge)[0] * 25.4**2 == pytest.approx(getattr(in_mm, edge)[0])
    assert found.words_of("area", visit.id).startswith(f"{area.values[0]:.3g} in² (")
    assert found.lines_of("probability") == evolution.evolution(patient, lesion_id=mole).lines_of("probability")
    assert evolution.numbers_csv(inches, lesion_id=mole) == evolution.numbers_csv(patient, lesion_id=mole)


# Two visits


def test_newest_is_compared_with_the_first_unless_others_are_named(patient, mole, add) -> None:
    first, second, third = (add(day, radius) for day, radius in zip(DAYS, (20, 24, 30), strict=True))
    found = comparing.compare(patient, lesion_id=mole)
    assert (found.first.id, found.second.id, found.aligned) == (first.id, third.id, True)
    swapped = comparing.compare(patient, lesion_id=mole, first_visit_id=third.id, second_visit_id=second.id)
    assert (swapped.first.id, swapped.second.id) == (second.id, third.id), "the earlier one comes first"
    same = comparing.compare(patient, lesion_id=mole, first_visit_id=third.id, second_visit_id=third.id)
    assert same.first.id != same.second.id
    assert comparing.compare(patient, lesion_id=mole, first_visit_id=10**9).first.id == first.id


@pytest.fixture
def lie_over_each_other(monkeypatch):
    """Set which visits, by their place, lie over each other; all others do not."""

    def only(visits, *places: tuple[int, int]) -> None:
        uploads = {(visits[first].photo.id, visits[second].photo.id) for first, second in places}
        monkeypatch.setattr(alignments, "align", lambda first, second: registration((first.upload_id, second.upload_id) in uploads))

    return only


@pytest.mark.parametrize(
    ("lying", "shown", "aligned", "instead"),
    [
        ([(0, 3), (2, 3)], (0, 3), True, False), ([(0, 1), (1, 2)], (1, 2), True, True), ([(1, 3), (1, 2)], (1, 3), True, True),
        ([(0, 1)], (0, 1), True, True), ([], (0, 3), False, False),
    ],
)  # fmt: skip
def test_where_first_and_newest_do_not_lie_over_each_other_the_newest_two_that_do_are_shown(
    patient, mole, add, lie_over_each_other, lying, shown, aligned, instead
) -> None:
    visits = [add(day, radius) for day, radius in zip((*DAYS, date(2024, 9, 1)), (20, 24, 30, 34), strict=True)]
    lie_over_each_other(visits, *lying)
    found = comparing.compare(patient, lesion_id=mole)
    assert (found.first.id, found.second.id) == tuple(visits[place].id for place in shown)
    assert (found.aligned, found.instead) == (aligned, instead)
    named = comparing.compare(patient, lesion_id=mole, first_visit_id=visits[0].id, second_visit_id=visits[3].id)
    assert (named.first.id, named.second.id, named.instead) == (visits[0].id, visits[3].id, False), "who named them sees them"


def test_one_visit_has_nothing_to_compare_with(patient, mole, add) -> None:
    add(DAYS[0])
    found = comparing.compare(patient, lesion_id=mole)
    assert (found.first, found.second, found.aligned) == (None, None, False)


def test_registration_is_worked_out_once(patient, mole, add, monkeypatch) -> None:
    first, second = add(DAYS[0], 20), add(DAYS[1], 30)
    monkeypatch.setattr(alignments.registration, "register", lambda *_photos: pytest.fail("it is kept"))
    comparing.compare(patient, lesion_id=mole)
    asked = {"first_upload_id": first.photo.id, "second_upload_id": second.photo.id}
    pictures = {kind: alignments.aligned_file(patient, **asked, kind=kind) for kind in alignments.KINDS}
    assert len(set(pictures.values())) == 4
    assert all(picture.startswith(b"\xff\xd8") for picture in pictures.values())
    with reading() as session:
        assert session.scalar(select(func.count(Alignment.id))) == 1


def test_pictures_are_refused_where_registration_was(patient, mole, add, in_register) -> None:
    in_register["accepted"] = False
    first, second = add(DAYS[0], 20), add(DAYS[1], 30)
    assert not comparing.compare(patient, lesion_id=mole).aligned
    with pytest.raises(NotFound, match="could not be laid over"):
        alignments.aligned_file(patient, first_upload_id=first.photo.id, second_upload_id=second.photo.id, kind="first")


def test_photos_of_two_moles_make_no_pair(patient, mole, add) -> None:
    first = add(DAYS[0])
    other = lesions.add_lesion(patient, name="Shoulder", body_site="nape").id
    second = photos.add_photo(patient, lesion_id=other, data=photo_bytes(radius=25), taken_on=DAYS[0])
    with pytest.raises(NotFound):
        alignments.pair(patient, first_upload_id=first.photo.id, second_upload_id=second.photo.id)


def test_photo_in_the_bin_makes_no_pair(patient, mole, add) -> None:
    first, second = add(DAYS[0], 20), add(DAYS[1], 30)
    with transaction() as session:
        session.get_one(Upload, first.photo.id).deleted_at = now()
    with pytest.raises(NotFound):
        alignments.pair(patient, first_upload_id=first.photo.id, second_upload_id=second.photo.id)


# The same mole?


def test_photo_of_another_mole_is_asked_about_before_anything_is_stored(patient, mole, add, in_register) -> None:
    add(DAYS[0])
    in_register["same"] = False
    with pytest.raises(LooksDifferent, match=r"does not look like the one of 10 January 2024\. Is it the same mole\?"):
        add(DAYS[1], 30)
    assert len(lesions.timeline(patient, lesion_id=mole).visits) == 1
    add(DAYS[1], 30, confirmed_same=True)
    assert len(lesions.timeline(patient, lesion_id=mole).visits) == 2


@pytest.mark.parametrize("same", [True, None])
def test_likeness_or_doubt_asks_nothing(patient, mole, add, in_register, same) -> None:
    add(DAYS[0])
    in_register["same"] = same
    add(DAYS[1], 30)
    assert len(lesions.timeline(patient, lesion_id=mole).visits) == 2


def test_first_photo_and_a_refused_one_ask_nothing(patient, mole, add, in_register) -> None:
    in_register["same"] = False
    add(DAYS[0])
    add(DAYS[1], reasons=("no_lesion",))
    assert len(lesions.timeline(patient, lesion_id=mole).visits) == 2
