"""From probabilities to a mask: one lesion, no holes, no stairs."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from core.measurement import measure, perimeter_px
from core.preprocess import FRAMES, frame_for, normalise, resize
from core.runtime import UnusableWeights
from core.segmentation import (
    FUSION,
    Segmentation,
    _to_size,
    candidates,
    expected_dice,
    features_of,
    fill_holes,
    fuses,
    is_faint,
    is_visible,
    keep_lesion,
    lesion_probabilities,
    of_expected_area,
    overlap,
    segment,
    surest,
    tell_what_they_do_together,
)


def disc(shape, centre, radius):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (np.hypot(rows - centre[0], columns - centre[1]) < radius).astype(np.float32)


def test_the_lesion_in_the_middle_is_kept_and_its_holes_are_filled():
    shape = (384, 512)
    lesion = disc(shape, (192, 256), 80)
    probabilities = lesion - disc(shape, (192, 256), 30) + disc(shape, (40, 40), 12)
    kept, several = keep_lesion(probabilities, 0.5)
    assert overlap(kept, lesion > 0) > 0.98
    assert not several


def test_a_second_lesion_of_rival_size_is_reported():
    probabilities = disc((384, 512), (192, 250), 50) + disc((384, 512), (80, 440), 40)
    kept, several = keep_lesion(probabilities, 0.5)
    assert several and not kept[80, 440]


def test_nothing_and_specks_are_no_lesion():
    nothing, several = keep_lesion(np.full((384, 512), 0.3, np.float32), 0.5)
    assert not nothing.any() and not several
    specks = np.zeros((384, 512), np.float32)
    specks[::20, ::20] = 1
    assert not keep_lesion(specks, 0.5)[0].any()


def with_rim(shift):
    """A lesion of radius 60 and a rim to 90 as likely lesion as skin, a little less so further out."""
    away = np.hypot(*(axis - middle for axis, middle in zip(np.mgrid[:384, :512], (192, 256), strict=True)))
    rim = 0.5 + shift + 0.1 * (75 - away) / 15
    return np.where(away < 60, 0.97, np.where(away < 90, rim, 0.03)).astype(np.float32)


def test_a_rim_as_likely_lesion_as_skin_moves_the_size_little():
    sizes = {}
    for shift in (-0.07, 0.07):
        probabilities = with_rim(shift)
        fixed, _ = keep_lesion(probabilities, 0.5)
        cut = of_expected_area(probabilities, fixed, 0.5)
        near = disc(cut.shape, (192, 256), 93) > 0
        assert np.count_nonzero(cut) == pytest.approx(probabilities[near].sum(), rel=0.04)
        sizes[shift] = np.count_nonzero(fixed), np.count_nonzero(cut)
    fixed, cut = (abs(np.log(more / less)) for more, less in zip(sizes[0.07], sizes[-0.07], strict=True))
    assert cut < 0.5 * fixed


def test_a_lesion_that_is_nowhere_sure_is_not_cut_through_its_middle():
    ripples = 0.02 * np.sin(np.mgrid[:384, :512].sum(axis=0) / 9)
    seen = cv2.GaussianBlur(disc((384, 512), (192, 256), 90), (0, 0), 4)
    probabilities = (seen * (0.55 + ripples) + 0.02 * (1 - seen)).astype(np.float32)
    fixed, _ = keep_lesion(probabilities, 0.4)
    assert overlap(of_expected_area(probabilities, fixed, 0.5), disc((384, 512), (192, 256), 90) > 0) > 0.95


def test_a_clear_lesion_keeps_its_outline_beside_another_one():
    probabilities = cv2.GaussianBlur(disc((384, 512), (192, 250), 50) + disc((384, 512), (80, 440), 20), (0, 0), 4)
    fixed, _ = keep_lesion(probabilities, 0.5)
    assert overlap(of_expected_area(probabilities, fixed, 0.5), fixed) > 0.98


def test_the_outline_stays_smooth_on_a_photo_far_larger_than_the_networks_input():
    kept = disc((384, 512), (192, 256), 100) > 0
    large = _to_size(kept, 4000, 3000)
    assert large.shape == (3000, 4000)
    # A disc drawn in stairs of eight pixels would have a circularity of about 0.8.
    assert measure(large)["circularity"] > 0.96


def test_a_mask_survives_shrinking_to_a_small_photo():
    kept = disc((384, 512), (192, 256), 100) > 0
    small = _to_size(kept, 200, 150)
    assert small.shape == (150, 200)
    assert abs(small.mean() - kept.mean()) < 0.01


def test_fill_holes_leaves_bays_open():
    mask = np.zeros((50, 50), bool)
    mask[10:40, 10:40] = True
    mask[20:30, 20:50] = False
    assert np.array_equal(fill_holes(mask), mask)


def test_two_empty_masks_agree():
    empty = np.zeros((5, 5), bool)
    assert overlap(empty, empty) == 1
    assert overlap(empty, ~empty) == 0


class Darkness:
    """Stands in for a network: what is darker than skin is lesion, more or less, and `reach` input pixels around it (less, if negative)."""

    def __init__(self, name: str, reach: int = 0, *, measured: bool = True, sure_from: float | None = None):
        fit = {"intercept": 0.1, "certainty": 0.5, "agreement": 0.4}
        frames = [{"width": width, "height": height} for width, height in ((192, 144), (144, 192), (160, 160))]
        details = {"input": {"normalisation": "imagenet", "frames": frames}, "threshold": 0.5, "expected_dice": fit}
        details |= {FUSION: {"expected_dice": dict.fromkeys(("narrow", "wide", FUSION), fit)}} if measured else {}
        if sure_from is not None:
            details[FUSION]["sure_from"] = sure_from
        details["sha256"] = f"sha of {name}"
        self.card, self.reach, self.seen = SimpleNamespace(name=name, details=details), reach, []

    def __call__(self, batch):
        self.seen.append(batch.shape)
        dark = 1 / (1 + np.exp(6 * (batch[:, :1] - 0.74)))
        soft = [cv2.GaussianBlur(one[0], (0, 0), 1.5) for one in dark]
        kernel = np.ones((2 * abs(self.reach) + 1,) * 2)
        outlined = [(cv2.dilate if self.reach > 0 else cv2.erode)(one, kernel) for one in soft]
        return [np.stack(outlined)[:, None].astype(np.float32)]


def ellipse_photo(width: int, height: int, axes: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A dark ellipse with a soft edge in the middle, half axes in shares of the shorter side."""
    rows, columns = np.ogrid[:height, :width]
    side = min(width, height)
    away = np.hypot((columns - width / 2) / (axes[0] * side), (rows - height / 2) / (axes[1] * side))
    inside = 1 / (1 + np.exp(np.clip(30 * (away - 1), -30, 30)))
    photo = np.array((222, 178, 158)) + inside[..., None] * (np.array((112, 70, 50)) - np.array((222, 178, 158)))
    return photo.astype(np.uint8), away < 1


@pytest.mark.parametrize(("half_axis", "seen"), [(0.36, False), (0.44, True)])
def test_what_is_of_one_colour_with_what_is_around_it_is_a_lesion_only_where_it_fills_the_photo(half_axis, seen):
    """What is left around a lesion that fills the photo may be its own rim."""
    photo, lesion = ellipse_photo(640, 640, (half_axis, half_axis))
    assert is_visible(lesion, photo)
    assert is_visible(lesion, np.full_like(photo, 180)) is seen


class OneSided(Darkness):
    """Is half blind at the end of one axis of whatever it is shown."""

    axis = -1

    def __call__(self, batch):
        (found,) = super().__call__(batch)
        np.moveaxis(found, self.axis, 0)[found.shape[self.axis] // 2 :] *= 0.2
        return [found]


@pytest.mark.parametrize("axis", [-1, -2])
def test_mirror_images_and_turns_make_up_for_what_a_network_sees_on_one_side_only(axis):
    photo, _ = ellipse_photo(640, 480, (0.3, 0.22))
    network = OneSided("one")
    network.axis = axis
    seen = lesion_probabilities(network, photo)
    for side in (0, 1):
        before, after = np.split(seen, 2, axis=side)
        assert before.sum() == pytest.approx(after.sum(), rel=0.1)
    assert seen.max() > 0.55


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (500, 500)])
def test_mirror_images_and_turns_lie_on_one_another(size):
    photo, _ = ellipse_photo(*size, (0.3, 0.15))
    photo[: size[1] // 3, : size[0] // 4] = 20
    network = Darkness("one")
    small = resize(photo, *frame_for(*size, FRAMES))
    (alone,) = network(normalise(small[None], network.card.details["input"]["normalisation"]))
    assert np.allclose(lesion_probabilities(network, photo), alone[0, 0], atol=1e-5)


def test_the_outline_of_a_12_megapixel_photo_is_as_long_as_the_lesions_and_no_stair():
    photo, truth = ellipse_photo(4000, 3000, (0.3, 0.22))
    found = segment(Darkness("one"), photo).mask
    assert found.shape == (3000, 4000) and overlap(found, truth) > 0.98
    assert perimeter_px(found) == pytest.approx(perimeter_px(truth), rel=0.02)


def test_networks_have_a_mask_of_all_together_between_their_own():
    photo, truth = ellipse_photo(640, 480, (0.3, 0.22))
    found = candidates({"narrow": Darkness("narrow", -6), "wide": Darkness("wide", 6)}, photo)
    assert list(found) == ["narrow", "wide", FUSION]
    assert overlap(found[FUSION].mask, truth) > max(overlap(found[name].mask, truth) for name in ("narrow", "wide"))
    single = overlap(found["narrow"].lesion, found["wide"].lesion)
    assert features_of(found, "narrow")[1] == single < features_of(found, FUSION)[1]
    assert 0 < expected_dice({"narrow": Darkness("narrow")}, found, FUSION) <= 1


def seen(sureness: float, sure_part: int = 30) -> Segmentation:
    """A lesion of radius 60, a part of which a network is this sure of."""
    lesion = disc((384, 512), (192, 256), 60) > 0
    probabilities = np.where(disc((384, 512), (192, 256), sure_part) > 0, sureness, 0.5 * lesion).astype(np.float32)
    return Segmentation(probabilities, lesion, lesion, several=False)


@pytest.mark.parametrize(("sure_part", "sureness"), [(30, 0.97), (10, 0.5)])
def test_a_lesion_is_as_sure_as_its_surest_tenth(sure_part, sureness):
    found = seen(0.97, sure_part)
    assert surest(found.probabilities, found.lesion) == pytest.approx(sureness)
    assert surest(found.probabilities, np.zeros_like(found.lesion)) == 0.0


@pytest.mark.parametrize(("sure_from", "sureness", "faint"), [(0.87, 0.8, True), (0.87, 0.9, False), (None, 0.5, False)])
def test_a_lesion_that_networks_are_less_sure_of_than_of_nearly_every_other_is_faint(sure_from, sureness, faint):
    networks = {name: Darkness(name, sure_from=sure_from) for name in ("narrow", "wide")}
    assert is_faint(networks, seen(sureness)) is faint
    assert not is_faint({"narrow": Darkness("narrow", measured=False)}, seen(sureness))


def test_networks_that_were_not_measured_together_have_none():
    photo, _ = ellipse_photo(640, 480, (0.3, 0.22))
    networks = {name: Darkness(name, measured=name == "one") for name in ("one", "two")}
    assert list(candidates(networks, photo)) == ["one", "two"]


def test_a_fit_holds_for_the_networks_it_was_made_for_alone(tmp_path):
    fit = {"networks": {name: f"sha of {name}" for name in ("one", "two")}, "expected_dice": {}}
    (tmp_path / "fusion.json").write_text(json.dumps(fit))
    for names, fused in ((("one", "two"), True), (("one", "other"), False)):
        networks = {name: Darkness(name, measured=False) for name in names}
        tell_what_they_do_together(tmp_path, networks)
        assert fuses(networks) is fused
    (tmp_path / "fusion.json").write_text("{")
    with pytest.raises(UnusableWeights, match=r"fusion\.json"):
        tell_what_they_do_together(tmp_path, networks)


@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.1, 0.15), (0.9, 0.5)])
def test_a_small_lesion_is_looked_at_again_from_nearer(centre):
    width, height = 1280, 960
    photo = np.full((height, width, 3), (222, 178, 158), np.uint8)
    truth = np.zeros((height, width), np.uint8)
    place = (round(width * centre[0]), round(height * centre[1]))
    cv2.ellipse(truth, place, (70, 48), 20, 0, 360, 1, -1)
    photo[truth > 0] = (112, 70, 50)
    network = Darkness("one")
    assert overlap(segment(network, photo).mask, truth > 0) > 0.93
    assert len(network.seen) == 4
    network.seen.clear()
    segment(network, ellipse_photo(640, 480, (0.3, 0.22))[0])
    assert len(network.seen) == 2, "a lesion that fills enough of the frame is seen well at once"


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (3000, 2), (33, 40)])
def test_any_shape_gives_masks_of_its_own(shape):
    photo = np.full((*shape, 3), 90, np.uint8)
    assert all(one.mask.shape == shape for one in candidates({name: Darkness(name) for name in ("one", "two")}, photo).values())
