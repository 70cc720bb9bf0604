"""`python -m core PHOTO_OR_FOLDER... [--out results.jsonl] [--masks FOLDER] [--force] [--model NAME] [--truth MASK_OR_FOLDER]`

One JSON object a photo, with the names of core.Analysis; masks as file names. With an expert's masks also `truth`: Dice and Jaccard of
every mask. Exit 0 if all photos were read, 1 if some, or their expert's masks, could not be (named on stderr; the others are still
done), 2 on unusable arguments.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from core.analyser import Analyser
from core.analysis import Analysis, Mask
from core.photo import UnreadablePhoto, encode_mask_png, read_photo
from core.runtime import UnusableWeights
from core.segmentation import agreement

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".bmp"}


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    photos = list(_photos(parser, options.photos))
    try:
        analyser = Analyser.load(options.weights)
    except UnusableWeights as error:
        parser.error(str(error))
    if options.model is not None and options.model not in analyser.mask_names:
        parser.error(f"no model {options.model}: choose one of {', '.join(analyser.mask_names)}")
    if options.truth is not None and not options.truth.exists():
        parser.error(f"{options.truth} does not exist")
    try:
        if options.masks:
            options.masks.mkdir(parents=True, exist_ok=True)
        out = options.out.open("w", encoding="utf-8") if options.out else sys.stdout
    except OSError as error:
        parser.error(f"{error.filename} cannot be written: {error.strerror}")

    unread = 0
    taken: set[Path] = set()
    try:
        for number, (path, name) in enumerate(photos, 1):
            try:
                analysis = analyser.analyse(path, force=options.force, model=options.model)
            except UnreadablePhoto as error:
                unread += 1
                print(f"{path}: {error}", file=sys.stderr, flush=True)
                continue
            files = _write_mask(analysis, options.masks, name, taken) if options.masks else {}
            line = {"photo": str(path)} | to_json(analysis, files)
            if options.truth is not None:
                try:
                    line["truth"] = against(analysis, _truth_of(options.truth, name))
                except UnreadablePhoto as error:
                    unread += 1
                    line["truth"] = None
                    print(f"{path}: its expert's mask: {error}", file=sys.stderr, flush=True)
            print(json.dumps(line), file=out, flush=True)
            if sys.stderr.isatty() or number % 10 == 0 or number == len(photos):
                print(f"{number} of {len(photos)}", file=sys.stderr, end="\r" if sys.stderr.isatty() else "\n", flush=True)
    finally:
        if out is not sys.stdout:
            out.close()
    return 1 if unread else 0


def to_json(analysis: Analysis, mask_files: dict[str, str]) -> dict[str, Any]:
    """Return an analysis as JSON types, masks as the names of the files that hold them."""
    values = {one.name: getattr(analysis, one.name) for one in fields(analysis)}
    values["masks"] = mask_files
    for name in ("heat_map", "features"):
        if values[name] is not None:
            values[name] = np.round(values[name].astype(np.float64), 3).tolist()
    if analysis.scale is not None:
        values["scale"] = {one.name: getattr(analysis.scale, one.name) for one in fields(analysis.scale)}
    return values


def against(analysis: Analysis, truth: Mask) -> dict[str, dict[str, float]]:
    """Return Dice and Jaccard of every mask with the expert's."""
    found = agreement(analysis.masks, truth)
    return {name: {"dice": round(dice, 4), "jaccard": round(jaccard, 4)} for name, (dice, jaccard) in found.items()}


def _truth_of(truth: Path, name: Path) -> Mask:
    """Return the expert's mask of the photo `name`: the file itself, or NAME.png, NAME_segmentation.png or NAME_lesion.* in a folder."""
    if truth.is_dir():
        stems = (name.stem, f"{name.stem}_segmentation", f"{name.stem}_lesion")
        places = [truth / name.with_name(f"{stem}{ending}") for stem in stems for ending in (".png", ".bmp", ".jpg")]
        truth = next((place for place in places if place.is_file()), places[0])
    return read_photo(truth).rgb.max(axis=2) > 127


def _write_mask(analysis: Analysis, folder: Path, name: Path, taken: set[Path]) -> dict[str, str]:
    """Write the chosen mask, or an empty one where the networks found nothing; returns model -> file name."""
    if not analysis.masks:
        return {}
    model = analysis.chosen or next(iter(analysis.masks))
    target, number = name.with_suffix(".png"), 1
    while target in taken:  # a.jpg and a.webp beside each other, or in two of the folders
        number += 1
        target = name.with_name(f"{name.stem}-{number}.png")
    taken.add(target)
    (folder / target).parent.mkdir(parents=True, exist_ok=True)
    (folder / target).write_bytes(encode_mask_png(analysis.masks[model]))
    return {model: str(target)}


def _photos(parser: argparse.ArgumentParser, paths: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield each photo's path and its name below the argument that it came from; folders are walked in order."""
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.suffix.lower() in EXTENSIONS and one.is_file())
            if not inside:
                parser.error(f"{path} holds no photo")
            yield from ((one, one.relative_to(path)) for one in inside)
        elif path.exists():
            yield path, Path(path.name)
        else:
            parser.error(f"{path} does not exist")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core", description="Find, measure and judge the mole in each photo.")
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO_OR_FOLDER")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON lines here instead of to stdout")
    parser.add_argument("--masks", type=Path, metavar="FOLDER", help="write each photo's mask here as PNG")
    parser.add_argument("--force", action="store_true", help="analyse also what would be refused")
    parser.add_argument("--model", metavar="NAME", help="use this mask (a segmentation network's name, or fusion), not the best one")
    truth = "compare all masks with an expert's: this one, or those in this folder, named like the photos"
    parser.add_argument("--truth", type=Path, metavar="MASK_OR_FOLDER", help=truth)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the exported networks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
