"""Diagnosis records for admins: every analysis ever stored, without names, as a list and as CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

import core
from db.models import Diagnosis, Lesion, Upload, Visit
from services import audit, policy
from services.audit import Action
from services.errors import ValidationError
from services.paging import page_of
from services.unit_of_work import reading, record_view, transaction
from services.views import DiagnosisRecord, Page, Person

COLUMNS = tuple(field.name for field in dataclasses.fields(DiagnosisRecord))
BATCH = 500


@dataclass(frozen=True)
class RecordFilter:
    """Which records; None is no condition."""

    diagnosis: str | None = None
    """benign, malignant or uncertain."""
    confidence: str | None = None
    """low, medium or high."""
    since: date | None = None
    """First day of visit."""
    until: date | None = None
    """Last day of visit."""
    patient_id: int | None = None


def list_records(actor: Person, *, filter: RecordFilter = RecordFilter(), page: int = 1, size: int = 50) -> Page[DiagnosisRecord]:
    """Records that pass the filter, the newest first (admins)."""
    with reading() as session:
        policy.require(session, actor, Action.LIST_RECORDS)
        found = page_of(session, _query(filter).order_by(Diagnosis.id.desc()), page=page, size=size, view=_record)
    record_view(actor, Action.LIST_RECORDS)
    return found


def export_csv(actor: Person, *, filter: RecordFilter = RecordFilter()) -> Iterator[bytes]:
    """The records as CSV (RFC 4180, UTF-8, header of COLUMNS), the newest first, in parts as they are read (admins)."""
    query = _query(filter)
    with transaction() as session:
        policy.require(session, actor, Action.EXPORT_RECORDS)
        audit.record(session, actor_id=actor.id, action=Action.EXPORT_RECORDS)
    return _csv(query)


def csv_of(*, patient_id: int) -> Iterator[bytes]:
    """The same CSV of one patient's records, for services that passed the policy."""
    return _csv(_query(RecordFilter(patient_id=patient_id)))


def of_patient(session: Session, *, patient_id: int) -> Iterator[DiagnosisRecord]:
    """One patient's records, the newest first, for services that passed the policy."""
    query = _query(RecordFilter(patient_id=patient_id)).order_by(Diagnosis.id.desc())
    return map(_record, session.execute(query.execution_options(yield_per=BATCH)))


def _csv(query: Select) -> Iterator[bytes]:
    yield _lines([COLUMNS])
    below: int | None = None
    while True:
        # Short reads by key, so that a slow download holds no transaction open.
        batch = query.order_by(Diagnosis.id.desc()).limit(BATCH)
        with reading() as session:
            rows = session.execute(batch if below is None else batch.where(Diagnosis.id < below)).all()
        if rows:
            yield _lines([cell(getattr(record, name)) for name in COLUMNS] for record in map(_record, rows))
            below = rows[-1][0].id
        if len(rows) < BATCH:
            return


def _query(filter: RecordFilter) -> Select:
    _require_known(filter)
    query = (
        select(Diagnosis, Upload.width, Upload.height, Visit.visited_on, Lesion)
        .join(Upload, Diagnosis.upload_id == Upload.id)
        .join(Visit, Upload.visit_id == Visit.id)
        .join(Lesion, Visit.lesion_id == Lesion.id)
    )
    conditions = {
        "diagnosis": lambda value: Diagnosis.diagnosis == value,
        "confidence": lambda value: Diagnosis.confidence == value,
        "since": lambda value: Visit.visited_on >= value,
        "until": lambda value: Visit.visited_on <= value,
        "patient_id": lambda value: Lesion.patient_id == value,
    }
    for name, condition in conditions.items():
        if (value := getattr(filter, name)) is not None:
            query = query.where(condition(value))
    return query


def _require_known(filter: RecordFilter) -> None:
    mistakes = {}
    if filter.diagnosis is not None and filter.diagnosis not in set(core.Diagnosis):
        mistakes["diagnosis"] = "The diagnosis must be benign, malignant or uncertain."
    if filter.confidence is not None and filter.confidence not in set(core.Confidence):
        mistakes["confidence"] = "The confidence must be low, medium or high."
    if filter.since is not None and filter.until is not None and filter.since > filter.until:
        mistakes["until"] = "The last day lies before the first."
    if mistakes:
        raise ValidationError(mistakes)


def _record(row: Row) -> DiagnosisRecord:
    diagnosis, width, height, visited_on, lesion = row
    return DiagnosisRecord(
        diagnosis_id=diagnosis.id,
        created_at=diagnosis.created_at,
        patient_id=lesion.patient_id,
        lesion_id=lesion.id,
        lesion_name=lesion.name,
        body_site=lesion.body_site,
        visited_on=visited_on,
        diagnosis=diagnosis.diagnosis,
        malignant_probability=diagnosis.malignant_probability,
        interval_low=diagnosis.interval_low,
        interval_high=diagnosis.interval_high,
        confidence=diagnosis.confidence,
        chosen_model=diagnosis.chosen_model,
        expected_dice=diagnosis.expected_dice,
        area_fraction=diagnosis.area_fraction,
        area_mm2=diagnosis.area_mm2,
        photo_width=width,
        photo_height=height,
        model_versions="; ".join(f"{name} {version}" for name, version in sorted(diagnosis.model_versions.items())),
        elapsed_ms=diagnosis.elapsed_ms,
    )


def _lines(rows) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def cell(value: object) -> object:
    """Dates in ISO form; text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, CSV injection)."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, str) and (value.lstrip()[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠") or value[:1] in ("\t", "\r", "\n")):
        return "'" + value
    return value
