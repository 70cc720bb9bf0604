"""One mole photographed again, and another mole."""

import pytest

from core.measurement import measure
from core.sameness import Seen, same_mole
from core.synthetic import Mole, photograph


def seen(mole: Mole, **capture) -> Seen:
    photo = photograph(mole, **capture)
    return Seen(photo.rgb, photo.mask, measure(photo.mask, photo.rgb))


@pytest.fixture(scope="module")
def first() -> Seen:
    return seen(Mole(4, diameter_fraction=0.45))


def test_the_same_mole_at_the_next_visit_scores_above_another_mole(first):
    again, other = same_mole(first, seen(Mole(4, diameter_fraction=0.45), visit=1)), same_mole(first, seen(Mole(9, diameter_fraction=0.45)))
    assert again.same is True
    assert again.registration.accepted and not other.registration.accepted
    assert again.score > other.score + 1


def test_a_photo_is_the_same_as_itself(first):
    assert same_mole(first, first).same is True
