"""Shapes whose measures are known."""

import numpy as np
import pytest

from core.analysis import Scale
from core.measurement import measure


def disc(radius: float, shape=(400, 500), centre=(200, 250)) -> np.ndarray:
    return ellipse(radius, radius, 0, shape, centre)


def ellipse(long: float, short: float, angle: float = 0, shape=(400, 500), centre=(200, 250)) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    y, x = rows + 0.5 - centre[0], columns + 0.5 - centre[1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return (along / long) ** 2 + (across / short) ** 2 <= 1


def test_a_disc():
    found = measure(disc(100))
    assert found["area_px"] == pytest.approx(np.pi * 100**2, rel=0.01)
    assert found["area_fraction"] == pytest.approx(found["area_px"] / 200_000)
    for name in ("equivalent_diameter_px", "longest_diameter_px", "shortest_diameter_px"):
        assert found[name] == pytest.approx(200, rel=0.01)
    assert found["perimeter_px"] == pytest.approx(2 * np.pi * 100, rel=0.03)
    assert found["circularity"] > 0.94
    assert found["solidity"] > 0.98
    assert found["elongation"] == pytest.approx(1, abs=0.02)
    assert found["asymmetry"] < 0.02
    assert found["frame_contact"] == 0


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.0, 2.2])
def test_an_ellipse_measures_the_same_however_it_lies(angle):
    found = measure(ellipse(120, 60, angle))
    assert found["longest_diameter_px"] == pytest.approx(240, rel=0.015)
    assert found["shortest_diameter_px"] == pytest.approx(120, rel=0.02)
    assert found["elongation"] == pytest.approx(2, rel=0.03)
    assert found["asymmetry"] < 0.03


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
