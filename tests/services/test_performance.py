from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from db.models import Diagnosis, Review, Verdict
from services import lesions, performance, photos, sharing
from services.performance import Judged, Share
from services.unit_of_work import transaction
from tests.helpers import photo_bytes


def judged(probability: float = 0.1, call: str = "benign", malignant: bool = False, **more) -> Judged:
    about = {"by_laboratory": False, "blind": False, "visited_on": date(2026, 3, 5), "skin_type": "II", "region": "back"}
    return Judged(probability, call, malignant, **about | more)


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I: Wilson without continuity correction.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718), (29, 29, 0.8830, 1.0)],
)
def test_interval_is_wilsons(count: int, n: int, low: float, high: float) -> None:
    assert Share(count, n).interval == pytest.approx((low, high), abs=5e-5)


def test_share_of_none_says_nothing() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, (0.0, 1.0))


def test_uncertain_is_no_call_and_counts_as_a_miss() -> None:
    calls = [("malignant", True)] * 8 + [("benign", True)] + [("uncertain", True)] + [("benign", False)] * 17 + [("malignant", False)] * 2
    found = performance.summed([judged(call=call, malignant=malignant) for call, malignant in [*calls, ("uncertain", False)]])
    assert (found.whole.sensitivity, found.whole.specificity, found.whole.n) == (Share(8, 10), Share(17, 20), 30)
    assert found.table == {
        ("malignant", True): 8, ("uncertain", True): 1, ("benign", True): 1,
        ("malignant", False): 2, ("uncertain", False): 1, ("benign", False): 17,
    }  # fmt: skip


def test_groups_hold_every_mole_once() -> None:
    made = [
        judged(visited_on=date(2026, month, day), skin_type=kind, region=region, malignant=malignant, call="malignant")
        for month, day, kind, region, malignant in ((1, 1, "I", "back", True), (1, 31, None, "legs", True), (2, 1, "I", "legs", False))
    ]
    found = performance.summed(made)
    assert [(group.name, group.n, group.sensitivity.n) for group in found.months] == [("2026-01", 2, 2), ("2026-02", 1, 0)]
    assert [(group.name, group.n) for group in found.skin_types] == [("I", 2), ("not known", 1)]
    assert [(group.name, group.n) for group in found.regions] == [("back", 1), ("legs", 2)]


def test_bins_hold_every_probability_once() -> None:
    made = [judged(probability, malignant=probability > 0.5) for probability in (0.0, 0.05, 0.1, 0.55, 0.59, 1.0)]
    found = performance.summed(made).bins
    assert [(bin.low, bin.malignant) for bin in found] == [(0.0, Share(0, 2)), (0.1, Share(0, 1)), (0.5, Share(2, 2)), (0.9, Share(1, 1))]
    assert found[2].mean == pytest.approx(0.57)


@pytest.mark.parametrize(("count", "enough"), [(9, False), (10, True)])
def test_few_moles_are_too_few(count: int, enough: bool) -> None:
    assert performance.summed([judged()] * count).enough is enough


# What is counted


@pytest.fixture
def seen(patient, doctor, tiny):
    """seen(name, probability, ...) adds a mole with a photo that was reviewed; its diagnosis."""
    sharing.share_with(patient, doctor_email=doctor.email)
    known: dict[str, int] = {}

    def add(name: str, probability: float = 0.03, *, day: date = date(2024, 5, 1), **about) -> int:
        tiny.probability = probability
        if name not in known:
            known[name] = lesions.add_lesion(patient, name=name, body_site="left_upper_back").id
        photos.add_photo(patient, lesion_id=known[name], data=photo_bytes(), taken_on=day)
        with transaction() as session:
            diagnosis_id = session.scalars(select(Diagnosis.id).order_by(Diagnosis.id.desc())).first()
            session.add(Review(diagnosis_id=diagnosis_id, author_id=doctor.id, **{"verdict": Verdict.AGREE, "malignant": False} | about))
            return diagnosis_id

    return add


def test_laboratory_counts_before_the_review_and_the_newer_version_before_the_older(seen, doctor) -> None:
    seen("A", 0.9, malignant=False, histology_malignant=True)
    diagnosis_id = seen("B", 0.9, malignant=False)
    with transaction() as session:
        first = session.scalars(select(Review.id).where(Review.diagnosis_id == diagnosis_id)).one()
        session.add(Review(diagnosis_id=diagnosis_id, author_id=doctor.id, verdict=Verdict.AGREE, malignant=True, supersedes_id=first))
    found = performance.performance(doctor)
    assert (found.table["malignant", True], found.whole.n, found.by_laboratory) == (2, 2, 1)
    assert [group.name for group in found.regions] == ["back"]


def test_mole_counts_once_by_its_newest_judged_photo(seen, doctor) -> None:
    seen("A", 0.9, malignant=True, day=date(2024, 6, 1))
    seen("A", 0.03, malignant=False, day=date(2024, 5, 1))
    assert performance.performance(doctor).whole.sensitivity == Share(1, 1)
    assert performance.performance(doctor).whole.n == 1


def test_doctor_counts_shared_patients_and_admin_everybody(seen, patient, doctor, other_doctor, admin) -> None:
    seen("A")
    assert [performance.performance(who).whole.n for who in (doctor, other_doctor, admin)] == [1, 0, 1]
    sharing.revoke(patient, grant_id=sharing.list_grants(patient)[0].id)
    assert [performance.performance(who).whole.n for who in (doctor, admin)] == [0, 1]
