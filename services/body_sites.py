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


REGIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "head": ("Head and neck", ("scalp", "forehead", "temple", "ear", "nose", "cheek", "lips", "chin", "neck_front", "nape")),
    "front": ("Chest and belly", ("chest", "abdomen", "flank", "genital_area")),
    "back": ("Back", ("upper_back", "lower_back", "buttock")),
    "arms": ("Shoulders, arms and hands", ("shoulder", "upper_arm", "forearm", "hand")),
    "legs": ("Legs and feet", ("thigh", "knee", "lower_leg", "foot", "sole")),
    "other": ("Somewhere else", ("other",)),
}
"""Code of a region -> its words, and the sites in it without left and right."""


def region_of(code: str) -> str:
    """The code of the region in which a site lies."""
    bare = code.removeprefix("left_").removeprefix("right_")
    return next(region for region, (_, sites) in REGIONS.items() if bare in sites)


def sites_in(region: str) -> tuple[str, ...]:
    """The codes of all sites of a region, left and right."""
    return tuple(code for code in BODY_SITES if region_of(code) == region)
