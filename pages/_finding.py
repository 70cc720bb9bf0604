"""The networks' answer to one photo, as pages tell it: how the mole stands by it, the probability, and what to do."""

from __future__ import annotations

import streamlit as st

from pages._parts import caution, state_badge
from services.states import DOUBT_FROM
from services.views import Finding
from services.words import percent_range

STATE_OF_A_FINDING: dict[tuple[str, str], tuple[str, str]] = {
    ("benign", "high"): ("fine", "looks benign"),
    ("benign", "medium"): ("fine", "looks benign"),
    ("benign", "low"): ("due", "leans benign, not sure"),
    ("uncertain", "low"): ("due", "uncertain, repeat the photo"),
    ("malignant", "low"): ("refer", "see a doctor"),
    ("malignant", "medium"): ("refer", "see a doctor"),
    ("malignant", "high"): ("refer", "see a doctor"),
}
"""Diagnosis and confidence -> state, and the word that says it more precisely. A leaning is not told as a likeness."""

ADVICE: dict[tuple[str, str], str] = {
    ("benign", "high"): "This looks like benign moles the networks have seen; it is no diagnosis. "
    "Photograph it again at the usual time, sooner if it changes.",
    ("benign", "medium"): "This looks more like benign than malignant lesions the networks have seen, with some doubt left; "
    "it is no diagnosis. Photograph it again within three months, sooner if it changes.",
    ("benign", "low"): "The networks lean towards benign but are not sure; it is no diagnosis. "
    "Have a doctor look at the mole.",
    ("uncertain", "low"): "The networks cannot tell from this photo. Take another in even light, and have a doctor look at the mole.",
    ("malignant", "low"): "The networks lean towards malignant but are not sure; it is no diagnosis. "
    "Please have a doctor look at the mole.",
    ("malignant", "medium"): "This looks more like malignant than benign lesions the networks have seen; it is no diagnosis. "
    "Please have a doctor look at it soon.",
    ("malignant", "high"): "This looks like malignant lesions the networks have seen; it is no diagnosis. "
    "Please have a doctor look at it soon.",
}

BENIGN_BY_CAMERA = (
    "The networks lean towards benign; of a photo taken without a dermoscope they are never sure, and it is no diagnosis. "
    "Photograph it again within three months. Have a doctor look if it changes, itches, bleeds or worries you."
)
"""Of the malignant lesions on camera photos of an unseen source none had so low a probability (35 of mednode, the card's `left_out`)."""


def probability_words(finding: Finding) -> str:
    """Probability with its range and its standing, e.g. "3 % (1 to 8 %), for reference only"."""
    return f"{percent_range(finding.malignant_probability, *finding.interval)}, for reference only"


def advice(finding: Finding) -> str:
    """What to do about it, in one or two sentences."""
    return BENIGN_BY_CAMERA if benign_by_camera(finding) else ADVICE[finding.diagnosis, finding.confidence]


def benign_by_camera(finding: Finding) -> bool:
    """Whether nothing but the missing dermoscope keeps the confidence low: the mole stands fine then, as services.states has it."""
    return (finding.diagnosis, finding.confidence) == ("benign", "low") and finding.malignant_probability < DOUBT_FROM


def finding_badge(finding: Finding) -> None:
    state_badge(*("fine", "leans benign") if benign_by_camera(finding) else STATE_OF_A_FINDING[finding.diagnosis, finding.confidence])


def finding_card(finding: Finding) -> None:
    """How it stands, probability, advice and caution, where the page's title says the answer already."""
    finding_badge(finding)
    st.markdown(f"Probability of malignancy **{probability_words(finding)}**")
    st.markdown(advice(finding))
    caution()
