"""`python -m services.demo`: generated patients to look around with, made through the services themselves.

Run again it completes what is missing and prints the log-ins. It leaves a database with real people alone unless told --force.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import select

from core.synthetic import Mole, encode, photograph
from db.models import User
from services import accounts, consent, lesions, mapping, notes, passwords, photos, profile, sealing, sharing, start
from services.errors import ServiceError
from services.fields import Details, today
from services.settings import settings
from services.unit_of_work import reading, transaction
from services.views import Person

DOMAIN = "demo.example"
PHOTO_SIZE = (1280, 960)
PASSWORD_FILE = "demo-password"


@dataclass(frozen=True)
class DemoMole:
    """A generated mole and when it was photographed."""

    name: str
    body_site: str
    mole: Mole
    days_ago: tuple[int, ...]
    look: str = "dermoscope"
    hair: float = 0.0

    def photo(self, visit: int, taken_on: date) -> bytes:
        shot = photograph(self.mole, visit=visit, look=self.look, size=PHOTO_SIZE, hair=self.hair)
        return encode(shot, taken_on=taken_on)


@dataclass(frozen=True)
class DemoPatient:
    first_name: str
    surname: str
    sex: str
    birth_date: date
    shares: bool
    moles: tuple[DemoMole, ...]

    @property
    def email(self) -> str:
        return f"{self.first_name.lower()}@{DOMAIN}"


def _mole(seed: int, kind: str, skin_tone: int, *, growth: float, diameter: float) -> Mole:
    """Small enough that the last visit's photo still holds all of it."""
    return replace(Mole.random(seed, kind, skin_tone, growth), diameter_fraction=diameter)


PATIENTS = (
    DemoPatient("Lena", "Lindqvist", "female", date(1986, 4, 2), True, (
        DemoMole("Left shoulder", "left_shoulder", _mole(11, "atypical", 1, growth=1.16, diameter=0.4), (720, 540, 360, 180, 24)),
        DemoMole("Nape", "nape", _mole(12, "benign", 1, growth=1.0, diameter=0.38), (700, 350, 20)),
        DemoMole("Right calf", "right_lower_leg", _mole(13, "melanoma", 1, growth=1.35, diameter=0.36), (210, 120, 30)),
    )),
    DemoPatient("Marco", "Moretti", "male", date(1959, 9, 21), True, (
        DemoMole("Belly", "abdomen", _mole(21, "benign", 3, growth=1.02, diameter=0.28), (690, 420, 150), hair=0.4),
        DemoMole("Right upper back", "right_upper_back", _mole(22, "melanoma", 3, growth=1.25, diameter=0.36), (500, 320, 140, 12)),
        DemoMole("Left forearm", "left_forearm", _mole(23, "benign", 3, growth=1.0, diameter=0.34), (400, 200, 15), look="phone", hair=0.2),
    )),
    DemoPatient("Priya", "Patel", "female", date(1994, 12, 8), True, (
        DemoMole("Right cheek", "right_cheek", _mole(31, "benign", 4, growth=1.0, diameter=0.42), (650, 430, 210, 9)),
        DemoMole("Left thigh", "left_thigh", _mole(32, "atypical", 4, growth=1.1, diameter=0.4), (610, 300, 40), look="phone"),
    )),
    DemoPatient("Kwame", "Kamara", "male", date(1972, 7, 15), False, (
        DemoMole("Left palm", "left_hand", _mole(41, "benign", 6, growth=1.03, diameter=0.44), (580, 330, 90)),
        DemoMole("Right sole", "right_sole", _mole(42, "atypical", 6, growth=1.15, diameter=0.4), (520, 260, 35)),
    )),
)
DOCTOR = ("Helena", "Hoffmann", f"helena@{DOMAIN}")
WAITING_DOCTOR = ("Tomás", "Torres", f"tomas@{DOMAIN}")
ADMIN = ("Ade", "Adeyemi", f"ade@{DOMAIN}")
NOTE_ON = ("Lena", "Right calf")
NOTE = "Grown since the last visit and darker at the upper edge. Please come in for dermoscopy within two weeks."


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.demo", description="Fill the database with generated patients.")
    parser.add_argument("--force", action="store_true", help="also where there are other people than the demo's")
    given = parser.parse_args(arguments)
    try:
        start.prepare()
        if not given.force and _others_here():
            print("There are other people in this database, so nothing was added. --force adds the demo all the same.", file=sys.stderr)
            return 1
        photos.warm_up()
        fill(_password())
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    print(log_ins(_password()))
    return 0


def fill(password: str) -> None:
    """Make what is missing of the demo."""
    admin = _person(ADMIN[2]) or accounts.create_admin(first_name=ADMIN[0], surname=ADMIN[1], email=ADMIN[2], password=password)
    doctor = _person(DOCTOR[2]) or accounts.create_doctor(
        admin, first_name=DOCTOR[0], surname=DOCTOR[1], email=DOCTOR[2], password=password
    )
    profile.change_preferences(doctor, units="mm", date_style="en-GB", reminder_emails=False, listed=True)
    if _person(WAITING_DOCTOR[2]) is None:
        _sign_up("doctor", *WAITING_DOCTOR, sex="male", birth_date=date(1981, 3, 3), password=password)
    for described in PATIENTS:
        patient = _person(described.email) or _sign_up(
            "patient", described.first_name, described.surname, described.email,
            sex=described.sex, birth_date=described.birth_date, password=password,
        )
        consent.accept(patient, version=consent.current().version)
        for mole in described.moles:
            print(f"{described.first_name} {described.surname}: {mole.name}, {len(mole.days_ago)} visits ...", flush=True)
            _follow(patient, mole)
        if described.shares:
            sharing.share_with(patient, doctor_email=doctor.email)
    _write_note(doctor)


def log_ins(password: str) -> str:
    """The accounts as a table."""
    rows = [("patient", patient.email, f"{patient.first_name} {patient.surname}") for patient in PATIENTS]
    rows += [(role, email, f"{first} {surname}") for role, (first, surname, email) in (("doctor", DOCTOR), ("admin", ADMIN))]
    rows += [("doctor", WAITING_DOCTOR[2], " ".join(WAITING_DOCTOR[:2]) + " (waits for an admin to confirm)")]
    lines = [f"{role:8}  {email:22}  {password:16}  {name}" for role, email, name in rows]
    return "\n".join(["", f"{'role':8}  {'e-mail':22}  {'password':16}  name", *lines, ""])


def _follow(patient: Person, mole: DemoMole) -> None:
    known = {lesion.name: lesion for lesion in lesions.list_lesions(patient)}
    days = [today() - timedelta(days=ago) for ago in mole.days_ago]
    lesion = known.get(mole.name) or lesions.add_lesion(patient, name=mole.name, body_site=mole.body_site, first_noticed=days[0])
    # By count, not by date: on another day "ago" is another date.
    for visit in range(lesion.visit_count, len(days)):
        photos.add_photo(
            patient, lesion_id=lesion.id, data=mole.photo(visit, days[visit]), taken_on=days[visit], confirmed_same=True
        )


def _write_note(doctor: Person) -> None:
    patient = next(patient for patient in PATIENTS if patient.first_name == NOTE_ON[0])
    found = lesions.list_lesions(doctor, patient_id=_person(patient.email).id)
    lesion = next(lesion for lesion in found if lesion.name == NOTE_ON[1])
    newest = lesions.timeline(doctor, lesion_id=lesion.id).visits[-1]
    if not newest.notes:
        notes.add_note(doctor, visit_id=newest.id, text=NOTE)


def _sign_up(role: str, first_name: str, surname: str, email: str, *, sex: str, birth_date: date, password: str) -> Person:
    details = Details(first_name, surname, "1 Example Street", "", "Exampleton", "Example", "00000", sex, birth_date)
    return accounts.sign_up(role=role, email=email, password=password, details=details)


def _person(email: str) -> Person | None:
    with reading() as session:
        user = session.scalar(select(User).where(sealing.with_email(email)))
        return mapping.person(user) if user else None


def _others_here() -> bool:
    with reading() as session:
        return any(not email.endswith(f"@{DOMAIN}") for email in session.scalars(select(User.email)))


def _password() -> str:
    """One random password for all demo accounts, kept in the data folder: what everybody knows must not open an admin's account."""
    path = settings().data / PASSWORD_FILE
    if path.exists():
        return path.read_text().strip()
    password = "-".join(secrets.token_hex(2) for _ in range(3))
    path.touch(mode=0o600)
    path.write_text(password + "\n")
    with transaction() as session:
        # Demo accounts of an earlier run whose password file is gone.
        for user in session.scalars(select(User)):
            if user.email.endswith(f"@{DOMAIN}"):
                user.password_hash = passwords.hash_of(password)
    return password


if __name__ == "__main__":
    sys.exit(main())
