"""`clock`: the time as log-in and everything around it sees it; clock.move(minutes=5) lets it pass without waiting."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import pytest

from db import base

TOLD_THE_TIME = ("accounts", "audit", "devices", "email_links", "external", "mole_links", "outbox", "sessions", "throttle", "two_factor")


class Clock:
    def __init__(self) -> None:
        self.moment = base.now()

    def now(self) -> datetime:
        return self.moment

    def move(self, **time: float) -> None:
        self.moment += timedelta(**time)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for name in TOLD_THE_TIME:
        if module := sys.modules.get(f"services.{name}"):
            monkeypatch.setattr(module, "now", clock.now)
    return clock
