from __future__ import annotations

import io
import json
import logging
from datetime import date

import pytest

from services import accounts, lesions, logs, mail, notes, photos, records, sharing, storage
from services.errors import LoginFailed, StorageFailed
from tests.helpers import PASSWORD, SIGN_UP, photo_bytes


@pytest.fixture
def log():
    """Everything that is logged, at every level, as the running server would write it."""
    root = logging.getLogger()
    kept = logging.getLogRecordFactory(), list(root.handlers), root.level
    loggers = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    before = [(one, list(one.handlers), one.propagate, one.level) for one in loggers]
    stream = io.StringIO()
    logs.set_up(stream, level=logging.DEBUG)
    yield stream
    logging.setLogRecordFactory(kept[0])
    root.handlers[:] = kept[1]
    root.setLevel(kept[2])
    for one, handlers, propagate, level in before:
        one.handlers[:], one.propagate = handlers, propagate
        one.setLevel(level)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_entry_is_one_json_object_with_the_number_of_its_request(log) -> None:
    with logs.one_request() as noted:
        logs.note(actor=17)
        logs.event("request", route="/health", status=200, ms=1.5)
    (entry,) = lines(log)
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "info", "event": "request", "request": noted["request"], "actor": 17, "route": "/health", "status": 200, "ms": 1.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("Mail to ann.archer+x@example.org failed", "Mail to [e-mail] failed"),
        ('10.1.22.3:51234 - "GET /photo/1/large.jpg"', '[address] - "GET /photo/1/large.jpg"'),
        ("('2001:db8:85a3::8a2e:370:7334', 1)", "('[address]', 1)"),
        ("::ffff:192.0.2.7:45586 - connected", "[address] - connected"),
        ("::1:51026 - connected", "[address] - connected"),
        ("std::vector of 3", "std::vector of 3"),
        ("GET /mole?mole=4&name=Nape HTTP/1.1", "GET /mole?[query] HTTP/1.1"),
        ("token 3q2-7wXhIu_5mKpZb0vTfYdRcLsAeGj9NoQxWyUiHkM given", "token [token] given"),
        ("Accepted 3 photos at 12:30:45", "Accepted 3 photos at 12:30:45"),
    ],
)
def test_what_others_log_is_redacted(log, said, logged) -> None:
    logging.getLogger("some.library").warning("%s", said)
    assert lines(log)[0]["event"] == logged


def test_message_that_no_mail_server_takes_is_shown_as_it_is(log, patient) -> None:
    mail.send(to=patient.email, subject="A new password", text="Open this link:\n\nhttp://localhost:8501/reset-password?token=abc\n")
    assert "\nhttp://localhost:8501/reset-password?token=abc\n" in log.getvalue()


def test_exception_is_logged_by_type_and_place_without_its_message(log) -> None:
    try:
        try:
            raise KeyError("Ann Archer")
        except KeyError as error:
            raise ValueError("born 1980-05-17") from error
    except ValueError as error:
        logs.event("error", level=logging.ERROR, error=error)
    (entry,) = lines(log)
    assert "Ann" not in log.getvalue() and "1980" not in log.getvalue()
    assert entry["error"].startswith("ValueError at tests/services/test_logs.py:")
    assert "<- KeyError at " in entry["error"]


def test_mistake_in_a_line_of_a_library_breaks_nothing(log) -> None:
    logging.getLogger("some.library").warning("%d photos", "three")
    assert lines(log)[0]["event"] == "%d photos"


def test_whole_journey_leaves_nothing_of_the_person_in_the_log(log, moletrail, patient, doctor, admin, tiny, token_of) -> None:
    token = token_of(patient)
    lesion = lesions.add_lesion(patient, name="Nape mole", body_site="nape")
    visit = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1), note="Itches at night.")
    grant = sharing.share_with(patient, doctor_email=doctor.email)
    lesions.timeline(doctor, lesion_id=lesion.id)
    notes.add_note(doctor, visit_id=visit.id, text="All well.")
    photos.photo_file(doctor, upload_id=visit.photo.id, size="large")
    b"".join(records.export_csv(admin))
    sharing.revoke(patient, grant_id=grant.id)
    with pytest.raises(LoginFailed):
        accounts.log_in(email=patient.email, password="a wrong guess")
    # And what goes wrong on the way.
    for path in moletrail.files.glob("*/*.jpg"):
        path.write_bytes(b"damaged")
    with pytest.raises(StorageFailed):
        photos.photo_file(patient, upload_id=visit.photo.id, size="full")
    try:
        raise RuntimeError(f"{SIGN_UP}")
    except RuntimeError as error:
        logs.event("error", level=logging.ERROR, error=error)
    accounts.log_out(token=token)

    told = log.getvalue()
    assert "stored file is damaged" in told, "the log is not merely empty"
    personal = [
        *(str(value) for name, value in SIGN_UP.items() if value and name not in ("role", "sex")), PASSWORD, token, "Nape mole", "Itches",
        "All well", "a wrong guess", doctor.email, doctor.surname, admin.email, storage.hashlib.sha256(photo_bytes()).hexdigest(),
    ]  # fmt: skip
    assert [value for value in personal if value.lower() in told.lower()] == []
