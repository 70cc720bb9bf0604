"""Two visits of one mole, side by side and over each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from core.registration import Registration
from services import alignments, changes, lesions, states
from services.evolution import shot_of
from services.unit_of_work import reading
from services.views import Person, VisitView
from services.words import Preferences

MOST_TRIED = 8
"""So many pairs of visits are laid over each other in search of one that does; what was tried is kept and costs nothing again."""


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
    by_skin: bool
    """The skin around the mole bears that. Else the moles themselves lie over each other, and what one grew by does not show."""
    instead: bool
    """Nobody named these two: the first and the newest photo do not lie over each other, and they are the newest that do."""
    headline: str
    """What changed between the two beyond error, without its full stop."""
    unjudged: int
    """So many visits are left out for a doctor who is to judge them first, see services.blind."""


def compare(actor: Person, *, lesion_id: int, first_visit_id: int | None = None, second_visit_id: int | None = None) -> Comparison:
    """Compare two visits of a mole, in whichever order they are named; by itself the newest measured one with the first.

    Where those do not lie over each other and nobody named a visit, the newest two that do. A visit that was not measured, or is none
    of this mole, counts as not named. Raises NotFound.
    """
    timeline = lesions.timeline(actor, lesion_id=lesion_id)  # passes the policy and leaves the audit event
    visits = tuple(visit for visit in timeline.visits if visit.finding)
    unjudged = sum(visit.photo is not None and visit.photo.unjudged for visit in timeline.visits)
    if len(visits) < 2:
        return Comparison(lesion_id, timeline.lesion.name, visits, None, None, False, False, False, "Nothing to compare yet", unjudged)
    usual = first, second = _chosen(visits, first_visit_id, second_visit_id)
    found = _laid(first, second)
    if not found.accepted and not {first_visit_id, second_visit_id} & {visit.id for visit in visits}:
        others = ((pair, _laid(*pair)) for pair in _newest_pairs(visits) if pair != usual)
        (first, second), found = next((other for other in others if other[1].accepted), (usual, found))
    instead = (first, second) != usual
    with reading() as session:
        links = [link for _, link in states.links_of(session, [lesion_id])]
    between = changes.compared(shot_of(first, links), shot_of(second, links), links)
    words = Preferences.of(actor)
    said = changes.sentence(between.announced, between.since, words) if between.announced else changes.nothing(between, words)
    return Comparison(lesion_id, timeline.lesion.name, visits, first, second, found.accepted, found.by_skin, instead, said, unjudged)


def _laid(first: VisitView, second: VisitView) -> Registration:
    with reading() as session:
        stored = {shot.upload_id: shot for shot in alignments.shots(session, [first.finding.upload_id, second.finding.upload_id])}
    return alignments.align(stored[first.finding.upload_id], stored[second.finding.upload_id])


def _newest_pairs(visits: tuple[VisitView, ...]) -> Iterator[tuple[VisitView, VisitView]]:
    """Pairs by date, the newest visits first: each visit with the one before, then with the one before that."""
    pairs = ((visits[at - apart], visits[at]) for at in range(len(visits) - 1, 0, -1) for apart in (1, 2) if apart <= at)
    return islice(pairs, MOST_TRIED)


def _chosen(visits: tuple[VisitView, ...], *asked: int | None) -> tuple[VisitView, VisitView]:
    """The two visits asked for, by date."""
    by_id = {visit.id: visit for visit in visits}
    second = by_id.get(asked[1], visits[-1])
    first = by_id.get(asked[0], visits[0])
    if first is second:
        first = next(visit for visit in visits if visit is not second)
    return (first, second) if visits.index(first) < visits.index(second) else (second, first)
