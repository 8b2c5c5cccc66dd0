"""Use cases of heartbeats: expect, find, change, forget; hear a ping; notice a silence."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from hub.contracts.errors import Conflict, NotFound
from hub.database import Database, database_now, enter_organization, new_id, now, organization_of
from hub.deliveries.models import Delivery
from hub.heartbeats.connector import PLATFORM
from hub.heartbeats.models import Heartbeat
from hub.integrations.models import Integration
from hub.integrations.rules import hash_token
from hub.listing import Listing, Page, among, containing, created

MOST_HEARTBEATS = 1_000
ASLEEP_SECONDS = 60

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
    """From now on the silence counts. Raises Conflict for a name that is taken."""
    integration_id = _watch_of(session)
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
        _record(session, heartbeat, "alive", now(session))
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
        _record(session, heartbeat, "alive", now(session))
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
        _record(session, heartbeat, "alive", found.heard_at)
        session.flush()
    return bool(found.was_missing)


def notice_silences(database: Database) -> bool:
    """Records every heartbeat that is overdue as missing; whether there was any."""
    with database.transaction() as session:
        overdue = session.scalars(text("SELECT find_silent_organizations(:asleep)"), {"asleep": ASLEEP_SECONDS}).all()
    for organization_id in overdue:
        with database.transaction(organization_id) as session:
            _notice(session)
    return bool(overdue)


def _notice(session: Session) -> None:
    at = now(session)
    silent = session.scalars(
        update(Heartbeat)
        .where(
            Heartbeat.organization_id == organization_of(session),
            Heartbeat.enabled,
            Heartbeat.status != "missing",
            Heartbeat.due_at <= database_now(),
        )
        .values(status="missing")
        .returning(Heartbeat)
    )
    for heartbeat in silent.all():
        _record(session, heartbeat, "missing", at)


def _record(session: Session, heartbeat: Heartbeat, status: str, at: datetime) -> None:
    """What the watch saw goes the way of every delivery, in the transaction that changes the heartbeat."""
    last_ping_at = heartbeat.last_ping_at
    body = {
        "heartbeat_id": f"hbt_{heartbeat.id.hex}",
        "name": heartbeat.name,
        "status": status,
        "at": at.isoformat(),
        "last_ping_at": last_ping_at.isoformat() if last_ping_at else None,
        "expected_every_seconds": heartbeat.interval_seconds,
        "severity": heartbeat.severity,
        "service": heartbeat.service,
        "labels": heartbeat.labels,
    }
    session.add(
        Delivery(
            organization_id=heartbeat.organization_id,
            integration_id=heartbeat.integration_id,
            delivery_key=f"hbt:{heartbeat.id.hex}:{status}:{at.isoformat()}",
            headers={},
            query={},
            body=json.dumps(body).encode(),
        )
    )


def _patience(heartbeat: Heartbeat) -> timedelta:
    return timedelta(seconds=heartbeat.interval_seconds + heartbeat.grace_seconds)


def _locked(session: Session, heartbeat_id: UUID) -> Heartbeat:
    found = session.get(Heartbeat, (organization_of(session), heartbeat_id), with_for_update=True)
    if found is None:
        raise NotFound
    return found


def _watch_of(session: Session) -> UUID:
    """The integration that heartbeats' alerts belong to; made with the first heartbeat."""
    organization_id = organization_of(session)
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('heartbeats:' || :organization_id, 0))"),
        {"organization_id": str(organization_id)},
    )
    found = session.scalar(
        select(Integration.id)
        .where(Integration.organization_id == organization_id, Integration.platform == PLATFORM)
        .where(Integration.deleted_at.is_(None))
        .order_by(Integration.created_at)
        .limit(1)
    )
    if found is not None:
        return found
    watch = Integration(
        organization_id=organization_id,
        id=new_id(),
        platform=PLATFORM,
        name="Heartbeats",
        token_hash=hash_token(secrets.token_urlsafe(_TOKEN_BYTES)),
    )
    session.add(watch)
    session.flush()
    return watch.id


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
