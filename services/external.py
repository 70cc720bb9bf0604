"""Log-in at an OpenID Connect provider: whose account an identity opens.

The provider proves an e-mail address; the account with that address is opened, if its owner proved the address to Moletrail
too. Otherwise someone could sign up with another's address and wait for them to come in through the provider.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from db.base import now
from db.models import AccountState, User
from services import accounts, audit, fields, sealing, sessions
from services.audit import Action
from services.errors import LoginFailed, SecondStepNeeded
from services.fields import Details
from services.unit_of_work import transaction
from services.views import Person

FRESH = timedelta(minutes=30)
"""An identity proved longer ago has to be proved again: the provider's cookie lasts longer than a session should."""


class NoAccount(LoginFailed):
    """The identity is proved, and nobody signed up with its address yet."""

    def __init__(self) -> None:
        super().__init__("There is no account with this e-mail address yet. Please sign up; your address is known already.")


@dataclass(frozen=True)
class Identity:
    """What a provider says of a person."""

    email: str
    first_name: str
    surname: str


def identity_of(claims: Mapping[str, object]) -> Identity:
    """Read the claims of an ID token whose signature was checked; raises LoginFailed where they prove no address, or not lately."""
    proved_at = claims.get("iat")
    if not isinstance(proved_at, int | float) or not now() - FRESH < datetime.fromtimestamp(proved_at, UTC) < now() + timedelta(minutes=5):
        raise LoginFailed("Your log-in at the provider is too old. Please log in there again.")
    if claims.get("email_verified") not in (True, "true"):
        raise LoginFailed("The provider does not say that your e-mail address is confirmed. Please log in with your password.")
    try:
        email = fields.email(claims.get("email"))
    except ValueError:
        raise LoginFailed("The provider gave no e-mail address that can be used. Please log in with your password.") from None
    return Identity(email=email, first_name=str(claims.get("given_name") or ""), surname=str(claims.get("family_name") or ""))


def log_in(claims: Mapping[str, object], *, user_agent: str = "") -> str:
    """Return the ticket for accounts.redeem_ticket.

    Raises NoAccount, SecondStepNeeded, or LoginFailed where the account waits, is switched off or its address is not confirmed.
    """
    identity = identity_of(claims)
    with transaction() as session:
        user = session.scalar(select(User).where(sealing.with_email(identity.email)))
        if user is None:
            raise NoAccount
        confirmed = user.email_verified_at is not None
        admitted = confirmed and user.account_state == AccountState.ACTIVE
        if admitted:
            ticket = sessions.begin(session, user_id=user.id, user_agent=user_agent, awaits_code=user.totp_enabled_at is not None)
            outcome = "code_asked" if user.totp_enabled_at else "ok"
        else:
            outcome = str(user.account_state) if confirmed else "unconfirmed"
        audit.record(session, actor_id=user.id, action=Action.LOG_IN, subject=f"user:{user.id}", outcome=outcome)
    if not confirmed:
        raise LoginFailed(
            "There is an account with your address, but the address was never confirmed. Log in with its password and confirm it under "
            "My account, or choose a new password by e-mail; after that this way is open too."
        )
    accounts.require_active(user.account_state)
    if user.totp_enabled_at is not None:
        raise SecondStepNeeded(ticket)
    return ticket


def sign_up(claims: Mapping[str, object], *, details: Details) -> Person:
    """Make a patient's account for the proved address. Its password nobody knows; one can be chosen by e-mail.

    Raises ValidationError with the names of Details as keys.
    """
    email = identity_of(claims).email
    return accounts.sign_up(role="patient", email=email, password=secrets.token_urlsafe(32), details=details, proved=True)
