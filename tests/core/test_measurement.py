"""Shapes whose measures are known."""

import cv2
import numpy as np
import pytest
from scipy.special import ellipe

from core.analysis import Scale
from core.measurement import DERMOSCOPIC_COLOURS, SKIN, colour_contrast, measure


def disc(radius: float, shape=(400, 500), centre=(200, 250)) -> np.ndarray:
    return ellipse(radius, radius, 0, shape, centre)


def ellipse(long: float, short: float, angle: float = 0, shape=(400, 500), centre=(200, 250)) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    y, x = rows + 0.5 - centre[0], columns + 0.5 - centre[1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return (along / long) ** 2 + (across / short) ** 2 <= 1


def star(outer: float, inner: float, points: int, shape=(400, 500), centre=(200.3, 250.2)) -> tuple[np.ndarray, float, float]:
    """Mask, area and length of the outline of a star, drawn eight times finer than the mask."""
    angles = 0.2 + np.arange(2 * points) * np.pi / points
    reach = np.where(np.arange(2 * points) % 2 == 0, outer, inner)
    corners = np.column_stack([centre[1] + reach * np.cos(angles), centre[0] + reach * np.sin(angles)])
    fine = np.zeros((shape[0] * 8, shape[1] * 8), np.uint8)
    cv2.fillPoly(fine, [np.rint(corners * 8 - 0.5).astype(np.int32)], 255)
    after = np.roll(corners, -1, axis=0)
    area = 0.5 * abs(np.sum(corners[:, 0] * after[:, 1] - after[:, 0] * corners[:, 1]))
    mask = cv2.resize(fine, shape[::-1], interpolation=cv2.INTER_AREA) > 127
    return mask, area, float(np.linalg.norm(after - corners, axis=1).sum())


def painted(mask: np.ndarray, *colours: tuple[int, int, int]) -> np.ndarray:
    """Skin with a lesion of these colours in stripes across the frame, each the same part of the mask's width."""
    photo = np.full((*mask.shape, 3), SKIN, np.uint8)
    columns = np.flatnonzero(mask.any(axis=0))
    edges = np.linspace(columns[0], columns[-1] + 1, len(colours) + 1).round().astype(int)
    for colour, left, right in zip(colours, edges[:-1], edges[1:], strict=True):
        photo[:, left:right][mask[:, left:right]] = colour
    return photo


def test_a_disc():
    found = measure(disc(100))
    assert found["area_px"] == pytest.approx(np.pi * 100**2, rel=0.01)
    assert found["area_fraction"] == pytest.approx(found["area_px"] / 200_000)
    for name in ("equivalent_diameter_px", "longest_diameter_px", "shortest_diameter_px"):
        assert found[name] == pytest.approx(200, rel=0.01)
    assert found["perimeter_px"] == pytest.approx(2 * np.pi * 100, rel=0.01)
    assert found["circularity"] == pytest.approx(1, rel=0.01)
    assert found["compactness"] == pytest.approx(1, rel=0.01)
    assert found["fractal_dimension"] == pytest.approx(1, abs=0.03)
    assert found["solidity"] > 0.98
    assert found["elongation"] == pytest.approx(1, abs=0.02)
    assert found["asymmetry"] < 0.02
    assert found["frame_contact"] == 0


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.0, 2.2])
def test_an_ellipse_measures_the_same_however_it_lies(angle):
    found = measure(ellipse(120, 60, angle))
    assert found["area_px"] == pytest.approx(np.pi * 120 * 60, rel=0.01)
    assert found["longest_diameter_px"] == pytest.approx(240, rel=0.01)
    assert found["shortest_diameter_px"] == pytest.approx(120, rel=0.01)
    assert found["perimeter_px"] == pytest.approx(4 * 120 * ellipe(1 - (60 / 120) ** 2), rel=0.01)
    assert found["elongation"] == pytest.approx(2, rel=0.01)
    assert found["asymmetry"] < 0.03


def test_a_star():
    mask, area, length = star(150, 70, 5)
    found = measure(mask)
    assert found["area_px"] == pytest.approx(area, rel=0.01)
    assert found["perimeter_px"] == pytest.approx(length, rel=0.01)
    assert found["compactness"] == pytest.approx(length**2 / (4 * np.pi * area), rel=0.02)
    assert found["fractal_dimension"] > measure(disc(100))["fractal_dimension"] + 0.01


def test_half_a_disc_is_symmetric_across_one_axis_alone():
    half = disc(150)
    half[:, 250:] = False
    found = measure(half)
    assert found["asymmetry_short"] < 0.02
    # Its middle lies 4 / (3 pi) of the radius from the straight edge; what is wider there than its mirror image is left uncovered.
    away = np.linspace(0, 1, 10_001)
    width = np.sqrt(1 - away**2)
    mirrored = np.interp(8 / (3 * np.pi) - away, away, width, left=0)
    assert found["asymmetry_long"] == pytest.approx(np.maximum(0, width - mirrored).sum() / width.sum(), abs=0.01)


def test_two_colours_side_by_side():
    mask = ellipse(120, 120)
    light, dark = DERMOSCOPIC_COLOURS["light_brown"], DERMOSCOPIC_COLOURS["dark_brown"]
    found = measure(mask, painted(mask, light, dark))
    assert found["light_brown"] == pytest.approx(0.5, rel=0.01)
    assert found["dark_brown"] == pytest.approx(0.5, rel=0.01)
    assert found["colours"] == 2
    lab = cv2.cvtColor(np.array([[light, dark]], np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    assert found["colour_variation"] == pytest.approx(np.linalg.norm(lab[0] - lab[1]) / 2, rel=0.01)


def test_colours_are_unlike_across_one_axis_alone():
    mask = ellipse(140, 80)  # its longer axis runs across the frame
    light, dark = DERMOSCOPIC_COLOURS["light_brown"], DERMOSCOPIC_COLOURS["dark_brown"]
    found = measure(mask, painted(mask, light, dark))
    assert found["colour_asymmetry_long"] < 1
    lab = cv2.cvtColor(np.array([[light, dark]], np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    assert found["colour_asymmetry_short"] == pytest.approx(np.linalg.norm(lab[0] - lab[1]), rel=0.1)
    assert found["abcd_without_structures"] == pytest.approx(1.3 * 1 + 0.1 * 8 + 0.5 * 2)


@pytest.mark.parametrize("name", DERMOSCOPIC_COLOURS)
def test_each_colour_is_told_on_light_and_on_dark_skin_under_any_light(name):
    mask = disc(80)
    photo = painted(mask, DERMOSCOPIC_COLOURS[name])
    assert measure(mask, photo)[name] > 0.99
    warm = (photo * np.array([0.9, 0.8, 0.7])).astype(np.uint8)
    assert measure(mask, warm)[name] > 0.99


def test_a_blurred_border_ends_abruptly_nowhere_and_a_sharp_one_everywhere():
    mask = disc(80)
    photo = painted(mask, DERMOSCOPIC_COLOURS["dark_brown"])
    assert measure(mask, photo)["abrupt_segments"] == 8
    assert measure(mask, cv2.GaussianBlur(photo, (0, 0), 25))["abrupt_segments"] == 0
    half = photo.copy()
    half[:, :250] = cv2.GaussianBlur(photo, (0, 0), 25)[:, :250]
    assert 3 <= measure(mask, half)["abrupt_segments"] <= 5


def test_a_notched_lesion_is_less_solid_circular_and_symmetric_than_a_disc():
    notched = disc(100)
    notched[150:250, 260:] = False
    whole, found = measure(disc(100)), measure(notched)
    assert found["solidity"] < whole["solidity"] - 0.1
    assert found["circularity"] < whole["circularity"] - 0.1
    assert found["asymmetry"] > whole["asymmetry"] + 0.05


def test_a_lesion_cut_by_the_frame_touches_it():
    assert measure(disc(100, centre=(200, 20)))["frame_contact"] > 0.2


def test_one_pixel_and_a_full_frame_are_measured_and_an_empty_mask_is_not():
    dot = np.zeros((50, 60), bool)
    assert measure(dot) == {}
    dot[20, 30] = True
    assert measure(dot)["area_px"] == 1
    full = measure(np.ones((50, 60), bool), np.zeros((50, 60, 3), np.uint8))
    assert full["area_fraction"] == 1 and full["shortest_diameter_px"] == pytest.approx(50)
    for found in (measure(dot), full):
        assert all(np.isfinite(value) for value in found.values())


def test_a_scale_adds_millimetres():
    found = measure(disc(100), scale=Scale(0.05, "ruler", 0.02))
    assert found["equivalent_diameter_mm"] == pytest.approx(10, rel=0.01)
    assert found["area_mm2"] == pytest.approx(np.pi * 25, rel=0.01)
    assert "area_mm2" not in measure(disc(100))


def test_colour_contrast_grows_with_the_difference_to_the_skin():
    mask = disc(80)
    photo = np.full((400, 500, 3), (220, 180, 160), np.uint8)
    photo[mask] = (190, 140, 120)
    pale = measure(mask, photo)
    photo[mask] = (60, 30, 20)
    dark = measure(mask, photo)
    assert dark["colour_contrast"] > pale["colour_contrast"] > 5
    assert dark["colour_variation"] < 2


def test_the_edge_of_a_dermoscopes_field_is_no_skin():
    mask = disc(80)
    photo = np.full((400, 500, 3), (220, 180, 160), np.uint8)
    photo[mask] = (120, 80, 60)
    open_, tube = measure(mask, photo), photo.copy()
    tube[~disc(95)] = (4, 3, 3)
    narrow = measure(mask, tube)
    for name in ("colour_contrast", "light_brown", "dark_brown", "black", "colours"):
        assert narrow[name] == pytest.approx(open_[name], rel=0.1, abs=0.02), name
    tube[~mask] = (4, 3, 3)
    assert "colour_contrast" not in measure(mask, tube), "there is no skin to compare with"
    assert colour_contrast(mask, tube) > 20, "but the lesion is seen"
