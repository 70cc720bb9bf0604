"""What a page says of the networks' answer agrees with how services let the mole stand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pages._finding import ADVICE, BENIGN_BY_CAMERA, advice
from services.states import DOUBT_FROM
from tests.pages import made


@pytest.mark.parametrize(
    ("probability", "confidence", "said"),
    [
        (0.02, "high", ADVICE["benign", "high"]),
        (DOUBT_FROM - 0.01, "medium", ADVICE["benign", "medium"]),
        (DOUBT_FROM, "low", ADVICE["benign", "low"]),
        (0.02, "low", BENIGN_BY_CAMERA),
    ],
)
def test_a_doctor_is_to_look_from_where_the_mole_no_longer_stands_fine(probability: float, confidence: str, said: str) -> None:
    found = replace(made.finding(), diagnosis="benign", confidence=confidence, malignant_probability=probability)
    assert advice(found) == said
    assert said.endswith("Have a doctor look at the mole.") is (probability >= DOUBT_FROM)
