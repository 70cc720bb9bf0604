from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from services import running
from services.unit_of_work import transaction


def test_interruption_from_a_step_waits_for_the_end() -> None:
    done = []

    @running.to_its_end
    def work(*, on_step) -> str:
        for step in ("reading", "saving"):
            on_step(step)
            done.append(step)
        return "stored"

    told = []

    def interrupt(step: str) -> None:
        told.append(step)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(on_step=interrupt)
    assert done == ["reading", "saving"]
    assert told == ["reading"], "who was interrupted is told of no more steps"
    assert work(on_step=lambda step: None) == "stored"


def test_what_is_being_written_is_waited_for(moletrail) -> None:
    with transaction():
        assert not running.wait_until_idle(0.01)
    assert running.wait_until_idle(0)


def test_idle_once_all_work_has_ended_well_or_not() -> None:
    begun, go_on = threading.Event(), threading.Event()

    @running.to_its_end
    def work() -> None:
        begun.set()
        go_on.wait(10)
        raise ValueError

    problem = SimpleNamespace(raised=None)

    def run() -> None:
        try:
            work()
        except ValueError as error:
            problem.raised = error

    assert running.wait_until_idle(0)
    thread = threading.Thread(target=run)
    thread.start()
    begun.wait(10)
    before = time.monotonic()
    assert not running.wait_until_idle(0.1)
    assert time.monotonic() - before >= 0.1
    go_on.set()
    assert running.wait_until_idle(10)
    thread.join()
    assert problem.raised
