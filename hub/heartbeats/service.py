"""Use cases of heartbeats: expect, find, change, forget, hear a ping."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from hub.contracts.errors import Conflict, NotFound
from hub.database import enter_organization, new_id, now, organization_of
from hub.heartbeats import watch
from hub.heartbeats.models import Heartbeat
from hub.integrations.rules import hash_token
from hub.listing import Listing, Page, among, containing, created

MOST_HEARTBEATS = 1_000

_TOKEN_BYTES = 32

LISTING = Listing(
    Heartbeat,
    sorts={name: getattr(Heartbeat, name) for name in ("name", "due_at", "created_at", "updated_at")},
    filters={
        "status": among(Heartbeat.status),
        "service": among(Heartbeat.service),
        "q": containing(Heartbeat.name, Heartbeat.service),
        **created(Heartbeat),
    },
    default_sort="name",
)


@dataclass(frozen=True, slots=True)
class Expected:
    """A heartbeat and the token of its ping URL, which is told this once."""

    heartbeat: Heartbeat
    token: str


def expect(session: Session, *, name: str, interval_seconds: int, grace_seconds: int = 0, **fields: Any) -> Expected:
    """From now on the silence counts. Raises Conflict for a name that is taken, and for one heartbeat too many."""
    integration_id = watch.integration_of(session)
    _refuse_too_many(session)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    heartbeat = Heartbeat(
        organization_id=organization_of(session),
        id=new_id(),
        integration_id=integration_id,
        name=name,
        interval_seconds=interval_seconds,
        grace_seconds=grace_seconds,
        token_hash=hash_token(token),
        due_at=now(session) + timedelta(seconds=interval_seconds + grace_seconds),
        **fields,
    )
    _refuse_taken(session, heartbeat)
    session.add(heartbeat)
    session.flush()
    return Expected(heartbeat, token)


def get(session: Session, heartbeat_id: UUID) -> Heartbeat:
    """Raises NotFound."""
    found = session.get(Heartbeat, (organization_of(session), heartbeat_id))
    if found is None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of heartbeats."""
    return LISTING.page(session, query)


def change(session: Session, heartbeat_id: UUID, fields: Mapping[str, Any]) -> Heartbeat:
    """Changes the given fields. The wait begins anew; one that is switched off is missed no longer."""
    heartbeat = _locked(session, heartbeat_id)
    for name, value in fields.items():
        setattr(heartbeat, name, value)
    _refuse_taken(session, heartbeat)
    if heartbeat.status == "missing" and not heartbeat.enabled:
        watch.record(session, heartbeat, "alive", now(session))
        heartbeat.status = "waiting"
    if fields.keys() & {"interval_seconds", "grace_seconds", "enabled"}:
        heartbeat.due_at = now(session) + _patience(heartbeat)
    session.flush()
    return heartbeat


def rotate(session: Session, heartbeat_id: UUID) -> Expected:
    """Gives it a new token; the old one is refused from the commit on."""
    heartbeat = _locked(session, heartbeat_id)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    heartbeat.token_hash = hash_token(token)
    session.flush()
    return Expected(heartbeat, token)


def forget(session: Session, heartbeat_id: UUID) -> None:
    """Expects it no longer; the alert of one that was missing is resolved."""
    heartbeat = _locked(session, heartbeat_id)
    if heartbeat.status == "missing":
        watch.record(session, heartbeat, "alive", now(session))
    session.delete(heartbeat)
    session.flush()


def hear(session: Session, heartbeat_id: UUID, token: str) -> bool:
    """A ping has come; whether it ended a silence. Raises NotFound, for a wrong token too: the same for both."""
    found = session.execute(
        text("SELECT * FROM hear_heartbeat(:id, :token_hash)"), {"id": heartbeat_id, "token_hash": hash_token(token)}
    ).one_or_none()
    if found is None:
        raise NotFound
    if found.was_missing:
        enter_organization(session, found.organization_id)
        heartbeat = get(session, heartbeat_id)
        watch.record(session, heartbeat, "alive", found.heard_at)
        session.flush()
    return bool(found.was_missing)


def _patience(heartbeat: Heartbeat) -> timedelta:
    return timedelta(seconds=heartbeat.interval_seconds + heartbeat.grace_seconds)


def _locked(session: Session, heartbeat_id: UUID) -> Heartbeat:
    found = session.get(Heartbeat, (organization_of(session), heartbeat_id), with_for_update=True)
    if found is None:
        raise NotFound
    return found


def _refuse_too_many(session: Session) -> None:
    mine = select(func.count()).select_from(Heartbeat).where(Heartbeat.organization_id == organization_of(session))
    if (session.scalar(mine) or 0) >= MOST_HEARTBEATS:
        raise Conflict(f"An organization has at most {MOST_HEARTBEATS} heartbeats; forget some.")


def _refuse_taken(session: Session, heartbeat: Heartbeat) -> None:
    with session.no_autoflush:
        taken = session.scalar(
            select(Heartbeat.id).where(
                Heartbeat.organization_id == heartbeat.organization_id,
                Heartbeat.name == heartbeat.name,
                Heartbeat.id != heartbeat.id,
            )
        )
    if taken is not None:
        raise Conflict(f"There is a heartbeat {heartbeat.name!r} already: hbt_{taken.hex}.")
