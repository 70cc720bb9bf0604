"""Where on the body a mole can be: codes that are stored, and the words for them, from head to foot."""

from __future__ import annotations


def _sides(code: str, words: str) -> dict[str, str]:
    return {f"left_{code}": f"Left {words}", f"right_{code}": f"Right {words}"}


BODY_SITES: dict[str, str] = {
    "scalp": "Scalp",
    "forehead": "Forehead",
    **_sides("temple", "temple"),
    **_sides("ear", "ear"),
    "nose": "Nose",
    **_sides("cheek", "cheek"),
    "lips": "Lips",
    "chin": "Chin",
    "neck_front": "Front of the neck",
    "nape": "Nape of the neck",
    **_sides("shoulder", "shoulder"),
    **_sides("chest", "side of the chest"),
    **_sides("upper_back", "side of the upper back"),
    "abdomen": "Belly",
    **_sides("flank", "flank"),
    "lower_back": "Lower back",
    **_sides("upper_arm", "upper arm"),
    **_sides("forearm", "forearm"),
    **_sides("hand", "hand"),
    "genital_area": "Genital area",
    **_sides("buttock", "buttock"),
    **_sides("thigh", "thigh"),
    **_sides("knee", "knee"),
    **_sides("lower_leg", "lower leg"),
    **_sides("foot", "foot"),
    **_sides("sole", "sole of the foot"),
    "other": "Somewhere else",
}


def label(code: str) -> str:
    """The words for a code."""
    return BODY_SITES[code]
