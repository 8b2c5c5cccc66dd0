"""Reads and writes of recording: each one statement for a whole batch."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub import bulk
from hub.alerts.intake import Occurrence
from hub.alerts.rules import AlertState, Change, Mark
from hub.contracts.event import Severity, State
from hub.database import organization_of

AlertKey = tuple[UUID, str]  # (integration, dedup key)
EventKey = tuple[UUID, str]  # (integration, event key)

_CONTENT = ("title", "description", "raw_severity", "no_data", "service", "resource", "labels", "annotations", "links")
_STATE = (
    "status",
    "severity",
    *_CONTENT,
    "occurrence_count",
    "episode_count",
    "started_at",
    "resolved_at",
    "acknowledged_at",
    "last_occurred_at",
    "last_seen_at",
)
_ALERT_TYPES = (
    "id uuid, integration_id uuid, dedup_key text, platform text, status text, severity text, title text,"
    " description text, raw_severity text, no_data boolean, service text, resource text, labels jsonb,"
    " annotations jsonb, links jsonb, occurrence_count integer, episode_count integer, started_at timestamptz,"
    " resolved_at timestamptz, acknowledged_at timestamptz, last_occurred_at timestamptz, last_seen_at timestamptz,"
    " updated_at timestamptz, created_at timestamptz"
)
_ALERT_COLUMNS = ", ".join(("id", "integration_id", "dedup_key", "platform", *_STATE, "updated_at", "created_at"))

_KNOWN_EVENTS = text(
    "SELECT e.integration_id, e.event_key, e.alert_id, e.received_at, e.delivery_id, e.item, e.last_received_at"
    " FROM events e"
    " JOIN unnest(CAST(:integration_ids AS uuid[]), CAST(:keys AS text[])) AS k (integration_id, event_key)"
    " USING (integration_id, event_key) WHERE e.organization_id = :organization_id"
)
# locked, because people change alerts outside the organization's turn
_KNOWN_ALERTS = text(
    f"SELECT a.id, a.integration_id, a.dedup_key, a.platform, a.incident_id, {', '.join(f'a.{n}' for n in _STATE)}"
    " FROM alerts a WHERE a.organization_id = :organization_id AND (a.id = ANY(:ids) OR (a.integration_id, a.dedup_key)"
    " IN (SELECT * FROM unnest(CAST(:integration_ids AS uuid[]), CAST(:keys AS text[]))))"
    " ORDER BY a.id FOR UPDATE"
)
_EVENTS_OF = text(
    "SELECT e.delivery_id, e.item, e.integration_id, e.event_key, e.state, e.severity, e.occurred_at, e.received_at,"
    "   e.last_received_at, e.content, a.platform, a.dedup_key"
    " FROM events e JOIN alerts a ON a.organization_id = e.organization_id AND a.id = e.alert_id"
    " WHERE e.organization_id = :organization_id AND e.alert_id = ANY(:ids)"
)
_MARKS_OF = text(
    "SELECT id, alert_id, state, at FROM marks WHERE organization_id = :organization_id AND alert_id = ANY(:ids)"
)
_EXPIRED = text(
    "SELECT DISTINCT alert_id FROM events WHERE organization_id = :organization_id AND alert_id = ANY(:ids)"
    " AND content ->> 'kind' = 'overwatch.expiry'"
)
_TOUCH = text(
    "WITH seen AS (SELECT r.integration_id, r.event_key, max(r.at) AS at FROM jsonb_to_recordset(CAST(:rows AS jsonb))"
    "   AS r (integration_id uuid, event_key text, at timestamptz) GROUP BY 1, 2),"
    " touched AS (UPDATE events e SET last_received_at = s.at FROM seen s"
    "   WHERE e.organization_id = :organization_id AND e.integration_id = s.integration_id"
    "   AND e.event_key = s.event_key AND e.last_received_at < s.at RETURNING e.alert_id, e.last_received_at)"
    " UPDATE alerts a SET last_seen_at = greatest(a.last_seen_at, t.at)"
    " FROM (SELECT alert_id, max(last_received_at) AS at FROM touched GROUP BY 1) t"
    " WHERE a.organization_id = :organization_id AND a.id = t.alert_id AND a.last_seen_at < t.at"
)
_FORGET = text(
    "DELETE FROM events WHERE organization_id = :organization_id AND delivery_id = ANY(:ids) RETURNING alert_id"
)
_DISPLACE = text(
    "DELETE FROM events e USING unnest(CAST(:ids AS uuid[]), CAST(:items AS integer[])) AS r (delivery_id, item)"
    " WHERE e.organization_id = :organization_id AND e.delivery_id = r.delivery_id AND e.item = r.item"
)
_BEREAVED = text(
    "UPDATE deliveries d SET status = 'duplicate', reason = 'an earlier delivery said it'"
    " WHERE d.organization_id = :organization_id AND d.id = ANY(:ids) AND d.status = 'processed'"
    " AND NOT EXISTS (SELECT FROM events e WHERE e.organization_id = d.organization_id AND e.delivery_id = d.id)"
)
_DROP_ALERTS = text(
    "DELETE FROM alerts WHERE organization_id = :organization_id AND id = ANY(:ids) RETURNING incident_id"
)
_WRITE_ALERTS = text(
    f"INSERT INTO alerts (organization_id, {_ALERT_COLUMNS}) SELECT :organization_id, {_ALERT_COLUMNS}"
    f" FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r ({_ALERT_TYPES})"
    " ON CONFLICT (organization_id, integration_id, dedup_key) DO UPDATE SET"
    f" {', '.join(f'{name} = excluded.{name}' for name in (*_STATE, 'updated_at'))},"
    " created_at = least(alerts.created_at, excluded.created_at)"
)
_WRITE_EVENTS = text(
    "INSERT INTO events (organization_id, delivery_id, item, integration_id, alert_id, event_key, state, severity,"
    "   occurred_at, received_at, last_received_at, content)"
    " SELECT :organization_id, r.* FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (delivery_id uuid, item integer,"
    "   integration_id uuid, alert_id uuid, event_key text, state text, severity text, occurred_at timestamptz,"
    "   received_at timestamptz, last_received_at timestamptz, content jsonb)"
)


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An event that is stored already: of which alert, and by which arrival."""

    alert_id: UUID
    arrival: tuple[datetime, UUID, int]
    seen_until: datetime


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


def known_alerts(session: Session, keys: Iterable[AlertKey], alert_ids: Iterable[UUID]) -> dict[AlertKey, KnownAlert]:
    """The stored alerts of these keys and ids, locked."""
    keys = list(keys)
    rows = _run(
        session,
        _KNOWN_ALERTS,
        ids=list(alert_ids),
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
        found[row.integration_id, row.dedup_key].append(
            Occurrence(
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
        )
    return found


def marks(session: Session, alert_ids: Collection[UUID]) -> dict[UUID, list[Mark]]:
    """What people said of the alerts."""
    found: dict[UUID, list[Mark]] = defaultdict(list)
    for row in _run(session, _MARKS_OF, ids=list(alert_ids)) if alert_ids else ():
        found[row.alert_id].append(Mark(row.id, State(row.state), row.at))
    return found


def expired(session: Session, alert_ids: Collection[UUID]) -> set[UUID]:
    """Those of the alerts that have expired once: whether that still holds, only the whole history tells."""
    return set(_run(session, _EXPIRED, ids=list(alert_ids)).scalars()) if alert_ids else set()


def touch(session: Session, repeated: Sequence[Occurrence]) -> None:
    """A reminder is no new event, but event and alert were seen again."""
    rows = [{"integration_id": e.integration_id, "event_key": e.event_key, "at": e.received_at} for e in repeated]
    bulk.run(session, _TOUCH, rows)


def forget(session: Session, delivery_ids: Collection[UUID]) -> set[UUID]:
    """Deletes what these deliveries said, before a replay says it anew; the alerts that this concerns."""
    return set(_run(session, _FORGET, ids=list(delivery_ids)).scalars()) if delivery_ids else set()


def displace(session: Session, arrivals: Sequence[tuple[datetime, UUID, int]]) -> None:
    """Deletes events of which an earlier arrival has turned up."""
    if arrivals:
        ids = [delivery_id for _, delivery_id, _ in arrivals]
        _run(session, _DISPLACE, ids=ids, items=[item for _, _, item in arrivals])


def note_bereaved(session: Session, arrivals: Sequence[tuple[datetime, UUID, int]]) -> None:
    """The deliveries that have lost their last event that way were duplicates, as we know now."""
    if arrivals:
        _run(session, _BEREAVED, ids=[delivery_id for _, delivery_id, _ in arrivals])


def drop_alerts(session: Session, alert_ids: Collection[UUID]) -> set[UUID]:
    """Deletes alerts that no event speaks of any more; the incidents they were in."""
    gone = _run(session, _DROP_ALERTS, ids=list(alert_ids)).scalars() if alert_ids else ()
    return {incident_id for incident_id in gone if incident_id}


def write(session: Session, changes: Sequence[Change], fresh: Mapping[AlertKey, Sequence[Occurrence]]) -> None:
    """Stores the changed alerts, and their new events."""
    alerts = [_alert_row(each, fresh.get((each.integration_id, each.dedup_key), ())) for each in changes]
    bulk.run(session, _WRITE_ALERTS, alerts)
    ids = {(each.integration_id, each.dedup_key): each.alert_id for each in changes}
    bulk.run(session, _WRITE_EVENTS, [_event_row(ids[key], each) for key, many in fresh.items() for each in many])


def _run(session: Session, statement: Any, **parameters: Any) -> Any:
    return session.execute(statement, {"organization_id": organization_of(session), **parameters})


def _state(row: Any) -> AlertState:
    return AlertState(
        status=State(row.status),
        severity=Severity(row.severity),
        content={name: getattr(row, name) for name in _CONTENT},
        occurrence_count=row.occurrence_count,
        episode_count=row.episode_count,
        started_at=row.started_at,
        resolved_at=row.resolved_at,
        last_occurred_at=row.last_occurred_at,
        last_seen_at=row.last_seen_at,
        acknowledged_at=row.acknowledged_at,
    )


def _alert_row(change: Change, events: Sequence[Occurrence]) -> dict[str, Any]:
    state = change.state
    return {
        "id": change.alert_id,
        "integration_id": change.integration_id,
        "dedup_key": change.dedup_key,
        "platform": change.platform,
        **{name: state.content[name] for name in _CONTENT},
        "status": state.status,
        "severity": state.severity,
        "occurrence_count": state.occurrence_count,
        "episode_count": state.episode_count,
        "started_at": state.started_at,
        "resolved_at": state.resolved_at,
        "acknowledged_at": state.acknowledged_at,
        "last_occurred_at": state.last_occurred_at,
        "last_seen_at": state.last_seen_at,
        "updated_at": state.last_seen_at,
        "created_at": min((event.received_at for event in events), default=state.last_seen_at),
    }


def _event_row(alert_id: UUID, event: Occurrence) -> dict[str, Any]:
    return {
        "delivery_id": event.delivery_id,
        "item": event.item,
        "integration_id": event.integration_id,
        "alert_id": alert_id,
        "event_key": event.event_key,
        "state": event.state,
        "severity": event.severity,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "last_received_at": event.seen_until or event.received_at,
        "content": event.content,
    }
