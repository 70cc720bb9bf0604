"""How exactly are two photos of one mole laid over each other, and how often wrongly?

    python -m benchmarks.registration [--photos 24] [--data ../shared/data]

Held-out real photos of every source, each photographed again with known tilt, distance, turn, light, blur, noise and JPEG
(benchmarks.rephotograph). Printed: the error over the lesion (mean distance from the true place, as a share of the lesion's diameter)
among the accepted, how many are accepted, and how many are wrong by more than a tenth of the diameter and accepted all the same. Then each
re-photograph is laid over another lesion's photo of the same source: how many of those are accepted, which all are wrong.

Where an expert drew the outline, the lesion is also made larger by a fifth, a half and the whole of its area before it is photographed
again, with a rim beyond that outline (benchmarks.repeatability.grown): how often the skin around it bears the match, and how far off
the relative scale is then. A match that follows the lesion instead would be off by 10, 22 and 41 %, and would hide the growth.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.repeatability import Shown, grown
from benchmarks.rephotograph import Rephotograph, rephotograph
from benchmarks.synthetic_dice import with_interval
from core.registration import Registration, register
from training.data import read_manifest, read_mask, read_picture

SOURCES = ("ham10000", "ph2", "melanoma10k", "fanconic", "mednode")
LONGEST_SIDE_PX = 900
WRONG = 0.1
GROWTHS = (1.0, 1.2, 1.5, 2.0)
WRONG_SCALE = 0.05


def read(data: Path, image: str, mask: str | None) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Photo and outline; where no expert drew one, a disc in the middle of 0.45 of the shorter side, for the error alone."""
    rgb = read_picture(data / image)
    shrink = min(1.0, LONGEST_SIDE_PX / max(rgb.shape[:2]))
    size = round(rgb.shape[1] * shrink), round(rgb.shape[0] * shrink)
    rgb = np.ascontiguousarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    if mask:
        return rgb, cv2.resize(read_mask(data / mask).astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
    y, x = np.ogrid[: size[1], : size[0]]
    return rgb, np.hypot(x - size[0] / 2, y - size[1] / 2) < 0.225 * min(size)


def error(registration: Registration, again: Rephotograph, mask: NDArray[np.bool_]) -> float:
    """Mean distance between found and true place over the lesion, as a share of its diameter in the re-photograph."""
    rows, columns = np.nonzero(mask)
    places = np.column_stack([columns, rows]).astype(np.float64)[:: max(1, len(rows) // 400)]
    true = cv2.perspectiveTransform(places[None], again.homography)[0]
    found = places @ registration.matrix[:, :2].T + registration.matrix[:, 2]
    diameter = np.sqrt(4 * mask.sum() / np.pi * again.area_scale(columns.mean(), rows.mean()))
    return float(np.linalg.norm(true - found, axis=1).mean() / diameter)


def scale_error(registration: Registration, again: Rephotograph, mask: NDArray[np.bool_]) -> float:
    """How far the relative scale is from the true one in the middle of the lesion, as a share of it."""
    rows, columns = np.nonzero(mask)
    return float(registration.relative_scale / np.sqrt(again.area_scale(columns.mean(), rows.mean())) - 1)


def report_growth(data: Path, photos: int) -> None:
    rng = np.random.default_rng(1)
    rows = [row for source in SOURCES for row in read_manifest(data, (source,)) if row.part == "test" and row.mask]
    shown = [Shown(*read(data, rows[index].image, rows[index].mask)) for index in rng.permutation(len(rows))[:photos]]
    for growth in GROWTHS:
        errors, by_skin = [], []
        for one in shown:
            larger = grown(one, growth)
            again = rephotograph(larger.rgb, rng)
            registration = register(one.rgb, again.rgb, one.mask, again.moved(larger.mask))
            by_skin.append(registration.by_skin)
            errors.append(abs(scale_error(registration, again, one.mask)))
        kept = np.array(errors)[by_skin]
        print(
            f"Area {growth - 1:+.0%}: borne by the skin {with_interval(np.mean, np.array(by_skin, float))}; error of the relative scale "
            f"then, median {with_interval(np.median, 100 * kept)} %, root mean square {100 * np.sqrt((kept**2).mean()):.2f} %, "
            f"wrong by more than {WRONG_SCALE:.0%} {with_interval(np.mean, (kept > WRONG_SCALE).astype(float))}; target <= 0.01"
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--photos", type=int, default=24, help="of each source")
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    chosen = arguments.parse_args()
    rng = np.random.default_rng(0)
    errors, accepted, scales, strangers = [], [], [], []
    for source in SOURCES:
        rows = [row for row in read_manifest(chosen.data, (source,)) if row.part == "test"]
        before = None
        own = []
        for index in rng.permutation(len(rows))[: chosen.photos]:
            rgb, mask = read(chosen.data, rows[index].image, rows[index].mask)
            again = rephotograph(rgb, rng)
            drawn = (mask, again.moved(mask)) if rows[index].mask else (None, None)
            registration = register(rgb, again.rgb, *drawn)
            own.append(error(registration, again, mask))
            accepted.append(registration.accepted)
            scales.append(scale_error(registration, again, mask))
            if before is not None:
                strangers.append(register(before[0], again.rgb, before[1], drawn[1]).accepted)
            before = rgb, drawn[0]
        errors += own
        print(f"{source}: median error {100 * np.median(own):.2f} % of the diameter, n = {len(own)}")
    errors, accepted = np.array(errors), np.array(accepted)
    kept = errors[accepted]
    print(f"All accepted, median error: {with_interval(np.median, 100 * kept)} %; target <= 1 %")
    print(f"  95th percentile {100 * np.percentile(kept, 95):.2f} %")
    print(f"Accepted: {with_interval(np.mean, accepted.astype(float))}")
    print(f"Accepted and wrong: {with_interval(np.mean, (accepted & (errors > WRONG)).astype(float))}; target <= 0.01")
    print(f"Different lesions accepted: {with_interval(np.mean, np.array(strangers, float))}; target <= 0.01")
    print(f"Relative scale, standard deviation of its error: {100 * np.std(np.array(scales)[accepted]):.2f} %")
    report_growth(chosen.data, 3 * chosen.photos)


if __name__ == "__main__":
    main()
