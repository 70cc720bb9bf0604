"""Read-only links: whoever holds one sees one mole without an account, and no name, until it expires or is revoked."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.base import now
from db.models import Diagnosis, Lesion, MoleLink, Upload, Visit
from services import audit, body_sites, lesions, photos, policy, throttle
from services.audit import Action
from services.errors import NotFound, ValidationError
from services.sessions import digest
from services.settings import settings
from services.unit_of_work import reading, transaction
from services.views import Person, VisitView

PAGE = "shared-mole"
DAYS: dict[int, str] = {1: "1 day", 7: "1 week", 30: "30 days"}
"""How long a link may last -> the words for it."""
DEAD = "This link has expired, was revoked, or is not complete. Please ask whoever sent it for a new one."


@dataclass(frozen=True)
class MadeLink:
    """A new link. Its address is known only now: what is stored does not lead back to it."""

    id: int
    address: str
    expires_at: datetime


@dataclass(frozen=True)
class LinkView:
    """A link in force, as its owner sees it."""

    id: int
    lesion_id: int
    lesion_name: str
    created_at: datetime
    expires_at: datetime
    opened_at: datetime | None


@dataclass(frozen=True)
class SharedMole:
    """What the holder of a link sees: no name of anybody, and nothing that anybody wrote."""

    body_site_label: str
    visits: tuple[VisitView, ...]
    expires_at: datetime


def make_link(actor: Person, *, lesion_id: int, days: int) -> MadeLink:
    """Make a link to one of one's own moles; raises ValidationError with the key days."""
    token = secrets.token_urlsafe(32)
    with transaction() as session:
        lesion = session.get(Lesion, lesion_id)
        policy.require(session, actor, Action.MAKE_LINK, patient_id=lesion.patient_id if lesion else None)
        if days not in DAYS:
            raise ValidationError({"days": f"A link lasts {', '.join(DAYS.values())}."})
        link = MoleLink(lesion_id=lesion_id, token_hash=digest(token), expires_at=now() + timedelta(days=days))
        session.add(link)
        session.flush()
        _record(session, actor, Action.MAKE_LINK, link.id)
        return MadeLink(link.id, f"{settings().public_url}/link/{PAGE}?token={token}", link.expires_at)


def list_links(actor: Person) -> tuple[LinkView, ...]:
    """One's own links in force, the newest first."""
    query = select(MoleLink, Lesion.name).join(Lesion).where(Lesion.patient_id == actor.id, *_in_force()).order_by(MoleLink.id.desc())
    with reading() as session:
        policy.require(session, actor, Action.LIST_GRANTS)
        return tuple(
            LinkView(link.id, link.lesion_id, name, link.created_at, link.expires_at, link.opened_at)
            for link, name in session.execute(query)
        )


def revoke_link(actor: Person, *, link_id: int) -> None:
    """Whoever holds it sees nothing from now on. Revoking twice is fine."""
    with transaction() as session:
        row = session.execute(select(MoleLink, Lesion.patient_id).join(Lesion).where(MoleLink.id == link_id)).one_or_none()
        policy.require(session, actor, Action.REVOKE_LINK, patient_id=row.patient_id if row else None)
        if row.MoleLink.revoked_at is None:
            row.MoleLink.revoked_at = now()
            _record(session, actor, Action.REVOKE_LINK, link_id)


def shared_mole(*, token: str, client_address: str = "") -> SharedMole:
    """The mole of a link; raises NotFound alike for whatever does not work. Wrong tries from one address have to wait."""
    with reading() as session:
        link = _link(session, token)
        lesion = session.get(Lesion, link.lesion_id) if link else None
        visits = lesions.visits_of(session, lesion) if lesion else ()
    if lesion is None:
        with transaction() as session:
            throttle.count_try(session, throttle.address_key(client_address, kind="link"))
        raise NotFound(DEAD)
    _seen(link, Action.OPEN_LINK, f"mole_link:{link.id}", lesion.patient_id)
    quiet = tuple(replace(visit, lesion_name="", note="", notes=()) for visit in visits)
    return SharedMole(body_sites.label(lesion.body_site), quiet, link.expires_at)


def must_wait(*, client_address: str) -> bool:
    """Whether so many wrong links were tried from this address that none is looked at for a while."""
    key = throttle.address_key(client_address, kind="link")
    with reading() as session:
        return key is not None and throttle.is_waiting(session, key=key)


def shared_photo(*, token: str, upload_id: int, size: str) -> bytes:
    """A photo (large or thumb) or its outline (overlay) of the mole of a link."""
    if size not in ("large", "thumb", "overlay"):
        raise NotFound(DEAD)
    with reading() as session:
        link = _link(session, token)
        row = session.execute(
            select(Upload.content_hash, Lesion.patient_id, Diagnosis.masks, Diagnosis.chosen_model)
            .join(Visit, Upload.visit_id == Visit.id)
            .join(Lesion, Visit.lesion_id == Lesion.id)
            .outerjoin(Diagnosis, Diagnosis.upload_id == Upload.id)
            .where(Upload.id == upload_id, Visit.lesion_id == link.lesion_id)
            .order_by(Diagnosis.id.desc())
            .limit(1)
        ).first() if link else None
    if row is None:
        raise NotFound(DEAD)
    _seen(link, Action.VIEW_PHOTO, f"upload:{upload_id}", row.patient_id)
    mask = (row.masks or {}).get(row.chosen_model)
    if size != "overlay":
        return photos.sized(row.content_hash, mask, size)
    if mask is None:
        raise NotFound(DEAD)
    return photos.outlined(row.content_hash, mask)


def _in_force():
    return MoleLink.revoked_at.is_(None), MoleLink.expires_at > now()


def _link(session: Session, token: str) -> MoleLink | None:
    """The link in force whose mole is not in the bin."""
    return session.scalar(select(MoleLink).join(Lesion).where(MoleLink.token_hash == digest(token), *_in_force()))


def _seen(link: MoleLink, action: Action, subject: str, patient_id: int) -> None:
    """Leave the entry of who has no account; once within audit.ONE_VIEW."""
    with reading() as session:
        if audit.seen_lately(session, actor_id=None, action=action, subject=subject):
            return
    with transaction() as session:
        session.get_one(MoleLink, link.id).opened_at = now()
        audit.record(session, actor_id=None, action=action, subject=subject, patient_id=patient_id)


def _record(session: Session, actor: Person, action: Action, link_id: int) -> None:
    audit.record(session, actor_id=actor.id, action=action, subject=f"mole_link:{link_id}", patient_id=actor.id)
