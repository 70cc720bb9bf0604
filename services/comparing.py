"""Two visits of one mole, side by side and over each other."""

from __future__ import annotations

from dataclasses import dataclass

from services import alignments, changes, lesions, states
from services.evolution import shot_of
from services.unit_of_work import reading
from services.views import Person, VisitView


@dataclass(frozen=True)
class Comparison:
    """Two measured visits of a mole; `first` is the earlier. Both are None where fewer than two were measured."""

    lesion_id: int
    lesion_name: str
    visits: tuple[VisitView, ...]
    """All measured ones, oldest first: those that can be chosen."""
    first: VisitView | None
    second: VisitView | None
    aligned: bool
    """The first photo could be laid over the second: alignments.aligned_file has pictures of the two."""
    headline: str
    """What changed between the two beyond error, without its full stop."""


def compare(actor: Person, *, lesion_id: int, first_visit_id: int | None = None, second_visit_id: int | None = None) -> Comparison:
    """Compare two visits of a mole, in whichever order they are named; by itself the newest measured one with the first.

    A visit that was not measured, or is none of this mole, counts as not named. Raises NotFound.
    """
    timeline = lesions.timeline(actor, lesion_id=lesion_id)  # passes the policy and leaves the audit event
    visits = tuple(visit for visit in timeline.visits if visit.finding)
    if len(visits) < 2:
        return Comparison(lesion_id, timeline.lesion.name, visits, None, None, False, "Nothing to compare yet")
    first, second = _chosen(visits, first_visit_id, second_visit_id)
    with reading() as session:
        stored = {shot.upload_id: shot for shot in alignments.shots(session, [first.finding.upload_id, second.finding.upload_id])}
    found = alignments.align(stored[first.finding.upload_id], stored[second.finding.upload_id])
    with reading() as session:
        links = [link for _, link in states.links_of(session, [lesion_id])]
    between = changes.compared(shot_of(first), shot_of(second), links)
    said = changes.sentence(between.announced, between.since) if between.announced else changes.nothing(between)
    return Comparison(lesion_id, timeline.lesion.name, visits, first, second, found.accepted, said)


def _chosen(visits: tuple[VisitView, ...], *asked: int | None) -> tuple[VisitView, VisitView]:
    """The two visits asked for, by date."""
    by_id = {visit.id: visit for visit in visits}
    second = by_id.get(asked[1], visits[-1])
    first = by_id.get(asked[0], visits[0])
    if first is second:
        first = next(visit for visit in visits if visit is not second)
    return (first, second) if visits.index(first) < visits.index(second) else (second, first)
