"""The heat map lies where the classifier looked, whatever the photo's shape."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import Analyser
from core.heat_map import LONGEST_SIDE_PX, Activation, heat_map
from core.photo import decode_heat_map_png, encode_heat_map_png
from core.preprocess import Square
from core.synthetic import Mole, photograph

ROOT = Path(__file__).parents[2]


def activation(square: Square, row: int, column: int, side: int = 5) -> Activation:
    cells = np.zeros((side, side), np.float32)
    cells[row, column] = 1
    return Activation(square, cells)


def test_a_cell_lies_at_its_place_on_the_photo():
    drawn = heat_map([activation(Square(600, 200, 300), 1, 3)], 1000, 500)
    assert drawn.shape == (48, 96) and drawn.dtype == np.float32
    row, column = np.unravel_index(drawn.argmax(), drawn.shape)
    assert abs((column + 0.5) / 96 * 1000 - (600 + 300 * 0.2)) < 20
    assert abs((row + 0.5) / 48 * 500 - (200 - 300 * 0.2)) < 20


def test_it_is_zero_where_nobody_looked_and_has_no_edge_there():
    drawn = heat_map([Activation(Square(500, 250, 300), np.ones((4, 4), np.float32))], 1000, 500)
    assert drawn[0, 0] == 0 and drawn[24, 48] == pytest.approx(1)
    assert np.abs(np.diff(drawn[24])).max() < 0.35


def test_views_are_averaged():
    square = Square(500, 250, 300)
    drawn = heat_map([Activation(square, np.full((4, 4), value, np.float32)) for value in (0.2, 0.6)], 1000, 500)
    assert drawn[24, 48] == pytest.approx(0.4)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 400), (3000, 2), (40, 30), (4000, 3000)])
def test_any_shape_gives_a_map_of_its_aspect(width, height):
    drawn = heat_map([activation(Square(width / 2, height / 2, max(width, height)), 2, 2)], width, height)
    assert max(drawn.shape) <= LONGEST_SIDE_PX and np.isfinite(drawn).all() and 0 <= drawn.min() <= drawn.max() <= 1
    read = decode_heat_map_png(encode_heat_map_png(drawn))
    assert np.abs(read - drawn).max() <= 0.5 / 255 + 1e-6


class Staining:
    """Stands in for a classifier: each cell's logit grows with the redness of its part of the view."""

    def __init__(self, real):
        details = {name: value for name, value in real.card.details.items() if name != "camera"}
        self.card = replace(real.card, details=details)

    def __call__(self, batch):
        cells = batch[:, 0].reshape(len(batch), 4, batch.shape[2] // 4, 4, -1).mean(axis=(2, 4))
        cells = 8 * (cells - cells.mean(axis=(1, 2), keepdims=True))
        return [cells.mean(axis=(1, 2)), np.zeros((len(batch), 7), np.float32), cells, batch.mean(axis=(2, 3))]


def test_mirrored_and_widened_views_agree_on_the_place():
    shot = photograph(Mole(seed=2, diameter_fraction=0.4), size=(640, 480))
    photo = shot.rgb.copy()
    rows, columns = np.nonzero(shot.mask)
    # The left half of the lesion turns red.
    middle = int(columns.mean())
    photo[:, :middle][shot.mask[:, :middle]] = (255, 60, 60)
    real = Analyser.load(ROOT / "weights")
    analysis = Analyser(real.segmenters, [Staining(real.classifiers[0])]).analyse(photo, force=True)
    found = analysis.heat_map
    scale = found.shape[1] / 640
    row = int(rows.mean() * scale)
    quarter = int(0.25 * (columns.max() - columns.min()) * scale)
    left, right = found[row, int(middle * scale) - quarter], found[row, int(middle * scale) + quarter]
    assert left > 2 * right
    assert analysis.features.shape == (3,)


def test_the_analysis_of_a_photo_has_one():
    analysis = Analyser.load(ROOT / "weights").analyse(photograph(Mole.random(3, kind="benign", skin_tone=2), size=(640, 480)).rgb)
    assert analysis.heat_map.shape == (72, 96)
    assert 0 <= analysis.heat_map.min() <= analysis.heat_map.max() <= 1
