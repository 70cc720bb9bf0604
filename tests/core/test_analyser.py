"""One photo in, findings out: with the exported networks, on drawn pictures."""

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.scale_card import render
from core import Analyser, Confidence, Diagnosis, Scale, UnreadablePhoto
from core.analyser import best_mask
from core.codes import sentence
from core.photo import encode_jpeg
from core.synthetic import bare_skin

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    return Analyser.load(ROOT / "weights")


def mole_photo(width: int, height: int, *, seed: int = 1, centre=(0.5, 0.5), size: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Draw a brown mole on skin with a soft edge and some grain; returns the photo and its mask."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    side = min(width, height)
    distance = np.hypot((rows - height * centre[1]) / 0.8, columns - width * centre[0]) / (size * side)
    inside = np.clip((1 - distance) * 12 + 0.5, 0, 1)[..., None]
    grain = cv2.resize(rng.normal(0, 8, (48, 64, 1)).astype(np.float32), (width, height))[..., None]
    photo = np.array([222, 178, 158]) * (1 - inside) + np.array([112, 70, 50]) * inside + grain
    return np.clip(photo, 0, 255).astype(np.uint8), inside[..., 0] > 0.5


def dice(first, second) -> float:
    return 2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second))


def test_a_plain_mole_is_found_measured_and_judged(analyser):
    photo, truth = mole_photo(1280, 960)
    analysis = analyser.analyse(photo)
    assert analysis.accepted and analysis.reasons == ()
    assert set(analysis.masks) == set(analyser.mask_names)
    assert all(mask.shape == (960, 1280) and mask.dtype == bool for mask in analysis.masks.values())
    assert dice(analysis.masks[analysis.chosen], truth) > 0.9
    assert 0 <= analysis.expected_dice <= 1
    low, high = analysis.interval
    assert 0 <= low <= analysis.malignant_probability <= high <= 1
    assert analysis.diagnosis in Diagnosis and analysis.confidence in Confidence
    assert sum(analysis.differential.values()) == pytest.approx(1)
    assert analysis.measurements["area_px"] == np.count_nonzero(analysis.masks[analysis.chosen])
    networks = (*analyser.segmenters.values(), *analyser.classifiers, analyser.gate)
    assert analysis.model_versions.keys() == {network.card.name for network in networks}
    assert analysis.elapsed_ms > 0


@pytest.mark.parametrize(("width", "height"), [(600, 800), (700, 700), (1920, 800), (150, 200)])
def test_any_frame_gives_masks_at_its_own_size(analyser, width, height):
    photo, truth = mole_photo(width, height)
    analysis = analyser.analyse(photo)
    assert analysis.masks[analysis.chosen].shape == (height, width)
    assert dice(analysis.masks[analysis.chosen], truth) > 0.85


def test_bytes_path_and_array_are_one_path(analyser, tmp_path):
    data = encode_jpeg(mole_photo(640, 480)[0])
    (tmp_path / "mole.jpg").write_bytes(data)
    from core import read_photo

    answers = [analyser.analyse(one) for one in (data, tmp_path / "mole.jpg", str(tmp_path / "mole.jpg"), read_photo(data).rgb)]
    assert len({answer.malignant_probability for answer in answers}) == 1
    assert len({answer.masks[answer.chosen].tobytes() for answer in answers}) == 1


def test_threads_sharing_an_analyser_get_the_answers_of_one(analyser):
    photos = [mole_photo(400, 300, seed=seed, size=0.12 + 0.04 * seed)[0] for seed in range(4)]
    alone = [analyser.analyse(photo) for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(analyser.analyse, photos * 3))
    for expected, found in zip(alone * 3, together, strict=True):
        assert found.malignant_probability == pytest.approx(expected.malignant_probability, abs=1e-5)
        assert np.array_equal(found.masks[found.chosen], expected.masks[expected.chosen])


def test_steps_are_told_in_order(analyser):
    steps = []
    analyser.analyse(mole_photo(400, 300)[0], on_step=steps.append)
    assert steps == ["reading", "checking", "finding", "classifying"]


def test_a_thumbnail_is_refused_unless_forced(analyser):
    photo, _ = mole_photo(96, 72)
    refused = analyser.analyse(photo)
    assert not refused.accepted and refused.reasons == ("too_small",)
    assert refused.chosen is None and refused.masks == {} and refused.diagnosis is None
    forced = analyser.analyse(photo, force=True)
    assert not forced.accepted and "too_small" in forced.reasons
    assert set(forced.masks) == set(analyser.mask_names)


def test_bare_skin_shows_no_lesion(analyser):
    rng = np.random.default_rng(1)
    photo = np.clip(rng.normal((222, 178, 158), 4, (480, 640, 3)), 0, 255).astype(np.uint8)
    assert not analyser.analyse(photo).accepted
    analysis = analyser.analyse(photo, force=True)  # as even as a wall, it may be taken for one
    assert not analysis.accepted and "no_lesion" in analysis.reasons
    assert analysis.malignant_probability is None and analysis.measurements == {}
    assert not any(mask.any() for mask in analysis.masks.values())


@pytest.mark.parametrize(("tone", "seed", "look"), [(1, 0, "dermoscope"), (2, 3, "dermoscope"), (3, 3, "dermoscope"), (6, 5, "phone")])
def test_skin_that_is_redder_in_one_place_shows_no_lesion(analyser, tone, seed, look):
    analysis = analyser.analyse(bare_skin(tone, (640, 480), seed, look=look, freckled=False), force=True)
    assert "no_lesion" in analysis.reasons and analysis.malignant_probability is None


@pytest.mark.parametrize(("share", "faint"), [(0.55, True), (1.0, False)])
def test_an_answer_about_a_lesion_that_networks_are_hardly_sure_of_is_uncertain(analyser, share, faint):
    photo, _ = mole_photo(1280, 960)
    segmenters = {name: Hesitant(network, share) for name, network in analyser.segmenters.items()}
    analysis = Analyser(segmenters, analyser.classifiers).analyse(photo)
    assert analysis.chosen is not None
    assert ("faint_lesion" in analysis.warnings) is faint
    if faint:
        assert (analysis.diagnosis, analysis.confidence) == (Diagnosis.UNCERTAIN, Confidence.LOW)
        assert "uncertain" in sentence("faint_lesion")


class Hesitant:
    """A segmentation network all of whose probabilities are a share of what they were."""

    def __init__(self, real, share: float):
        self.card, self.real, self.share = real.card, real, share

    def __call__(self, batch):
        return [self.share * self.real(batch)[0]]


def test_warnings_name_what_makes_the_answer_less_sure(analyser):
    assert "below_1280x720" in analyser.analyse(mole_photo(640, 480)[0]).warnings
    assert analyser.analyse(mole_photo(1280, 960)[0]).warnings == ()
    assert analyser.analyse(mole_photo(720, 1280)[0]).warnings == (), "held upright"
    cut = analyser.analyse(mole_photo(1280, 960, centre=(0.04, 0.5), size=0.25)[0])
    assert "lesion_cut_by_frame" in cut.warnings
    assert all(sentence(code) for code in cut.warnings)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (3000, 2)])
def test_forcing_the_strangest_shapes_breaks_nothing(analyser, size):
    photo = np.full((*size, 3), 128, np.uint8)
    analysis = analyser.analyse(photo, force=True)
    assert not analysis.accepted
    assert all(mask.shape == size for mask in analysis.masks.values())


def test_one_model_can_be_asked_for(analyser):
    photo, _ = mole_photo(640, 480)
    for name in analyser.segmenters:
        analysis = analyser.analyse(photo, model=name)
        assert analysis.chosen == name and set(analysis.masks) == {name}
    with pytest.raises(KeyError):
        analyser.analyse(photo, model="resnet18")


def test_what_is_no_photo_is_refused(analyser):
    with pytest.raises(UnreadablePhoto):
        analyser.analyse(b"no photo")
    for array in (np.zeros((10, 10), np.uint8), np.zeros((10, 10, 3), np.float32), np.zeros((0, 10, 3), np.uint8)):
        with pytest.raises(ValueError, match="H x W x 3 uint8"):
            analyser.analyse(array)


def test_real_dermoscopy_is_outlined_as_experts_do(analyser):
    if not DATA.exists():
        pytest.skip("../shared/data is not here, so there are no real photographs to outline")
    from training.data import read_manifest, read_mask

    rows = [row for row in read_manifest(DATA, ("ph2",)) if row.part == "test"]
    scores = []
    for row in rows:
        analysis = analyser.analyse(DATA / row.image)
        scores.append(dice(analysis.masks[analysis.chosen], read_mask(DATA / row.mask)))
    assert np.mean(scores) > 0.88


class Pointing:
    """Stands in for a segmentation network: finds a disc of the same size at one place of every photo."""

    def __init__(self, real, x: float):
        self.card, self.x = real.card, x

    def __call__(self, batch):
        height, width = batch.shape[2:]
        rows, columns = np.ogrid[:height, :width]
        # Of a wide photo, of its mirror images, and of all of them turned: then the photo's width lies along the rows.
        turned = height > width
        along, across, (length, middle) = (rows, columns, (height, width)) if turned else (columns, rows, (width, height))
        there, back = self.x, 1 - self.x
        at = np.reshape((there, there, back, back) if turned else (there, back, there, back), (4, 1, 1, 1))
        return [(np.hypot(across - middle / 2, along - length * at) < 0.15 * min(width, height)).astype(np.float32)]


@pytest.mark.parametrize(("places", "disagree"), [((0.5, 0.52), False), ((0.35, 0.65), True)])
def test_networks_that_point_at_different_lesions_give_an_uncertain_answer(analyser, places, disagree):
    photo = np.full((480, 640, 3), (222, 178, 158), np.uint8)
    for place in places:
        cv2.circle(photo, (round(640 * place), 240), 66, (112, 70, 50), -1)
    segmenters = {name: Pointing(network, place) for (name, network), place in zip(analyser.segmenters.items(), places, strict=True)}
    analysis = Analyser(segmenters, analyser.classifiers).analyse(photo)
    assert ("low_agreement" in analysis.warnings) == disagree
    if disagree:
        assert (analysis.diagnosis, analysis.confidence) == (Diagnosis.UNCERTAIN, Confidence.LOW)


def test_a_mole_beside_the_scale_card_is_measured_in_millimetres(analyser):
    scene = render(2, 7, with_mole=True)
    analysis = analyser.analyse(scene.rgb)
    assert analysis.accepted, "the gate looks beside the card"
    assert analysis.scale.source == "card"
    assert analysis.measurements["equivalent_diameter_mm"] == pytest.approx(scene.diameter_mm, rel=0.15)
    assert analysis.masks[analysis.chosen].shape == scene.rgb.shape[:2]


def test_a_scale_that_is_given_is_used(analyser):
    photo, truth = mole_photo(640, 480)
    analysis = analyser.analyse(photo, scale=Scale(0.02, "field", 0.02))
    assert analysis.scale.source == "field"
    assert analysis.measurements["area_mm2"] == pytest.approx(truth.sum() * 0.0004, rel=0.2)


def test_a_camera_photo_is_said_to_be_one_and_never_shown_with_confidence(analyser):
    photo, _ = mole_photo(640, 480)
    before = analyser.analyse(photo)
    main = analyser.classifiers[0]
    card = replace(main.card, details=main.card.details | {"camera": {"features": [0], "weights": [0.0], "intercept": 1.0}})
    changed = copy.copy(main)
    changed.card = card
    camera = Analyser(analyser.segmenters, [changed], analyser.gate).analyse(photo)
    assert "camera_photo" in camera.warnings and sentence("camera_photo")
    assert camera.confidence is Confidence.LOW
    assert camera.malignant_probability == pytest.approx(before.malignant_probability)


def test_networks_that_count_for_nothing_are_not_run(analyser):
    assert all(network.card.details["share"] > 0 for network in analyser.classifiers)


def test_a_network_goes_before_the_mask_of_all_together_only_where_it_clearly_leads():
    assert best_mask({"unet": 0.93, "deeplabv3": 0.945, "fusion": 0.935}) == "fusion"
    assert best_mask({"unet": 0.93, "deeplabv3": 0.97, "fusion": 0.935}) == "deeplabv3"
    assert best_mask({"unet": 0.93, "deeplabv3": 0.92}) == "unet"
    assert best_mask({"unet": 0.4, "fusion": -1.0}) == "unet", "no mask at all"
