from __future__ import annotations

import re

import pyotp
import pytest
from sqlalchemy import select

from db.models import AuditEvent, RecoveryCode, User
from services import accounts, lesions, sealing, sessions, throttle, two_factor, unit_of_work
from services.errors import LoginFailed, NotAllowed, SecondStepNeeded, StorageFailed, ValidationError
from services.unit_of_work import reading
from tests.helpers import PASSWORD


def code_of(secret: str, clock) -> str:
    return pyotp.TOTP(secret.replace(" ", "")).at(clock.now())


@pytest.fixture
def app_of(token_of, clock):
    """app_of(person) -> (secret in their authenticator app, recovery codes, session in which it was set up)."""

    def enable(person):
        token = token_of(person)
        secret = two_factor.set_up(person).secret
        codes = two_factor.enable(person, code=code_of(secret, clock), token=token)
        clock.move(seconds=30)
        return secret, codes, token

    return enable


def pending_of(person, **more: str) -> str:
    with pytest.raises(SecondStepNeeded) as caught:
        accounts.log_in(email=person.email, password=PASSWORD, **more)
    return caught.value.pending


def outcomes(action: str) -> list[str]:
    with reading() as session:
        return list(session.scalars(select(AuditEvent.outcome).where(AuditEvent.action == action).order_by(AuditEvent.id)))


# Setting it up


def test_log_in_asks_for_a_code_once_it_is_enabled(patient, app_of, clock) -> None:
    secret, _, _ = app_of(patient)
    ticket = two_factor.finish_log_in(pending=pending_of(patient), code=code_of(secret, clock))
    assert accounts.person_of(token=accounts.redeem_ticket(ticket=ticket)) == patient
    assert outcomes("log_in")[-2:] == ["code_asked", "ok"]


def test_password_alone_opens_nothing(patient, app_of) -> None:
    app_of(patient)
    with pytest.raises(LoginFailed):
        accounts.redeem_ticket(ticket=pending_of(patient))


def test_set_up_that_was_not_finished_asks_for_nothing_and_goes_on_with_the_same_secret(patient) -> None:
    first = two_factor.set_up(patient)
    assert two_factor.set_up(patient).secret == first.secret
    assert accounts.log_in(email=patient.email, password=PASSWORD)


def test_qr_code_holds_what_an_app_needs(patient, monkeypatch) -> None:
    seen = []
    make = two_factor.segno.make
    monkeypatch.setattr(two_factor.segno, "make", lambda text, **more: (seen.append(text), make(text, **more))[1])
    made = two_factor.set_up(patient)
    assert re.fullmatch(r"otpauth://totp/Moletrail:ann%40example\.org\?secret=[A-Z2-7]{32}&issuer=Moletrail", seen[0])
    assert made.secret.replace(" ", "") in seen[0]
    assert made.qr_svg.startswith("<svg")
    assert "http" not in made.qr_svg.replace("http://www.w3.org/2000/svg", "")


def test_wrong_code_enables_nothing(patient, token_of) -> None:
    two_factor.set_up(patient)
    for code in ("000000", "", "12345", "١٢٣٤٥٦"):
        with pytest.raises(ValidationError, match="not right"):
            two_factor.enable(patient, code=code, token=token_of(patient))
    assert two_factor.status(patient).enabled_since is None


def test_other_sessions_end_when_it_is_enabled(patient, token_of, app_of) -> None:
    there = token_of(patient)
    _, _, here = app_of(patient)
    assert accounts.person_of(token=there) is None
    assert accounts.person_of(token=here) == patient


def test_session_from_before_it_was_enabled_is_soon_over_and_a_renewed_one_is_not(patient, app_of, clock) -> None:
    """Who copied its token then has nothing of what it may do since."""
    _, _, here = app_of(patient)
    renewed = accounts.redeem_ticket(ticket=sessions.renew(patient, token=here))
    assert accounts.person_of(token=here) is None
    clock.move(minutes=16)
    assert accounts.person_of(token=renewed) == patient


def test_session_that_is_not_renewed_after_it_is_over_in_a_quarter_of_an_hour(patient, app_of, clock) -> None:
    _, _, here = app_of(patient)
    clock.move(minutes=14)
    assert accounts.person_of(token=here) == patient
    clock.move(minutes=2)
    assert accounts.person_of(token=here) is None


def test_secret_is_sealed_and_codes_are_hashed(patient, app_of) -> None:
    secret, codes, _ = app_of(patient)
    with reading() as session:
        stored = session.scalar(select(User.totp_secret))
        hashes = session.scalars(select(RecoveryCode.code_hash)).all()
    assert secret.replace(" ", "") not in stored
    assert len(hashes) == len(set(codes)) == 10
    assert not any(code in one or code.replace("-", "") in one for code in codes for one in hashes)


# Codes


def test_code_works_once(patient, app_of, clock) -> None:
    secret, _, _ = app_of(patient)
    code = code_of(secret, clock)
    two_factor.finish_log_in(pending=pending_of(patient), code=code)
    with pytest.raises(LoginFailed, match="was used already"):
        two_factor.finish_log_in(pending=pending_of(patient), code=code)
    clock.move(seconds=30)
    with pytest.raises(LoginFailed, match="was used already"):
        two_factor.finish_log_in(pending=pending_of(patient), code=code)


def test_code_that_enabled_it_does_not_log_in(patient, token_of, clock) -> None:
    secret = two_factor.set_up(patient).secret
    code = code_of(secret, clock)
    two_factor.enable(patient, code=code, token=token_of(patient))
    with pytest.raises(LoginFailed):
        two_factor.finish_log_in(pending=pending_of(patient), code=code)


@pytest.mark.parametrize(("seconds", "taken"), [(0, True), (30, True), (-30, True), (90, False), (-90, False)])
def test_phone_may_be_half_a_minute_off(patient, app_of, clock, seconds: int, taken: bool) -> None:
    secret, _, _ = app_of(patient)
    clock.move(minutes=10)
    code = pyotp.TOTP(secret.replace(" ", "")).at(int(clock.now().timestamp()) + seconds)
    pending = pending_of(patient)
    if taken:
        assert two_factor.finish_log_in(pending=pending, code=f" {code[:3]} {code[3:]} ")
    else:
        with pytest.raises(LoginFailed):
            two_factor.finish_log_in(pending=pending, code=code)


def test_each_recovery_code_opens_the_account_once(patient, app_of) -> None:
    _, codes, _ = app_of(patient)
    assert two_factor.finish_log_in(pending=pending_of(patient), code=codes[0].upper().replace("-", " "))
    with pytest.raises(LoginFailed):
        two_factor.finish_log_in(pending=pending_of(patient), code=codes[0])
    assert two_factor.finish_log_in(pending=pending_of(patient), code=codes[1])
    assert two_factor.status(patient).recovery_codes_left == 8


def test_recovery_code_of_someone_else_opens_nothing(patient, other_patient, app_of) -> None:
    app_of(patient)
    _, codes, _ = app_of(other_patient)
    with pytest.raises(LoginFailed):
        two_factor.finish_log_in(pending=pending_of(patient), code=codes[0])


def test_new_recovery_codes_replace_the_old(patient, app_of) -> None:
    _, old, _ = app_of(patient)
    new = two_factor.new_recovery_codes(patient, code=old[3])
    assert not set(new) & set(old)
    with pytest.raises(LoginFailed):
        two_factor.finish_log_in(pending=pending_of(patient), code=old[0])
    assert two_factor.finish_log_in(pending=pending_of(patient), code=new[0])


def test_guessing_codes_has_to_wait_even_with_new_log_ins(patient, app_of, clock) -> None:
    secret, _, _ = app_of(patient)
    for _ in range(throttle.FREE_TRIES):
        with pytest.raises(LoginFailed, match="not right"):
            two_factor.finish_log_in(pending=pending_of(patient), code="000000")
    with pytest.raises(LoginFailed, match=r"Too many wrong codes\. Please wait 30 seconds"):
        two_factor.finish_log_in(pending=pending_of(patient), code=code_of(secret, clock))
    clock.move(seconds=31)
    assert two_factor.finish_log_in(pending=pending_of(patient), code=code_of(secret, clock))


def test_second_step_has_to_come_within_five_minutes(patient, app_of, clock) -> None:
    secret, _, _ = app_of(patient)
    pending = pending_of(patient)
    clock.move(minutes=5, seconds=1)
    with pytest.raises(LoginFailed, match="took too long"):
        two_factor.finish_log_in(pending=pending, code=code_of(secret, clock))


def test_second_step_of_a_disabled_account_opens_nothing(patient, admin, app_of, clock) -> None:
    secret, _, _ = app_of(patient)
    pending = pending_of(patient)
    accounts.disable_account(admin, user_id=patient.id)
    with pytest.raises(LoginFailed):
        two_factor.finish_log_in(pending=pending, code=code_of(secret, clock))


@pytest.mark.parametrize("pending", ["", "made up", "x" * 5000])
def test_invented_second_step_opens_nothing(patient, app_of, clock, pending: str) -> None:
    secret, _, _ = app_of(patient)
    with pytest.raises(LoginFailed, match="took too long"):
        two_factor.finish_log_in(pending=pending, code=code_of(secret, clock))


# Switching it off


def test_disabling_takes_a_code_and_leaves_nothing_behind(patient, app_of, clock) -> None:
    secret, _, token = app_of(patient)
    with pytest.raises(ValidationError):
        two_factor.disable(patient, code="000000", token=token)
    two_factor.disable(patient, code=code_of(secret, clock), token=token)
    assert accounts.log_in(email=patient.email, password=PASSWORD)
    assert accounts.person_of(token=token) == patient
    with reading() as session:
        assert session.execute(select(User.totp_secret, User.totp_enabled_at, User.totp_last_step)).one() == (None, None, None)
        assert session.scalar(select(RecoveryCode)) is None
    assert outcomes("disable_totp") == ["failed", "ok"]


def test_admin_takes_it_off_an_account_but_not_off_their_own(patient, admin, app_of) -> None:
    _, _, token = app_of(patient)
    two_factor.reset_for(admin, user_id=patient.id)
    assert accounts.person_of(token=token) is None
    assert accounts.log_in(email=patient.email, password=PASSWORD)
    assert outcomes("reset_totp") == ["ok"]
    with pytest.raises(ValidationError):
        two_factor.reset_for(admin, user_id=admin.id)


def test_command_line_takes_it_off_for_the_only_admin(admin, app_of, capsys) -> None:
    app_of(admin)
    assert two_factor.main(["reset", admin.email]) == 0
    assert two_factor.main(["reset", "nobody@example.org"]) == 1
    assert accounts.log_in(email=admin.email, password=PASSWORD)


# Required


@pytest.fixture
def required_of_staff(monkeypatch, moletrail):
    monkeypatch.setenv("MOLETRAIL_REQUIRE_TOTP", "staff")
    unit_of_work.settings.cache_clear()


def test_staff_who_have_to_can_do_nothing_before(admin, patient, token_of, required_of_staff, clock) -> None:
    token = token_of(admin)
    assert accounts.person_of(token=token).second_step_missing
    with pytest.raises(NotAllowed, match="set up the second step"):
        accounts.list_accounts(admin)
    secret = two_factor.set_up(admin).secret
    two_factor.enable(admin, code=code_of(secret, clock), token=token)
    assert not accounts.person_of(token=token).second_step_missing
    assert accounts.list_accounts(admin).total == 2
    assert lesions.list_lesions(patient) == ()


def test_required_step_cannot_be_switched_off(admin, token_of, app_of, required_of_staff, clock) -> None:
    secret, _, token = app_of(admin)
    with pytest.raises(ValidationError, match="requires"):
        two_factor.disable(admin, code=code_of(secret, clock), token=token)


# Sealing


def test_key_is_made_once_and_only_its_owner_reads_it(moletrail, monkeypatch) -> None:
    monkeypatch.delenv("MOLETRAIL_KEY", raising=False)
    unit_of_work.reset()
    sealed = sealing.seal("secret", about="totp:1")
    path = moletrail.data / sealing.KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert sealing.unseal(sealed, about="totp:1") == "secret"
    assert [file.name for file in moletrail.data.iterdir() if "key" in file.name] == ["key"]


def test_sealed_secret_opens_only_where_it_belongs_and_untouched(moletrail) -> None:
    sealed = sealing.seal("secret", about="totp:1")
    for text, about in ((sealed, "totp:2"), (sealed[:-8] + "AAAAAAA=", "totp:1"), ("", "totp:1")):
        with pytest.raises(StorageFailed, match="cannot be opened"):
            sealing.unseal(text, about=about)


def test_new_key_in_front_still_opens_what_the_old_one_sealed(moletrail, monkeypatch) -> None:
    old, new = (sealing.Fernet.generate_key().decode() for _ in range(2))

    def use(*keys: str) -> None:
        monkeypatch.setenv("MOLETRAIL_KEY", ",".join(keys))
        unit_of_work.settings.cache_clear()

    use(old)
    sealed = sealing.seal("secret", about="x")
    use(new, old)
    assert sealing.unseal(sealed, about="x") == "secret"
    fresh = sealing.seal("secret", about="x")
    use(new)
    assert sealing.unseal(fresh, about="x") == "secret"
    with pytest.raises(StorageFailed):
        sealing.unseal(sealed, about="x")
    assert not (moletrail.data / sealing.KEY_FILE).exists()
