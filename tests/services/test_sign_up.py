from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from db.models import User
from services import accounts, passwords
from services.errors import LoginFailed, ValidationError
from services.fields import today
from services.unit_of_work import reading
from tests.helpers import PASSWORD, SIGN_UP, sign_up_arguments

NAME = "may hold letters, spaces, hyphens, apostrophes and dots"
ADDRESS = "This does not look like an address; it should be like 12 Garden Road."
EMAIL = "This does not look like an e-mail address; it should be like name@example.org."
ZIP_CODE = "The ZIP code has 3 to 12 characters: letters, digits, spaces and hyphens."
COMMON = "This password is among the first that others try."

WRONG = [
    ("first_name", "", "Please enter your first name."),
    ("first_name", "  ", "Please enter your first name."),
    ("first_name", "4nn", NAME),
    ("first_name", "Ann<script>", NAME),
    ("first_name", "A" * 101, "The first name may have at most 100 characters."),
    ("first_name", "Ann\u202e", "Please leave out invisible and special control characters."),
    ("surname", "", "Please enter your surname."),
    ("surname", "-", NAME),
    ("email", "", "Please enter your e-mail address."),
    ("email", "ann", EMAIL),
    ("email", "ann@localhost", EMAIL),
    ("email", "ann@example..org", EMAIL),
    ("email", "ann @example.org", EMAIL),
    ("email", "a" * 65 + "@example.org", EMAIL),
    ("email", "a@" + "b." * 130 + "org", EMAIL),
    ("password", "", "The password needs at least 8 characters."),
    ("password", "1234567", "The password needs at least 8 characters."),
    ("password", "x y" * 43, "The password may have at most 128 characters."),
    ("password", "Password123", COMMON),
    ("password", "abababab", COMMON),
    ("password", "ann@example.org", "The password must not be your own name or e-mail address."),
    ("address", "", "Please enter your street and house number."),
    ("address", "12", ADDRESS),
    ("address", "x" * 201, "The address may have at most 200 characters."),
    ("second_address", "?", ADDRESS),
    ("city", "", "Please enter your city."),
    ("city", "City 17", NAME),
    ("state", "", "Please enter your state."),
    ("zip_code", "", "Please enter your ZIP code."),
    ("zip_code", "12", ZIP_CODE),
    ("zip_code", "1234567890123", ZIP_CODE),
    ("zip_code", "627#1", ZIP_CODE),
    ("sex", "", "Please choose one of: Female, Male, Other, Prefer not to say."),
    ("sex", "robot", "Please choose one of: Female, Male, Other, Prefer not to say."),
    ("birth_date", None, "Please enter your birth date."),
    ("birth_date", today(), "The birth date must be in the past."),
    ("birth_date", today() + timedelta(days=400), "The birth date must be in the past."),
    ("birth_date", date(1880, 1, 1), "The birth date is more than 120 years ago; please check the year."),
]


@pytest.mark.parametrize(("field", "value", "sentence"), WRONG)
def test_each_mistake_has_its_sentence(moletrail, field: str, value: object, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        accounts.sign_up(**sign_up_arguments(**{field: value}))
    assert list(caught.value.fields) == [field]
    assert sentence in caught.value.fields[field]


def test_all_mistakes_are_told_together_and_nothing_is_stored(moletrail) -> None:
    with pytest.raises(ValidationError) as caught:
        accounts.sign_up(**sign_up_arguments(**dict.fromkeys(SIGN_UP, "") | {"role": "patient", "birth_date": None}))
    assert set(caught.value.fields) == set(accounts.FIELDS) - {"second_address"}
    with reading() as session:
        assert session.scalar(select(User)) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_name", "Zoë-Marie"), ("surname", "O'Brien Jr."), ("surname", "Nguyễn"), ("first_name", "मीना"), ("city", "St. John's"),
        ("zip_code", "SW1A 1AA"), ("zip_code", "100-0001"), ("email", "first.last+moles@sub.example.co"), ("sex", "undisclosed"),
        ("password", "contraseña única"), ("password", "🦊🐻🦊🐻🐼🦊🐻🦊"), ("birth_date", today() - timedelta(days=1)),
        ("second_address", "Flat 3"),
    ],
)
def test_what_real_people_type_is_taken(sign_up, field: str, value: object) -> None:
    assert sign_up(**{field: value}).account_state == "active"


def test_values_are_stored_trimmed_and_the_address_lower_cased(sign_up) -> None:
    person = sign_up(first_name="  Ann  Marie ", email=" Ann@Example.ORG ")
    assert (person.first_name, person.email, person.full_name) == ("Ann Marie", "ann@example.org", "Ann Marie Archer")
    with reading() as session:
        user = session.get(User, person.id)
        assert (user.city, user.state_region, user.zip_code, user.birth_date) == ("Springfield", "Illinois", "62701", date(1980, 5, 17))


def test_one_address_is_one_account(sign_up) -> None:
    sign_up()
    with pytest.raises(ValidationError) as caught:
        sign_up(email="ANN@example.org")
    assert caught.value.fields == {"email": "There is already an account with this e-mail address. Please log in instead."}


def test_nobody_signs_up_as_admin(moletrail) -> None:
    with pytest.raises(ValidationError, match="choose patient or doctor"):
        accounts.sign_up(**sign_up_arguments(role="admin"))
    assert not accounts.admin_exists()


def test_doctor_waits_for_an_admin(sign_up, admin) -> None:
    doctor = sign_up(role="doctor")
    assert doctor.account_state == "pending"
    with pytest.raises(LoginFailed, match="An administrator has not confirmed your doctor's account yet"):
        accounts.log_in(email=doctor.email, password=PASSWORD)
    accounts.confirm_doctor(admin, user_id=doctor.id)
    assert accounts.log_in(email=doctor.email, password=PASSWORD)


def test_password_is_kept_as_argon2id_and_not_loaded_with_the_account(patient) -> None:
    with reading() as session:
        user = session.get(User, patient.id)
        assert "password_hash" not in user.__dict__
        assert user.password_hash.startswith("$argon2id$")


def test_common_passwords_are_a_few_hundred_lower_case_lines() -> None:
    common = passwords.common()
    assert len(common) > 500
    assert all(word == word.casefold() and len(word) >= passwords.SHORTEST for word in common)


def test_command_line_makes_the_first_admin(moletrail, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MOLETRAIL_ADMIN_PASSWORD", PASSWORD)
    arguments = ["create-admin", "--first-name", "Ada", "--surname", "Admin", "--email", "ada@example.org"]
    assert accounts.main(arguments) == 0
    assert "Ada Admin (ada@example.org) administers Moletrail now." in capsys.readouterr().out
    assert accounts.admin_exists()
    assert accounts.main(arguments) == 1
    assert "There is already an account" in capsys.readouterr().err


def test_command_line_asks_for_what_is_missing(moletrail, monkeypatch, capsys) -> None:
    answers = iter(["Ada", "Admin", "ada@example.org"])
    monkeypatch.delenv("MOLETRAIL_ADMIN_PASSWORD", raising=False)
    monkeypatch.setattr("builtins.input", lambda _prompt: next(answers))
    typed = iter([PASSWORD, "something else", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    assert accounts.main(["create-admin"]) == 1
    assert "The two passwords differ" in capsys.readouterr().err
    answers = iter(["Ada", "Admin", "ada@example.org"])
    assert accounts.main(["create-admin"]) == 0
