"""How the networks' calls stand against what doctors and laboratories said of the same photos at this clinic. No name is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import sqrt
from statistics import NormalDist, fmean

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import CareGrant, Diagnosis, Lesion, Review, Role, Upload, User, Visit
from services import body_sites, policy, reviews, risk
from services.audit import Action
from services.unit_of_work import reading, record_view
from services.views import Person

FEWEST = 10
"""With fewer judged moles nothing is said: an interval would span nearly everything."""
CALLS = ("malignant", "uncertain", "benign")
BINS = tuple(edge / 10 for edge in range(11))
"""Edges of the probabilities whose outcomes are counted together."""
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Share:
    """So many of n, with Wilson's 95 % interval (Wilson 1927)."""

    count: int
    n: int

    @property
    def value(self) -> float | None:
        return self.count / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        share, spread = self.count / self.n, _Z**2 / self.n
        middle = share + spread / 2
        reach = _Z * sqrt(share * (1 - share) / self.n + _Z**2 / (4 * self.n**2))
        return max(0.0, (middle - reach) / (1 + spread)), min(1.0, (middle + reach) / (1 + spread))


@dataclass(frozen=True)
class Judged:
    """One mole: the networks' call on the newest photo that was judged, and what it is held for."""

    probability: float
    call: str
    """One of CALLS."""
    malignant: bool
    """By the laboratory where it said so, else by the newest review."""
    by_laboratory: bool
    blind: bool
    """The doctor had not seen the call."""
    visited_on: date
    skin_type: str | None
    region: str


@dataclass(frozen=True)
class Group:
    """Some of the moles, and how the calls on them stand."""

    name: str
    n: int
    sensitivity: Share
    """Of those held for malignant, the ones called malignant. "Uncertain" is no call, and counts as a miss here and below."""
    specificity: Share
    """Of those held for benign, the ones called benign."""


@dataclass(frozen=True)
class Bin:
    """The moles with a probability from `low` to below `high`."""

    low: float
    high: float
    mean: float
    """Of their probabilities."""
    malignant: Share


@dataclass(frozen=True)
class Performance:
    whole: Group
    by_laboratory: int
    """So many of the moles have a result of the laboratory."""
    blind: int
    """So many were judged before the call was seen."""
    table: dict[tuple[str, bool], int]
    """(call, held for malignant) -> moles."""
    months: tuple[Group, ...]
    """Named like 2026-03, the oldest first; by the day of the photo."""
    skin_types: tuple[Group, ...]
    """I to VI, and "not known"."""
    regions: tuple[Group, ...]
    """Named by the codes of body_sites.REGIONS."""
    bins: tuple[Bin, ...]

    @property
    def enough(self) -> bool:
        return self.whole.n >= FEWEST


def performance(actor: Person) -> Performance:
    """Over the patients who share with this doctor; over everybody for an admin."""
    with reading() as session:
        policy.require(session, actor, Action.VIEW_PERFORMANCE)
        everybody = session.get_one(User, actor.id).role == Role.ADMIN
        judged = _judged(session, None if everybody else actor.id)
    record_view(actor, Action.VIEW_PERFORMANCE)
    return summed(judged)


def summed(judged: Sequence[Judged]) -> Performance:
    return Performance(
        whole=_group("all", judged),
        by_laboratory=sum(one.by_laboratory for one in judged),
        blind=sum(one.blind for one in judged),
        table={
            (call, malignant): sum(one.call == call and one.malignant == malignant for one in judged)
            for call in CALLS for malignant in (True, False)
        },
        months=_groups(judged, lambda one: f"{one.visited_on:%Y-%m}"),
        skin_types=_groups(judged, lambda one: one.skin_type or "not known"),
        regions=_groups(judged, lambda one: one.region),
        bins=tuple(_bins(judged)),
    )  # fmt: skip


def _judged(session: Session, doctor_id: int | None) -> list[Judged]:
    """One a mole, so that a mole seen often does not count often: the newest photo that was judged."""
    query = (
        select(
            Lesion.id.label("lesion_id"), Lesion.patient_id, Lesion.body_site, Visit.visited_on, Diagnosis.malignant_probability,
            Diagnosis.diagnosis, Review.malignant, Review.blind, Review.histology_malignant,
        )
        .join(Diagnosis, Review.diagnosis_id == Diagnosis.id)
        .join(Upload, Diagnosis.upload_id == Upload.id)
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
        .where(Lesion.deleted_at.is_(None), Upload.deleted_at.is_(None), reviews.in_force(), Review.opinion_id.is_(None))
        .order_by(Visit.visited_on, Upload.id, Review.histology_malignant.is_not(None), Review.id)
    )
    if doctor_id is not None:
        shared = select(CareGrant.patient_id).where(CareGrant.doctor_id == doctor_id, CareGrant.revoked_at.is_(None))
        query = query.where(Lesion.patient_id.in_(shared))
    newest = {row.lesion_id: row for row in session.execute(query)}
    skin_types = risk.skin_types(session, {row.patient_id for row in newest.values()})
    return [
        Judged(
            probability=row.malignant_probability,
            call=row.diagnosis,
            malignant=row.malignant if row.histology_malignant is None else row.histology_malignant,
            by_laboratory=row.histology_malignant is not None,
            blind=row.blind,
            visited_on=row.visited_on,
            skin_type=skin_types.get(row.patient_id),
            region=body_sites.region_of(row.body_site),
        )
        for row in newest.values()
    ]


def _group(name: str, judged: Iterable[Judged]) -> Group:
    judged = list(judged)
    ill = [one for one in judged if one.malignant]
    well = [one for one in judged if not one.malignant]
    return Group(
        name, len(judged),
        Share(sum(one.call == "malignant" for one in ill), len(ill)), Share(sum(one.call == "benign" for one in well), len(well)),
    )  # fmt: skip


def _groups(judged: Sequence[Judged], name_of: Callable[[Judged], str]) -> tuple[Group, ...]:
    return tuple(_group(name, (one for one in judged if name_of(one) == name)) for name in sorted({name_of(one) for one in judged}))


def _bins(judged: Sequence[Judged]) -> Iterable[Bin]:
    for low, high in pairwise(BINS):
        inside = [one for one in judged if low <= one.probability < high or (high == 1 and one.probability == 1)]
        if inside:
            mean = fmean(one.probability for one in inside)
            yield Bin(low, high, mean, Share(sum(one.malignant for one in inside), len(inside)))
