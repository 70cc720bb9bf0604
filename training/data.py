"""The manifest, its fixed split by group, and pictures held in memory.

A data folder is a `manifest.csv` with one row an image (columns: source, image, mask, group, dx, malignant, melanoma)
beside the files that it names.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from core.preprocess import resize

PARTS = (("train", 0.70), ("validation", 0.08), ("calibration", 0.07), ("test", 0.15))
"""What each part is for: learning; choosing settings; fitting calibration and mask choice; figures and nothing else."""

CLASSES = ("nv", "mel", "bkl", "bcc", "akiec", "vasc", "df")
MALIGNANT_CLASSES = ("mel", "bcc", "akiec")
LONGEST_SIDE_PX = 256
CACHE = Path("runs/cache")


@dataclass(frozen=True)
class Row:
    """One image of the manifest. `malignant` is None where nobody said; `mask` is None where nobody drew one."""

    source: str
    image: str
    mask: str | None
    group: str
    class_name: str | None
    malignant: int | None
    part: str


def part_of(group: str) -> str:
    """Return the part that a group belongs to: the same on every machine, whatever else the folder holds."""
    position = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    for part, share in PARTS:
        if position < share:
            return part
        position -= share
    return PARTS[-1][0]


def read_manifest(folder: Path, sources: tuple[str, ...] | None = None) -> list[Row]:
    """Read the rows of `sources` (all where None) in the manifest's order."""
    with (folder / "manifest.csv").open(newline="") as file:
        return [_row(line) for line in csv.DictReader(file) if sources is None or line["source"] in sources]


def _row(line: dict[str, str]) -> Row:
    # Outside ham10000, benign photos with a malignancy label are moles and malignant ones melanomas (DATA.md).
    malignant = {"0": 0, "1": 1}.get(line["malignant"] or line["melanoma"])
    class_name = line["dx"] if line["dx"] in CLASSES else None
    if class_name is None and malignant is not None:
        class_name = "mel" if malignant else "nv"
    return Row(line["source"], line["image"], line["mask"] or None, line["group"], class_name, malignant, part_of(line["group"]))


def read_picture(path: Path) -> np.ndarray:
    """Read a file of the data folder as H x W x 3 RGB."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(f"{path} is missing or is no picture.")
    return picture[:, :, ::-1]


def read_mask(path: Path) -> np.ndarray:
    """Read an expert's mask as H x W bool."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise FileNotFoundError(f"{path} is missing or is no mask.")
    return mask > 127


class Pictures:
    """Pictures of some rows as uint8 arrays of at most LONGEST_SIDE_PX a side, read once and then mapped from runs/cache.

    `pictures[i]` is the H x W x 3 RGB of `rows[i]`; `masks[i]` its H x W uint8 mask (0 or 255), None where there is none.
    """

    def __init__(self, folder: Path, rows: list[Row], cache: Path = CACHE):
        names = "\n".join(f"{row.image} {row.mask}" for row in rows)
        key = hashlib.sha256(f"{folder.resolve()} {LONGEST_SIDE_PX}\n{names}".encode()).hexdigest()[:16]
        shapes_file, pixels_file = cache / f"{key}.shapes.npy", cache / f"{key}.pixels.bin"
        if not shapes_file.exists():
            cache.mkdir(parents=True, exist_ok=True)
            _write_cache(folder, rows, pixels_file, shapes_file)
        shapes = np.load(shapes_file)
        pixels = np.memmap(pixels_file, np.uint8, "r")
        self.pictures, self.masks = [], []
        position = 0
        for height, width, has_mask in shapes:
            area = int(height) * int(width)
            self.pictures.append(pixels[position : position + 3 * area].reshape(height, width, 3))
            position += 3 * area
            self.masks.append(pixels[position : position + area].reshape(height, width) if has_mask else None)
            position += area * int(has_mask)

        self.lesions_file = cache / f"{key}.lesions.npy"
        """Where the classifier keeps what it knows of the lesions of these pictures."""

    def __len__(self) -> int:
        return len(self.pictures)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        return zip(self.pictures, self.masks, strict=True)


def _write_cache(folder: Path, rows: list[Row], pixels_file: Path, shapes_file: Path) -> None:
    shapes = []
    with pixels_file.open("wb") as file:
        for row in rows:
            picture = read_picture(folder / row.image)
            shrink = min(1.0, LONGEST_SIDE_PX / max(picture.shape[:2]))
            width, height = (max(1, round(side * shrink)) for side in picture.shape[1::-1])
            file.write(np.ascontiguousarray(resize(picture, width, height)).tobytes())
            if row.mask:
                mask = read_mask(folder / row.mask).astype(np.uint8) * 255
                file.write(((resize(mask, width, height) > 127).astype(np.uint8) * 255).tobytes())
            shapes.append((height, width, row.mask is not None))
    np.save(shapes_file, np.array(shapes, np.int64))
