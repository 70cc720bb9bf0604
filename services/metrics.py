"""Figures of the running process for Prometheus, by its own client library, and how a photo's analysis ended."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from core import isolation
from db.engine import sqlite_file
from services import anchor, audit
from services.audit import Operation
from services.errors import AccessError, PhotoRefused, ServiceError, ValidationError
from services.settings import settings
from services.unit_of_work import reading

MEDIA_TYPE = prometheus_client.CONTENT_TYPE_LATEST
TRAIL_EVERY_SECONDS = 3600.0
"""Looking through the whole audit trail takes seconds per 100,000 entries."""
SIZES_EVERY_SECONDS = 60.0

prometheus_client.disable_created_metrics()
registry = CollectorRegistry()
requests = Counter("moletrail_requests", "Requests answered.", ["route", "status"], registry=registry)
request_seconds = Histogram("moletrail_request_seconds", "Time until a request was answered.", ["route"], registry=registry)
pages = Counter("moletrail_pages", "Pages drawn.", ["page", "outcome"], registry=registry)
page_seconds = Histogram("moletrail_page_seconds", "Time until a page was drawn.", ["page"], registry=registry)
analyses = Counter("moletrail_analyses", "Photos sent, by how it ended.", ["outcome"], registry=registry)
analysis_seconds = Histogram("moletrail_analysis_seconds", "Time until a photo was stored.", ["outcome"], registry=registry)


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
        analyses.labels(outcome).inc()
        analysis_seconds.labels(outcome).observe(time.perf_counter() - begun)


def render() -> bytes:
    """All figures as text, in the form of MEDIA_TYPE."""
    return prometheus_client.generate_latest(registry)


Gauges = list[GaugeMetricFamily]


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


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=value)


def _find_trail() -> Gauges:
    answers = "1 where the database answers."
    try:
        anchored = anchor.read()
        with reading() as session:
            state, backup = audit.state(session, anchored=anchored), audit.last(session, Operation.BACK_UP)
    except ServiceError:
        return [_gauge("moletrail_database_ok", answers, 0)]
    return [
        _gauge("moletrail_database_ok", answers, 1),
        _gauge("moletrail_audit_chain_ok", "1 where the audit trail holds, as of at most an hour ago.", state.holds),
        _gauge("moletrail_audit_entries", "Entries of the audit trail, as of at most an hour ago.", state.entries),
        _gauge(
            "moletrail_last_backup_timestamp_seconds", "When the last backup went well; 0 for never.",
            backup.created_at.timestamp() if backup else 0,
        ),
    ]  # fmt: skip


def _find_sizes() -> Gauges:
    database = sqlite_file(settings().database_url)
    sizes = {"files": _bytes_below(settings().files), "cache": _bytes_below(settings().cache)}
    if database is not None and database.exists():
        sizes["database"] = sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*"))
    stored = GaugeMetricFamily("moletrail_storage_bytes", "What is stored.", labels=["kind"])
    for kind, size in sizes.items():
        stored.add_metric([kind], size)
    free = shutil.disk_usage(settings().data).free
    return [stored, _gauge("moletrail_storage_free_bytes", "Room left on the disk of the data folder.", free)]


_trail = _every(TRAIL_EVERY_SECONDS)(_find_trail)
_sizes = _every(SIZES_EVERY_SECONDS)(_find_sizes)


def _decoders() -> Iterator[CounterMetricFamily]:
    stopped = CounterMetricFamily("moletrail_decoders_stopped", "Photos given up in the middle, by why.", labels=["why"])
    for why, count in dict(isolation.decoder.stopped).items():
        stopped.add_metric([why], count)
    yield stopped


class _State:
    """What is found out when somebody asks, rather than counted as it happens."""

    def describe(self) -> Gauges:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from _trail()
        yield from _sizes()
        yield from _decoders()


registry.register(_State())


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
