"""Everything about a patient, for the patient: as one ZIP, and its tables as CSV, XLSX and FHIR."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from sqlalchemy import Select, Table, or_, select
from sqlalchemy.orm import Session

from db.base import Base, now
from db.models import AuditEvent, User
from services import audit, body_sites, fhir, policy, records, report, storage
from services.audit import Action
from services.streamed import Parts
from services.unit_of_work import reading, transaction
from services.views import Person

SECRETS = frozenset(
    {"password_hash", "totp_secret", "totp_last_step", "email_key", "token_hash", "ticket_hash", "code_hash", "features", "about_id"}
)
"""Columns that open something, or that tell of others, and help nobody to understand their own data."""
FOR_DOCTORS = {"review": {"reason"}}
BELOW = (
    ("visit", "lesion_id", "lesion"), ("upload", "visit_id", "visit"), ("diagnosis", "upload_id", "upload"),
    ("note", "visit_id", "visit"), ("review", "diagnosis_id", "diagnosis"), ("reminder", "lesion_id", "lesion"),
    ("mole_link", "lesion_id", "lesion"), ("second_opinion", "diagnosis_id", "diagnosis"),
)  # fmt: skip
"""Table, the column by which its rows belong to a patient, and to the rows of which table."""
READ_ME = """This is everything that Moletrail holds about you, as of {moment} (UTC).

report.pdf      to read and print
findings.csv    one line a finding, for a spreadsheet; the same in findings.xlsx with moles and visits beside it
fhir.json       moles, photos and findings for a doctor's system (HL7 FHIR R4)
data.json       every row about you, table by table, also what is in the bin and who looked at what (audit_event)
photos/         your photos as they are stored, one folder a mole
masks/          the outlines that the networks drew, white where the mole is; named by the number of the photo

A reference and follow-up aid, not a medical device. See a doctor about any discomfort or suspicious change.
"""
MOLES = ("id", "name", "body_site", "first_noticed", "created_at", "deleted_at")


def export_zip(actor: Person) -> Iterator[bytes]:
    """A ZIP in parts, as it is made: no more than one photo is in memory, besides the report."""
    rows = _begin(actor)
    return _zip(actor, rows)


def export_csv(actor: Person) -> Iterator[bytes]:
    """The findings, in the columns of the administrators' records."""
    _begin(actor)
    return records.csv_of(patient_id=actor.id)


def export_xlsx(actor: Person) -> bytes:
    """Moles, visits and findings, a sheet each."""
    return _xlsx(actor, _begin(actor))


def export_fhir(actor: Person) -> bytes:
    """A bundle of FHIR R4 with the patient, each mole, photo and finding."""
    return json.dumps(fhir.bundle(_begin(actor)), indent=1).encode()


def _begin(actor: Person) -> dict[str, list[dict]]:
    with transaction() as session:
        policy.require(session, actor, Action.EXPORT_MY_DATA)
        audit.record(session, actor_id=actor.id, action=Action.EXPORT_MY_DATA, subject=f"user:{actor.id}", patient_id=actor.id)
    with reading() as session:
        return _rows(session, actor.id)


def _rows(session: Session, user_id: int) -> dict[str, list[dict]]:
    """Table -> its rows about this patient, without SECRETS and what only doctors read. What is in the bin is there too."""
    tables = Base.metadata.tables
    found = {"user": _read(session, select(tables["user"]).where(User.id == user_id))}
    for name, table in tables.items():
        own = [column for column in table.columns if column.name in ("user_id", "patient_id") and column.foreign_keys]
        if own:
            found[name] = _read(session, select(table).where(own[0] == user_id).order_by(table.c.id))
    for name, column, parent in BELOW:
        ids = [row["id"] for row in found[parent]]
        found[name] = [row for start in range(0, len(ids), 500) for row in _of(session, tables[name], column, ids[start : start + 500])]
    audited = select(AuditEvent.__table__).where(or_(AuditEvent.patient_id == user_id, AuditEvent.actor_id == user_id))
    found["audit_event"] = _read(session, audited.order_by(AuditEvent.id))
    return found


def _of(session: Session, table: Table, column: str, ids: list[int]) -> list[dict]:
    query = select(table).where(table.c[column].in_(ids)).order_by(table.c.id)
    return _read(session, query.where(table.c.for_patient.is_(True)) if table.name == "note" else query)


def _read(session: Session, query: Select) -> list[dict]:
    (table,) = query.get_final_froms()
    hidden = SECRETS | FOR_DOCTORS.get(table.name, set())
    return [{name: value for name, value in row.items() if name not in hidden} for row in session.execute(query).mappings()]


def _plain(value: object) -> object:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else str(value)


def _xlsx(actor: Person, rows: dict[str, list[dict]]) -> bytes:
    book = Workbook(write_only=True)
    moles = [[*(row[name] if name != "body_site" else body_sites.label(row[name]) for name in MOLES)] for row in rows["lesion"]]
    names = {row["id"]: row["name"] for row in rows["lesion"]}
    visits = [[row["id"], names[row["lesion_id"]], row["visited_on"], row["note"]] for row in rows["visit"]]
    with reading() as session:
        found = [[getattr(one, name) for name in records.COLUMNS] for one in records.of_patient(session, patient_id=actor.id)]
    for title, heads, lines in (
        ("Moles", MOLES, moles), ("Visits", ("id", "mole", "visited_on", "note"), visits), ("Findings", records.COLUMNS, found)
    ):
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        bold = [WriteOnlyCell(sheet, head) for head in heads]
        for cell in bold:
            cell.font = Font(bold=True)
        sheet.append(bold)
        for line in lines:
            sheet.append([_cell(value) for value in line])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(value: object) -> object:
    """Spreadsheets know no time zones; text that would be run as a formula stays text."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else records.cell(value)


def _zip(actor: Person, rows: dict[str, list[dict]]) -> Iterator[bytes]:
    parts = Parts()
    with zipfile.ZipFile(parts, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _files(actor, rows):
            # Photos are compressed already.
            kind = zipfile.ZIP_STORED if name.endswith((".jpg", ".png", ".pdf")) else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, now().timetuple()[:6]), data, kind)
            yield parts.take()
    yield parts.take()


def _files(actor: Person, rows: dict[str, list[dict]]) -> Iterator[tuple[str, bytes]]:
    yield "README.txt", READ_ME.format(moment=f"{now():%Y-%m-%d %H:%M}").encode()
    yield "data.json", json.dumps(rows, default=_plain, ensure_ascii=False, indent=1).encode()
    yield "findings.csv", b"".join(records.csv_of(patient_id=actor.id))
    yield "findings.xlsx", _xlsx(actor, rows)
    yield "fhir.json", json.dumps(fhir.bundle(rows), indent=1).encode()
    yield "report.pdf", report.whole_report(actor)
    visits = {row["id"]: row for row in rows["visit"]}
    names = {row["id"]: _file_name(row) for row in rows["lesion"]}
    for upload in rows["upload"]:
        visit = visits[upload["visit_id"]]
        name = f"photos/{names[visit['lesion_id']]}/{visit['visited_on']}-{upload['id']}.jpg"
        yield name, storage.read(upload["content_hash"], ".jpg")
    for diagnosis in rows["diagnosis"]:
        for model, content_hash in diagnosis["masks"].items():
            yield f"masks/{diagnosis['upload_id']}-{diagnosis['id']}-{model}.png", storage.read(content_hash, ".png")


def _file_name(lesion: dict) -> str:
    """The mole's number and name, with nothing that a file system minds."""
    kept = "".join(character if character.isalnum() else "-" for character in lesion["name"]).strip("-")
    return f"{lesion['id']}-{kept}"[:60]
