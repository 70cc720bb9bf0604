"""What waits for a doctor: over all patients who share with them, one case a mole, the most urgent first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from db.models import AccountState, CareGrant, Lesion, MoleSummary, SecondOpinion, User, Visit
from db.models.diagnosis import Diagnosis
from db.models.upload import Upload
from services import body_sites, mapping, names, policy, states
from services.audit import Action
from services.errors import ValidationError
from services.fields import today
from services.paging import LARGEST, one_of
from services.states import MoleState
from services.summaries import Urgency
from services.unit_of_work import reading, record_view
from services.views import Page, Person
from services.words import Preferences

KINDS = tuple(urgency.name.lower() for urgency in Urgency if urgency is not Urgency.NOTHING)
"""Why a case waits, the most urgent first: refer, opinion, changed, overdue, uncertain, new."""


@dataclass(frozen=True)
class WorkFilter:
    """Which cases; None and no search are no condition."""

    kind: str | None = None
    """One of KINDS."""
    region: str | None = None
    """Part of the body, of services.body_sites.REGIONS."""
    since: date | None = None
    """First day of the last visit."""
    search: str = ""
    """Words of the patient's name, e-mail or number."""


@dataclass(frozen=True)
class Case:
    """One mole that waits."""

    lesion_id: int
    kind: str
    """One of KINDS: the most urgent reason."""
    reason: str
    """What of it is to be referred or has changed, in words without full stop, where the doctor may know; else empty."""
    raised_risk: bool
    """What the patient told of themself raises their risk; False where they do not share with this doctor."""
    patient_id: int | None
    """None, as the name, where the patient does not share with this doctor: a colleague asks about this one mole."""
    patient_name: str
    lesion_name: str
    body_site_label: str
    visit_id: int | None
    """Of the newest accepted photo; that of the question where a colleague asks."""
    upload_id: int | None
    probability: float | None
    """None also where the doctor is to judge without knowing it."""
    change: float | None
    """Relative change of the area beyond error."""
    last_visited_on: date | None
    overdue_since: date | None
    opinion_id: int | None
    asked_by: str


@dataclass(frozen=True)
class WorkList:
    cases: Page[Case]
    counts: dict[str, int]
    """Kind -> number of cases that pass the filter but for its kind."""
    blind: bool
    """The doctor judges before seeing the networks' answer, so none of it is in the list or its order."""

    @property
    def waiting(self) -> int:
        return sum(self.counts.values())


def work_list(actor: Person, *, filter: WorkFilter = WorkFilter(), page: int = 1, size: int = 25) -> WorkList:
    """The cases that pass the filter. Raises ValidationError for a kind or a region that there is not."""
    with reading() as session:
        policy.require(session, actor, Action.VIEW_WORK_LIST)
        waiting = _Waiting(session, actor, filter)
        found = WorkList(_page(session, waiting, filter, page, size), waiting.counts, waiting.blind)
    record_view(actor, Action.VIEW_WORK_LIST)
    return found


def following(actor: Person, *, filter: WorkFilter = WorkFilter()) -> tuple[int, ...]:
    """The moles of the first LARGEST cases in the order of the list, for walking through them."""
    found = work_list(actor, filter=filter, size=LARGEST)
    return tuple(case.lesion_id for case in found.cases.items)


def case_of(actor: Person, *, lesion_id: int) -> Case | None:
    """The case of this mole, None where it does not wait for this doctor (any more)."""
    with reading() as session:
        policy.require(session, actor, Action.VIEW_WORK_LIST)
        waiting = _Waiting(session, actor, WorkFilter(), lesion_id=lesion_id)
        found = _cases(session, waiting.ordered().limit(1), waiting)
    record_view(actor, Action.VIEW_WORK_LIST)
    return found[0] if found else None


@dataclass(frozen=True)
class _Question:
    """What a colleague asked this doctor and still waits for."""

    id: int
    asked_by: str
    blind: bool
    upload_id: int
    visit_id: int


def _questions(session: Session, actor: Person) -> dict[int, _Question]:
    """Lesion id -> the oldest open question about it."""
    query = (
        select(SecondOpinion, User, Upload.id, Visit.id, Visit.lesion_id)
        .join(Diagnosis, SecondOpinion.diagnosis_id == Diagnosis.id)
        .join(Upload, Diagnosis.upload_id == Upload.id)
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
        .join(User, SecondOpinion.asker_id == User.id)
        .where(
            SecondOpinion.colleague_id == actor.id, SecondOpinion.answered_at.is_(None), SecondOpinion.withdrawn_at.is_(None),
            Upload.deleted_at.is_(None), Lesion.deleted_at.is_(None),
            # A question lasts as long as the patient lets the asking doctor see the mole.
            policy.cares_for(patient_id=Lesion.patient_id, doctor_id=SecondOpinion.asker_id),
            User.account_state == AccountState.ACTIVE,
        )
        .order_by(SecondOpinion.id.desc())
    )
    return {
        lesion_id: _Question(opinion.id, mapping.person(asker).full_name, opinion.blind, upload_id, visit_id)
        for opinion, asker, upload_id, visit_id, lesion_id in session.execute(query)
    }


class _Waiting:
    """The moles that wait for one doctor and pass a filter: how many of each kind, and which."""

    def __init__(self, session: Session, actor: Person, filter: WorkFilter, *, lesion_id: int | None = None) -> None:
        _require_known(filter)
        self.words = Preferences.of(actor)
        self.asked = _questions(session, actor)
        is_asked = one_of(MoleSummary.lesion_id, self.asked)
        # Who judges before seeing the networks' answer does not read it from the list either: all of it is new to them.
        self.blind = session.get_one(User, actor.id).blind_reviews
        urgency = case((MoleSummary.urgency < Urgency.NOTHING, Urgency.NEW), else_=Urgency.NOTHING) if self.blind else MoleSummary.urgency
        overdue = and_(urgency > Urgency.OVERDUE, MoleSummary.due_on < today())
        self.rank = case((is_asked, Urgency.OPINION), (overdue, Urgency.OVERDUE), else_=urgency)
        shared = select(CareGrant.patient_id).where(CareGrant.doctor_id == actor.id, CareGrant.revoked_at.is_(None))
        self.shared = MoleSummary.patient_id.in_(shared)
        self.conditions = [
            or_(self.shared, is_asked) if self.asked else self.shared,
            or_(MoleSummary.urgency < Urgency.NOTHING, MoleSummary.due_on < today(), is_asked),
        ]
        if lesion_id is not None:
            self.conditions.append(MoleSummary.lesion_id == lesion_id)
        if filter.region:
            self.conditions.append(MoleSummary.body_site.in_(body_sites.sites_in(filter.region)))
        if filter.since:
            self.conditions.append(MoleSummary.last_visited_on >= filter.since)
        if filter.search.strip():
            self.conditions.append(one_of(MoleSummary.patient_id, names.patients_named(session, actor.id, filter.search)))
        counted = select(self.rank, func.count()).where(*self.conditions).group_by(self.rank)
        numbers = dict(session.execute(counted).all()) if lesion_id is None else {}
        self.counts = {kind: numbers.get(Urgency[kind.upper()], 0) for kind in KINDS}

    def of(self, kinds: list[Urgency]) -> Select[Any]:
        """Those of these kinds, in order."""
        query = self.ordered().where(self.rank.in_(kinds))
        if self.blind or {Urgency.OVERDUE, Urgency.OPINION} & set(kinds):
            return query
        return query.where(MoleSummary.urgency.in_(kinds))  # follows from the rank, and an index knows it

    def ordered(self) -> Select[Any]:
        """Rank, whether the patient shares, and the row; of one kind who is at raised risk first, then in the order that suits it.

        What colleagues ask comes as they asked it: an order by the answer would tell of it to who is to judge blind.
        """
        as_asked = {lesion_id: question.id for lesion_id, question in self.asked.items()}
        return (
            select(self.rank.label("rank"), self.shared.label("shared"), MoleSummary)
            .where(*self.conditions)
            .order_by(
                self.rank,
                *([case(as_asked, value=MoleSummary.lesion_id)] if as_asked else []),
                MoleSummary.raised_risk.desc(),
                case((self.rank == Urgency.OVERDUE, MoleSummary.due_on)),
                case((self.rank == Urgency.CHANGED, func.abs(MoleSummary.change))).desc().nulls_last(),
                MoleSummary.last_visited_on if self.blind else MoleSummary.probability.desc().nulls_last(),
                MoleSummary.lesion_id,
            )
        )


def _page(session: Session, waiting: _Waiting, filter: WorkFilter, page: int, size: int) -> Page[Case]:
    """Only the kinds that this page shows are sorted: there may be a hundred thousand cases of the kinds after them."""
    size = min(max(size, 1), LARGEST)
    wanted = [filter.kind] if filter.kind else list(KINDS)
    total = sum(waiting.counts[kind] for kind in wanted)
    number = min(max(page, 1), max(1, -(-total // size)))
    start, before, shown = (number - 1) * size, 0, []
    skipped = 0
    for kind in wanted:
        after = before + waiting.counts[kind]
        if after <= start:
            skipped = after
        elif before < start + size:
            shown.append(Urgency[kind.upper()])
        before = after
    query = waiting.of(shown).limit(size).offset(start - skipped)
    items = _cases(session, query, waiting) if shown else ()
    return Page(items=items, total=total, number=number, size=size)


def _cases(session: Session, query: Select[Any], waiting: _Waiting) -> tuple[Case, ...]:
    rows = session.execute(query).all()
    ids = [row.MoleSummary.lesion_id for row in rows]
    moles = {lesion.id: (lesion, patient) for lesion, patient in session.execute(select(Lesion, User).join(User).where(Lesion.id.in_(ids)))}
    telling = [row.MoleSummary.lesion_id for row in rows if row.MoleSummary.urgency in (Urgency.REFER, Urgency.CHANGED)]
    # Who judges first is told no reason: none is put in words for them.
    standing = states.states(session, [] if waiting.blind else telling, waiting.words)
    return tuple(
        _case(row, *moles[number], waiting.asked.get(number), standing.get(number), blind=waiting.blind)
        for row, number in zip(rows, ids, strict=True)
    )


def _case(
    row: Row[Any], lesion: Lesion, patient: User, question: _Question | None, standing: MoleState | None, *, blind: bool
) -> Case:
    summary = row.MoleSummary
    overdue = row.shared and summary.due_on is not None and summary.due_on < today()
    told = row.shared and not blind and not (question and question.blind)
    return Case(
        lesion_id=lesion.id,
        kind=Urgency(row.rank).name.lower(),
        reason=standing.reason if standing and told else "",
        raised_risk=row.shared and summary.raised_risk,
        patient_id=patient.id if row.shared else None,
        patient_name=mapping.person(patient).full_name if row.shared else "",
        lesion_name=lesion.name if row.shared else "",
        body_site_label=body_sites.label(lesion.body_site),
        visit_id=question.visit_id if question else summary.visit_id,
        upload_id=question.upload_id if question else summary.upload_id,
        probability=summary.probability if told else None,
        change=summary.change if told else None,
        last_visited_on=summary.last_visited_on if row.shared else None,
        overdue_since=summary.due_on if overdue else None,
        opinion_id=question.id if question else None,
        asked_by=question.asked_by if question else "",
    )


def _require_known(filter: WorkFilter) -> None:
    mistakes = {}
    if filter.kind is not None and filter.kind not in KINDS:
        mistakes["kind"] = "The reason must be one of those of the list."
    if filter.region is not None and filter.region not in body_sites.REGIONS:
        mistakes["region"] = "The body site must be one of those of the list."
    if mistakes:
        raise ValidationError(mistakes)
