from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from db.base import now
from db.models import AuditEvent
from services import accounts, anchor, audit, lesions, notes, photos, records, sharing, unit_of_work
from services.errors import LoginFailed
from services.unit_of_work import reading, transaction
from tests.helpers import PASSWORD, photo_bytes, sign_up_arguments


def trail() -> list[tuple]:
    with reading() as session:
        return [
            (event.actor_id, event.action, event.subject, event.patient_id, event.outcome)
            for event in session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        ]


@pytest.fixture
def day_in_the_practice(patient, doctor, admin, tiny, token_of) -> None:
    token = token_of(patient)
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    visit = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1), note="Itches.")
    grant = sharing.share_with(patient, doctor_email=doctor.email)
    sharing.list_patients(doctor)
    lesions.list_lesions(doctor, patient_id=patient.id)
    lesions.timeline(doctor, lesion_id=lesion.id)
    photos.photo_file(doctor, upload_id=visit.photo.id, size="large")
    notes.add_note(doctor, visit_id=visit.id, text="All well.")
    sharing.revoke(patient, grant_id=grant.id)
    list(records.export_csv(admin))
    accounts.log_out(token=token)
    for email in (patient.email, "nobody@example.org"):
        with pytest.raises(LoginFailed):
            accounts.log_in(email=email, password="a guess")


def test_everything_that_was_done_and_seen_is_there(day_in_the_practice, patient, doctor, admin) -> None:
    p, d, a = patient.id, doctor.id, admin.id
    assert trail() == [
        (p, "sign_up", f"user:{p}", p, "ok"),
        (p, "accept_consent", "consent_record:1", p, "ok"),
        (a, "create_account", f"user:{a}", None, "ok"),
        (a, "create_account", f"user:{d}", None, "ok"),
        (p, "log_in", f"user:{p}", None, "ok"),
        (p, "add_lesion", "lesion:1", p, "ok"),
        (p, "add_photo", "upload:1", p, "ok"),
        (p, "share", "care_grant:1", p, "ok"),
        (d, "list_patients", "", None, "ok"),
        (d, "view_patient", f"user:{p}", p, "ok"),
        (d, "view_timeline", "lesion:1", p, "ok"),
        (d, "view_photo", "upload:1", p, "ok"),
        (d, "add_note", "note:1", p, "ok"),
        (p, "revoke", "care_grant:1", p, "ok"),
        (a, "export_records", "", None, "ok"),
        (p, "log_out", "login_session:1", None, "ok"),
        (p, "log_in", f"user:{p}", None, "failed"),
        (None, "log_in", "", None, "failed"),
    ]


def test_entries_hold_no_personal_text(day_in_the_practice) -> None:
    with reading() as session:
        told = " ".join(str(value) for row in session.execute(text("SELECT * FROM audit_event")) for value in row).lower()
    for word in ("ann", "archer", "example.org", "nape", "itches", "well", "garden", "springfield"):
        assert word not in told


def test_chain_holds(day_in_the_practice) -> None:
    with reading() as session:
        assert audit.verify(session) is None


def lift_the_seal(connection) -> None:
    """As somebody with the database in their hands could."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("DROP TRIGGER audit_event_no_update"))
        connection.execute(text("DROP TRIGGER audit_event_no_delete"))
    else:
        connection.execute(text("ALTER TABLE audit_event DISABLE TRIGGER USER"))


@pytest.mark.parametrize(
    ("tampering", "broken"),
    [
        ("UPDATE audit_event SET outcome = 'ok' WHERE id = 17", 17),
        ("UPDATE audit_event SET actor_id = 1 WHERE id = 9", 9),
        ("UPDATE audit_event SET patient_id = NULL WHERE id = 10", 10),
        ("UPDATE audit_event SET created_at = '2020-01-01 00:00:00.000000' WHERE id = 5", 5),
        ("DELETE FROM audit_event WHERE id = 9", 10),
        ("DELETE FROM audit_event WHERE id = 1", 2),
    ],
)
def test_tampering_is_found(day_in_the_practice, tampering: str, broken: int) -> None:
    with unit_of_work.engine().begin() as connection:
        lift_the_seal(connection)
        connection.execute(text(tampering))
    try:
        with reading() as session:
            assert audit.verify(session) == broken
    finally:
        if unit_of_work.engine().dialect.name != "sqlite":
            with unit_of_work.engine().begin() as connection:
                connection.execute(text("ALTER TABLE audit_event ENABLE TRIGGER USER"))


@pytest.fixture
def sealed_again() -> Iterator[None]:
    """PostgreSQL keeps its tables from test to test."""
    yield
    if unit_of_work.engine().dialect.name != "sqlite":
        with unit_of_work.engine().begin() as connection:
            connection.execute(text("ALTER TABLE audit_event ENABLE TRIGGER USER"))


def cut_off(entries: int) -> None:
    with unit_of_work.engine().begin() as connection:
        lift_the_seal(connection)
        kept = "SELECT id FROM audit_event ORDER BY id DESC LIMIT 1 OFFSET :entries"
        connection.execute(text(f"DELETE FROM audit_event WHERE id > ({kept})"), {"entries": entries})


@pytest.mark.parametrize("entries", [1, 4])
def test_entries_cut_off_the_end_are_missed_whatever_comes_after(day_in_the_practice, patient, sealed_again, capsys, entries) -> None:
    assert audit.main(["verify"]) == 0
    assert "The audit trail holds: 18 entries." in capsys.readouterr().out
    cut_off(entries)
    for _ in range(6):
        with reading() as session:
            assert audit.verify(session) is None, "the chain itself shows nothing"
        assert audit.main(["verify"]) == 1
        assert "The audit trail is cut" in capsys.readouterr().err
        with transaction() as session:
            audit.record(session, actor_id=patient.id, action=audit.Action.ADD_LESION)


def test_anchor_that_cannot_be_read_is_told(day_in_the_practice, moletrail, capsys) -> None:
    anchor.path().write_bytes(b"not an anchor")
    assert audit.main(["verify"]) == 1
    lesions.add_lesion(accounts.sign_up(**sign_up_arguments(email="cy@example.org")), name="Nape", body_site="nape")
    assert anchor.path().read_bytes() == b"not an anchor", "and is not mended silently"


def test_anchor_never_goes_back(patient) -> None:
    before = anchor.read()
    anchor.advance(anchor.Anchor(before.entry_id - 1, "0" * 64))
    assert anchor.read() == before


def test_disk_that_does_not_take_the_anchor_costs_no_deed(patient, moletrail, caplog) -> None:
    anchor.path().unlink()
    anchor.path().mkdir()
    assert lesions.add_lesion(patient, name="Nape", body_site="nape")
    assert "anchor of the audit trail cannot be" in caplog.text


def test_seeing_the_same_again_within_minutes_is_one_view(patient, tiny, monkeypatch) -> None:
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    before = len(trail())
    for _ in range(3):
        lesions.timeline(patient, lesion_id=lesion.id)
    assert len(trail()) == before + 1
    later = now() + audit.ONE_VIEW + timedelta(seconds=1)
    monkeypatch.setattr(audit, "now", lambda: later)
    lesions.timeline(patient, lesion_id=lesion.id)
    assert len(trail()) == before + 2


def test_deed_that_fails_leaves_no_entry(patient) -> None:
    before = trail()
    with pytest.raises(RuntimeError), transaction() as session:
        audit.record(session, actor_id=patient.id, action=audit.Action.ADD_LESION)
        raise RuntimeError
    assert trail() == before


def test_log_in_of_who_waits_or_is_switched_off_says_so(admin, sign_up) -> None:
    doctor = sign_up(role="doctor", first_name="Wim", email="wim@example.org")
    with pytest.raises(LoginFailed):
        accounts.log_in(email=doctor.email, password=PASSWORD)
    accounts.disable_account(admin, user_id=doctor.id)
    with pytest.raises(LoginFailed):
        accounts.log_in(email=doctor.email, password=PASSWORD)
    assert [row[4] for row in trail() if row[1] == "log_in"] == ["pending", "disabled"]
