"""Reads and writes of recording: each one statement for a whole batch."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub import bulk
from hub.alerts import models
from hub.alerts.intake import Occurrence
from hub.alerts.models import Alert, AlertEvent
from hub.alerts.rules import AlertState, Change, Mark
from hub.contracts.event import Severity, State
from hub.database import organization_of

AlertKey = tuple[UUID, str]  # (integration, dedup key)

_CONTENT = ("title", "description", "raw_severity", "no_data", "service", "resource", "labels", "annotations", "links")


def known_event_keys(session: Session, occurrences: Sequence[Occurrence]) -> set[tuple[UUID, str]]:
    """Which (integration, event key) of these are stored already."""
    rows = session.execute(
        text(
            "SELECT e.integration_id, e.event_key FROM events e"
            " JOIN unnest(CAST(:integration_ids AS uuid[]), CAST(:keys AS text[])) AS k (integration_id, event_key)"
            " USING (integration_id, event_key) WHERE e.organization_id = :organization_id"
        ),
        {
            "organization_id": organization_of(session),
            "integration_ids": [each.integration_id for each in occurrences],
            "keys": [each.event_key for each in occurrences],
        },
    )
    return {(row.integration_id, row.event_key) for row in rows}


def touch(session: Session, repeated: Sequence[Occurrence]) -> None:
    """A reminder is no new event, but the alert was seen again."""
    if not repeated:
        return
    rows = [
        {"integration_id": e.integration_id, "event_key": e.event_key, "last_received_at": e.received_at}
        for e in repeated
    ]
    session.execute(
        text(
            "WITH seen AS (SELECT r.integration_id, r.event_key, max(r.last_received_at) AS at"
            f" FROM {bulk.recordset(AlertEvent, rows[0])} GROUP BY 1, 2),"
            " touched AS (UPDATE events e SET last_received_at = greatest(e.last_received_at, s.at) FROM seen s"
            " WHERE e.organization_id = :organization_id AND e.integration_id = s.integration_id"
            " AND e.event_key = s.event_key RETURNING e.alert_id, e.last_received_at)"
            " UPDATE alerts a SET last_seen_at = greatest(a.last_seen_at, t.at)"
            " FROM (SELECT alert_id, max(last_received_at) AS at FROM touched GROUP BY 1) t"
            " WHERE a.organization_id = :organization_id AND a.id = t.alert_id"
        ),
        {"rows": bulk.as_json(rows), "organization_id": organization_of(session)},
    )


def known_alerts(session: Session, keys: Collection[AlertKey]) -> dict[AlertKey, Alert]:
    """The stored alerts of these keys."""
    wanted = text(
        "(integration_id, dedup_key) IN (SELECT * FROM unnest(CAST(:integration_ids AS uuid[]), CAST(:keys AS text[])))"
    ).bindparams(integration_ids=[key[0] for key in keys], keys=[key[1] for key in keys])
    found = session.scalars(select(Alert).where(Alert.organization_id == organization_of(session), wanted))
    return {(alert.integration_id, alert.dedup_key): alert for alert in found}


def histories(session: Session, alert_ids: Sequence[UUID]) -> dict[AlertKey, list[Occurrence]]:
    """All events of the alerts that a late event reached."""
    if not alert_ids:
        return {}
    rows = session.execute(
        select(AlertEvent, Alert.platform, Alert.dedup_key)
        .join(Alert, (Alert.organization_id == AlertEvent.organization_id) & (Alert.id == AlertEvent.alert_id))
        .where(AlertEvent.organization_id == organization_of(session), AlertEvent.alert_id.in_(alert_ids))
    )
    found: dict[AlertKey, list[Occurrence]] = defaultdict(list)
    for event, platform, dedup_key in rows:
        found[event.integration_id, dedup_key].append(
            Occurrence(
                delivery_id=event.delivery_id,
                item=event.item,
                integration_id=event.integration_id,
                platform=platform,
                dedup_key=dedup_key,
                event_key=event.event_key,
                state=State(event.state),
                severity=Severity(event.severity),
                occurred_at=event.occurred_at,
                received_at=event.received_at,
                content=event.content,
            )
        )
    return found


def state_of(alert: Alert) -> AlertState:
    """The stored alert as the state that folding goes on from."""
    return AlertState(
        status=State(alert.status),
        severity=Severity(alert.severity),
        content={name: getattr(alert, name) for name in _CONTENT},
        occurrence_count=alert.occurrence_count,
        episode_count=alert.episode_count,
        started_at=alert.started_at,
        resolved_at=alert.resolved_at,
        last_occurred_at=alert.last_occurred_at,
        last_seen_at=alert.last_seen_at,
        acknowledged_at=alert.acknowledged_at,
    )


def marks(session: Session, alert_ids: Sequence[UUID]) -> dict[UUID, list[Mark]]:
    """What people said of the alerts."""
    if not alert_ids:
        return {}
    found: dict[UUID, list[Mark]] = defaultdict(list)
    for mark in session.scalars(
        select(models.Mark).where(
            models.Mark.organization_id == organization_of(session), models.Mark.alert_id.in_(alert_ids)
        )
    ):
        found[mark.alert_id].append(Mark(mark.id, State(mark.state), mark.at))
    return found


def write(session: Session, changes: Sequence[Change], events: Mapping[AlertKey, Sequence[Occurrence]]) -> None:
    """Stores the changed alerts, and their new events; `events` has the changes' order."""
    organization_id = organization_of(session)
    together = list(zip(changes, events.values(), strict=True))
    alerts = [_alert_row(organization_id, change, many[0]) for change, many in together]
    bulk.upsert(
        session, Alert, alerts, key=("organization_id", "integration_id", "dedup_key"), keep=("id", "created_at")
    )
    rows = [_event_row(organization_id, change.alert_id, each) for change, many in together for each in many]
    bulk.insert(session, AlertEvent, rows)


def _alert_row(organization_id: UUID, change: Change, event: Occurrence) -> dict[str, Any]:
    state = change.state
    return {
        "organization_id": organization_id,
        "id": change.alert_id,
        "integration_id": event.integration_id,
        "dedup_key": event.dedup_key,
        "platform": event.platform,
        **{name: state.content[name] for name in _CONTENT},
        "status": state.status,
        "severity": state.severity,
        "occurrence_count": state.occurrence_count,
        "episode_count": state.episode_count,
        "started_at": state.started_at,
        "last_seen_at": state.last_seen_at,
        "last_occurred_at": state.last_occurred_at,
        "resolved_at": state.resolved_at,
        "acknowledged_at": state.acknowledged_at,
        "updated_at": state.last_seen_at,
        "created_at": event.received_at,
    }


def _event_row(organization_id: UUID, alert_id: UUID, event: Occurrence) -> dict[str, Any]:
    return {
        "organization_id": organization_id,
        "delivery_id": event.delivery_id,
        "item": event.item,
        "integration_id": event.integration_id,
        "alert_id": alert_id,
        "event_key": event.event_key,
        "state": event.state,
        "severity": event.severity,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "last_received_at": event.received_at,
        "content": event.content,
    }
