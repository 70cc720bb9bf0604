"""Each number of the list is one that SNOMED CT could have given: its last digit checks the others (Verhoeff)."""

from __future__ import annotations

import pytest

from services import snomed

SWAP = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
"""Verhoeff's permutation of the digits, once more for each place from the right."""


def times(one: int, other: int) -> int:
    """Two turns or flips of a pentagon one after the other: the dihedral group of order ten."""
    if one < 5:
        return (one + other) % 5 if other < 5 else 5 + (one + other - 5) % 5
    return 5 + (one - 5 - other) % 5 if other < 5 else (one - other) % 5


def holds(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place):
            value = SWAP[value]
        total = times(total, value)
    return total == 0


def test_check_digit_is_told_from_a_mistyped_number() -> None:
    assert holds("236") and not holds("237") and not holds("326")  # the example of Verhoeff (1969)


@pytest.mark.parametrize("code", [code for code, concept in snomed.CONCEPTS.items() if concept.coded])
def test_number_checks(code: str) -> None:
    assert 6 <= len(code) <= 18 and holds(code)


def test_what_has_no_certain_number_is_offered_by_its_word() -> None:
    assert [concept.term for concept in snomed.CONCEPTS.values() if not concept.coded] == ["Dermatofibroma"]
    assert snomed.term("dermatofibroma") == "Dermatofibroma"
    assert all(len(code) <= 20 for code in snomed.CONCEPTS)  # the column's length
