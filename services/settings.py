"""Settings from the environment, checked once, with a sentence for each mistake."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from db.url import data_folder, database_url
from services.errors import ValidationError

YES = {"1", "true", "yes", "on"}
NO = {"", "0", "false", "no", "off"}


@dataclass(frozen=True)
class Settings:
    """What can be set without touching the code; the environment variable is named in `from_environment`."""

    data: Path
    """Folder of photos and masks."""
    database_url: str
    weights: Path
    """Folder of the exported networks."""
    secure_cookie: bool
    """Send the session cookie over TLS only; to be set wherever TLS ends in front of Moletrail."""
    session_idle: timedelta
    """A log-in ends after this long without a request ..."""
    session_absolute: timedelta
    """... and after this long whatever happens."""

    @property
    def files(self) -> Path:
        """Photos and masks, named by content hash. With the database this is all there is to back up."""
        return self.data / "files"

    @property
    def cache(self) -> Path:
        """Thumbnails and overlays; may be deleted at any time."""
        return self.data / "cache"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read and check all settings; raises ValidationError naming every variable that is wrong."""
    mistakes: dict[str, str] = {}

    def hours(name: str, default: float) -> timedelta:
        text = environment.get(name) or str(default)
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value <= 24 * 365:
            mistakes[name] = f"{name} must be a number of hours between 0 and 8760, not '{text}'."
            return timedelta(hours=default)
        return timedelta(hours=value)

    def flag(name: str) -> bool:
        text = environment.get(name, "").strip().lower()
        if text not in YES | NO:
            mistakes[name] = f"{name} must be yes or no, not '{text}'."
        return text in YES

    url = database_url(environment)
    try:
        make_url(url)
    except ArgumentError:
        mistakes["DATABASE_URL"] = "DATABASE_URL must be a database address such as sqlite:////srv/moletrail.db."
    data = data_folder(environment)
    if data.exists() and not data.is_dir():
        mistakes["MOLETRAIL_DATA"] = f"MOLETRAIL_DATA must be a folder, and {data} is a file."
    settings = Settings(
        data=data,
        database_url=url,
        weights=Path(environment.get("MOLETRAIL_WEIGHTS") or "weights").expanduser().resolve(),
        secure_cookie=flag("MOLETRAIL_SECURE_COOKIE"),
        session_idle=hours("MOLETRAIL_SESSION_IDLE_HOURS", 12),
        session_absolute=hours("MOLETRAIL_SESSION_HOURS", 7 * 24),
    )
    if settings.session_idle > settings.session_absolute:
        mistakes["MOLETRAIL_SESSION_IDLE_HOURS"] = "MOLETRAIL_SESSION_IDLE_HOURS must not be longer than MOLETRAIL_SESSION_HOURS."
    if mistakes:
        raise ValidationError(mistakes)
    return settings


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process."""
    return from_environment(os.environ)
