"""`python -m core PHOTO_OR_FOLDER... [--out results.jsonl] [--masks FOLDER] [--force] [--model NAME]`

One JSON object a photo, with the names of core.Analysis; masks as file names. Exit 0 if all photos were read, 1 if some
could not be decoded (named on stderr; the others are still done), 2 on unusable arguments.
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
from core.analysis import Analysis
from core.photo import UnreadablePhoto, encode_mask_png
from core.runtime import UnusableWeights

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
    if options.model is not None and options.model not in analyser.segmenters:
        parser.error(f"no model {options.model}: choose one of {', '.join(analyser.segmenters)}")
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
            print(json.dumps({"photo": str(path)} | to_json(analysis, files)), file=out, flush=True)
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
    parser.add_argument("--model", metavar="NAME", help="use this segmentation network's mask, not the better one")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the exported networks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
