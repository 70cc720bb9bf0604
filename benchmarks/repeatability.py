"""How far do area, shape, colour and probability scatter when the same mole is photographed again?

    python -m benchmarks.repeatability [--lesions 60] [--again 4] [--data ../shared/data] [--weights weights] [--fit]

Real lesions of the held-out part, each photographed again with other tilt, distance, turn, light, blur, noise and JPEG
(benchmarks.rephotograph), and analysed. Sizes are brought to one scale by the known one, as a card does, which takes tilt out too.
Printed: the coefficient of variation of the area and the standard deviation of the probability (median over lesions), how often
growth of 20 % in area and no growth are announced between two photos, and the same figures on the lesions of ham10000 that
were really photographed more than once. With --fit, the standard errors of measurement go to weights/repeatability.json, from lesions of
the parts that were held back from training for such fits (validation and calibration), so that the test part judges them.

Growth is a re-photograph of the lesion made larger by 20 % in area, its rim with it and the skin beyond pushed outward. Of some lesions
the expert outlined the dark middle alone: that one growing into a rim that gives way at once is printed too, and is no growth of
the whole lesion.

Where an outline is so unsure that one photo could not tell 20 %, the patient's result asks for a second photo of the day
(core.change.wants_another_photo), and the visit's sizes are the mean. Printed with it and without.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.rephotograph import Rephotograph, rephotograph
from benchmarks.synthetic_dice import with_interval
from core import Analyser, Analysis, Scale, change
from core.measurement import measure
from core.registration import register
from training.data import Row, read_manifest, read_mask, read_picture

SOURCES = ("ham10000", "ph2")
LONGEST_SIDE_PX = 600
MM_PER_PIXEL = 0.05
CARD_ERROR = 0.0112
"""What core.scale says of the card in most of the scenes of benchmarks.scale_card."""
GROWTH = 1.2
RIM = 0.4
"""Of the radius: how far beyond the expert's outline a lesion may still be seen. Networks outline up to 1.36 times the radius."""
GIVES_WAY = 0.3


@dataclass(frozen=True, eq=False)
class Shown:
    """One lesion with its outline, at most LONGEST_SIDE_PX a side."""

    rgb: NDArray[np.uint8]
    mask: NDArray[np.bool_]


RIMS = (RIM, 0.0)
Retest = tuple[list[change.Measured], list[list[change.Measured]]]
"""Re-photographs of one lesion, and those of it grown with each of RIMS: one, two where the first leaves its outline unsure, none where
no lesion was found."""


def lesions(data: Path, parts: tuple[str, ...], most: int, seed: int) -> Iterator[Shown]:
    """Lesions whose outline is known and lies in the frame: one photo a group, drawn evenly."""
    rows = [row for row in read_manifest(data, SOURCES) if row.part in parts and row.mask]
    rows = list({row.group: row for row in rows}.values())
    order = np.random.default_rng(seed).permutation(len(rows))
    found = 0
    for index in order:
        if found == most:
            return
        shown = read(data, rows[index])
        if not _touches_frame(shown.mask) and 0.02 < shown.mask.mean() < 0.45:
            found += 1
            yield shown


def read(data: Path, row: Row) -> Shown:
    rgb, mask = read_picture(data / row.image), read_mask(data / row.mask)
    shrink = min(1.0, LONGEST_SIDE_PX / max(mask.shape))
    size = round(mask.shape[1] * shrink), round(mask.shape[0] * shrink)
    rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return Shown(np.ascontiguousarray(rgb), cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127)


def _touches_frame(mask: NDArray[np.bool_]) -> bool:
    margin = max(2, round(0.06 * min(mask.shape)))
    inner = mask[margin:-margin, margin:-margin]
    return bool(mask.sum() > inner.sum())


def grown(shown: Shown, growth: float, rim: float = RIM) -> Shown:
    """The lesion larger by `growth` in area about its middle, and what lies within `rim` of its radius around it; skin gives way within
    GIVES_WAY of the radius from there and stays beyond.
    """
    rows, columns = np.nonzero(shown.mask)
    middle_x, middle_y = np.float32(columns.mean()), np.float32(rows.mean())
    y, x = np.mgrid[: shown.mask.shape[0], : shown.mask.shape[1]].astype(np.float32)
    x, y = x - middle_x, y - middle_y
    nearer = np.float32(1 / np.sqrt(growth))
    larger = cv2.remap(shown.mask.astype(np.uint8), x * nearer + middle_x, y * nearer + middle_y, cv2.INTER_NEAREST)
    away = cv2.distanceTransform(1 - larger, cv2.DIST_L2, 5)
    # Inside, the picture is read nearer to the middle; from the grown rim outward that fades out.
    fade = np.clip((away / np.sqrt(np.count_nonzero(shown.mask) / np.pi) - rim) / GIVES_WAY, 0, 1).astype(np.float32)
    shrink = nearer + (1 - nearer) * fade
    map_x, map_y = x * shrink + middle_x, y * shrink + middle_y
    rgb = cv2.remap(shown.rgb, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return Shown(rgb, cv2.remap(shown.mask.astype(np.uint8) * 255, map_x, map_y, cv2.INTER_LINEAR) > 127)


def analysed(analyser: Analyser, again: Rephotograph, scale: Scale) -> change.Measured | None:
    """The visit that this re-photograph makes, sizes in the first photo's pixels times the scale; None where no lesion was found."""
    analysis = analyser.analyse(again.rgb, force=True, scale=scale)
    if analysis.chosen is None:
        return None
    return change.Measured(_at_scale(analysis, again, scale), analysis.malignant_probability, scale, _outlines(analysis))


def _at_scale(analysis: Analysis, again: Rephotograph, scale: Scale) -> dict[str, float]:
    """Measurements with sizes in mm: the mask is laid back onto the first photo's plane, as the card's tilt is taken out."""
    mask = analysis.masks[analysis.chosen]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    flat = cv2.warpPerspective(mask.astype(np.uint8) * 255, again.homography, mask.shape[::-1], flags=flags) > 127
    return analysis.measurements | {name: value for name, value in measure(flat, None, scale).items() if name.endswith(("_mm", "_mm2"))}


def retests(analyser: Analyser, shown: Iterator[Shown], again: int, seed: int, *, scale_error: float) -> list[Retest]:
    """For each lesion its re-photographs, and where scales have an error those of it grown with each of RIMS; every photo's scale is
    off by its own draw of `scale_error`.
    """
    # Second photos are drawn apart, so that the others are the same with and without them.
    rng, for_second = np.random.default_rng(seed), np.random.default_rng((seed, 1))
    rims = RIMS if scale_error else ()
    found = []
    for one in shown:
        off = rng.normal(0, scale_error, again + len(rims))
        scales = iter([Scale(MM_PER_PIXEL * float(np.exp(by)), "card", scale_error) for by in off])
        larger = []
        for rim in rims:
            rgb = grown(one, GROWTH, rim).rgb
            photos = [analysed(analyser, rephotograph(rgb, rng), next(scales))]
            if photos[0] and change.wants_another_photo(photos[0]):
                scale = Scale(MM_PER_PIXEL * float(np.exp(for_second.normal(0, scale_error))), "card", scale_error)
                photos.append(analysed(analyser, rephotograph(rgb, for_second), scale))
            larger.append([photo for photo in photos if photo])
        visits = [visit for scale in scales if (visit := analysed(analyser, rephotograph(one.rgb, rng), scale))]
        if len(visits) >= 2:
            found.append((visits, larger))
    return found


def scatter(found: list[Retest], name: str, kind: change.Kind) -> NDArray[np.float64]:
    """Differences of two photos of one unchanged lesion on the scale of the kind, and the expected Dice of both: pairs x 3."""
    forth = {"relative": np.log, "logit": change.logit, "absolute": np.asarray}[kind]
    differences = []
    for visits, _ in found:
        for first, second in combinations(visits, 2):
            values = np.array([value_of(first, name), value_of(second, name)], float)
            if not np.isnan(values).any() and (values.min() > 0 or kind != "relative"):
                differences.append((np.abs(np.diff(forth(values)))[0], *(visit.outlines[0].expected_dice for visit in (first, second))))
    return np.array(differences)


def value_of(visit: change.Measured, name: str) -> float | None:
    if name == change.PROBABILITY:
        return visit.malignant_probability
    ending = "" if name not in change.SIZES else "_mm2" if name == "area" else "_mm"
    return visit.measurements.get(name + ending)


def fitted(found: list[Retest], source: str) -> dict:
    """The table of core.change. The error is the one that 95 % of the differences keep to, so that long tails count."""
    table = {}
    for name in (*change.SIZES, *change.UNITLESS, change.PROBABILITY):
        kind = "relative" if name in change.SIZES else "logit" if name == change.PROBABILITY else "absolute"
        differences, *dices = scatter(found, name, kind).T
        table[name] = {"error": _rounded(_kept_to(differences, np.full(len(differences), 2.0))), "kind": kind, "lesions": len(found)}
        if name in change.SIZES:
            table[name]["of_outline"] = of_outline(differences, 1 - np.array(dices))
    return {"source": source, "measurements": table}


def of_outline(differences: NDArray[np.float64], lacking: NDArray[np.float64]) -> tuple[float, float]:
    """Errors of core.change.Repeatability.of_outline: of those that 95 % of the differences keep to, the pair narrowest on average.

    `lacking` (2 x pairs) is what both outlines' expected Dice lack to 1. One error for all would be as wide for clear outlines as the
    few unsure ones make it; one for each of several bands hangs on the few differences in it.
    """
    found = []
    for ratio in (0, 0.5, 1, 2, 3, 5, 8, 12, 20, 40):
        # In units of the certain outline's error.
        units = (1 + (ratio * lacking) ** 2).sum(axis=0)
        certain = _kept_to(differences, units)
        found.append((certain * float(np.sqrt(units).mean()), certain, ratio * certain))
    _, *narrowest = min(found)
    return tuple(map(_rounded, narrowest))


def _kept_to(differences: NDArray[np.float64], units: NDArray[np.float64]) -> float:
    """The error that 95 % of the differences keep to; `units` is the variance of each in units of the square of the error."""
    return float(np.percentile(differences / np.sqrt(units), 95) / change.Z95)


def _rounded(error: float) -> float:
    return float(f"{error:.3g}")


def announced(first: change.Measured, second: change.Measured) -> bool:
    return any(one.name == "area_mm2" and one.beyond and one.after > one.before for one in change.compare(first, second))


def as_asked(photo: change.Measured, second: Sequence[change.Measured]) -> change.Measured:
    """The visit of this photo, with the first of `second` where the app asks for one."""
    return change.together(photo, [(one, None) for one in second[:1]]) if change.wants_another_photo(photo) else photo


def report(found: list[Retest]) -> None:
    areas, chances, still, more = [], [], [], {rim: [] for rim in RIMS}
    still_asked, more_asked, asked = [], [], []
    for visits, larger in found:
        sizes = np.array([visit.measurements["area_mm2"] for visit in visits])
        areas.append(100 * sizes.std(ddof=1) / sizes.mean())
        chances.append(np.std([visit.malignant_probability for visit in visits], ddof=1))
        still.append([announced(first, second) for first, second in pairwise(visits)])
        for rim, photos in zip(RIMS, larger, strict=True):
            if photos:
                more[rim].append(announced(visits[0], photos[0]))
        asked += map(change.wants_another_photo, visits)
        if photos := larger[RIMS.index(RIM)]:
            more_asked.append(announced(as_asked(visits[0], visits[1:]), as_asked(photos[0], photos[1:])))
        if len(visits) >= 4:
            still_asked.append(announced(as_asked(visits[0], visits[1:]), as_asked(visits[2], visits[3:])))
    print(f"Area, coefficient of variation, median over lesions: {with_interval(np.median, np.array(areas))} %; target <= 5 %")
    print(f"  mean {np.mean(areas):.1f} %, 90th percentile {np.percentile(areas, 90):.1f} %")
    print(f"Probability, standard deviation, median over lesions: {with_interval(np.median, np.array(chances))}; target <= 0.05")
    print(f"  mean {np.mean(chances):.3f}, 90th percentile {np.percentile(chances, 90):.3f}")
    print(f"Growth of 20 % announced: {with_interval(np.mean, np.array(more[RIM], float))}; target >= 0.90")
    print(f"  of what the expert outlined alone, into its rim: {with_interval(np.mean, np.array(more[0.0], float))}")
    flat = np.array([value for one in still for value in one], float)
    print(f"No growth announced as growth: {with_interval(np.mean, flat)}; target <= 0.05")
    print(f"With a second photo where the app asks for one, {np.mean(asked):.0%} of the visits:")
    print(f"  growth of 20 % announced: {with_interval(np.mean, np.array(more_asked, float))}; target >= 0.90")
    print(f"  no growth announced as growth: {with_interval(np.mean, np.array(still_asked, float))}; target <= 0.05")


def really_photographed_twice(analyser: Analyser, data: Path, most: int) -> None:
    """The same of ham10000's own further photos of a lesion, brought to one scale by registration; nobody knows their true scale."""
    groups: dict[str, list[Row]] = {}
    for row in read_manifest(data, ("ham10000",)):
        if row.part == "test":
            groups.setdefault(row.group, []).append(row)
    pairs = [rows[:2] for rows in groups.values() if len(rows) > 1]
    differences, chances, announcements, refused = [], [], [], 0
    for index in np.random.default_rng(0).permutation(len(pairs))[:most]:
        shown = [read(data, row) for row in pairs[index]]
        analyses = [analyser.analyse(one.rgb, force=True) for one in shown]
        if any(analysis.chosen is None for analysis in analyses):
            continue
        chances.append(np.std([analysis.malignant_probability for analysis in analyses], ddof=1))
        masks = [analysis.masks[analysis.chosen] for analysis in analyses]
        registration = register(*(one.rgb for one in shown), *masks)
        if not registration.accepted or any(_touches_frame(mask) for mask in masks):
            refused += 1
            continue
        visits = [_measured(analysis) for analysis in analyses]
        (area,) = (one for one in change.compare(*visits, registration.relative_scale) if one.name == "area_px")
        differences.append(100 * abs(np.log(area.after / area.before)) / np.sqrt(2))
        announcements.append(area.beyond)
    print(f"ham10000's own further photos: probability, standard deviation, median: {with_interval(np.median, np.array(chances))}")
    print(f"  area after registration, coefficient of variation, median: {with_interval(np.median, np.array(differences))} %")
    print(f"  announced as changed: {with_interval(np.mean, np.array(announcements, float))}")
    print(f"  left out, not in register or cut by the frame: {refused}")


def _measured(analysis: Analysis) -> change.Measured:
    return change.Measured(analysis.measurements, analysis.malignant_probability, None, _outlines(analysis))


def _outlines(analysis: Analysis) -> change.Outlines:
    return (change.Outline(analysis.expected_dice),)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--lesions", type=int, default=60)
    arguments.add_argument("--again", type=int, default=4, help="re-photographs of each")
    arguments.add_argument("--pairs", type=int, default=60, help="lesions of ham10000 with several photos")
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments.add_argument("--weights", type=Path, default=Path("weights"))
    arguments.add_argument("--fit", action="store_true")
    chosen = arguments.parse_args()
    analyser = Analyser.load(chosen.weights)
    if chosen.fit:
        held_back = lesions(chosen.data, ("validation", "calibration"), chosen.lesions, 1)
        networks = ", ".join(f"{name} {version}" for name, version in sorted(analyser.model_versions.items()))
        source = f"re-photographs of real lesions, benchmarks.repeatability --fit; {networks}"
        found = retests(analyser, held_back, chosen.again, 1, scale_error=0.0)
        if not found:
            raise SystemExit(f"The networks of {chosen.weights} found no lesion in two photos of it: train them longer.")
        table = fitted(found, source)
        (chosen.weights / change.TABLE.name).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        print(f"Written: {chosen.weights / change.TABLE.name}. Run again without --fit for the figures on the test part.")
        return
    report(retests(analyser, lesions(chosen.data, ("test",), chosen.lesions, 0), chosen.again, 0, scale_error=CARD_ERROR))
    really_photographed_twice(analyser, chosen.data, chosen.pairs)


if __name__ == "__main__":
    main()
