"""How one mole evolved: every quantity over the visits with its error, what changed beyond that error, and who said what about it."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from io import StringIO

from sqlalchemy import select
from sqlalchemy.orm import Session

import core
from core import change
from core.change import Measured, Outline
from db.models import Diagnosis, Review, Upload, Visit
from services import audit, blind, changes, lesions, policy, reviews, states
from services.audit import Action
from services.changes import Compared
from services.sizes import Link, PixelSize, Shot, Unit, of_visit, pixel_sizes
from services.states import MoleState
from services.unit_of_work import reading, transaction
from services.views import Person, PhotoView, Timeline, VisitView
from services.words import Preferences, digits

SIZES = {
    # unit -> in which area, lengths are told
    Unit.MM: ("mm²", "mm"),
    Unit.FIRST: ("% of the first photo", "% of the first photo"),
    Unit.FRAME: ("% of the frame", "% of the frame"),
}
FEATURES = {"asymmetry": "Asymmetry", "border": "Border irregularity", "colours": "Colours"}
"""The A, B and C of ABCD, each one measurement of core.measurement (MEASURED_BY); the D is the diameter, the E the growth."""
MEASURED_BY = {"asymmetry": "asymmetry", "border": "compactness", "colours": "colours"}


@dataclass(frozen=True)
class Line:
    """One quantity over the visits, in one unit; None where a visit has no value in it."""

    name: str
    label: str
    unit: str
    """Empty where the number has none."""
    values: tuple[float | None, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    """Edges of the error, 95 %."""

    @property
    def top(self) -> float:
        """The highest there is to draw; 1 where there is nothing."""
        return max((high for high in self.highs if high is not None), default=1.0)

    @property
    def foot(self) -> float:
        return min((low for low in self.lows if low is not None), default=0.0)


@dataclass(frozen=True)
class Marker:
    """A word on a visit: a doctor's note or review."""

    visit_id: int
    kind: str
    """note or review."""
    who: str
    words: str
    """In a few words, for a plot."""
    text: str
    """All that was written, as far as this reader may see it."""


@dataclass(frozen=True)
class Evolution:
    """One mole over its visits, oldest first, in numbers that can be compared."""

    timeline: Timeline
    state: MoleState
    headline: str
    """What changed beyond error, or that nothing did, in one sentence without its full stop."""
    changed: bool
    trend: str
    """What three or more visits say together; empty where there are fewer in one unit."""
    lines: tuple[Line, ...]
    compared: tuple[Compared, ...]
    """The newest visit against the first, and against the one before."""
    markers: tuple[Marker, ...]
    means: bool = False
    """Whether the sizes of some visit are the mean over its photos."""

    @property
    def visits(self) -> tuple[VisitView, ...]:
        return self.timeline.visits

    @property
    def area(self) -> Line:
        """In the unit of the newest visit that was measured."""
        return _compared_area(self.lines)

    def lines_of(self, name: str) -> tuple[Line, ...]:
        """The lines of one quantity, one a unit; at least one."""
        return tuple(line for line in self.lines if line.name == name)

    def words_of(self, name: str, visit_id: int) -> str:
        """A visit's number with its unit and error, e.g. "12.4 mm² (11.8 to 13)"; empty where there is none."""
        place = next(place for place, visit in enumerate(self.visits) if visit.id == visit_id)
        for line in self.lines_of(name):
            if line.values[place] is not None:
                low, high = line.lows[place], line.highs[place]
                return f"{digits(line.values[place])} {line.unit}".strip() + f" ({digits(low)} to {digits(high)})"
        return ""


def evolution(actor: Person, *, lesion_id: int) -> Evolution:
    """One mole over its visits, its sizes in the reader's unit. Raises NotFound."""
    found = _evolution(actor, lesion_id)
    return replace(found, lines=tuple(_shown_in(line, Preferences.of(actor)) for line in found.lines))


def _evolution(actor: Person, lesion_id: int) -> Evolution:
    """With millimetres, whoever reads."""
    words = Preferences.of(actor)
    timeline = lesions.timeline(actor, lesion_id=lesion_id)  # passes the policy and leaves the audit event
    with reading() as session:
        links = [link for _, link in states.links_of(session, [lesion_id])]
        hidden = blind.unjudged(session, actor, patient_id=timeline.patient.id)
        judged = tuple(_reviews(session, lesion_id, for_patient=actor.role == "patient", hidden=hidden))
        state = states.states(session, [lesion_id], words)[lesion_id]
    if not timeline.lesion.unjudged:
        return described(timeline, state, links, judged, words)
    return replace(described(timeline, blind.standing(state), links, judged, words), headline=blind.WAITS, changed=False)


def numbers_csv(actor: Person, *, lesion_id: int) -> bytes:
    """The numbers of every visit as CSV: one row a visit, for each quantity its value, the edges of its error (95 %) and its unit.

    For other programs: in millimetres, whatever unit the reader prefers.
    """
    found = _evolution(actor, lesion_id)
    with transaction() as session:
        patient_id = found.timeline.patient.id
        policy.require(session, actor, Action.EXPORT_TIMELINE, patient_id=patient_id)
        audit.record(session, actor_id=actor.id, action=Action.EXPORT_TIMELINE, subject=f"lesion:{lesion_id}", patient_id=patient_id)
    out = StringIO()
    rows = csv.writer(out)
    names = list(dict.fromkeys(line.name for line in found.lines))
    columns = [f"{name}{part}" for name in names for part in ("", "_low", "_high", "_unit")]
    rows.writerow(["date", "finding", "confidence", "scale", *columns])
    for place, visit in enumerate(found.visits):
        said = [visit.finding.diagnosis, visit.finding.confidence] if visit.finding else ["refused" if visit.photo else "no photo", ""]
        scale = visit.photo.scale.source if visit.photo and visit.photo.scale else ""
        rows.writerow([visit.visited_on, *said, scale, *(cell for name in names for cell in _cells(found.lines_of(name), place))])
    return out.getvalue().encode()


def _cells(lines: Sequence[Line], place: int) -> list[str]:
    for line in lines:
        if line.values[place] is not None:
            return [*(f"{edge[place]:.6g}" for edge in (line.values, line.lows, line.highs)), line.unit]
    return [""] * 4


# --- for services that passed the policy already ---


def described(
    timeline: Timeline, state: MoleState, links: Sequence[Link], judged: Sequence[Marker] = (), words: Preferences = Preferences()
) -> Evolution:
    """The evolution of what is known of a mole: `links` say which photos lie over each other, `judged` are the reviews."""
    shots = {visit.id: shot_of(visit, links) for visit in timeline.visits if visit.finding}
    in_order = list(shots.values())
    lines = _lines(timeline.visits, shots, pixel_sizes(in_order, links))
    compared = changes.against(in_order, links) if len(in_order) > 1 else ()
    area = _compared_area(lines)
    # Shares of the frame go up and down with the camera's distance.
    trend = _trend(timeline.visits, area) if area.unit != SIZES[Unit.FRAME][0] else ""
    notes = [Marker(visit.id, "note", note.author, "Note", note.text) for visit in timeline.visits for note in visit.notes]
    changed = any(one.matters for one in compared)
    said = changes.headline(in_order, links, words)
    means = any(len(shot.measured.outlines) > 1 for shot in in_order)
    return Evolution(timeline, state, said, changed, trend, lines, compared, (*notes, *judged), means)


def shot_of(visit: VisitView, links: Sequence[Link] = ()) -> Shot:
    """The numbers of a visit that was measured, sizes over all its photos."""
    return of_visit([_photo_shot(photo, visit.visited_on) for photo in visit.photos if photo.accepted and photo.finding], links)


def asks_for_another(visit: VisitView) -> str:
    """Why a second photo of the day would make the visit's sizes surer, for the patient; empty where one photo is sure enough, and
    where there are two already."""
    measured = [photo for photo in visit.photos if photo.accepted and photo.finding]
    if len(measured) != 1:
        return ""
    alone = shot_of(visit).measured
    if not change.wants_another_photo(alone):
        return ""
    least = 100 * change.detectable_growth(alone)
    return (
        "The edge of the mole is hard to tell in this photo: against a photo of another day it alone would show a growth only from "
        f"about {least:.0f} % on. Add a second photo of the same day, and the timeline goes by both."
    )


def _photo_shot(photo: PhotoView, day: date) -> Shot:
    finding, own = photo.finding, photo.scale
    scale = core.Scale(own.mm_per_pixel, own.source, own.relative_error) if own else None
    outlines = (Outline(finding.expected_dice),)
    return Shot(photo.id, day, Measured(finding.measurements, finding.malignant_probability, scale, outlines))


def _reviews(session: Session, lesion_id: int, *, for_patient: bool, hidden: Collection[int]) -> Iterator[Marker]:
    """The reviews in force, but of these diagnoses; a colleague's answer to a doctor is the doctors' own."""
    query = (
        select(Upload.visit_id, Review)
        .join(Diagnosis, Review.diagnosis_id == Diagnosis.id)
        .join(Upload, Diagnosis.upload_id == Upload.id)
        .join(Visit, Upload.visit_id == Visit.id)
        .where(Visit.lesion_id == lesion_id, Upload.deleted_at.is_(None), reviews.in_force(), Review.opinion_id.is_(None))
        .order_by(Review.id)
    )
    for visit_id, review in session.execute(query):
        if review.diagnosis_id in hidden:
            continue
        shown = reviews.view(review)
        if for_patient:
            words, text = "Review", f"{shown.for_patient}\n{reviews.PLAIN[review.management]}".strip()
        else:
            words, text = f"{shown.held_for.capitalize()}; {reviews.MANAGEMENT[review.management].lower()}", shown.reason
        yield Marker(visit_id, "review", shown.author, words, text)


Number = tuple[float, float]
"""A value, and the relative standard error of the pixel's size that it was told with."""


def _lines(visits: Sequence[VisitView], shots: Mapping[int, Shot], pixels: Mapping[int, PixelSize]) -> tuple[Line, ...]:
    """Every quantity; sizes once for each unit that some visit has."""
    in_unit: dict[Unit, dict[int, Shot]] = {unit: {} for unit in Unit}
    for visit_id, shot in shots.items():
        in_unit[pixels[shot.upload_id].unit][visit_id] = shot
    units = [unit for unit in Unit if in_unit[unit]] or [Unit.FRAME]
    lines = [
        _line(
            visits, name, label, SIZES[unit][2 - change.SIZES[measurement]], measurement,
            _sizes(in_unit[unit], pixels, unit, measurement), shots,
        )
        for name, label, measurement in (("area", "Area", "area"), ("diameter", "Longest diameter", "longest_diameter"))
        for unit in units
    ]
    for name, label in FEATURES.items():
        measurement = MEASURED_BY[name]
        found = {
            visit_id: (shot.measured.measurements[measurement], 0.0)
            for visit_id, shot in shots.items() if measurement in shot.measured.measurements
        }
        lines.append(_line(visits, name, label, "", measurement, found, shots))
    lines += [_growth(lines), _probability(visits)]
    return tuple(lines)


def _sizes(shots: Mapping[int, Shot], pixels: Mapping[int, PixelSize], unit: Unit, measurement: str) -> dict[int, Number]:
    """Visit -> area or length of its lesion in this unit."""
    power = change.SIZES[measurement]
    in_mm = f"{measurement}_mm{'2' if power == 2 else ''}"
    found: dict[int, Number] = {}
    first: float | None = None
    for visit_id, shot in shots.items():
        told, pixel = shot.measured.measurements, pixels[shot.upload_id]
        if f"{measurement}_px" not in told:
            continue
        size = told[f"{measurement}_px"] * pixel.value**power
        first = first or size
        match unit:
            case Unit.MM:
                # Of a tilted photo the card tells more than one size of a pixel, and what was measured in it is the better number.
                size = told.get(in_mm, size) if shot.measured.scale else size
            case Unit.FIRST:
                size = 100 * size / first
            case Unit.FRAME:
                size = 100 * told["area_fraction"] if power == 2 else 100 * size * math.sqrt(told["area_fraction"] / told["area_px"])
        found[visit_id] = (size, power * pixel.error)
    return found


def _line(
    visits: Sequence[VisitView], name: str, label: str, unit: str, measurement: str, numbers: Mapping[int, Number],
    shots: Mapping[int, Shot],
) -> Line:
    values = tuple(numbers[visit.id][0] if visit.id in numbers else None for visit in visits)
    edges = [
        changes.edges(measurement, *numbers[visit.id], shots[visit.id].measured.outlines) if visit.id in numbers else (None, None)
        for visit in visits
    ]
    return Line(name, label, unit, values, tuple(low for low, _ in edges), tuple(high for _, high in edges))


def _shown_in(line: Line, preferences: Preferences) -> Line:
    """The line in the unit that this reader prefers."""
    factor, unit = preferences.shown_in(line.unit)
    if unit == line.unit:
        return line
    values, lows, highs = (
        tuple(None if value is None else value * factor for value in edge) for edge in (line.values, line.lows, line.highs)
    )
    return replace(line, unit=unit, values=values, lows=lows, highs=highs)


def _growth(lines: Sequence[Line]) -> Line:
    """Area against the first visit that it can be compared with, in %."""
    area = _compared_area(lines)
    first = next(filter(None, area.values), None) if area.unit != SIZES[Unit.FRAME][0] else None
    edges = (
        tuple(None if first is None or value is None else 100 * value / first - 100 for value in edge)
        for edge in (area.values, area.lows, area.highs)
    )
    return Line("growth", "Growth", "%", *edges)


def _compared_area(lines: Sequence[Line]) -> Line:
    """The area in the unit of the newest visit that was measured."""
    areas = [line for line in lines if line.name == "area"]
    return max(areas, key=lambda line: max((place for place, value in enumerate(line.values) if value is not None), default=-1))


def _probability(visits: Sequence[VisitView]) -> Line:
    """In %, with what the networks disagree on or what re-photographing gives, whichever is wider."""
    found = [visit.finding for visit in visits]
    both = [(changes.edges(change.PROBABILITY, one.malignant_probability, 0.0), one.interval) if one else None for one in found]
    return Line(
        "probability", "Probability of malignancy", "%",
        tuple(100 * one.malignant_probability if one else None for one in found),
        tuple(100 * min(low for low, _ in edges) if edges else None for edges in both),
        tuple(100 * max(high for _, high in edges) if edges else None for edges in both),
    )


def _trend(visits: Sequence[VisitView], area: Line) -> str:
    """How the area went over three or more visits in one unit."""
    measured = [(visit.visited_on, value, high) for visit, value, high in zip(visits, area.values, area.highs, strict=True) if value]
    errors = [math.log(high / value) / change.Z95 for _, value, high in measured]
    found = change.trend("area", [day for day, _, _ in measured], [value for _, value, _ in measured], errors)
    if found is None:
        return ""
    if not found.beyond:
        return f"Over {found.visits} visits the area went neither up nor down beyond error."
    low, high = (f"{100 * edge:+.0f}" for edge in found.interval)
    return f"Over {found.visits} visits the area changed by {100 * found.per_year:+.0f} % a year (95 %: {low} to {high} %)."
