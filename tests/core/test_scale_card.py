"""The printed card is as large as it says."""

import re
import zlib

import cv2
import numpy as np
import pytest

from core import scale_card
from core.scale_card import MARKER_MM, SIDE_MM, corner_places, draw_card, patches, rectangles, scale_card_pdf

POINTS_A_MM = 72 / 25.4


@pytest.mark.parametrize(("paper", "size_mm"), [("a4", (210, 297)), ("letter", (215.9, 279.4))])
def test_the_pdf_draws_every_rectangle_at_its_size_in_millimetres(paper, size_mm):
    pdf = scale_card_pdf(paper)
    assert pdf.startswith(b"%PDF")
    box = [float(value) for value in re.search(rb"/MediaBox \[([^\]]*)\]", pdf)[1].split()]
    assert box[2:] == pytest.approx([side * POINTS_A_MM for side in size_mm], abs=0.1)
    assert b"/PrintScaling /None" in pdf
    page = b"".join(zlib.decompress(stream) for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S) if stream[:1] == b"x")
    drawn = [[float(value) for value in line.split()[:4]] for line in re.findall(rb"[-\d. ]+ re f", page)]
    meant = [[x, y, width, height] for x, y, width, height, _ in rectangles()]
    assert len(drawn) == 2 * len(meant)
    sizes = np.abs(np.array(drawn)[: len(meant), 2:]) / POINTS_A_MM
    assert sizes == pytest.approx(np.array(meant)[:, 2:], abs=0.02)
    places = np.array(drawn)[: len(meant), 0] / POINTS_A_MM
    assert places - places[0] == pytest.approx(np.array(meant)[:, 0] - meant[0][0], abs=0.02)


def test_the_marker_is_ten_millimetres_and_read_by_opencv():
    card = cv2.copyMakeBorder(draw_card(20), 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(scale_card.MARKER_DICTIONARY))
    corners, names, _ = detector.detectMarkers(card)
    assert names.ravel().tolist() == [scale_card.MARKER_ID]
    sides = np.linalg.norm(corners[0][0] - np.roll(corners[0][0], 1, axis=0), axis=1)
    assert sides == pytest.approx([20 * MARKER_MM] * 4, abs=1.5)


def test_nothing_is_printed_in_the_corner_where_the_mole_lies():
    card = draw_card(10)
    inner = round(scale_card.ARM_MM * 10) + 2
    assert (card[inner:, inner:] == 255).all()
    assert card.shape == (SIDE_MM * 10, SIDE_MM * 10, 3)


def test_patches_and_meeting_points_are_where_the_drawing_has_them():
    card = draw_card(10).astype(int)
    for x, y, colour in patches():
        assert np.abs(card[round(y * 10), round(x * 10)] - colour).max() <= 1
    for x, y in corner_places()[4:]:
        falling, rising = ([card[round((y + s * d) * 10), round((x + s) * 10)].mean() for s in (-1, 1)] for d in (1, -1))
        assert abs(np.mean(falling) - np.mean(rising)) > 200


def test_another_paper_is_refused():
    with pytest.raises(KeyError):
        scale_card_pdf("a5")
