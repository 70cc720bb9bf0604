"""What several tests use: accounts, a quick stand-in for the networks, and photo bytes."""

from __future__ import annotations

import dataclasses
import sqlite3
from datetime import date
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import cv2
import numpy as np
from PIL import Image

import core
from services import accounts, consent
from services.fields import Details
from services.views import Person

PASSWORD = "seven grey otters"
SIGN_UP = {
    "role": "patient",
    "first_name": "Ann",
    "surname": "Archer",
    "email": "ann@example.org",
    "password": PASSWORD,
    "address": "12 Garden Road",
    "second_address": "",
    "city": "Springfield",
    "state": "Illinois",
    "zip_code": "62701",
    "sex": "female",
    "birth_date": date(1980, 5, 17),
}
"""What may be typed at sign-up, all in order."""

BANDS = {"high_benign": 0.05, "medium_benign": 0.15, "malignant": 0.6, "medium_malignant": 0.85, "high_malignant": 0.95}


def sign_up_arguments(**changes) -> dict[str, object]:
    """Arguments of accounts.sign_up, of what is typed."""
    typed = SIGN_UP | changes
    names = [field.name for field in dataclasses.fields(Details)]
    return {name: value for name, value in typed.items() if name not in names} | {"details": Details(*map(typed.get, names))}


def signed_up(**changes) -> Person:
    """An account with arguments that are in order where none are given; a patient has accepted the consent text."""
    person = accounts.sign_up(**sign_up_arguments(**changes))
    if person.role == "patient":
        consent.accept(person, version=consent.current().version)
    return person


class TinyAnalyser:
    """Answers like core.Analyser within a millisecond: everything darker than half is the lesion."""

    classifiers: ClassVar[list] = [SimpleNamespace(card=SimpleNamespace(details={"bands": BANDS}))]
    model_versions: ClassVar[dict[str, str]] = {"tiny": "1", "other": "1"}

    def __init__(self, probability: float = 0.03, reasons: tuple[str, ...] = ()) -> None:
        self.probability = probability
        self.reasons = reasons
        self.confidence = core.Confidence.HIGH
        self.warnings = ("below_1280x720",)
        self.seen: list[np.ndarray] = []

    def analyse(self, photo: np.ndarray, *, on_step=lambda step: None, **_more) -> core.Analysis:
        self.seen.append(photo)
        height, width = photo.shape[:2]
        for step in ("reading", "checking"):
            on_step(step)
        if self.reasons:
            return core.Analysis(width, height, False, self.reasons, model_versions=self.model_versions)
        on_step("finding")
        mask = cv2.GaussianBlur(photo, (0, 0), 2).mean(axis=2) < 128
        on_step("classifying")
        return core.Analysis(
            width, height, True, (), self.warnings,
            masks={"tiny": mask, "other": ~mask}, chosen="tiny", expected_dice=0.9,
            malignant_probability=self.probability, interval=(self.probability / 2, min(1.0, self.probability * 2)),
            diagnosis=core.Diagnosis.BENIGN if self.probability < 0.5 else core.Diagnosis.MALIGNANT,
            confidence=self.confidence,
            measurements={"area_fraction": float(mask.mean()), "area_px": float(mask.sum())},
            heat_map=np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4), features=np.array([0.5, -1, 2], np.float32),
            model_versions=self.model_versions, elapsed_ms=1.0,
        )


def mask_bytes(*, radius: int = 30, size: tuple[int, int] = (160, 120)) -> bytes:
    """An expert's mask of the disc of `photo_bytes`, as PNG."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.circle(mask, (size[0] // 2, size[1] // 2), radius * size[0] // 160, 255, -1)
    out = BytesIO()
    Image.fromarray(mask).save(out, "PNG")
    return out.getvalue()


def photo_bytes(
    *, radius: int = 30, shift: int = 0, size: tuple[int, int] = (160, 120), format: str = "JPEG", exif: Image.Exif | None = None
) -> bytes:
    """A dark disc on light skin."""
    width, height = size
    rgb = np.full((height, width, 3), (225, 190, 170), np.uint8)
    cv2.circle(rgb, (width // 2 + shift, height // 2), radius, (90, 55, 40), -1, cv2.LINE_AA)
    out = BytesIO()
    Image.fromarray(rgb).save(out, format, **({"exif": exif} if exif else {}))
    return out.getvalue()


def exif_with_place(taken_on: str = "2024:03:05 10:20:30") -> Image.Exif:
    """Camera data as a phone writes it: maker, date, and where the photo was taken."""
    exif = Image.Exif()
    exif[0x010F] = "Phone maker"
    exif.get_ifd(0x8769)[0x9003] = taken_on
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", (52.0, 31.0, 12.0), "E", (13.0, 24.0, 36.0)
    return exif


def damage_a_page(database: Path) -> None:
    """Overwrite the first page of the table of moles in a SQLite file that nobody has open."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'lesion'").fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
