"""Which of a patient's moles is unlike the others: the "ugly duckling" of Grob and Bonerandi, Archives of Dermatology 134 (1998).

Each mole is compared with the patient's own others and with nobody else's, by robust distances: how far from the median, in
median absolute deviations (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from db.models import Diagnosis, Lesion, Upload, Visit
from services import blind, policy
from services.audit import Action
from services.unit_of_work import reading, record_view
from services.views import Person

FEWEST = 5
"""Moles below which nothing is said: among so few, none is the rule."""
UNLIKE = 3.5
"""Distance from which a mole is called unlike the others (Iglewicz and Hoaglin)."""
TOLD = 2.0
"""Distance from which a trait is given as a reason."""
MOST = 10.0
"""No single trait counts for more."""
SPREAD = 0.6745
"""The median absolute deviation of a normal distribution, in standard deviations."""
LEAST_SPREAD: dict[str, float] = {
    "size": 0.12, "contrast": 3.0, "variation": 1.5, "colours": 0.7, "asymmetry": 0.03, "outline": 0.06, "probability": 0.05,
    "appearance": 0.02,
}
"""Moles that are nearly alike still differ by this much from photo to photo: a smaller deviation is taken for it."""
WORDS: dict[str, tuple[str, str]] = {
    "size": ("larger", "smaller"),
    "contrast": ("stands out more from the skin", "stands out less from the skin"),
    "variation": ("more varied in colour", "more even in colour"),
    "colours": ("more colours", "fewer colours"),
    "asymmetry": ("less symmetrical", "more symmetrical"),
    "outline": ("more uneven outline", "more even outline"),
    "probability": ("higher probability of malignancy", "lower probability of malignancy"),
    "appearance": ("looks unlike them to the network", ""),
}
"""Trait -> what is said of more of it, and of less."""


@dataclass(frozen=True)
class Compared:
    """One mole among the patient's others."""

    lesion_id: int
    name: str
    upload_id: int
    distance: float
    """0 is in the midst of the others."""
    reasons: tuple[str, ...]
    """Words of what sets it apart, the strongest first."""

    @property
    def unlike(self) -> bool:
        return self.distance >= UNLIKE


def order(actor: Person, *, patient_id: int | None = None) -> tuple[Compared, ...]:
    """One's own moles, or those of a patient who shares with this doctor, the most unlike first; empty below FEWEST measured moles."""
    whose = actor.id if patient_id is None else patient_id
    with reading() as session:
        policy.require(session, actor, Action.VIEW_PATIENT, patient_id=whose)
        hidden = blind.unjudged(session, actor, patient_id=whose)
        found = [(mole, diagnosis) for mole, diagnosis in _newest(session, whose) if diagnosis.id not in hidden]
        compared = _compared(found) if len(found) >= FEWEST else ()
    record_view(actor, Action.VIEW_PATIENT, subject=f"user:{whose}", patient_id=whose)
    return compared


def distances(traits: dict[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """How far each of n moles is from the others.

    `traits`: name of LEAST_SPREAD -> n values. Returns n distances, and for each trait n signed distances. A mole's distance is its
    strongest trait, raised by the others: the length of the vector of traits beyond 1, so that many ordinary traits do not add up.
    """
    signed = {}
    for name, values in traits.items():
        middle = np.median(values)
        spread = max(float(np.median(np.abs(values - middle))) / SPREAD, LEAST_SPREAD[name])
        signed[name] = np.clip((values - middle) / spread, -MOST, MOST)
    beyond = np.maximum(np.abs(np.array(list(signed.values()))) - 1, 0)
    lengths = np.sqrt((beyond**2).sum(axis=0))
    return np.where(lengths > 0, lengths + 1, np.abs(np.array(list(signed.values()))).max(axis=0)), signed


def _compared(found: Sequence[tuple[Lesion, Diagnosis]]) -> tuple[Compared, ...]:
    lengths, signed = distances(_traits([diagnosis for _mole, diagnosis in found]))
    compared = []
    for place, (mole, diagnosis) in enumerate(found):
        strongest = sorted(signed, key=lambda name: -abs(signed[name][place]))
        words = [WORDS[name][0 if signed[name][place] > 0 else 1] for name in strongest if abs(signed[name][place]) >= TOLD]
        compared.append(Compared(mole.id, mole.name, diagnosis.upload_id, float(lengths[place]), tuple(word for word in words if word)))
    return tuple(sorted(compared, key=lambda one: (-one.distance, one.lesion_id)))


def _traits(diagnoses: Sequence[Diagnosis]) -> dict[str, np.ndarray]:
    """Name -> one value a mole; only what all of them have, so that like is compared with like."""
    traits: dict[str, list[float]] = {"probability": [found.malignant_probability for found in diagnoses]}
    if all(found.area_mm2 for found in diagnoses):
        # Without millimetres the size is a part of the frame, which says how near the camera was.
        traits["size"] = [float(np.log(found.area_mm2)) for found in diagnoses]
    for trait, measurement in (
        ("contrast", "colour_contrast"), ("variation", "colour_variation"), ("colours", "colours"), ("asymmetry", "asymmetry"),
        ("outline", "compactness"),
    ):  # fmt: skip
        if all(measurement in found.measurements for found in diagnoses):
            traits[trait] = [found.measurements[measurement] for found in diagnoses]
    if (apart := _appearance(diagnoses)) is not None:
        traits["appearance"] = list(apart)
    return {name: np.array(values) for name, values in traits.items()}


def _appearance(diagnoses: Sequence[Diagnosis]) -> np.ndarray | None:
    """Cosine distance of what the classifier saw to the middle of all of them; None where not all were kept, or by other networks."""
    if not all(found.features for found in diagnoses) or len({len(found.features) for found in diagnoses}) > 1:
        return None
    if len({tuple(sorted(found.model_versions.items())) for found in diagnoses}) > 1:
        return None
    seen = np.array([np.frombuffer(found.features, "<f2") for found in diagnoses], np.float32)
    seen /= np.linalg.norm(seen, axis=1, keepdims=True) + 1e-9
    middle = np.median(seen, axis=0)
    return 1 - seen @ (middle / (np.linalg.norm(middle) + 1e-9))


def _newest(session: Session, patient_id: int) -> list[tuple[Lesion, Diagnosis]]:
    """Each mole in use with the finding of its newest accepted photo."""
    place = func.row_number().over(
        partition_by=Visit.lesion_id, order_by=(Visit.visited_on.desc(), Upload.id.desc(), Diagnosis.id.desc())
    )
    ranked = (
        select(Diagnosis.id, Visit.lesion_id, place.label("place"))
        .join(Upload, Diagnosis.upload_id == Upload.id).join(Visit, Upload.visit_id == Visit.id).join(Lesion, Visit.lesion_id == Lesion.id)
        .where(Lesion.patient_id == patient_id, Lesion.deleted_at.is_(None), Upload.deleted_at.is_(None), Upload.accepted)
        .subquery()
    )  # fmt: skip
    return [
        (mole, found)
        for mole, found in session.execute(
            select(Lesion, Diagnosis).join(ranked, ranked.c.lesion_id == Lesion.id)
            .join(Diagnosis, (Diagnosis.id == ranked.c.id) & (ranked.c.place == 1))
            .options(undefer(Diagnosis.features)).order_by(Lesion.id)
        )
    ]  # fmt: skip
