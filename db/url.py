"""Where the database is, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

DEFAULT_DATA = "./data"
FILE_NAME = "moletrail.db"


def data_folder(environment: Mapping[str, str]) -> Path:
    """The folder of photos, masks and, by default, the database: MOLETRAIL_DATA."""
    return Path(environment.get("MOLETRAIL_DATA") or DEFAULT_DATA).expanduser().resolve()


def database_url(environment: Mapping[str, str]) -> str:
    """DATABASE_URL, or the SQLite file in the data folder."""
    return environment.get("DATABASE_URL") or f"sqlite:///{data_folder(environment) / FILE_NAME}"
