"""The watch: notices silences, and puts what it saw on the way of every delivery."""

import json
import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from hub.database import Database, database_now, new_id, now, organization_of
from hub.deliveries.models import Delivery
from hub.heartbeats.connector import PLATFORM
from hub.heartbeats.models import Heartbeat
from hub.integrations.models import Integration
from hub.integrations.rules import hash_token

ASLEEP_SECONDS = 60

_TOKEN_BYTES = 32


def notice_silences(database: Database) -> bool:
    """Records every heartbeat that is overdue as missing; whether there was any."""
    with database.statement() as connection:
        overdue = connection.scalars(
            text("SELECT find_silent_organizations(:asleep)"), {"asleep": ASLEEP_SECONDS}
        ).all()
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
        record(session, heartbeat, "missing", at)


def record(session: Session, heartbeat: Heartbeat, status: str, at: datetime) -> None:
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


def integration_of(session: Session) -> UUID:
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
