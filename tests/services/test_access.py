"""Who may do what on whose what: every service function that acts for a person, for every kind of person."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from db.base import now
from db.engine import sqlite_file
from db.models import AuditEvent, Upload
from services import (
    accounts,
    alignments,
    audit,
    bin,
    body,
    change_email,
    changes,
    comparing,
    consent,
    devices,
    dicom,
    email_links,
    erasure,
    events,
    evolution,
    external,
    lesions,
    mapping,
    mole_links,
    my_data,
    notes,
    notifications,
    opinions,
    outlines,
    performance,
    photos,
    policy,
    profile,
    records,
    reminders,
    report,
    reviews,
    risk,
    scales,
    sessions,
    sharing,
    two_factor,
    ugly_duckling,
    unit_of_work,
    worklist,
)
from services.audit import Action
from services.errors import NotAllowed, NotFound, ValidationError
from services.unit_of_work import reading, transaction
from services.views import Person, ScaleView
from tests.helpers import PASSWORD, mask_bytes, photo_bytes

MODULES = (
    accounts, devices, email_links, external, lesions, notes, photos, records, sessions, sharing, two_factor,
    # The doctor's workspace.
    events, performance, worklist,
    # A person's own data.
    bin, change_email, consent, dicom, erasure, mole_links, my_data, notifications, profile, report,
    # Reviews and second opinions.
    opinions, outlines, reviews,
    # The patient's own place.
    body, reminders, risk, ugly_duckling,
    # How a mole evolved.
    alignments, changes, comparing, evolution, scales,
)


@dataclass
class World:
    """One patient with a mole, a photo and a share, and everybody else around."""

    people: dict[str, Person]
    lesion_id: int
    visit_id: int
    upload_id: int
    grant_id: int
    waiting_id: int
    session_id: int
    token: str
    diagnosis_id: int
    review_id: int
    opinion_id: int
    template_id: int
    binned_id: int
    withdrawn_id: int
    link_id: int

    def person(self, name: str) -> Person:
        return self.people[name]


@dataclass
class Kept:
    """The world as it was made, for the tests after the first."""

    data: Path
    world: World | None = None


ACTORS = (
    "owner", "other patient", "doctor shared with", "doctor revoked", "doctor never shared with", "doctor disabled", "admin",
    "doctor asked",
)


@pytest.fixture(scope="session")
def kept(tmp_path_factory) -> Kept:
    return Kept(tmp_path_factory.mktemp("world") / "data")


@pytest.fixture
def world(kept, moletrail, request, tiny) -> World:
    """Made once and then copied, where the database is a file: hundreds of tests begin here."""
    if kept.world is not None:
        unit_of_work.engine().dispose()
        shutil.copytree(kept.data, moletrail.data, dirs_exist_ok=True)
        return replace(kept.world, people=dict(kept.world.people))
    needed = ("patient", "other_patient", "doctor", "other_doctor", "admin", "sign_up")
    made = _make_world(*(request.getfixturevalue(name) for name in needed))
    if sqlite_file(moletrail.database_url) is not None:
        unit_of_work.engine().dispose()  # which writes everything into the one file
        shutil.copytree(moletrail.data, kept.data)
        kept.world = replace(made, people=dict(made.people))
    return made


def _make_world(patient, other_patient, doctor, other_doctor, admin, sign_up) -> World:
    def new_doctor(name: str) -> Person:
        return accounts.create_doctor(admin, first_name=name, surname="Doc", email=f"{name}@example.org", password=PASSWORD)

    revoked, disabled = new_doctor("rita"), new_doctor("dirk")
    lesion = lesions.add_lesion(patient, name="Nape", body_site="nape")
    visit = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(), taken_on=date(2024, 5, 1))
    grants = {person: sharing.share_with(patient, doctor_email=person.email) for person in (doctor, revoked, disabled)}
    sharing.revoke(patient, grant_id=grants[revoked].id)
    accounts.disable_account(admin, user_id=disabled.id)
    # The other patient has moles too, and shares them with the doctor nobody else shares with.
    theirs = lesions.add_lesion(other_patient, name="Nape", body_site="nape")
    photos.add_photo(other_patient, lesion_id=theirs.id, data=photo_bytes(radius=20), taken_on=date(2024, 5, 1))
    sharing.share_with(other_patient, doctor_email=other_doctor.email)
    waiting = sign_up(role="doctor", first_name="Wim", email="wim@example.org")
    token = accounts.redeem_ticket(ticket=accounts.log_in(email=patient.email, password=PASSWORD))
    session_id = sessions.list_sessions(patient, token=token)[0].id
    diagnosis_id = visit.finding.id
    review_id = reviews.record_review(doctor, diagnosis_id=diagnosis_id, verdict="agree").id
    asked = new_doctor("astrid")
    opinion_id = opinions.ask(doctor, diagnosis_id=diagnosis_id, colleague_email=asked.email).id
    binned = lesions.add_lesion(patient, name="Nose", body_site="nose")
    bin.delete_lesion(patient, lesion_id=binned.id)
    withdrawn = photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=10), taken_on=date(2023, 5, 1)).photo.id
    with transaction() as session:
        session.get_one(Upload, withdrawn).deleted_at = now()
    everybody = (patient, other_patient, doctor, revoked, other_doctor, disabled, admin, asked)
    template_id = notes.save_template(doctor, title="Fine", text="All well.", for_patient=True).id
    return World(
        dict(zip(ACTORS, everybody, strict=True)), lesion.id, visit.id, visit.photo.id, grants[doctor].id, waiting.id,
        session_id, token, diagnosis_id, review_id, opinion_id, template_id, binned.id, withdrawn,
        mole_links.make_link(patient, lesion_id=lesion.id, days=7).id,
    )


ROLES = {"owner": "patient", "other patient": "patient", "admin": "admin"}
"""Of the actors; the others are doctors."""


def about_the_owner(*allowed: str, roles: tuple[str, ...] = ("patient", "doctor")) -> dict[str, str]:
    """For something of the owner's: who of the right role is not among `allowed` finds nothing; other roles may not."""
    return {
        actor: "ok" if actor in allowed
        else "may not" if actor == "doctor disabled" or ROLES.get(actor, "doctor") not in roles
        else "finds nothing"
        for actor in ACTORS
    }


def for_everybody() -> dict[str, str]:
    """For something of one's own account."""
    return {actor: "may not" if actor == "doctor disabled" else "ok" for actor in ACTORS}


def for_role(role: str) -> dict[str, str]:
    """For something of one's own, or of nobody: all of one role."""
    return {actor: "ok" if ROLES.get(actor, "doctor") == role and actor != "doctor disabled" else "may not" for actor in ACTORS}


def wrong_code(service: Callable, **more) -> Callable[[World, Person], None]:
    """Who may set up a second step is told that the code is wrong; who may not never gets that far."""

    def call(_world: World, who: Person) -> None:
        with contextlib.suppress(ValidationError):
            service(who, code="000000", **more)

    return call


def wrong_password(service: Callable, **more) -> Callable[[World, Person], None]:
    def call(_world: World, who: Person) -> None:
        with contextlib.suppress(ValidationError):
            service(who, password="a guess", **more)

    return call


def look_for_a_ruler(world: World, who: Person) -> None:
    with contextlib.suppress(ValidationError):  # the photo shows none
        scales.sight(who, upload_id=world.upload_id, how=scales.Ruler())


def scale_of(upload_id: int) -> ScaleView | None:
    """As who sets another has read it."""
    with reading() as session:
        upload = session.get(Upload, upload_id)
        return mapping.scale(upload) if upload else None


BY_OWNER = about_the_owner("owner", roles=("patient",))
SEEN_BY_CARERS = about_the_owner("owner", "doctor shared with")
BY_CARERS = about_the_owner("doctor shared with", roles=("doctor",))
"""For what only doctors do, to patients who share with them."""
BY_ASKED = about_the_owner("doctor asked", roles=("doctor",))
"""For what only who was asked for a second opinion does."""

MATRIX: dict[Callable, tuple[Callable[[World, Person], object], dict[str, str]]] = {
    accounts.create_doctor: (
        lambda w, who: accounts.create_doctor(who, first_name="N", surname="N", email="new@example.org", password=PASSWORD),
        for_role("admin"),
    ),
    accounts.list_accounts: (lambda w, who: accounts.list_accounts(who), for_role("admin")),
    accounts.confirm_doctor: (lambda w, who: accounts.confirm_doctor(who, user_id=w.waiting_id), for_role("admin")),
    accounts.set_role: (lambda w, who: accounts.set_role(who, user_id=w.waiting_id, role="patient"), for_role("admin")),
    accounts.disable_account: (lambda w, who: accounts.disable_account(who, user_id=w.waiting_id), for_role("admin")),
    accounts.enable_account: (lambda w, who: accounts.enable_account(who, user_id=w.waiting_id), for_role("admin")),
    accounts.change_password: (
        lambda w, who: accounts.change_password(who, current=PASSWORD, new="four green herons sing"), for_everybody(),
    ),
    accounts.prove_password: (wrong_password(accounts.prove_password, action=Action.CHANGE_PASSWORD), for_everybody()),
    sessions.list_sessions: (lambda w, who: sessions.list_sessions(who, token=""), for_everybody()),
    sessions.end_session: (
        lambda w, who: sessions.end_session(who, session_id=w.session_id), about_the_owner("owner", roles=("patient", "doctor", "admin")),
    ),
    sessions.renew: (
        lambda w, who: sessions.renew(who, token=w.token), about_the_owner("owner", roles=("patient", "doctor", "admin")),
    ),
    sessions.end_others: (lambda w, who: sessions.end_others(who, token=""), for_everybody()),
    two_factor.status: (lambda w, who: two_factor.status(who), for_everybody()),
    two_factor.set_up: (lambda w, who: two_factor.set_up(who), for_everybody()),
    two_factor.enable: (wrong_code(two_factor.enable, token=""), for_everybody()),
    two_factor.new_recovery_codes: (wrong_code(two_factor.new_recovery_codes), for_everybody()),
    two_factor.check: (wrong_code(two_factor.check, action=Action.DISABLE_TOTP), for_everybody()),
    two_factor.disable: (wrong_code(two_factor.disable, token=""), for_everybody()),
    two_factor.reset_for: (lambda w, who: two_factor.reset_for(who, user_id=w.person("owner").id), for_role("admin")),
    lesions.add_lesion: (lambda w, who: lesions.add_lesion(who, name="New", body_site="nose"), for_role("patient")),
    lesions.list_lesions: (lambda w, who: lesions.list_lesions(who, patient_id=w.person("owner").id), SEEN_BY_CARERS),
    lesions.timeline: (lambda w, who: lesions.timeline(who, lesion_id=w.lesion_id), SEEN_BY_CARERS),
    lesions.visit: (lambda w, who: lesions.visit(who, visit_id=w.visit_id), SEEN_BY_CARERS),
    photos.add_photo: (
        lambda w, who: photos.add_photo(who, lesion_id=w.lesion_id, data=photo_bytes(), taken_on=date(2024, 6, 1)),
        about_the_owner("owner", roles=("patient",)),
    ),
    photos.photo_file: (
        lambda w, who: photos.photo_file(who, upload_id=w.upload_id, size="thumb"),
        about_the_owner("owner", "doctor shared with", "doctor asked"),
    ),
    photos.heat_map_file: (lambda w, who: photos.heat_map_file(who, upload_id=w.upload_id), SEEN_BY_CARERS),
    photos.agreement_with: (lambda w, who: photos.agreement_with(who, upload_id=w.upload_id, mask=mask_bytes()), SEEN_BY_CARERS),
    photos.overlay_file: (lambda w, who: photos.overlay_file(who, upload_id=w.upload_id), SEEN_BY_CARERS),
    sharing.share_with: (lambda w, who: sharing.share_with(who, doctor_email="emil@example.org"), for_role("patient")),
    sharing.revoke: (lambda w, who: sharing.revoke(who, grant_id=w.grant_id), about_the_owner("owner", roles=("patient",))),
    sharing.list_doctors: (lambda w, who: sharing.list_doctors(who), for_role("patient")),
    sharing.list_grants: (lambda w, who: sharing.list_grants(who), for_role("patient")),
    sharing.list_patients: (lambda w, who: sharing.list_patients(who), for_role("doctor")),
    # The doctor's workspace.
    worklist.work_list: (lambda w, who: worklist.work_list(who), for_role("doctor")),
    worklist.following: (lambda w, who: worklist.following(who), for_role("doctor")),
    performance.performance: (
        lambda w, who: performance.performance(who),
        {actor: "may not" if ROLES.get(actor) == "patient" or actor == "doctor disabled" else "ok" for actor in ACTORS},
    ),
    notes.list_templates: (lambda w, who: notes.list_templates(who), for_role("doctor")),
    notes.save_template: (lambda w, who: notes.save_template(who, title="T", text="W", for_patient=True), for_role("doctor")),
    notes.delete_template: (
        lambda w, who: notes.delete_template(who, template_id=w.template_id), about_the_owner("doctor shared with", roles=("doctor",)),
    ),
    events.list_photos: (lambda w, who: events.list_photos(who, patient_id=w.person("owner").id), SEEN_BY_CARERS),
    events.list_events: (
        lambda w, who: events.list_events(who, patient_id=w.person("owner").id), about_the_owner("doctor shared with", roles=("doctor",)),
    ),
    worklist.case_of: (lambda w, who: worklist.case_of(who, lesion_id=w.lesion_id), for_role("doctor")),
    sharing.patient_of: (lambda w, who: sharing.patient_of(who, patient_id=w.person("owner").id), SEEN_BY_CARERS),
    notes.add_note: (
        lambda w, who: notes.add_note(who, visit_id=w.visit_id, text="Seen."), about_the_owner("doctor shared with", roles=("doctor",)),
    ),
    # A person's own data.
    bin.delete_lesion: (lambda w, who: bin.delete_lesion(who, lesion_id=w.lesion_id), BY_OWNER),
    bin.list_bin: (lambda w, who: bin.list_bin(who), for_role("patient")),
    bin.restore_lesion: (lambda w, who: bin.restore_lesion(who, lesion_id=w.binned_id), BY_OWNER),
    bin.restore_photo: (lambda w, who: bin.restore_photo(who, upload_id=w.withdrawn_id), BY_OWNER),
    bin.erase_lesion: (lambda w, who: bin.erase_lesion(who, lesion_id=w.binned_id), BY_OWNER),
    bin.erase_photo: (lambda w, who: bin.erase_photo(who, upload_id=w.withdrawn_id), BY_OWNER),
    erasure.erase_account: (wrong_password(erasure.erase_account), for_everybody()),
    change_email.ask_change: (wrong_password(change_email.ask_change, new="new@example.org"), for_everybody()),
    dicom.export_zip: (lambda w, who: b"".join(dicom.export_zip(who)), for_role("patient")),
    dicom.dicom_file: (lambda w, who: dicom.dicom_file(who, upload_id=w.upload_id), SEEN_BY_CARERS),
    my_data.export_zip: (lambda w, who: b"".join(my_data.export_zip(who)), for_role("patient")),
    my_data.export_csv: (lambda w, who: b"".join(my_data.export_csv(who)), for_role("patient")),
    my_data.export_xlsx: (lambda w, who: my_data.export_xlsx(who), for_role("patient")),
    my_data.export_fhir: (lambda w, who: my_data.export_fhir(who), for_role("patient")),
    report.mole_report: (lambda w, who: report.mole_report(who, lesion_id=w.lesion_id), SEEN_BY_CARERS),
    report.whole_report: (lambda w, who: report.whole_report(who, patient_id=w.person("owner").id), SEEN_BY_CARERS),
    mole_links.make_link: (lambda w, who: mole_links.make_link(who, lesion_id=w.lesion_id, days=7), BY_OWNER),
    mole_links.list_links: (lambda w, who: mole_links.list_links(who), for_role("patient")),
    mole_links.revoke_link: (lambda w, who: mole_links.revoke_link(who, link_id=w.link_id), BY_OWNER),
    sharing.invite: (lambda w, who: sharing.invite(who, doctor_email="new@example.org"), for_role("patient")),
    profile.profile: (lambda w, who: profile.profile(who), for_everybody()),
    profile.change_profile: (lambda w, who: profile.change_profile(who, surname="New"), for_everybody()),
    profile.change_preferences: (
        lambda w, who: profile.change_preferences(who, units="inch", date_style="de", reminder_emails=True), for_everybody(),
    ),
    consent.state: (lambda w, who: consent.state(who), for_role("patient")),
    consent.accept: (lambda w, who: consent.accept(who, version=consent.current().version), for_role("patient")),
    consent.withdraw: (lambda w, who: consent.withdraw(who), for_role("patient")),
    notifications.unread: (lambda w, who: notifications.unread(who), for_everybody()),
    notifications.mark_read: (lambda w, who: notifications.mark_read(who), for_everybody()),
    # Reviews and second opinions.
    reviews.record_review: (
        lambda w, who: reviews.record_review(who, diagnosis_id=w.diagnosis_id, verdict="agree", supersedes_id=w.review_id), BY_CARERS,
    ),
    reviews.record_histology: (
        lambda w, who: reviews.record_histology(who, review_id=w.review_id, code="93655004", found_on=date(2024, 6, 1)), BY_CARERS,
    ),
    reviews.reviews_of: (lambda w, who: reviews.reviews_of(who, diagnosis_id=w.diagnosis_id), BY_CARERS),
    reviews.outline_of: (lambda w, who: reviews.outline_of(who, diagnosis_id=w.diagnosis_id), BY_CARERS),
    reviews.said_to_patient: (lambda w, who: reviews.said_to_patient(who, visit_id=w.visit_id), SEEN_BY_CARERS),
    reviews.judges_first: (lambda w, who: reviews.judges_first(who, diagnosis_id=w.diagnosis_id), BY_CARERS),
    reviews.prefers_blind: (lambda w, who: reviews.prefers_blind(who), for_role("doctor")),
    opinions.ask: (
        lambda w, who: opinions.ask(who, diagnosis_id=w.diagnosis_id, colleague_email=w.person("doctor never shared with").email),
        BY_CARERS,
    ),
    opinions.withdraw: (lambda w, who: opinions.withdraw(who, opinion_id=w.opinion_id), BY_CARERS),
    opinions.opinions_on: (lambda w, who: opinions.opinions_on(who, diagnosis_id=w.diagnosis_id), BY_CARERS),
    opinions.asked_of_me: (lambda w, who: opinions.asked_of_me(who), for_role("doctor")),
    opinions.opinion_case: (lambda w, who: opinions.opinion_case(who, opinion_id=w.opinion_id), BY_ASKED),
    opinions.answer: (lambda w, who: opinions.answer(who, opinion_id=w.opinion_id, code="400096001"), BY_ASKED),
    reviews.choose_blind: (lambda w, who: reviews.choose_blind(who, blind=True), for_role("doctor")),
    alignments.pair: (
        lambda w, who: alignments.pair(who, first_upload_id=w.upload_id, second_upload_id=w.upload_id), SEEN_BY_CARERS,
    ),
    alignments.aligned_file: (
        lambda w, who: alignments.aligned_file(who, first_upload_id=w.upload_id, second_upload_id=w.upload_id, kind="outlines"),
        SEEN_BY_CARERS,
    ),
    comparing.compare: (lambda w, who: comparing.compare(who, lesion_id=w.lesion_id), SEEN_BY_CARERS),
    evolution.evolution: (lambda w, who: evolution.evolution(who, lesion_id=w.lesion_id), SEEN_BY_CARERS),
    evolution.numbers_csv: (lambda w, who: evolution.numbers_csv(who, lesion_id=w.lesion_id), SEEN_BY_CARERS),
    scales.sight: (look_for_a_ruler, SEEN_BY_CARERS),
    scales.set_scale: (
        lambda w, who: scales.set_scale(who, upload_id=w.upload_id, how=scales.Field(20.0), instead_of=scale_of(w.upload_id)),
        SEEN_BY_CARERS,
    ),
    records.list_records: (lambda w, who: records.list_records(who), for_role("admin")),
    records.export_csv: (lambda w, who: b"".join(records.export_csv(who)), for_role("admin")),
    lesions.edit_lesion: (
        lambda w, who: lesions.edit_lesion(who, lesion_id=w.lesion_id, version=1, name="Changed", body_site="nape"),
        about_the_owner("owner", roles=("patient",)),
    ),
    photos.outline_of: (lambda w, who: photos.outline_of(who, upload_id=w.upload_id), SEEN_BY_CARERS),
    photos.withdraw_photo: (lambda w, who: photos.withdraw_photo(who, upload_id=w.upload_id), about_the_owner("owner", roles=("patient",))),
    body.overview: (lambda w, who: body.overview(who, patient_id=w.person("owner").id), SEEN_BY_CARERS),
    body.choose_figure: (lambda w, who: body.choose_figure(who, build="broad", skin="dark"), for_role("patient")),
    ugly_duckling.order: (lambda w, who: ugly_duckling.order(who, patient_id=w.person("owner").id), SEEN_BY_CARERS),
    risk.answers_of: (lambda w, who: risk.answers_of(who, patient_id=w.person("owner").id), SEEN_BY_CARERS),
    risk.answer: (lambda w, who: risk.answer(who, version=0, answers={"eyes": "Dark brown"}), for_role("patient")),
    reminders.list_due: (lambda w, who: reminders.list_due(who), for_role("patient")),
    reminders.set_interval: (
        lambda w, who: reminders.set_interval(who, lesion_id=w.lesion_id, days=30), about_the_owner("owner", roles=("patient",)),
    ),
    reminders.calendar_file: (
        lambda w, who: reminders.calendar_file(who, lesion_id=w.lesion_id), about_the_owner("owner", roles=("patient",)),
    ),
}


def outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except NotAllowed:
        return "may not"
    except NotFound:
        return "finds nothing"
    return "ok"


def title(function: Callable) -> str:
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"


def test_every_module_that_acts_for_a_person_is_looked_at() -> None:
    """policy and unit_of_work are what the others ask."""
    acting = {
        path.stem
        for path in Path(policy.__file__).parent.glob("*.py")
        if any(
            "actor" in inspect.signature(function).parameters and not name.startswith("_")
            for name, function in inspect.getmembers(importlib.import_module(f"services.{path.stem}"), inspect.isfunction)
            if function.__module__ == f"services.{path.stem}"
        )
    }
    assert acting - {"policy", "unit_of_work"} <= {module.__name__.rpartition(".")[2] for module in MODULES}


QUIET = {
    "notifications.unread", "notes.list_templates", "profile.profile", "consent.state", "reviews.prefers_blind", "sharing.list_grants",
    "sharing.list_doctors",
    "reviews.judges_first",
    "mole_links.list_links", "sessions.list_sessions", "two_factor.status", "two_factor.set_up",
    "two_factor.enable", "consent.accept", "notifications.mark_read",
}
"""Looks at one's own account, and what the matrix asks for in vain or for the second time: no patient's record is seen and
nothing is done."""


@pytest.mark.parametrize("function", [function for function in MATRIX if title(function) not in QUIET], ids=title)
def test_what_is_done_or_seen_leaves_an_entry(world: World, monkeypatch, function: Callable) -> None:
    call, expected = MATRIX[function]
    actor = world.person(next(actor for actor in ACTORS if expected[actor] == "ok"))
    monkeypatch.setattr(audit, "seen_lately", lambda *_, **__: False)  # the world was looked at while it was made
    with reading() as session:
        before = session.scalar(select(func.max(AuditEvent.id)))
    assert outcome(lambda: call(world, actor)) == "ok"
    with reading() as session:
        left = session.scalars(select(AuditEvent).where(AuditEvent.id > before, AuditEvent.actor_id == actor.id)).all()
    assert left
    assert all(entry.outcome != "refused" for entry in left)


def test_the_matrix_names_every_service_that_acts_for_a_person() -> None:
    acting = {
        function
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and "actor" in inspect.signature(function).parameters
    }
    assert {title(function) for function in acting} == {title(function) for function in MATRIX}


def test_other_services_of_people_are_the_few_that_need_no_actor() -> None:
    """Log-in itself, the command line, and helpers that see nothing stored."""
    free = {
        title(function)
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and "actor" not in inspect.signature(function).parameters
    }
    assert free == {
        "accounts.sign_up", "accounts.create_admin", "accounts.admin_exists", "accounts.log_in", "accounts.redeem_ticket",
        "accounts.person_of", "accounts.log_out", "accounts.main", "accounts.set_password", "devices.remember", "devices.is_known",
        "devices.forget_all", "accounts.change_key",
        "sessions.begin", "sessions.end_all", "sessions.let_end_soon", "sessions.digest", "sessions.in_force", "sessions.device_words",
        "two_factor.finish_log_in", "two_factor.main", "accounts.tell_of_new_password", "email_links.ask_reset",
        "email_links.ask_verification", "email_links.works", "email_links.reset_password", "email_links.verify_email",
        "email_links.use_up", "email_links.keep", "email_links.address_of", "change_email.confirm_change",
        "external.identity_of", "external.log_in", "external.sign_up", "accounts.require_active",
        "lesions.load_visit", "lesions.in_use", "lesions.has_photos", "lesions.suggested_name",
        "reminders.due_on", "reminders.keep", "reminders.queue_emails", "risk.raised_for", "ugly_duckling.distances",
        "photos.analyser", "photos.use_analyser",
        "alignments.shots", "alignments.last_shot", "alignments.align", "alignments.kept", "alignments.complete",
            "evolution.shot_of", "evolution.described", "evolution.asks_for_another",
        "scales.card_pdf",
        "changes.compared", "changes.against", "changes.headline", "changes.nothing", "changes.sentence", "changes.edges",
        "photos.warm_up", "photos.bands", "photos.preview", "photos.suggested_date",
        "notes.filled", "performance.summed", "risk.skin_types",
        "opinions.agreement",
        "notifications.notify", "consent.require_in_force", "bin.purge", "accounts.require_another_admin",
        "mole_links.shared_mole", "mole_links.must_wait", "mole_links.shared_photo", "lesions.visits_of", "photos.sized", "photos.outlined",
        "records.csv_of", "records.of_patient", "records.cell",
        "outlines.checked", "outlines.to_draw_on",
        "reviews.standing", "reviews.case_of", "reviews.in_force", "reviews.of_same_photo", "reviews.newest_of", "reviews.view",
        "reviews.checked",
        "reviews.corrected",
    }


@pytest.mark.parametrize("function", MATRIX, ids=title)
def test_each_person_gets_what_the_matrix_says(world: World, function: Callable) -> None:
    call, expected = MATRIX[function]
    refused_first = sorted(ACTORS, key=lambda actor: expected[actor] == "ok")
    found = {actor: outcome(lambda actor=actor: call(world, world.person(actor))) for actor in refused_first}
    assert found == expected


@pytest.mark.parametrize("function", MATRIX, ids=title)
def test_refusals_are_in_the_audit_trail(world: World, function: Callable) -> None:
    call, expected = MATRIX[function]
    actor = next(actor for actor in ACTORS if expected[actor] != "ok")
    outcome(lambda: call(world, world.person(actor)))
    with reading() as session:
        last = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert (last.actor_id, last.outcome) == (world.person(actor).id, "refused")
        assert audit.verify(session) is None


@pytest.mark.parametrize(
    "function", [function for function, (_, expected) in MATRIX.items() if "finds nothing" in expected.values()], ids=title
)
def test_what_does_not_exist_looks_like_what_is_someone_elses(world: World, function: Callable) -> None:
    """Neither the kind of error nor its sentence tells them apart."""
    call, expected = MATRIX[function]
    actor = next(actor for actor in ACTORS if expected[actor] == "finds nothing")

    def told() -> str:
        with pytest.raises(NotFound) as caught:
            call(world, world.person(actor))
        return str(caught.value)

    foreign = told()
    world.lesion_id = world.visit_id = world.upload_id = world.grant_id = world.session_id = 10**9
    world.diagnosis_id = world.review_id = world.opinion_id = world.template_id = 10**9
    world.diagnosis_id = world.review_id = world.opinion_id = 10**9
    world.token = "made up"
    world.binned_id = world.withdrawn_id = world.link_id = 10**9
    world.people["owner"] = Person(10**9, "patient", "active", "", "", "", None, world.person("owner").created_at)
    assert told() == foreign


def test_every_action_that_needs_leave_has_a_rule() -> None:
    unruled = {
        Action.LOG_IN, Action.LOG_OUT, Action.LOCK, Action.SIGN_UP,
        Action.ASK_RESET, Action.RESET_PASSWORD, Action.ASK_VERIFICATION, Action.VERIFY_EMAIL,
        Action.OPEN_LINK,
    }
    assert set(policy.RULES) == set(Action) - unruled


def test_lists_hold_nothing_of_others(world: World) -> None:
    assert [lesion.patient_id for lesion in lesions.list_lesions(world.person("other patient"))] == [world.person("other patient").id]
    for actor, seen in (("doctor shared with", ["owner"]), ("doctor revoked", []), ("doctor never shared with", ["other patient"])):
        listed = sharing.list_patients(world.person(actor)).items
        assert [summary.person.id for summary in listed] == [world.person(name).id for name in seen]
        waiting = worklist.work_list(world.person(actor)).cases.items
        assert [case.patient_id for case in waiting] == [world.person(name).id for name in seen]
    granted = sharing.list_grants(world.person("other patient"))
    assert [grant.doctor for grant in granted] == [world.person("doctor never shared with")]


def test_photo_shows_no_more_once_the_share_is_revoked(world: World) -> None:
    doctor = world.person("doctor shared with")
    assert photos.photo_file(doctor, upload_id=world.upload_id, size="thumb")
    sharing.revoke(world.person("owner"), grant_id=world.grant_id)
    with pytest.raises(NotFound):
        photos.photo_file(doctor, upload_id=world.upload_id, size="thumb")
