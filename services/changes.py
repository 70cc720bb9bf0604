"""What changed between visits of a mole beyond measurement error, in words. Plain data in and out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from core import change
from core.change import Outline, Outlines
from services.sizes import Link, Shot, relative_scale
from services.words import Preferences

ANNOUNCED = ("area", change.PROBABILITY)
"""What a headline and a mole's state go by. Of a dozen measurements one is beyond its error by chance every second time; these two
are what people act on, and the others stand in the table."""
REPHOTOGRAPHING = "that re-photographing gives"
NOT_COMPARABLE = "Sizes cannot be compared yet: the photos carry no scale, and too little skin around the mole shows in both"


@dataclass(frozen=True)
class Compared:
    """Two visits of one mole."""

    since: date
    changes: tuple[change.Change, ...]
    unit: change.Unit

    def of(self, name: str) -> change.Change | None:
        """The change of a measurement, named without its unit; None where it cannot be compared, as sizes in shares of the frame."""
        names = {name, *(f"{name}_{unit}" for unit in ("mm", "mm2", "px", "fraction"))}
        found = next((one for one in self.changes if one.name in names), None)
        sized = found is not None and found.name != name
        return None if sized and self.unit is change.Unit.FRAME else found

    @property
    def announced(self) -> change.Change | None:
        """The change beyond error that is to be told; None where there is none."""
        return next((one for name in ANNOUNCED if (one := self.of(name)) and one.beyond), None)

    @property
    def matters(self) -> bool:
        """Whether the announced change is one to look at: a probability that fell is told, and no more."""
        found = self.announced
        return found is not None and (found.name != change.PROBABILITY or found.after > found.before)


def compared(first: Shot, second: Shot, links: Iterable[Link]) -> Compared:
    """`first` is the earlier visit."""
    scale = relative_scale(first.upload_id, second.upload_id, links)
    changes = change.compare(first.measured, second.measured, scale)
    return Compared(first.visited_on, changes, change.comparable(first.measured, second.measured, scale))


def against(shots: Sequence[Shot], links: Sequence[Link]) -> tuple[Compared, ...]:
    """The newest of two or more visits against the first and, where that is another, against the one before; by date."""
    *earlier, latest = shots
    return tuple(compared(one, latest, links) for one in (earlier[:1] if len(earlier) == 1 else (earlier[0], earlier[-1])))


def headline(shots: Sequence[Shot], links: Sequence[Link], words: Preferences) -> str:
    """What the visits (by date) say in one sentence, without its full stop; `words` is how its reader reads dates."""
    if not shots:
        return "Not measured yet"
    if len(shots) == 1:
        return f"First measured on {words.date(shots[0].visited_on)}; changes show from the second photo on"
    found = against(shots, links)
    told = next((one for one in found if one.announced), None)
    if told:
        return sentence(told.announced, told.since, words)
    return nothing(found[0], words)


def nothing(found: Compared, words: Preferences) -> str:
    """That nothing changed beyond error since then, as far as that can be said."""
    if found.of("area") is None:
        return NOT_COMPARABLE
    return f"Nothing changed beyond measurement error since {words.date(found.since)}"


def sentence(found: change.Change, since: date, words: Preferences) -> str:
    """E.g. "Grew 24 % since 12 May 2026, beyond the ±8 % that re-photographing gives"."""
    if found.name == change.PROBABILITY:
        verb = "rose" if found.after > found.before else "fell"
        return (
            f"Probability of malignancy {verb} from {100 * found.before:.0f} to {100 * found.after:.0f} % since {words.date(since)}, "
            "beyond what re-photographing gives"
        )
    verb = "Grew" if found.relative > 0 else "Shrank"
    return (
        f"{verb} {abs(found.relative):.0%} since {words.date(since)}, beyond the ±{found.relative_detectable:.0%} {REPHOTOGRAPHING}"
    ).replace("%", " %")


def edges(measurement: str, value: float, pixel_error: float, outlines: Outlines = (Outline(),)) -> tuple[float, float]:
    """Where 95 % of re-photographs would lie about a value; `pixel_error` is the relative error its scale adds."""
    known = change.REPEATABILITY.get(measurement)
    if known is None:
        return value, value
    error = known.error_of(outlines, change.SIZES.get(measurement, 1))
    match known.kind:
        case "relative":
            reach = math.exp(change.Z95 * math.hypot(error, pixel_error))
            return value / reach, value * reach
        case "logit":
            odds, reach = value / max(1e-9, 1 - value), math.exp(change.Z95 * error)
            return odds / reach / (1 + odds / reach), odds * reach / (1 + odds * reach)
    return value - change.Z95 * error, value + change.Z95 * error
