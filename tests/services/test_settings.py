from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from services.errors import ValidationError
from services.settings import VARIABLES, from_environment


def test_defaults_need_no_environment() -> None:
    settings = from_environment({})
    assert settings.database_url.startswith("sqlite:///")
    assert settings.files.parent == settings.cache.parent == settings.data
    assert (settings.session_idle, settings.session_absolute) == (timedelta(hours=12), timedelta(days=7))
    assert not settings.secure_cookie


def test_every_setting_is_read(tmp_path) -> None:
    (tmp_path / "w").mkdir()
    settings = from_environment({
        "MOLETRAIL_DATA": str(tmp_path), "DATABASE_URL": "sqlite:////x/y.db", "MOLETRAIL_WEIGHTS": str(tmp_path / "w"),
        "MOLETRAIL_SECURE_COOKIE": "Yes", "MOLETRAIL_SESSION_IDLE_HOURS": "0.5", "MOLETRAIL_SESSION_HOURS": "8",
    })
    assert (settings.data, settings.database_url, settings.weights) == (tmp_path, "sqlite:////x/y.db", tmp_path / "w")
    assert (settings.secure_cookie, settings.session_idle, settings.session_absolute) == (True, timedelta(minutes=30), timedelta(hours=8))


def test_all_mistakes_are_told_at_once(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValidationError) as caught:
        from_environment({
            "MOLETRAIL_DATA": str(tmp_path / "file"), "DATABASE_URL": "not an address", "MOLETRAIL_SECURE_COOKIE": "perhaps",
            "MOLETRAIL_SESSION_IDLE_HOURS": "long", "MOLETRAIL_SESSION_HOURS": "-1",
        })
    assert set(caught.value.fields) == {
        "MOLETRAIL_DATA", "DATABASE_URL", "MOLETRAIL_SECURE_COOKIE", "MOLETRAIL_SESSION_IDLE_HOURS", "MOLETRAIL_SESSION_HOURS",
    }
    assert "MOLETRAIL_SESSION_IDLE_HOURS must be a number of hours between 0 and 8760, not 'long'." in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MOLETRAIL_REQUIRE_TOPT", "staff", "There is no setting MOLETRAIL_REQUIRE_TOPT"),
        ("MOLETRAIL_SESSION_HOURS", "nan", "a number of hours between 0 and 8760, not 'nan'"),
        ("MOLETRAIL_SESSION_HOURS", "inf", "a number of hours between 0 and 8760, not 'inf'"),
        ("MOLETRAIL_SECURE_COOKIE", "ja", "must be yes or no, not 'ja'"),
        ("MOLETRAIL_REQUIRE_TOTP", "doctors", "must be none, staff or all, not 'doctors'"),
        ("MOLETRAIL_WEIGHTS", "/nowhere", "must be the folder of the networks, and /nowhere is none"),
        ("MOLETRAIL_METRICS_TOKEN", "ä" * 20, "at least 16 plain characters"),
        ("MOLETRAIL_MAIL_FROM", "nobody", "must be a sender on one line"),
        ("MOLETRAIL_MAIL_FROM", "a@example.org\nBcc: b@example.org", "must be a sender on one line"),
        ("MOLETRAIL_URL", "https://moles.example.org/?a=b", "must be the address of this site"),
        ("MOLETRAIL_URL", "http://[moles", "must be the address of this site"),
        ("MOLETRAIL_SMTP", "smtp://mail.example.org:99999", "must be like smtp://user:password@mail.example.org:587"),
        ("DATABASE_URL", "postgresql+nodriver://u:secret@h/db", "must be a database address"),
        ("DATABASE_URL", "mysql+pymysql://u:secret@h/db", "whose driver is not installed: pymysql"),
        ("DATABASE_URL", "sqlite://", "must be a database address"),
        ("DATABASE_URL", "sqlite:///:memory:", "must be a database address"),
    ],
)
def test_mistake_has_its_sentence(name: str, value: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        from_environment({name: value})
    assert set(caught.value.fields) == {name}
    assert sentence in caught.value.fields[name]
    assert "secret" not in str(caught.value)


def test_every_setting_is_in_the_readme() -> None:
    told = set(re.findall(r"^\| `(MOLETRAIL_\w+)` \|", (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert told == VARIABLES - {"MOLETRAIL_TEST_DATABASE_URL"}


def test_settings_that_are_printed_hold_no_secret() -> None:
    key = Fernet.generate_key().decode()
    shown = repr(from_environment({
        "MOLETRAIL_KEY": key, "MOLETRAIL_METRICS_TOKEN": "otters-otters-otters", "MOLETRAIL_SMTP": "smtp://a:otters@mail.example.org",
        "DATABASE_URL": "postgresql+psycopg://moletrail:otters@db/moletrail",
    }))  # fmt: skip
    assert "public_url" in shown
    assert not any(secret in shown for secret in (key, "otters"))


def test_idle_time_is_within_the_absolute_one() -> None:
    with pytest.raises(ValidationError, match="must not be longer"):
        from_environment({"MOLETRAIL_SESSION_IDLE_HOURS": "9", "MOLETRAIL_SESSION_HOURS": "8"})


def test_identity_settings_are_read_and_checked() -> None:
    key = Fernet.generate_key().decode()
    settings = from_environment({
        "MOLETRAIL_KEY": f"{key}, {key}", "MOLETRAIL_REQUIRE_TOTP": "Staff", "MOLETRAIL_SMTP": "smtps://a%40b:p%2Fw@mail.example.org",
        "MOLETRAIL_MAIL_FROM": "moles@example.org", "MOLETRAIL_URL": "https://moles.example.org/",
    })
    assert settings.keys == (key, key)
    assert [settings.requires_totp(role) for role in ("patient", "doctor", "admin")] == [False, True, True]
    assert (settings.mail_from, settings.public_url) == ("moles@example.org", "https://moles.example.org")
    assert from_environment({}).mail_from == "Moletrail <no-reply@localhost>"
    assert not any(from_environment({}).requires_totp(role) for role in ("patient", "doctor", "admin"))


def test_mistake_in_a_secret_setting_is_told_without_the_secret() -> None:
    with pytest.raises(ValidationError) as caught:
        from_environment({
            "MOLETRAIL_KEY": "not-a-key", "MOLETRAIL_SMTP": "mail.example.org:secret", "MOLETRAIL_URL": "moles",
            "MOLETRAIL_REQUIRE_TOTP": "few",
        })
    assert set(caught.value.fields) == {"MOLETRAIL_KEY", "MOLETRAIL_SMTP", "MOLETRAIL_URL", "MOLETRAIL_REQUIRE_TOTP"}
    assert "not-a-key" not in str(caught.value)
    assert "secret" not in str(caught.value)
