"""Figures of the running process in Prometheus' text format (version 0.0.4), and how a photo's analysis ended.

A small module of its own rather than a client library: three kinds of figures, no push, no registry to share.
"""

from __future__ import annotations

import shutil
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from db.engine import sqlite_file
from services import anchor, audit
from services.audit import Operation
from services.errors import AccessError, PhotoRefused, ServiceError, ValidationError
from services.settings import settings
from services.unit_of_work import reading

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper edges of the buckets of a histogram."""
TRAIL_EVERY_SECONDS = 3600.0
"""Looking through the whole audit trail takes seconds per 100,000 entries."""
SIZES_EVERY_SECONDS = 60.0

_lock = threading.Lock()


class Counter:
    def __init__(self, name: str, says: str, *labels: str) -> None:
        self.name, self.says, self.labels = name, says, labels
        self._values: dict[tuple[str, ...], float] = defaultdict(float)

    def count(self, *values: object) -> None:
        with _lock:
            self._values[tuple(map(str, values))] += 1

    def lines(self) -> Iterator[str]:
        yield from _head(self.name, self.says, "counter")
        with _lock:
            values = sorted(self._values.items())
        for key, value in values:
            yield f"{self.name}{_labels(self.labels, key)} {value:.12g}"


class Histogram:
    def __init__(self, name: str, says: str, *labels: str) -> None:
        self.name, self.says, self.labels = name, says, labels
        self._buckets: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * (len(SECONDS) + 1))
        self._sums: dict[tuple[str, ...], float] = defaultdict(float)

    def observe(self, seconds: float, *values: object) -> None:
        key = tuple(map(str, values))
        with _lock:
            self._buckets[key][bisect_left(SECONDS, seconds)] += 1
            self._sums[key] += seconds

    def lines(self) -> Iterator[str]:
        yield from _head(self.name, self.says, "histogram")
        with _lock:
            found = sorted((key, list(buckets), self._sums[key]) for key, buckets in self._buckets.items())
        for key, buckets, total in found:
            below = 0
            for edge, count in zip((*SECONDS, "+Inf"), buckets, strict=True):
                below += count
                yield f"{self.name}_bucket{_labels((*self.labels, 'le'), (*key, str(edge)))} {below}"
            yield f"{self.name}_sum{_labels(self.labels, key)} {total:.6f}"
            yield f"{self.name}_count{_labels(self.labels, key)} {below}"


requests = Counter("moletrail_requests_total", "Requests answered.", "route", "status")
request_seconds = Histogram("moletrail_request_seconds", "Time until a request was answered.", "route")
pages = Counter("moletrail_pages_total", "Pages drawn.", "page", "outcome")
page_seconds = Histogram("moletrail_page_seconds", "Time until a page was drawn.", "page")
analyses = Counter("moletrail_analyses_total", "Photos sent, by how it ended.", "outcome")
analysis_seconds = Histogram("moletrail_analysis_seconds", "Time from a photo's arrival until it was stored.", "outcome")
OWN = (requests, request_seconds, pages, page_seconds, analyses, analysis_seconds)


@contextmanager
def counted_analysis() -> Iterator[None]:
    """Count what happens inside as one photo: stored, refused (the photo or its date cannot be used) or failed."""
    begun, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "stored"
    except (PhotoRefused, ValidationError, AccessError):
        outcome = "refused"
        raise
    finally:
        analyses.count(outcome)
        analysis_seconds.observe(time.perf_counter() - begun, outcome)


def render() -> str:
    """All figures as text."""
    lines = [line for one in OWN for line in one.lines()]
    for name, says, values in (*_trail(), *_sizes()):
        lines += _head(name, says, "gauge")
        lines += [f"{name}{labels} {value:.12g}" for labels, value in values.items()]
    return "\n".join(lines) + "\n"


Gauges = list[tuple[str, str, dict[str, float]]]
"""Name, what it says, and the value by written labels."""


def _every(seconds: float) -> Callable[[Callable[[], Gauges]], Callable[[], Gauges]]:
    """Found out at most so often, whoever asks."""

    def wrap(find: Callable[[], Gauges]) -> Callable[[], Gauges]:
        known: dict[Path, tuple[float, Gauges]] = {}

        def ask() -> Gauges:
            at, found = known.get(settings().data, (float("-inf"), []))
            if time.monotonic() - at > seconds:
                found = find()
                known[settings().data] = time.monotonic(), found
            return found

        return ask

    return wrap


def _find_trail() -> Gauges:
    try:
        anchored = anchor.read()
        with reading() as session:
            state, backup = audit.state(session, anchored=anchored), audit.last(session, Operation.BACK_UP)
    except ServiceError:
        return [("moletrail_database_ok", "1 where the database answers.", {"": 0})]
    return [
        ("moletrail_database_ok", "1 where the database answers.", {"": 1}),
        ("moletrail_audit_chain_ok", "1 where the audit trail holds, as of at most an hour ago.", {"": state.holds}),
        ("moletrail_audit_entries", "Entries of the audit trail, as of at most an hour ago.", {"": state.entries}),
        (
            "moletrail_last_backup_timestamp_seconds", "When the last backup went well; 0 for never.",
            {"": backup.created_at.timestamp() if backup else 0},
        ),
    ]  # fmt: skip


def _find_sizes() -> Gauges:
    database = sqlite_file(settings().database_url)
    sizes = {'{kind="files"}': _bytes_below(settings().files), '{kind="cache"}': _bytes_below(settings().cache)}
    if database is not None and database.exists():
        sizes['{kind="database"}'] = sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*"))
    return [
        ("moletrail_storage_bytes", "What is stored.", sizes),
        ("moletrail_storage_free_bytes", "Room left on the disk of the data folder.", {"": shutil.disk_usage(settings().data).free}),
    ]


_trail = _every(TRAIL_EVERY_SECONDS)(_find_trail)
_sizes = _every(SIZES_EVERY_SECONDS)(_find_sizes)


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _head(name: str, says: str, kind: str) -> list[str]:
    return [f"# HELP {name} {says}", f"# TYPE {name} {kind}"]


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    escaped = (value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for value in values)
    return "{" + ",".join(f'{name}="{value}"' for name, value in zip(names, escaped, strict=True)) + "}" if names else ""
