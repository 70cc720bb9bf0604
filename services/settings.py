"""Settings from the environment, checked once, with a sentence for each mistake."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from db.url import data_folder, database_url
from services.errors import ValidationError

REQUIRE_TOTP = {"none": frozenset(), "staff": frozenset({"doctor", "admin"}), "all": frozenset({"patient", "doctor", "admin"})}
"""Value of MOLETRAIL_REQUIRE_TOTP -> the roles that have to log in with a second step."""
VARIABLES = frozenset({
    "MOLETRAIL_DATA", "MOLETRAIL_WEIGHTS", "MOLETRAIL_SECURE_COOKIE", "MOLETRAIL_SESSION_IDLE_HOURS", "MOLETRAIL_SESSION_HOURS",
    "MOLETRAIL_REQUIRE_TOTP", "MOLETRAIL_KEY", "MOLETRAIL_URL", "MOLETRAIL_SMTP", "MOLETRAIL_MAIL_FROM", "MOLETRAIL_METRICS_TOKEN",
    "MOLETRAIL_ADMIN_PASSWORD", "MOLETRAIL_TEST_DATABASE_URL",
})  # fmt: skip
"""All there are of this name: one that is misspelt would leave, say, the second step optional without a word."""
SECRET = frozenset({"database_url", "keys", "metrics_token", "smtp"})
"""Settings that are or hold a password or key; what prints all settings leaves them out."""
DATABASE_EXAMPLE = "DATABASE_URL must be a database address such as sqlite:////srv/moletrail.db."
YES = {"1", "true", "yes", "on"}
NO = {"", "0", "false", "no", "off"}


@dataclass(frozen=True)
class Settings:
    """What can be set without touching the code; the environment variable is named in `from_environment`."""

    data: Path
    """Folder of photos and masks."""
    database_url: str = field(repr=False)
    weights: Path
    """Folder of the exported networks."""
    secure_cookie: bool
    """Send the session cookie over TLS only; to be set wherever TLS ends in front of Moletrail."""
    session_idle: timedelta
    """A log-in ends after this long without a request ..."""
    session_absolute: timedelta
    """... and after this long whatever happens."""
    require_totp: str
    """Who has to log in with a second step, see REQUIRE_TOTP."""
    keys: tuple[str, ...] = field(repr=False)
    """Keys of services.sealing, the one in use first; empty: one is kept in the data folder."""
    metrics_token: str = field(repr=False)
    """Who sends it sees /metrics; empty: only programs on this machine do."""
    smtp: str | None = field(repr=False)
    """Server that sends e-mail, as smtp://user:password@host:587 (STARTTLS) or smtps://; None: messages go to the log."""
    mail_from: str
    public_url: str
    """Where people reach this site; links in e-mails begin with it. Never taken from a request, which could name another place."""

    def requires_totp(self, role: str) -> bool:
        return role in REQUIRE_TOTP[self.require_totp]

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
    mistakes = {
        name: f"There is no setting {name}; README lists all there are."
        for name in sorted(environment)
        if name.startswith("MOLETRAIL_") and name not in VARIABLES
    }

    def text(name: str) -> str:
        return environment.get(name, "").strip()

    def hours(name: str, default: float) -> timedelta:
        said = text(name) or str(default)
        try:
            value = float(said)
        except ValueError:
            value = 0.0
        if not 0 < value <= 24 * 365:
            mistakes[name] = f"{name} must be a number of hours between 0 and 8760, not '{said}'."
            return timedelta(hours=default)
        return timedelta(hours=value)

    def flag(name: str) -> bool:
        said = text(name).lower()
        if said not in YES | NO:
            mistakes[name] = f"{name} must be yes or no, not '{said}'."
        return said in YES

    keys = tuple(key.strip() for key in text("MOLETRAIL_KEY").split(",") if key.strip())
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            mistakes["MOLETRAIL_KEY"] = "MOLETRAIL_KEY must be one or several keys as README tells how to make them, separated by commas."
    metrics_token = text("MOLETRAIL_METRICS_TOKEN")
    if metrics_token and (len(metrics_token) < 16 or not metrics_token.isascii()):
        mistakes["MOLETRAIL_METRICS_TOKEN"] = "MOLETRAIL_METRICS_TOKEN must be at least 16 plain characters."
    require_totp = text("MOLETRAIL_REQUIRE_TOTP").lower() or "none"
    if require_totp not in REQUIRE_TOTP:
        mistakes["MOLETRAIL_REQUIRE_TOTP"] = f"MOLETRAIL_REQUIRE_TOTP must be none, staff or all, not '{require_totp}'."
    smtp = text("MOLETRAIL_SMTP") or None
    if smtp is not None and not _is_address(smtp, "smtp", "smtps"):
        mistakes["MOLETRAIL_SMTP"] = "MOLETRAIL_SMTP must be like smtp://user:password@mail.example.org:587 or smtps://mail.example.org."
    public_url = (text("MOLETRAIL_URL") or "http://localhost:8501").rstrip("/")
    if not _is_address(public_url, "http", "https"):
        mistakes["MOLETRAIL_URL"] = f"MOLETRAIL_URL must be the address of this site, like https://moles.example.org, not '{public_url}'."
    mail_from = text("MOLETRAIL_MAIL_FROM") or f"Moletrail <no-reply@{_host(public_url)}>"
    if "@" not in parseaddr(mail_from)[1] or not mail_from.isprintable():
        mistakes["MOLETRAIL_MAIL_FROM"] = "MOLETRAIL_MAIL_FROM must be a sender on one line, like Moletrail <no-reply@example.org>."
    url = database_url(environment)
    if mistake := _database_mistake(url):
        mistakes["DATABASE_URL"] = mistake
    weights = Path(text("MOLETRAIL_WEIGHTS") or "weights").expanduser().resolve()
    if text("MOLETRAIL_WEIGHTS") and not weights.is_dir():
        mistakes["MOLETRAIL_WEIGHTS"] = f"MOLETRAIL_WEIGHTS must be the folder of the networks, and {weights} is none."
    data = data_folder(environment)
    if data.exists() and not data.is_dir():
        mistakes["MOLETRAIL_DATA"] = f"MOLETRAIL_DATA must be a folder, and {data} is a file."
    settings = Settings(
        data=data,
        database_url=url,
        weights=weights,
        secure_cookie=flag("MOLETRAIL_SECURE_COOKIE"),
        session_idle=hours("MOLETRAIL_SESSION_IDLE_HOURS", 12),
        session_absolute=hours("MOLETRAIL_SESSION_HOURS", 7 * 24),
        require_totp=require_totp,
        keys=keys,
        metrics_token=metrics_token,
        smtp=smtp,
        mail_from=mail_from,
        public_url=public_url,
    )
    if settings.session_idle > settings.session_absolute:
        mistakes["MOLETRAIL_SESSION_IDLE_HOURS"] = "MOLETRAIL_SESSION_IDLE_HOURS must not be longer than MOLETRAIL_SESSION_HOURS."
    if mistakes:
        raise ValidationError(mistakes)
    return settings


def _is_address(text: str, *schemes: str) -> bool:
    try:
        address = urlsplit(text)
        whole = bool(address.hostname) and not address.query and not address.fragment
        return address.scheme in schemes and whole and (address.port is None or address.port > 0)
    except ValueError:
        return False


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _database_mistake(url: str) -> str | None:
    """The sentence for an address that no database can be reached at, or None. What it holds may be a password and is not repeated."""
    try:
        address = make_url(url)
        address.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError):
        return DATABASE_EXAMPLE
    except ImportError as error:
        return f"DATABASE_URL names a kind of database whose driver is not installed: {error.name}."
    if address.get_backend_name() == "sqlite" and address.database in (None, "", ":memory:"):
        return DATABASE_EXAMPLE
    return None


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process."""
    return from_environment(os.environ)
