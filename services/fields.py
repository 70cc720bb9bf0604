"""The fields of a sign-up: what may be typed in each, and the sentence for what may not."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime

from db.models import Sex
from services import passwords
from services.errors import ValidationError

LABELS: dict[str, str] = {
    "first_name": "First name",
    "surname": "Surname",
    "email": "E-mail",
    "password": "Password",
    "address": "Address",
    "second_address": "Second address",
    "city": "City",
    "state": "State",
    "zip_code": "ZIP code",
    "sex": "Sex",
    "birth_date": "Birth date",
}
"""Field name -> label, in the order of the form. Only the second address may stay empty."""

@dataclass(frozen=True)
class Details:
    """What a person says of themself, as typed; `cleaned` checks it."""

    first_name: str
    surname: str
    address: str
    second_address: str
    city: str
    state: str
    zip_code: str
    sex: str
    birth_date: date | None


SEXES: dict[str, str] = {Sex.FEMALE: "Female", Sex.MALE: "Male", Sex.OTHER: "Other", Sex.UNDISCLOSED: "Prefer not to say"}
OLDEST_YEARS = 120
EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.ASCII)
EMAIL_LENGTH = 254
ZIP_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{1,10}[A-Za-z0-9]", re.ASCII)
NAME_MARKS = set(" -'’.ʼ`")


def cleaned(**typed: object) -> dict[str, object]:
    """Return the values as they are stored; raises ValidationError with a sentence for each field that is wrong."""
    values: dict[str, object] = {}
    mistakes: dict[str, str] = {}
    for name, value in typed.items():
        try:
            values[name] = CHECKS[name](value)
        except ValueError as error:
            mistakes[name] = str(error)
    if "password" in typed and "password" not in mistakes:
        about = tuple(str(typed[name]).strip() for name in ("first_name", "surname", "email") if typed.get(name))
        if complaint := passwords.complaint(str(typed["password"]), about=about):
            mistakes["password"] = complaint
    if mistakes:
        raise ValidationError({name: mistakes[name] for name in LABELS if name in mistakes})
    return values


def one_line(value: object) -> str:
    """Composed Unicode without outer or doubled spaces; ValueError on control and invisible characters."""
    text = " ".join(unicodedata.normalize("NFC", str(value or "")).split())
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} for character in text):
        raise ValueError("Please leave out invisible and special control characters.")
    return text


def today() -> date:
    """Today where the server stands."""
    return datetime.now().astimezone().date()


def date_mistake(value: object, *, born: date | None) -> str | None:
    """The sentence for a date that a photo or a mole cannot have, or None."""
    if not isinstance(value, date):
        return "Please choose a date."
    if value > today():
        return "The date lies in the future."
    if born is not None and value < born:
        return "The date lies before the birth date."
    return None


def text_of_lines(value: object, *, longest: int) -> str:
    """Composed Unicode with its line breaks; ValueError where it is too long or holds control characters."""
    lines = str(value or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    text = "\n".join(one_line(line) for line in lines).strip()
    if len(text) > longest:
        raise ValueError(f"The text may have at most {longest} characters; it has {len(text)}.")
    return text


def email(value: object) -> str:
    text = one_line(value).lower()
    if not text:
        raise ValueError("Please enter your e-mail address.")
    if len(text) > EMAIL_LENGTH or not EMAIL.fullmatch(text) or ".." in text:
        raise ValueError("This does not look like an e-mail address; it should be like name@example.org.")
    return text


def _name(label: str):
    def check(value: object) -> str:
        text = one_line(value)
        if not text:
            raise ValueError(f"Please enter your {label}.")
        if len(text) > 100:
            raise ValueError(f"The {label} may have at most 100 characters.")
        if not text[0].isalpha() or not all(_in_a_name(character) for character in text):
            raise ValueError(f"The {label} may hold letters, spaces, hyphens, apostrophes and dots, and starts with a letter.")
        return text

    return check


def _in_a_name(character: str) -> bool:
    return character in NAME_MARKS or unicodedata.category(character)[0] in "LM"


def _address(value: object, *, required: bool) -> str:
    text = one_line(value)
    if not text and required:
        raise ValueError("Please enter your street and house number.")
    if len(text) > 200:
        raise ValueError("The address may have at most 200 characters.")
    if text and (len(text) < 3 or not any(character.isalpha() for character in text)):
        raise ValueError("This does not look like an address; it should be like 12 Garden Road.")
    return text


def _zip_code(value: object) -> str:
    text = one_line(value)
    if not text:
        raise ValueError("Please enter your ZIP code.")
    if not ZIP_CODE.fullmatch(text):
        raise ValueError("The ZIP code has 3 to 12 characters: letters, digits, spaces and hyphens.")
    return text


def _sex(value: object) -> Sex:
    try:
        return Sex(str(value))
    except ValueError:
        raise ValueError("Please choose one of: " + ", ".join(SEXES.values()) + ".") from None


def _birth_date(value: object) -> date:
    if not isinstance(value, date):
        raise ValueError("Please enter your birth date.")
    if value >= today():
        raise ValueError("The birth date must be in the past.")
    if age_on(today(), born=value) > OLDEST_YEARS:
        raise ValueError(f"The birth date is more than {OLDEST_YEARS} years ago; please check the year.")
    return value


def age_on(day: date, *, born: date) -> int:
    """Full years of life on a day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


CHECKS = {
    "first_name": _name("first name"),
    "surname": _name("surname"),
    "email": email,
    "password": str,
    "address": lambda value: _address(value, required=True),
    "second_address": lambda value: _address(value, required=False),
    "city": _name("city"),
    "state": _name("state"),
    "zip_code": _zip_code,
    "sex": _sex,
    "birth_date": _birth_date,
}
