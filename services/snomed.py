"""SNOMED CT concepts of the common lesions of the skin, as a doctor may choose one for a diagnosis or a histology result.

Only numbers that are certain. Where only that of the morphology is (seborrhoeic keratosis), it stands for the lesion; where none is,
a word stands in its place. So for dermatofibroma, of which sources differ: Mondo (MONDO:0006717, with EFO) has 448015002, VisualDx
427186000, coding.health 72464004, whose check digit is wrong. A lesion that is not in the list is "other", and the reason says which.
"""

from __future__ import annotations

from dataclasses import dataclass

SYSTEM = "http://snomed.info/sct"


@dataclass(frozen=True)
class Concept:
    code: str
    """SNOMED CT's number, or a word of ours where `coded` is off."""
    term: str
    """As the clinic says it, in British spelling."""
    malignant: bool
    """What the networks count as malignant too: actinic keratosis with Bowen's disease, see malignant_means in the classifier's card."""

    @property
    def coded(self) -> bool:
        return self.code.isdecimal()


CONCEPTS: dict[str, Concept] = {
    concept.code: concept
    for concept in (
        Concept("400096001", "Melanocytic naevus", False),
        Concept("254818000", "Dysplastic naevus", False),
        Concept("25499005", "Seborrhoeic keratosis", False),
        Concept("72100002", "Solar lentigo", False),
        Concept("dermatofibroma", "Dermatofibroma", False),
        Concept("400210000", "Haemangioma", False),
        Concept("92384009", "Other benign neoplasm of skin", False),
        Concept("93655004", "Melanoma", True),
        Concept("109266006", "Melanoma in situ", True),
        Concept("254701007", "Basal cell carcinoma", True),
        Concept("254651007", "Squamous cell carcinoma", True),
        Concept("254656002", "Bowen's disease", True),
        Concept("201101007", "Actinic keratosis", True),
        Concept("372130007", "Other malignant neoplasm of skin", True),
    )
}
"""Code -> concept, benign before malignant, in the order in which a list offers them."""


def term(code: str) -> str:
    """The words for a stored code; the code itself where the list does not hold it any more, nothing where there is none."""
    return CONCEPTS[code].term if code in CONCEPTS else code
