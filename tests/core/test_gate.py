"""What the gate refuses, lets in and warns of, on generated photos of seeds that it was not fitted on."""

import time
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from core import Analyser, Confidence, Diagnosis
from core.codes import sentence
from core.gate import check, quality
from core.synthetic import Mole, NotSkin, blur, darken, not_skin, overexpose, photograph
from training.hard_cases import dark_hair

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    found = Analyser.load(ROOT / "weights")
    if found.gate is None:
        pytest.skip("weights/gate is not here: `python -m training.gate` makes it")
    return found


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return photograph(Mole.random(5001, kind="benign", skin_tone=2), size=(640, 480), look="phone").rgb


@pytest.mark.parametrize("kind", get_args(NotSkin))
def test_what_is_no_skin_is_refused(analyser, kind):
    verdicts = [check(analyser.gate, not_skin(kind, (320, 240), seed)) for seed in range(500, 506)]
    assert sum(bool(verdict.reasons) for verdict in verdicts) >= 5


@pytest.mark.parametrize("tone", range(1, 7))
@pytest.mark.parametrize("look", ["dermoscope", "phone"])
def test_skin_of_every_tone_is_let_in(analyser, tone, look):
    shots = [photograph(Mole.random(seed, skin_tone=tone), size=(320, 240), look=look) for seed in (6001, 6002)]
    assert not [verdict.reasons for verdict in (check(analyser.gate, shot.rgb) for shot in shots) if verdict.reasons]


@pytest.mark.parametrize(
    ("code", "spoil"),
    [("too_dark", lambda rgb: darken(rgb, 0.9)), ("too_bright", lambda rgb: overexpose(rgb, 1.0)), ("blurred", lambda rgb: blur(rgb, 1.0))],
)
def test_a_spoiled_photo_is_refused_with_what_to_do_about_it(analyser, photo, code, spoil):
    analysis = analyser.analyse(spoil(photo))
    assert not analysis.accepted and code in analysis.reasons and analysis.masks == {}
    assert "lease" in sentence(code), "it asks for something"


def test_a_small_sharp_photo_is_not_called_blurred(analyser, photo):
    for size in ((200, 150), (160, 120)):
        small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        assert check(analyser.gate, small).reasons == ()


def test_the_refusal_of_no_skin_is_one_reason_and_force_goes_on(analyser):
    picture = not_skin("document", (640, 480), 501)
    refused = analyser.analyse(picture)
    assert refused.reasons == ("not_skin",) and refused.malignant_probability is None
    forced = analyser.analyse(picture, force=True)
    assert not forced.accepted and "not_skin" in forced.reasons and forced.masks


def test_hair_ink_and_glare_are_warned_of(analyser, photo):
    seen = quality(photo)
    hairy, _ = dark_hair(photo, np.zeros(photo.shape[:2], bool), np.random.default_rng(1))
    marked = photo.copy()
    cv2.line(marked, (80, 100), (80, 400), (60, 50, 160), 24)
    shiny = photo.copy()
    for place in ((150, 120), (420, 140), (300, 400), (500, 300)):
        cv2.circle(shiny, place, 14, (255, 255, 255), -1)
    for name, changed in (("hair", hairy), ("ink", marked), ("glare", shiny)):
        limit = analyser.gate.card.details["thresholds"][name]
        assert quality(changed)[name] > limit >= seen[name]
    assert "ruler_or_ink" in check(analyser.gate, marked).warnings


class Fixed:
    """Stands in for the gate's network."""

    def __init__(self, real, distance: float):
        self.card, self.distance = real.card, distance

    def __call__(self, batch):
        return [np.array([20.0]), np.array([self.distance])]


def test_a_photo_unlike_those_known_is_answered_with_uncertain(analyser, photo):
    limit = analyser.gate.card.details["thresholds"]["distance"]
    for factor, uncertain in ((0.9, False), (1.1, True)):
        judged = Analyser(analyser.segmenters, analyser.classifiers, Fixed(analyser.gate, factor * limit)).analyse(photo)
        assert ("unfamiliar" in judged.warnings) is uncertain and judged.accepted
        if uncertain:
            assert (judged.diagnosis, judged.confidence) == (Diagnosis.UNCERTAIN, Confidence.LOW)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (3000, 2), (100, 100), (101, 4000)])
def test_the_strangest_shapes_break_nothing(analyser, size):
    for level in (0, 128, 255):
        verdict = check(analyser.gate, np.full((*size, 3), level, np.uint8))
        assert np.isfinite(verdict.distance)


def test_without_a_gate_only_the_size_is_checked(analyser, photo):
    open_ = Analyser(analyser.segmenters, analyser.classifiers)
    assert open_.analyse(not_skin("sky", (320, 240), 502)).reasons in ((), ("no_lesion",))
    assert "gate" in analyser.model_versions and "gate" not in open_.model_versions


def test_the_gate_takes_less_time_than_finding_the_lesion(analyser, photo):
    from core.segmentation import candidates

    def fastest(run) -> float:
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            run()
            times.append(time.perf_counter() - begun)
        return min(times)

    assert fastest(lambda: check(analyser.gate, photo)) < fastest(lambda: candidates(analyser.segmenters, photo))
