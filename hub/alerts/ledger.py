"""What is stored of alerts and their events, as recording goes on from it: each one statement for a whole batch."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.alerts.intake import Occurrence
from hub.alerts.rules import AlertState, Mark
from hub.contracts.event import Severity, State
from hub.database import organization_of

AlertKey = tuple[UUID, str]  # (integration, dedup key)
EventKey = tuple[UUID, str]  # (integration, event key)
Arrival = tuple[datetime, UUID, int]  # (received at, delivery, item)

CONTENT = ("title", "description", "raw_severity", "no_data", "service", "resource", "labels", "annotations", "links")
STATE = (
    "status",
    "severity",
    *CONTENT,
    "occurrence_count",
    "episode_count",
    "started_at",
    "resolved_at",
    "acknowledged_at",
    "last_occurred_at",
    "last_seen_at",
)
_KNOWN_EVENTS = text(
    "SELECT e.integration_id, e.event_key, e.alert_id, e.received_at, e.delivery_id, e.item, e.last_received_at"
    " FROM events e"
    " JOIN unnest(CAST(:integration_ids AS uuid[]), CAST(:keys AS text[])) AS k (integration_id, event_key)"
    " USING (integration_id, event_key) WHERE e.organization_id = :organization_id"
)
_STANDING = text(
    "WITH known AS (SELECT a.integration_id, a.dedup_key, a.started_at, a.incident_id,"
    "   CASE WHEN a.status = 'resolved' THEN a.last_occurred_at END AS ended_at FROM alerts a"
    "   JOIN unnest(CAST(:integration_ids AS uuid[]), CAST(:keys AS text[])) AS k (integration_id, dedup_key)"
    "   USING (integration_id, dedup_key) WHERE a.organization_id = :organization_id),"
    " firing AS (SELECT i.incident_id, (SELECT count(*) FROM (SELECT FROM alerts o"
    "     WHERE o.organization_id = :organization_id AND o.incident_id = i.incident_id AND o.status <> 'resolved'"
    "     LIMIT :most) o) AS count"
    "   FROM (SELECT DISTINCT incident_id FROM known WHERE ended_at IS NULL) i)"
    " SELECT known.*, coalesce(firing.count, 0) AS firing_count FROM known LEFT JOIN firing USING (incident_id)"
)
# locked, because people change alerts outside the organization's turn; by their ids alone, because an index finds no
# row of which one of two things holds
_KNOWN_ALERTS = text(
    f"SELECT a.id, a.integration_id, a.dedup_key, a.platform, a.incident_id, {', '.join(f'a.{n}' for n in STATE)}"
    " FROM alerts a WHERE a.organization_id = :organization_id AND a.id = ANY(ARRAY("
    "   SELECT k.id FROM alerts k"
    "   JOIN unnest(CAST(:integration_ids AS uuid[]), CAST(:keys AS text[])) AS r (integration_id, dedup_key)"
    "   USING (integration_id, dedup_key) WHERE k.organization_id = :organization_id"
    "   UNION SELECT unnest(CAST(:ids AS uuid[]))))"
    " ORDER BY a.id FOR UPDATE"
)
_EVENTS = (
    "SELECT e.alert_id, e.delivery_id, e.item, e.integration_id, e.event_key, e.state, e.severity, e.occurred_at,"
    "   e.received_at, e.last_received_at, e.content, a.platform, a.dedup_key"
    " FROM events e JOIN alerts a ON a.organization_id = e.organization_id AND a.id = e.alert_id"
    " WHERE e.organization_id = :organization_id"
)
_EVENTS_OF = text(f"{_EVENTS} AND e.alert_id = ANY(:ids)")
_LATEST = text(f"{_EVENTS} ORDER BY e.received_at DESC, e.delivery_id DESC, e.item DESC LIMIT :most")
_MARKS_OF = text(
    "SELECT id, alert_id, state, at FROM marks WHERE organization_id = :organization_id AND alert_id = ANY(:ids)"
)
_EXPIRED = text(
    "SELECT DISTINCT alert_id FROM events WHERE organization_id = :organization_id AND alert_id = ANY(:ids)"
    " AND content ->> 'kind' = 'overwatch.expiry'"
)


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An event that is stored already: of which alert, and by which arrival."""

    alert_id: UUID
    arrival: Arrival
    seen_until: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alert stands: when its episode began, and what time its last event speaks of if it is over.

    `firing_count` are the alerts that fire in its incident, itself among them, as far as they were counted.
    """

    started_at: datetime
    ended_at: datetime | None
    incident_id: UUID | None
    firing_count: int


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """A stored alert as the state that folding goes on from."""

    alert_id: UUID
    platform: str
    incident_id: UUID | None
    state: AlertState


def known_events(session: Session, occurrences: Sequence[Occurrence]) -> dict[EventKey, KnownEvent]:
    """Which of these are stored already."""
    rows = _run(
        session,
        _KNOWN_EVENTS,
        integration_ids=[each.integration_id for each in occurrences],
        keys=[each.event_key for each in occurrences],
    )
    return {
        (row.integration_id, row.event_key): KnownEvent(
            row.alert_id, (row.received_at, row.delivery_id, row.item), row.last_received_at
        )
        for row in rows
    }


def standing(session: Session, keys: Collection[AlertKey], most: int) -> dict[AlertKey, Standing]:
    """Those of the alerts that there are; of an incident's firing alerts `most` are counted."""
    if not keys:
        return {}
    integration_ids, dedup_keys = zip(*keys, strict=True)
    rows = _run(session, _STANDING, integration_ids=list(integration_ids), keys=list(dedup_keys), most=most)
    return {
        (row.integration_id, row.dedup_key): Standing(row.started_at, row.ended_at, row.incident_id, row.firing_count)
        for row in rows
    }


def known_alerts(session: Session, keys: Iterable[AlertKey], alert_ids: Iterable[UUID]) -> dict[AlertKey, KnownAlert]:
    """The stored alerts of these keys and ids, locked."""
    keys, alert_ids = list(keys), list(alert_ids)
    if not keys and not alert_ids:
        return {}
    rows = _run(
        session,
        _KNOWN_ALERTS,
        ids=alert_ids,
        integration_ids=[integration_id for integration_id, _ in keys],
        keys=[dedup_key for _, dedup_key in keys],
    )
    return {
        (row.integration_id, row.dedup_key): KnownAlert(row.id, row.platform, row.incident_id, _state(row))
        for row in rows
    }


def histories(session: Session, alert_ids: Collection[UUID]) -> dict[AlertKey, list[Occurrence]]:
    """All events of these alerts."""
    found: dict[AlertKey, list[Occurrence]] = defaultdict(list)
    for row in _run(session, _EVENTS_OF, ids=list(alert_ids)) if alert_ids else ():
        found[row.integration_id, row.dedup_key].append(_occurrence(row))
    return found


def latest(session: Session, most: int) -> list[tuple[UUID, Occurrence]]:
    """The organization's last events by when they were received, in that order, each with its alert's id."""
    rows = _run(session, _LATEST, most=most).all()
    return [(row.alert_id, _occurrence(row)) for row in reversed(rows)]


def marks(session: Session, alert_ids: Collection[UUID]) -> dict[UUID, list[Mark]]:
    """What people said of the alerts."""
    found: dict[UUID, list[Mark]] = defaultdict(list)
    for row in _run(session, _MARKS_OF, ids=list(alert_ids)) if alert_ids else ():
        found[row.alert_id].append(Mark(row.id, State(row.state), row.at))
    return found


def expired(session: Session, alert_ids: Collection[UUID]) -> set[UUID]:
    """Those of the alerts that have expired once: whether that still holds, only the whole history tells."""
    return set(_run(session, _EXPIRED, ids=list(alert_ids)).scalars()) if alert_ids else set()


def _run(session: Session, statement: Any, **parameters: Any) -> Any:
    return session.execute(statement, {"organization_id": organization_of(session), **parameters})


def _state(row: Any) -> AlertState:
    return AlertState(
        status=State(row.status),
        severity=Severity(row.severity),
        content={name: getattr(row, name) for name in CONTENT},
        occurrence_count=row.occurrence_count,
        episode_count=row.episode_count,
        started_at=row.started_at,
        resolved_at=row.resolved_at,
        last_occurred_at=row.last_occurred_at,
        last_seen_at=row.last_seen_at,
        acknowledged_at=row.acknowledged_at,
    )


def _occurrence(row: Any) -> Occurrence:
    return Occurrence(
        delivery_id=row.delivery_id,
        item=row.item,
        integration_id=row.integration_id,
        platform=row.platform,
        dedup_key=row.dedup_key,
        event_key=row.event_key,
        state=State(row.state),
        severity=Severity(row.severity),
        occurred_at=row.occurred_at,
        received_at=row.received_at,
        content=row.content,
        seen_until=row.last_received_at,
    )
