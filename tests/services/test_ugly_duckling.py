"""Which mole is unlike the patient's others."""

from __future__ import annotations

import numpy as np
import pytest

from db.models import Diagnosis, Lesion, Upload, Visit
from services import ugly_duckling
from services.fields import today
from services.unit_of_work import transaction

ALIKE = {"colour_contrast": 40.0, "colour_variation": 10.0, "colours": 2.0, "asymmetry": 0.1, "compactness": 1.2}


def add(
    patient, name: str, *, area_mm2: float | None = 12.0, probability: float = 0.03, features: np.ndarray | None = None, **other: float
) -> int:
    with transaction() as session:
        found = Diagnosis(
            malignant_probability=probability, interval_low=0.0, interval_high=1.0, diagnosis="benign", confidence="high",
            chosen_model="unet", area_fraction=0.1, area_mm2=area_mm2, masks={}, measurements=ALIKE | other, model_versions={"a": "1"},
            elapsed_ms=1.0, features=None if features is None else features.astype("<f2").tobytes(),
        )
        upload = Upload(
            content_hash=name, width=1, height=1, original_format="JPEG", original_bytes=1, accepted=True, reasons=[], warnings=[],
            diagnoses=[found],
        )
        lesion = Lesion(
            patient_id=patient.id, name=name, body_site="nape", visits=[Visit(visited_on=today(), note="", uploads=[upload])]
        )
        session.add(lesion)
        session.flush()
        return lesion.id


def test_below_five_moles_nothing_is_said(patient) -> None:
    for number in range(4):
        add(patient, f"Mole {number}", area_mm2=10.0 + 20 * number)
    assert ugly_duckling.order(patient) == ()
    add(patient, "Fifth")
    assert len(ugly_duckling.order(patient)) == 5


@pytest.mark.parametrize(
    ("odd", "reason"),
    [({"area_mm2": 60.0}, "larger"), ({"probability": 0.8}, "higher probability of malignancy"),
     ({"colour_contrast": 75.0}, "stands out more from the skin"), ({"asymmetry": 0.5}, "less symmetrical")],
)  # fmt: skip
def test_mole_unlike_the_others_comes_first_with_the_reason(patient, odd: dict[str, float], reason: str) -> None:
    for number in range(7):
        add(patient, f"Mole {number}", area_mm2=11.0 + number / 3, colour_contrast=38.0 + number)
    add(patient, "Odd", **odd)
    first, *others = ugly_duckling.order(patient)
    assert (first.name, first.unlike, first.reasons[0]) == ("Odd", True, reason)
    assert not [one.name for one in others if one.unlike]


def test_what_the_network_saw_counts_too(patient) -> None:
    chance = np.random.default_rng(3)
    usual, unusual = chance.random(64), chance.random(64)
    for number in range(6):
        add(patient, f"Mole {number}", features=usual + chance.random(64) / 50)
    add(patient, "Odd", features=unusual)
    first = ugly_duckling.order(patient)[0]
    assert (first.name, first.unlike, first.reasons) == ("Odd", True, ("looks unlike them to the network",))


def test_size_is_left_out_where_it_is_not_known_of_all(patient) -> None:
    for number in range(6):
        add(patient, f"Mole {number}")
    add(patient, "Odd", area_mm2=None, asymmetry=0.1)
    assert all(one.distance < 1 and not one.unlike for one in ugly_duckling.order(patient))


def test_moles_that_differ_only_as_photos_do_are_all_alike(patient) -> None:
    chance = np.random.default_rng(5)
    for number in range(12):
        add(patient, f"Mole {number}", area_mm2=float(np.exp(2.5 + 0.1 * chance.standard_normal())),
            colour_contrast=40 + 2.5 * chance.standard_normal(), asymmetry=0.1 + 0.02 * chance.standard_normal())  # fmt: skip
    assert not [one.name for one in ugly_duckling.order(patient) if one.unlike]


def test_one_colourful_trait_of_many_does_not_make_all_moles_odd() -> None:
    lengths, signed = ugly_duckling.distances({name: np.linspace(-1, 1, 9) for name in ("size", "contrast", "variation")})
    assert lengths.max() < ugly_duckling.UNLIKE
    assert set(signed) == {"size", "contrast", "variation"}
