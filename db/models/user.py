from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import String, false
from sqlalchemy.orm import Mapped, mapped_column, validates

from db.base import Base, PersonalText, Stored, UtcDateTime, choice
from db.sealed import PersonalChoice, PersonalDate, lookup_key


class Role(StrEnum):
    PATIENT = "patient"
    DOCTOR = "doctor"
    ADMIN = "admin"


class AccountState(StrEnum):
    PENDING = "pending"
    """A doctor who signed up and whom no admin has confirmed yet."""
    ACTIVE = "active"
    DISABLED = "disabled"


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNDISCLOSED = "undisclosed"


class User(Stored, Base):
    """An account: patient, doctor or admin."""

    __tablename__ = "user"
    personal_columns: ClassVar[tuple[str, ...]] = (
        "email", "first_name", "surname", "address", "second_address", "city", "state_region", "zip_code", "sex", "birth_date",
    )

    email: Mapped[str] = mapped_column(PersonalText(254))
    """Lower-cased, so that one address is one account."""
    email_key: Mapped[str] = mapped_column(String(64), unique=True)
    """What the address is found by, see db.sealed.lookup_key; follows `email`."""
    password_hash: Mapped[str] = mapped_column(String(255), deferred=True)
    """argon2id in its own encoded form; loaded only where a password is checked."""
    email_verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a link sent to the address was last opened by its owner; None: nobody proved that it is theirs."""
    totp_secret: Mapped[str | None] = mapped_column(String(400), deferred=True)
    """Secret of the authenticator app, sealed (services.sealing); there from the start of the set-up on."""
    totp_enabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when log-in asks for a code; None: it does not."""
    totp_last_step: Mapped[int | None]
    """The last 30-second step whose code was taken: none works twice."""
    role: Mapped[Role] = mapped_column(choice(Role))
    account_state: Mapped[AccountState] = mapped_column(choice(AccountState), default=AccountState.ACTIVE)
    first_name: Mapped[str] = mapped_column(PersonalText(100))
    surname: Mapped[str] = mapped_column(PersonalText(100))
    address: Mapped[str] = mapped_column(PersonalText(200), default="")
    second_address: Mapped[str] = mapped_column(PersonalText(200), default="")
    city: Mapped[str] = mapped_column(PersonalText(100), default="")
    state_region: Mapped[str] = mapped_column(PersonalText(100), default="")
    zip_code: Mapped[str] = mapped_column(PersonalText(12), default="")
    sex: Mapped[Sex] = mapped_column(PersonalChoice(Sex), default=Sex.UNDISCLOSED)
    birth_date: Mapped[date | None] = mapped_column(PersonalDate)
    units: Mapped[str] = mapped_column(String(4), default="mm", server_default="mm")
    """In which lengths are shown: mm or inch."""
    date_style: Mapped[str] = mapped_column(String(8), default="en-GB", server_default="en-GB")
    """How dates are written, as a language tag."""
    reminder_emails: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Reminders go to the e-mail address too, where mail is set up."""
    blind_reviews: Mapped[bool] = mapped_column(default=False, server_default=false())
    """A doctor judges before the networks' answer is shown."""
    listed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """A doctor whom patients may find by name and e-mail address when they choose whom to share with."""
    figure_build: Mapped[str | None] = mapped_column(String(8))
    """Build of the figure of the body map (services.body_figure.BUILDS); None: nobody chose one."""
    figure_skin: Mapped[str | None] = mapped_column(String(8))
    """Its skin, light or dark."""
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """The owner had the account erased: personal columns are empty, and the number stands for nobody known."""

    @validates("email")
    def _key_follows(self, _name: str, email: str) -> str:
        self.email_key = lookup_key(email)
        return email
