"""What must not be cut off: work that goes on to its end when the page is closed or the server is told to stop."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_changed = threading.Condition()
_running = 0


def to_its_end(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a service that is told of its steps by `on_step`: what that raises waits until the work is done.

    A page tells its steps on the screen, and is interrupted there when its browser leaves or the server stops.
    """

    @functools.wraps(function)
    def run(*arguments: Arguments.args, **more: Arguments.kwargs) -> Result:
        interruption: list[BaseException] = []
        if on_step := more.get("on_step"):

            def told(step: str) -> None:
                if not interruption:
                    try:
                        on_step(step)
                    except BaseException as error:
                        interruption.append(error)

            more["on_step"] = told
        with counted():
            result = function(*arguments, **more)
        if interruption:
            raise interruption[0]
        return result

    return run


def wait_until_idle(seconds: float) -> bool:
    """Wait for all that runs, at most so long; returns whether it is done."""
    with _changed:
        return _changed.wait_for(lambda: _running == 0, timeout=seconds)


class counted:
    """What happens inside is waited for when the server is told to stop."""

    def __enter__(self) -> None:
        global _running
        with _changed:
            _running += 1

    def __exit__(self, *_error: object) -> None:
        global _running
        with _changed:
            _running -= 1
            _changed.notify_all()
