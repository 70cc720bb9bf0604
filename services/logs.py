"""The log: one JSON object a line on stderr, without personal data.

    {"time": "...", "level": "info", "event": "request", "route": "/photo/{id}/large.jpg", "status": 200, "ms": 12.3, "actor": 4, ...}

People appear as the numbers of their accounts. What others write (Streamlit, the server, libraries) is redacted before any
handler sees it: e-mail addresses, network addresses, what stands behind a "?", long tokens. Of an exception the log keeps types and
places and not the message, which may quote what somebody typed.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

logger = logging.getLogger("moletrail")

UNREDACTED = frozenset({"services.mail"})
"""Without a mail server the messages are shown in the log, for whoever runs the site to pass on: as they are, line by line."""
_ROOT = Path(__file__).resolve().parents[1]
_PRIVATE = (
    (re.compile(r"[^\s@<>'\"]+@[^\s@<>'\"]+"), "[e-mail]"),
    (re.compile(r"\?\S+"), "?[query]"),
    (re.compile(r"(?<![\w:.])(?=[0-9a-fA-F:]*::|(?:[0-9a-fA-F]{1,4}:){4})[0-9a-fA-F:.]+"), "[address]"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b(?::\d+)?"), "[address]"),
    (re.compile(r"[A-Za-z0-9_-]{24,}={0,2}"), "[token]"),
)
_noted: ContextVar[dict[str, object] | None] = ContextVar("noted", default=None)


def set_up(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Send everything that is logged in this process through here."""
    logging.setLogRecordFactory(_redacted_record)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Streamlit and uvicorn give their loggers handlers of their own.
    for one in list(logging.root.manager.loggerDict.values()):
        if isinstance(one, logging.Logger):
            one.handlers.clear()
            one.propagate = True
    # Who connects and asks for what is logged here, by kind and not by address.
    for name in ("uvicorn.access", "uvicorn.error", "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)


def event(name: str, *, level: int = logging.INFO, error: BaseException | None = None, **fields: object) -> None:
    """Log that something happened. `fields` are numbers and codes, never what somebody typed."""
    logger.log(level, name, exc_info=error, extra={"fields": (_noted.get() or {}) | fields})


@contextmanager
def one_request() -> Iterator[dict[str, object]]:
    """What is logged inside carries one random request number, and what is noted on the way."""
    noted: dict[str, object] = {"request": secrets.token_hex(6)}
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def note(**fields: object) -> None:
    """Add to what the entries of this request carry, e.g. actor=17."""
    noted = _noted.get()
    if noted is not None:
        noted.update(fields)


def redacted(text: str) -> str:
    for pattern, instead in _PRIVATE:
        text = pattern.sub(instead, text)
    return text


def _redacted_record(*arguments, **more) -> logging.LogRecord:
    record = logging.LogRecord(*arguments, **more)
    if record.name in UNREDACTED:
        return record
    try:
        message = record.getMessage()
    except Exception:  # a library's mistake in its own log line; ours is not to fail over it
        message = str(record.msg)
    record.msg, record.args = redacted(message), None
    if record.exc_info and record.exc_info[1] is not None:
        # Formatters print this text where there is one.
        record.exc_text = " <- ".join(_without_message(record.exc_info[1]))
    return record


def _without_message(error: BaseException | None) -> Iterator[str]:
    """Type and innermost places of an error and of what caused it."""
    while error is not None:
        places = [f"{_short(frame.filename)}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-8:]]
        yield f"{type(error).__name__} at {' > '.join(places) or 'unknown place'}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _short(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else "/".join(path.parts[-2:])


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        if record.name in UNREDACTED and "\n" in (message := record.getMessage()):
            return message
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.name != logger.name:
            told["logger"] = record.name
        told |= getattr(record, "fields", {})
        if record.exc_text:
            told["error"] = record.exc_text
        return json.dumps(told, default=str)
