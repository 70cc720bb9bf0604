"""A patient's moles on the body: how each stands, where it lies on the map, and what the figure looks like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from db.models import User
from services import audit, blind, body_figure, lesions, policy, states
from services.audit import Action
from services.body_figure import BUILDS, SKINS, MapPoint
from services.errors import ValidationError
from services.states import MoleState
from services.unit_of_work import reading, transaction
from services.views import LesionSummary, Person
from services.words import Preferences

URGENCY = (states.REFER, states.CHANGED, states.DUE, states.FINE)
"""What comes first."""


@dataclass(frozen=True)
class Figure:
    """How the body map is drawn."""

    build: str
    skin: str


@dataclass(frozen=True)
class PlacedMole:
    """A mole with how it stands and where it is drawn."""

    mole: LesionSummary
    standing: MoleState
    place: MapPoint | None
    """Its own point, else the middle of its body site; None where the figure does not show the site."""


@dataclass(frozen=True)
class Overview:
    """All moles of a patient, the most urgent first."""

    moles: tuple[PlacedMole, ...]
    figure: Figure

    def in_state(self, state: str) -> tuple[PlacedMole, ...]:
        return tuple(placed for placed in self.moles if placed.standing.state == state)


def overview(actor: Person, *, patient_id: int | None = None) -> Overview:
    """One's own moles, or those of a patient who shares with this doctor."""
    found = lesions.list_lesions(actor, patient_id=patient_id)
    with reading() as session:
        patient = session.get_one(User, actor.id if patient_id is None else patient_id)
        standing = states.states(session, [mole.id for mole in found], Preferences.of(actor))
        figure = _figure(patient)
    placed = [
        PlacedMole(
            mole, blind.standing(standing[mole.id]) if mole.unjudged else standing[mole.id],
            mole.place or body_figure.centre_of(mole.body_site),
        )
        for mole in found if mole.id in standing
    ]
    return Overview(tuple(sorted(placed, key=_urgency)), figure)


def choose_figure(actor: Person, *, build: str, skin: str) -> Figure:
    """How the figure of one's own body map looks from now on. Raises ValidationError with these argument names as keys."""
    with transaction() as session:
        policy.require(session, actor, Action.CHOOSE_FIGURE)
        for name, value, known in (("build", build, BUILDS), ("skin", skin, SKINS)):
            if value not in known:
                raise ValidationError({name: f"Please choose one of: {', '.join(known.values())}."})
        patient = session.get_one(User, actor.id)
        patient.figure_build, patient.figure_skin = build, skin
        audit.record(session, actor_id=actor.id, action=Action.CHOOSE_FIGURE, subject=f"user:{actor.id}", patient_id=actor.id)
        return _figure(patient)


def _figure(patient: User) -> Figure:
    return Figure(patient.figure_build or next(iter(BUILDS)), patient.figure_skin or next(iter(SKINS)))


def _urgency(placed: PlacedMole) -> tuple:
    """By state, then what is due first; moles without a date, which have no photo yet, before those with one."""
    due_on = placed.standing.due_on
    return URGENCY.index(placed.standing.state), due_on or date.min, placed.mole.name.casefold()
