"""What the server does on its own while it runs: each chore at its interval, one after the other, in one thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services import alignments, bin, logs, outbox, reminders, summaries

DAY_S = 24 * 3600.0


@dataclass(frozen=True)
class Chore:
    name: str
    every_s: float
    do: Callable[[], object]
    """First done when the server starts; what it raises is logged, and it is done again at its time."""


CHORES: tuple[Chore, ...] = (
    Chore("send e-mails", 15, outbox.send_due),
    Chore("forget old e-mails", DAY_S, outbox.forget_old),
    Chore("remind by e-mail", 3600, reminders.queue_emails),
    Chore("empty the bin", DAY_S, bin.purge),
    Chore("lay photos over each other", 60, alignments.complete),
    Chore("make rows of the work list anew", DAY_S, summaries.renew),
)

_stopped = threading.Event()
_worker: threading.Thread | None = None


def start(chores: Sequence[Chore] = CHORES) -> None:
    global _worker
    _stopped.clear()
    _worker = threading.Thread(target=_work, args=(chores,), name="chores", daemon=True)
    _worker.start()


def stop(seconds: float = 5.0) -> None:
    """Begin nothing more, and wait so long for what runs."""
    _stopped.set()
    if _worker is not None:
        _worker.join(seconds)


def _work(chores: Sequence[Chore]) -> None:
    due = [0.0] * len(chores)
    while not _stopped.is_set():
        for number, chore in enumerate(chores):
            if time.monotonic() < due[number] or _stopped.is_set():
                continue
            due[number] = time.monotonic() + chore.every_s
            try:
                chore.do()
            except Exception as error:
                logs.event("a chore failed", level=logging.ERROR, error=error, chore=chore.name)
        _stopped.wait(max(0.0, min(due) - time.monotonic()))
