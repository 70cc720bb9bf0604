"""Another e-mail address for an account: asked for with the password, and taken over once a link sent to the new address is opened.

Until then the old address stays the one to log in with. Afterwards it is told, so that its owner learns of it where it was not them.
"""

from __future__ import annotations

import secrets

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.base import now
from db.models import EmailLink, LinkPurpose, User
from services import accounts, audit, email_links, fields, mail, policy, sealing, throttle, two_factor
from services.audit import Action
from services.errors import ValidationError
from services.settings import settings
from services.unit_of_work import transaction
from services.views import Person

TAKEN = "There is already an account with this e-mail address."
CONFIRM_TEXT = """Hello {name},

this address is to become that of your Moletrail account. To confirm it, open this link within 24 hours:

{link}

From then on you log in with this address. If it was not you, you need not do anything: nothing changes without the link.
"""
CHANGED_TEXT = """Hello {name},

the e-mail address of your Moletrail account was changed just now; this address no longer logs in.
If it was not you, please tell whoever runs this site at once: {url}
"""


def ask_change(actor: Person, *, new: str, password: str, code: str = "") -> None:
    """Send a link to the new address of one's own account. An older link for another address no longer works.

    Raises ValidationError with these argument names as keys; `code` is asked for where the second step is switched on.
    """
    user = accounts.prove_password(actor, Action.CHANGE_EMAIL, password)
    address = _checked(new, user)
    if user.totp_enabled_at is not None:
        two_factor.check(actor, Action.CHANGE_EMAIL, code)
    token = secrets.token_urlsafe(32)
    with transaction() as session:
        policy.require(session, actor, Action.CHANGE_EMAIL)
        # Nobody's mailbox is flooded by way of somebody else's account.
        wait = throttle.count_try(session, throttle.key("mail", f"{LinkPurpose.CHANGE} {address}"))
        if wait is None:
            _require_free(session, address, "new")
            email_links.keep(session, LinkPurpose.CHANGE, token, user_id=actor.id, new_email=address)
        _record(session, actor.id, outcome="asked" if wait is None else "throttled")
    if wait is not None:
        raise ValidationError({"new": f"This address got several links already. Please wait {throttle.in_words(wait)} and try again."})
    text = CONFIRM_TEXT.format(name=user.first_name, link=email_links.address_of("change-email", token))
    mail.send(to=address, subject="Confirm your new e-mail address", text=text)


def confirm_change(*, token: str) -> str:
    """Take the new address over, and use the link up; returns the address. Log-ins stay, as the password does.

    Raises ValidationError, with "link" as key, where the link does not work or somebody else signed up with the address meanwhile.
    """
    try:
        with transaction() as session:
            link = email_links.use_up(session, LinkPurpose.CHANGE, token)
            _require_free(session, link.new_email, "link")
            user = session.get_one(User, link.user_id, with_for_update=True)
            old = user.email
            user.email, user.email_verified_at = link.new_email, now()
            # Links sent to the old address must not open the account any more.
            session.execute(delete(EmailLink).where(EmailLink.user_id == user.id))
            session.flush()
            _record(session, user.id)
    except IntegrityError:  # somebody signed up with it in the same moment
        raise ValidationError({"link": TAKEN}) from None
    text = CHANGED_TEXT.format(name=user.first_name, url=settings().public_url)
    mail.send(to=old, subject="Your Moletrail e-mail address was changed", text=text)
    return user.email


def _checked(new: str, user: User) -> str:
    try:
        address = fields.email(new)
    except ValueError as error:
        raise ValidationError({"new": str(error)}) from None
    if address == user.email:
        raise ValidationError({"new": "This is the address that you have now."})
    return address


def _require_free(session: Session, address: str, field: str) -> None:
    if session.scalar(select(User.id).where(sealing.with_email(address))) is not None:
        raise ValidationError({field: TAKEN})


def _record(session: Session, user_id: int, *, outcome: str = "ok") -> None:
    audit.record(session, actor_id=user_id, action=Action.CHANGE_EMAIL, subject=f"user:{user_id}", outcome=outcome)
