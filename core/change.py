"""What changed between visits, beyond what re-photographing the same mole gives.

Two measurements x and y of one thing that did not change differ by more than 1.96 * sqrt(2) * SEM once in twenty times, where SEM is the
standard error of measurement: the smallest detectable change (Bland, Altman, "Measuring agreement in method comparison studies", Stat.
Methods Med. Res. 8, 1999; Weir, "Quantifying test-retest reliability", J. Strength Cond. Res. 19, 2005). Sizes scatter in proportion to
themselves and probabilities on the logit scale, so both are compared there.

Of several photos of one visit each size is the mean, weighted by how certain their outlines are: its variance is the inverse of the sum
of their inverse variances (Cochran, "The combination of estimates from different experiments", Biometrics 10, 1954). Photos that
contradict each other beyond that are no surer for being two: what they contradict each other by counts as a further error of each
(DerSimonian, Laird, "Meta-analysis in clinical trials", Control. Clin. Trials 7, 1986).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Literal

import numpy as np

from core.analysis import Scale

Z95 = 1.96
PROBABILITY = "malignant_probability"
SIZES = {"area": 2, "equivalent_diameter": 1, "longest_diameter": 1, "shortest_diameter": 1, "perimeter": 1}
"""To which power a length enters: how often the error of a scale counts."""
UNITLESS = (
    "asymmetry", "asymmetry_long", "asymmetry_short", "circularity", "fractal_dimension", "solidity", "elongation",
    "colour_contrast", "colour_variation", "colour_asymmetry_long", "colour_asymmetry_short", "colours", "abrupt_segments",
    "abcd_without_structures",
)  # fmt: skip
ENDINGS = ("_mm2", "_mm", "_px", "_fraction")
"""What a size's name ends in, by its unit."""
TABLE = Path(__file__).resolve().parents[1] / "weights" / "repeatability.json"
"""Fitted by `python -m benchmarks.repeatability --fit` on the networks beside it."""

Kind = Literal["relative", "absolute", "logit"]


@dataclass(frozen=True)
class Outline:
    """What is known of one photo's outline."""

    expected_dice: float | None = None
    further_error: float = 0.0
    """Relative standard error of its lengths beside the outline's own: of bringing them to the scale of the photo that stands for the
    visit, and of what the photos of the visit contradict each other by."""


Outlines = tuple[Outline, ...]
"""Of the photos of one visit whose mean its sizes are; first that of the photo that stands for it."""


@dataclass(frozen=True)
class Repeatability:
    """How far a measurement of one mole scatters from photo to photo."""

    error: float
    """Standard error of measurement, without that of the scale: a share of the value where `kind` is relative, else in its unit."""
    kind: Kind
    lesions: int
    """How many lesions it was fitted on, 0 for an assumption."""
    source: str
    of_outline: Sequence[float] | None = None
    """For sizes: the error of a photo whose outline is certain, and what each unit of expected Dice that it lacks adds to that, as
    independent errors add up. An unsure outline moves more."""

    def error_at(self, expected_dice: float | None) -> float:
        """Return the error of one photo; the overall one where nothing is known of its outline."""
        if expected_dice is None or self.of_outline is None:
            return self.error
        certain, lacking = self.of_outline
        return float(np.hypot(certain, lacking * (1 - expected_dice)))

    def error_of(self, outlines: Outlines, power: int = 1) -> float:
        """Return the error of the mean over photos of one visit; that of the first, which stands for the visit, but for sizes.

        `power` is 2 for areas, 1 for lengths: how the photos' errors of scale count.
        """
        if self.kind != "relative":
            return self.error_at(outlines[0].expected_dice)
        return float(np.sum(self.certainties(outlines, power)) ** -0.5)

    def mean_of(self, logarithms: Sequence[float], outlines: Outlines, power: int = 1) -> float:
        """Return the mean of a size's logarithms in photos of one visit, each weighted by the inverse of its variance."""
        return float(np.average(logarithms, weights=self.certainties(outlines, power)))

    def certainties(self, outlines: Outlines, power: int) -> list[float]:
        """Return the inverse variance of each photo."""
        errors = (np.hypot(self.error_at(one.expected_dice), power * one.further_error) for one in outlines)
        return [max(error, 1e-6) ** -2 for error in errors]


def _read(path: Path) -> dict[str, Repeatability]:
    table = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Repeatability(one["error"], one["kind"], one["lesions"], table["source"], one.get("of_outline"))
        for name, one in table["measurements"].items()
    }


REPEATABILITY = _read(TABLE)
"""By name of the measurement without its unit of length ("area", "longest_diameter"), and `malignant_probability`."""


class Unit(StrEnum):
    """In what two visits can be compared."""

    MILLIMETRES = "mm"
    PIXELS = "px"
    """Of one photo, the other one brought to its scale by registration."""
    FRAME = "frame"
    """Share of the frame: the weak one, since it changes with the camera's distance."""


@dataclass(frozen=True)
class Measured:
    """One visit's numbers, as core.Analysis has them."""

    measurements: Mapping[str, float]
    malignant_probability: float | None = None
    scale: Scale | None = None
    outlines: Outlines = (Outline(),)


@dataclass(frozen=True)
class Change:
    """One measurement at two visits, in its own unit."""

    name: str
    """Name with its unit, e.g. area_mm2; after registration *_px is in pixels of the earlier photo."""
    before: float
    after: float
    relative: float | None
    """after / before - 1; None where the scale has no true zero (probability, indices) or before is 0."""
    detectable: float
    """Smallest detectable change of `before`, in the measurement's unit."""
    relative_detectable: float | None
    """The same as a share of `before`."""
    beyond: bool
    """Whether the change is larger than re-photographing gives, 95 %."""


@dataclass(frozen=True)
class Trend:
    """A straight line through visits."""

    per_year: float
    """Slope in the measurement's unit a year; a share a year (0.24: +24 %) where `relative`."""
    interval: tuple[float, float]
    """95 % interval of it."""
    relative: bool
    visits: int
    beyond: bool
    """Whether the interval leaves out no change."""
    at: tuple[float, ...]
    """The line's value at each visit, in the measurement's unit."""


def comparable(first: Measured, second: Measured, relative_scale: float | None = None) -> Unit:
    """Say in which unit sizes of two visits can be compared: mm where both have a scale, pixels where they are in register."""
    if first.scale is not None and second.scale is not None:
        return Unit.MILLIMETRES
    return Unit.FRAME if relative_scale is None else Unit.PIXELS


REGISTRATION_ERROR = 0.01
"""Relative standard error of a registration's relative_scale (benchmarks/registration.py)."""
FRAME_ERROR = 0.10
"""The same of the camera's distance, where a person tries to take the same photo again: an assumption, wide on purpose."""


WORTH_TELLING = 0.2
"""Relative growth in area that a visit should be able to tell."""


def together(standing: Measured, others: Sequence[tuple[Measured, float | None]]) -> Measured:
    """Return what several photos of one visit measure together: the numbers of `standing`, its sizes the means over all photos.

    With each of the others comes the relative scale of an accepted registration of `standing` onto it, None where there is none. One
    whose sizes cannot be brought to one unit with those of `standing` does not count.
    """
    in_unit = [(one, scale) for one, scale in others if comparable(standing, one, scale) is not Unit.FRAME]
    counted = [one for one in in_unit if _larger("area", standing, [one])]
    if not counted:
        return standing
    outlines = *standing.outlines, *(_brought(standing, one) for one, _ in counted)
    larger = {base: found for base in SIZES if (found := _larger(base, standing, counted))}
    outlines = _with_contradiction(larger["area"], outlines)
    measurements = dict(standing.measurements)
    for base, logarithms in larger.items():
        ratio = np.exp(REPEATABILITY[base].mean_of(logarithms, outlines, SIZES[base]))
        for name in (f"{base}{ending}" for ending in ENDINGS):
            if name in measurements:
                measurements[name] = float(measurements[name] * ratio)
    return replace(standing, measurements=measurements, outlines=outlines)


def _larger(base: str, standing: Measured, others: Sequence[tuple[Measured, float | None]]) -> list[float]:
    """By how much a size is larger in each photo of a visit than in the one that stands for it, which comes first: logarithms; empty
    where it was not measured in all.
    """
    pairs = [_pair(base, comparable(standing, one, scale), standing, one, scale) for one, scale in others]
    if base not in REPEATABILITY or not all(pair and min(pair[1:3]) > 0 for pair in pairs):
        return []
    return [0.0, *(float(np.log(after / before)) for _, before, after, _ in pairs)]


def _with_contradiction(areas: Sequence[float], outlines: Outlines) -> Outlines:
    """The outlines, each with a further error where their areas (logarithms) differ by more than 95 of 100 such photos do."""
    from scipy.special import chdtri  # here, as it takes a third of a second and few visits have two photos

    weights = np.array(REPEATABILITY["area"].certainties(outlines, SIZES["area"]))
    freedom = len(areas) - 1
    q = float(weights @ (np.array(areas) - np.average(areas, weights=weights)) ** 2)
    if q <= chdtri(freedom, 0.05):
        return outlines
    variance = (q - freedom) / float(weights.sum() - (weights**2).sum() / weights.sum())
    of_length = np.sqrt(variance) / SIZES["area"]
    return tuple(replace(one, further_error=float(np.hypot(one.further_error, of_length))) for one in outlines)


def _brought(standing: Measured, other: Measured) -> Outline:
    """The other photo's outline as one of the visit: what scales of their own err by is told by `standing.scale`."""
    in_mm = standing.scale is not None and other.scale is not None
    return replace(other.outlines[0], further_error=0.0 if in_mm else REGISTRATION_ERROR)


def detectable_growth(visit: Measured) -> float:
    """Return from which relative growth in area on two visits like this one tell it, as far as outlines and their own scales go."""
    own = visit.scale.relative_error if visit.scale else 0.0
    return smallest_detectable_change("area_mm2", 1.0, own, own, outlines=(visit.outlines, visit.outlines))


def wants_another_photo(visit: Measured) -> bool:
    """Tell whether the outline is so unsure that a growth of WORTH_TELLING would be lost in its error."""
    return detectable_growth(visit) > WORTH_TELLING


def smallest_detectable_change(
    name: str, value: float, *scale_errors: float, outlines: Sequence[Outlines] = ((Outline(),), (Outline(),))
) -> float:
    """Return the 95 % smallest detectable change of a measurement from `value`, in its own unit.

    `scale_errors` are the relative standard errors of the scales of both visits; they count doubly for areas and not at all for
    measures without a length. `outlines` are those of both visits. A growth and a shrinking that are equally detectable differ a
    little in size; this is the growth. Raises KeyError for a name that nobody fitted.
    """
    known = REPEATABILITY[_base(name)]
    spread = Z95 * _spread(name, scale_errors, outlines)
    if known.kind == "relative":
        return value * (float(np.exp(spread)) - 1)
    return float(from_logit(logit(value) + spread)) - value if known.kind == "logit" else spread


def compare(baseline: Measured, latest: Measured, relative_scale: float | None = None) -> tuple[Change, ...]:
    """Compare all that was fitted and measured at both visits, each size in the one unit of `comparable`.

    `relative_scale` is that of an accepted registration of the baseline's photo onto the latest one.
    """
    unit = comparable(baseline, latest, relative_scale)
    changes = []
    for name in REPEATABILITY:
        pair = _pair(name, unit, baseline, latest, relative_scale)
        if pair is not None:
            changes.append(_change(*pair, (baseline.outlines, latest.outlines)))
    return tuple(changes)


def trend(name: str, days: Sequence[date], values: Sequence[float], errors: Sequence[float] = ()) -> Trend | None:
    """Fit a robust line (Theil 1950, Sen 1968) to three or more visits of one unit; None where there are fewer, or all on one day.

    Sizes are fitted as logarithms and probabilities as logits. The interval is that of the line under the visits' errors of measurement
    (500 draws), or from the scatter about the line where that is larger. `errors` are the visits' standard errors in what is fitted,
    relative ones for sizes; the overall one of the measurement where they are left out.
    """
    if len(values) < 3 or len(set(days)) < 2:
        return None
    known = REPEATABILITY[_base(name)]
    if known.kind == "relative" and min(values) <= 0:
        return None
    forth, back = {"relative": (np.log, np.exp), "logit": (logit, from_logit), "absolute": (np.asarray, np.asarray)}[known.kind]
    years = np.array([(day - days[0]).days for day in days]) / 365.25
    heights = forth(np.asarray(values, float))
    slope = float(_slopes(years, heights[None])[0])
    start = float(np.median(heights - slope * years))
    scatter = 1.4826 * float(np.median(np.abs(heights - start - slope * years)))
    spread = np.maximum(errors or [known.error] * len(values), scatter)
    drawn = _slopes(years, np.random.default_rng(0).normal(0, spread, (500, len(values))))
    reach = Z95 * float(drawn.std())
    line = back(start + slope * years)
    edges = slope - reach, slope + reach
    if known.kind == "relative":
        told, interval = float(np.exp(slope) - 1), tuple(float(np.exp(edge) - 1) for edge in edges)
    elif known.kind == "logit":
        ends = [float(from_logit(start + edge) - from_logit(start)) for edge in (slope, *edges)]
        told, interval = ends[0], (ends[1], ends[2])
    else:
        told, interval = slope, edges
    beyond = not edges[0] <= 0 <= edges[1]
    return Trend(told, interval, known.kind == "relative", len(values), beyond, tuple(float(value) for value in line))


def _slopes(years: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return the median slope over all pairs of visits, one for each row of heights."""
    first, second = np.triu_indices(len(years), 1)
    apart = years[second] != years[first]
    first, second = first[apart], second[apart]
    if len(first) > 2000:
        # Of many visits a sample of the pairs tells the median well enough, and stays fast.
        chosen = np.random.default_rng(1).choice(len(first), 2000, replace=False)
        first, second = first[chosen], second[chosen]
    return np.median((heights[:, second] - heights[:, first]) / (years[second] - years[first]), axis=1)


def _change(name: str, before: float, after: float, scale_errors: tuple[float, ...], outlines: tuple[Outlines, Outlines]) -> Change:
    known = REPEATABILITY[_base(name)]
    spread = Z95 * _spread(name, scale_errors, outlines)
    detectable = smallest_detectable_change(name, before, *scale_errors, outlines=outlines)
    ratio = known.kind == "relative" and before > 0 and after > 0
    if ratio:
        distance = abs(np.log(after / before))
    elif known.kind == "logit":
        distance = abs(logit(after) - logit(before))
    else:
        distance = abs(after - before)
    relative, relative_detectable = (after / before - 1, detectable / before) if ratio else (None, None)
    return Change(name, before, after, relative, detectable, relative_detectable, bool(distance > spread))


def _pair(
    name: str, unit: Unit, first: Measured, second: Measured, relative_scale: float | None
) -> tuple[str, float, float, tuple[float, ...]] | None:
    """Return the name with its unit, both values in it and the errors of their scales; None where it was not measured at both."""
    if name == PROBABILITY:
        both = first.malignant_probability, second.malignant_probability
        return None if None in both else (name, *both, ())
    if name in first.measurements and name in second.measurements:
        return name, first.measurements[name], second.measurements[name], ()
    power = SIZES.get(name, 1)
    named = {Unit.MILLIMETRES: f"{name}_mm{'2' if power == 2 else ''}", Unit.PIXELS: f"{name}_px", Unit.FRAME: f"{name}_fraction"}[unit]
    if named not in first.measurements or named not in second.measurements:
        return None
    before, after = first.measurements[named], second.measurements[named]
    if unit is Unit.MILLIMETRES:
        return named, before, after, (first.scale.relative_error, second.scale.relative_error)
    if unit is Unit.PIXELS:
        return named, before, after / relative_scale**power, (REGISTRATION_ERROR,)
    return named, before, after, (FRAME_ERROR,)


def _base(name: str) -> str:
    for ending in ENDINGS:
        if name.endswith(ending) and name.removesuffix(ending) in REPEATABILITY:
            return name.removesuffix(ending)
    return name


def _spread(name: str, scale_errors: Sequence[float], outlines: Sequence[Outlines]) -> float:
    """Return the standard deviation of the difference between two visits without change, on the scale of the measurement's kind."""
    own = sum(REPEATABILITY[_base(name)].error_of(one, _power(name)) ** 2 for one in outlines)
    return float(np.sqrt(own + _power(name) ** 2 * sum(error**2 for error in scale_errors)))


def _power(name: str) -> int:
    """Return how a scale's error counts: doubly in an area, once in a length, not at all in what has no length."""
    base = _base(name)
    return 0 if name == base else SIZES[base]


def logit(probability):
    """Log odds, of probabilities kept 0.0001 from 0 and 1."""
    bounded = np.clip(probability, 1e-4, 1 - 1e-4)
    return np.log(bounded / (1 - bounded))


def from_logit(value):
    return 1 / (1 + np.exp(-np.asarray(value)))
