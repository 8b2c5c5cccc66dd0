"""Writes of recording: each one statement for a whole batch."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from hub import bulk
from hub.alerts.change import Change
from hub.alerts.intake import Occurrence
from hub.alerts.ledger import CONTENT, STATE, AlertKey, Arrival, EventKey
from hub.database import organization_of

_ALERT_TYPES = (
    "id uuid, integration_id uuid, dedup_key text, platform text, status text, severity text, title text,"
    " description text, raw_severity text, no_data boolean, service text, resource text, labels jsonb,"
    " annotations jsonb, links jsonb, occurrence_count integer, episode_count integer, started_at timestamptz,"
    " resolved_at timestamptz, acknowledged_at timestamptz, last_occurred_at timestamptz, last_seen_at timestamptz,"
    " updated_at timestamptz, created_at timestamptz, incident_id uuid"
)
_ALERT_COLUMNS = ", ".join(
    ("id", "integration_id", "dedup_key", "platform", *STATE, "updated_at", "created_at", "incident_id")
)

# from arrays, because Postgres takes them for short and looks each up in an index; of a recordset it thinks bigger, and
# reads all events of an organization that it has no statistics of
_TOUCH = text(
    "WITH touched AS (UPDATE events e SET last_received_at = s.at"
    "   FROM unnest(CAST(:integration_ids AS uuid[]), CAST(:keys AS text[]), CAST(:ats AS timestamptz[]))"
    "     AS s (integration_id, event_key, at)"
    "   WHERE e.organization_id = :organization_id AND e.integration_id = s.integration_id"
    "   AND e.event_key = s.event_key AND e.last_received_at < s.at RETURNING e.alert_id, e.last_received_at)"
    " UPDATE alerts a SET last_seen_at = greatest(a.last_seen_at, t.at)"
    " FROM (SELECT alert_id, max(last_received_at) AS at FROM touched GROUP BY 1) t"
    " WHERE a.organization_id = :organization_id AND a.id = t.alert_id AND a.last_seen_at < t.at"
)
_FORGET = text(
    "DELETE FROM events WHERE organization_id = :organization_id AND delivery_id = ANY(:ids)"
    " RETURNING alert_id, integration_id, event_key, last_received_at"
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
_DROP_ALERTS = text("DELETE FROM alerts WHERE organization_id = :organization_id AND id = ANY(:ids)")
# both in one statement: foreign keys are checked at its end
_WRITE = text(
    f"WITH written AS (INSERT INTO alerts (organization_id, {_ALERT_COLUMNS}) SELECT :organization_id, {_ALERT_COLUMNS}"
    f"   FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r ({_ALERT_TYPES})"
    "   ON CONFLICT (organization_id, integration_id, dedup_key) DO UPDATE SET"
    f"   {', '.join(f'{name} = excluded.{name}' for name in (*STATE, 'updated_at'))},"
    "   created_at = least(alerts.created_at, excluded.created_at),"
    "   incident_id = coalesce(excluded.incident_id, alerts.incident_id))"
    " INSERT INTO events (organization_id, delivery_id, item, integration_id, alert_id, event_key, state, severity,"
    "   occurred_at, received_at, last_received_at, content)"
    " SELECT :organization_id, r.* FROM jsonb_to_recordset(CAST(:events AS jsonb))"
    "   AS r (delivery_id uuid, item integer, integration_id uuid, alert_id uuid, event_key text, state text,"
    "   severity text, occurred_at timestamptz, received_at timestamptz, last_received_at timestamptz, content jsonb)"
)


def touch(session: Session, repeated: Sequence[Occurrence]) -> None:
    """A reminder is no new event, but event and alert were seen again."""
    if not repeated:
        return
    latest: dict[EventKey, datetime] = {}
    for each in repeated:
        key = (each.integration_id, each.event_key)
        latest[key] = max(each.received_at, latest.get(key, each.received_at))
    integration_ids, keys = zip(*latest, strict=True)
    _run(session, _TOUCH, integration_ids=list(integration_ids), keys=list(keys), ats=list(latest.values()))


def forget(session: Session, delivery_ids: Collection[UUID]) -> tuple[set[UUID], dict[EventKey, datetime]]:
    """Deletes what these deliveries said, before a replay says it anew.

    The alerts that this concerns, and when each event was seen last: that other deliveries said.
    """
    rows = _run(session, _FORGET, ids=list(delivery_ids)).all() if delivery_ids else ()
    return {row.alert_id for row in rows}, {(row.integration_id, row.event_key): row.last_received_at for row in rows}


def displace(session: Session, arrivals: Sequence[Arrival]) -> None:
    """Deletes events of which an earlier arrival has turned up."""
    if arrivals:
        ids = [delivery_id for _, delivery_id, _ in arrivals]
        _run(session, _DISPLACE, ids=ids, items=[item for _, _, item in arrivals])


def note_bereaved(session: Session, arrivals: Sequence[Arrival]) -> None:
    """The deliveries that have lost their last event that way were duplicates, as we know now."""
    if arrivals:
        _run(session, _BEREAVED, ids=[delivery_id for _, delivery_id, _ in arrivals])


def drop_alerts(session: Session, alert_ids: Collection[UUID]) -> None:
    """Deletes alerts that no event speaks of any more."""
    if alert_ids:
        _run(session, _DROP_ALERTS, ids=list(alert_ids))


def write(
    session: Session,
    changes: Sequence[Change],
    fresh: Mapping[AlertKey, Sequence[Occurrence]],
    places: Mapping[UUID, UUID],
) -> None:
    """Stores the changed alerts where they belong now, and their new events; without a place they stay."""
    alerts = [
        _alert_row(each, fresh.get((each.integration_id, each.dedup_key), ()), places.get(each.alert_id))
        for each in changes
    ]
    ids = {(each.integration_id, each.dedup_key): each.alert_id for each in changes}
    events = [_event_row(ids[key], each) for key, many in fresh.items() for each in many]
    bulk.run(session, _WRITE, alerts, events=bulk.as_json(events))


def _run(session: Session, statement: TextClause, **parameters: Any) -> Any:
    return session.execute(statement, {"organization_id": organization_of(session), **parameters})


def _alert_row(change: Change, events: Sequence[Occurrence], incident_id: UUID | None) -> dict[str, Any]:
    state = change.state
    return {
        "id": change.alert_id,
        "integration_id": change.integration_id,
        "dedup_key": change.dedup_key,
        "platform": change.platform,
        **{name: state.content[name] for name in CONTENT},
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
        "incident_id": incident_id,
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
