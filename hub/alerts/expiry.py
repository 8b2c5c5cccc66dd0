"""Alerts of platforms that never say that something is over: after a silence the hub says it, as a delivery like any.

An expiry is a guess. It stands in the receipts, is replayed like all else, and counts for nothing once the platform
has said again what was taken for over (see `rules.fold`).
"""

import hashlib
import json
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.alerts.intake import EXPIRY
from hub.contracts import Delivery, Event, State
from hub.database import new_id, organization_of

_MOST_AT_ONCE = 5_000

_SILENT = text(
    "SELECT a.integration_id, a.dedup_key, a.title,"
    "   a.last_seen_at + make_interval(secs => i.expire_after_seconds) AS over_at"
    " FROM integrations i JOIN alerts a ON a.organization_id = i.organization_id AND a.integration_id = i.id"
    " WHERE i.organization_id = :organization_id AND i.expire_after_seconds IS NOT NULL AND a.status <> 'resolved'"
    "   AND a.last_seen_at < overwatch_now() - make_interval(secs => i.expire_after_seconds)"
    "   AND NOT EXISTS (SELECT FROM deliveries d WHERE d.organization_id = a.organization_id"
    "     AND d.integration_id = a.integration_id AND d.origin = 'expiry' AND d.status = 'pending')"
    " ORDER BY a.integration_id, a.last_seen_at LIMIT :most"
)
_DELIVER = text(
    "INSERT INTO deliveries (organization_id, id, integration_id, delivery_key, headers, query, body, origin)"
    " VALUES (:organization_id, :id, :integration_id, :key, '{}', '{}', :body, 'expiry')"
    " ON CONFLICT (organization_id, integration_id, delivery_key) DO NOTHING"
)


def expire(session: Session) -> bool:
    """Leaves one delivery per integration that says which of its alerts are over; whether there were any."""
    ours = {"organization_id": organization_of(session)}
    over: dict[UUID, list[dict[str, Any]]] = {}
    for row in session.execute(_SILENT, ours | {"most": _MOST_AT_ONCE}):
        said = {"dedup_key": row.dedup_key, "title": row.title, "over_at": row.over_at.isoformat()}
        over.setdefault(row.integration_id, []).append(said)
    for integration_id, alerts in over.items():
        body = json.dumps(alerts).encode()
        key = f"expiry:{hashlib.sha256(body).hexdigest()}"
        session.execute(_DELIVER, ours | {"id": new_id(), "integration_id": integration_id, "key": key, "body": body})
    return bool(over)


def normalise(delivery: Delivery) -> list[Event]:
    """The events of a delivery that `expire` has left. Raises Malformed."""
    return [
        Event(
            title=alert.text("title"),
            state=State.RESOLVED,
            dedup_key=alert.text("dedup_key"),
            occurred_at=alert.time("over_at"),
            raw_kind=EXPIRY,
        )
        for alert in delivery.json().members()
    ]
