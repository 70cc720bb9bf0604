from __future__ import annotations

import threading
import time

from services import chores
from services.chores import Chore


def test_chores_are_done_again_and_one_that_fails_stops_no_other() -> None:
    done: list[str] = []
    enough = threading.Event()

    def fail() -> None:
        done.append("fails")
        raise OSError("nobody is told of ann@example.org")

    def work() -> None:
        done.append("works")
        if done.count("works") >= 3:
            enough.set()

    chores.start([Chore("fails", 0.01, fail), Chore("works", 0.01, work), Chore("rare", 3600, lambda: done.append("rare"))])
    assert enough.wait(30)
    chores.stop()
    assert done.count("fails") >= 2
    assert done.count("rare") == 1, "each is done at the start, and then at its interval"
    count = len(done)
    time.sleep(0.1)
    assert len(done) == count, "stopped is stopped"
