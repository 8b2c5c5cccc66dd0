"""Which alerts belong to which incident: reading it, with the reasons, and moving them by a person's hand."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.alerts import service as alerts
from hub.alerts.models import Alert
from hub.database import now, organization_of
from hub.incidents import rules, service, signals
from hub.incidents.models import AlertEpisode, Incident
from hub.listing import Listing, Page

WHY = Listing(AlertEpisode, sorts={"correlated_at": AlertEpisode.correlated_at}, default_sort="correlated_at")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one episode of an alert is where it is: the decision of then, and the moves of people since."""

    alert_id: UUID
    title: str
    episode: int
    started_at: datetime
    decided_at: datetime
    decision: Mapping[str, Any]


def alerts_of(session: Session, incident_id: UUID, query: Mapping[str, Any]) -> Page:
    """One page of the alerts of which an episode belongs to the incident. Raises NotFound."""
    service.get(session, incident_id)
    return alerts.find(session, query, Alert.id.in_(alert_ids_of(session, incident_id)))


def why(session: Session, incident_id: UUID, query: Mapping[str, Any]) -> Page:
    """One page of the incident's episodes with their reasons, in the order they came. Raises NotFound."""
    service.get(session, incident_id)
    ours = AlertEpisode.organization_id == organization_of(session)
    page = WHY.page(session, query, ours, AlertEpisode.incident_id == incident_id)
    titles = _titles(session, {episode.alert_id for episode in page.items})
    reasons = [
        Reason(each.alert_id, titles[each.alert_id], each.number, each.started_at, each.correlated_at, each.decision)
        for each in page.items
    ]
    return replace(page, items=reasons)


def transfer(
    session: Session, source: UUID, target: UUID, actor: str, alert_ids: Collection[UUID] | None = None
) -> list[UUID]:
    """Moves the alerts' episodes (of all alerts, without ids) from one incident to the other; which alerts it were.

    Each episode keeps its decision, with this move added, so that it can be explained and undone.
    """
    rows = session.execute(
        text(
            "WITH moved AS (UPDATE episodes e SET incident_id = :target, decision = jsonb_set(e.decision, '{moves}',"
            "   coalesce(e.decision -> 'moves', '[]') || jsonb_build_array(jsonb_build_object("
            "   'from_incident_id', CAST(:source AS text), 'by', CAST(:actor AS text), 'at', overwatch_now())))"
            "  WHERE e.organization_id = :org AND e.incident_id = CAST(:source AS uuid)"
            "  AND (CAST(:ids AS uuid[]) IS NULL OR e.alert_id = ANY(:ids)) RETURNING e.alert_id),"
            " followed AS (UPDATE alerts a SET incident_id = :target, updated_at = overwatch_now()"
            "  WHERE a.organization_id = :org AND a.incident_id = CAST(:source AS uuid)"
            "  AND a.id IN (SELECT alert_id FROM moved))"
            " SELECT DISTINCT alert_id FROM moved ORDER BY alert_id"
        ),
        {**_both(session, source, target), "actor": actor, "ids": None if alert_ids is None else list(alert_ids)},
    )
    return [row.alert_id for row in rows]


def adopt(session: Session, alert_id: UUID, target: UUID, actor: str) -> None:
    """Puts the alert's latest episode, which is in no incident, into this one; its decision is kept with this move."""
    session.execute(
        text(
            "WITH moved AS (UPDATE episodes e SET incident_id = :target, decision = jsonb_set("
            "   coalesce(e.decision, '{}'), '{moves}', coalesce(e.decision -> 'moves', '[]') || jsonb_build_array("
            "   jsonb_build_object('from_incident_id', NULL, 'by', CAST(:actor AS text), 'at', overwatch_now())))"
            "  FROM alerts a WHERE a.organization_id = :org AND a.id = :alert_id AND e.organization_id = :org"
            "  AND e.alert_id = a.id AND e.number = a.episode_count RETURNING e.alert_id)"
            " UPDATE alerts a SET incident_id = :target, updated_at = overwatch_now()"
            " WHERE a.organization_id = :org AND a.id IN (SELECT alert_id FROM moved)"
        ),
        {"org": organization_of(session), "target": target, "alert_id": alert_id, "actor": actor},
    )


def take_back(session: Session, source: UUID, target: UUID) -> list[UUID]:
    """Undoes the last transfer from `source` to `target`; what has been moved on since stays. Which alerts it were."""
    rows = session.execute(
        text(
            "WITH moved AS (UPDATE episodes e SET incident_id = CAST(:source AS uuid),"
            "   decision = jsonb_set(e.decision, '{moves}', (e.decision -> 'moves') - (-1))"
            "  WHERE e.organization_id = :org AND e.incident_id = :target"
            "  AND e.decision #>> '{moves,-1,from_incident_id}' = CAST(:source AS text) RETURNING e.alert_id),"
            " followed AS (UPDATE alerts a SET incident_id = CAST(:source AS uuid), updated_at = overwatch_now()"
            "  WHERE a.organization_id = :org AND a.incident_id = :target AND a.id IN (SELECT alert_id FROM moved))"
            " SELECT DISTINCT alert_id FROM moved ORDER BY alert_id"
        ),
        _both(session, source, target),
    )
    return [row.alert_id for row in rows]


def relearn(session: Session, incident: Incident, default_severity: str) -> None:
    """What the incident is about follows from the alerts it now has; what a person has set stays."""
    session.flush()
    found = session.execute(
        select(Alert.title, Alert.service, Alert.labels, Alert.severity, Alert.status, Alert.last_seen_at)
        .where(Alert.organization_id == incident.organization_id)
        .where(Alert.id.in_(alert_ids_of(session, incident.id)))
    ).all()
    incident.alert_count = len(found)
    if not found:
        return
    incident.services = sorted({row.service for row in found} - {""})
    incident.words = sorted(set().union(*(signals.words_of(row.title) for row in found)))
    environments = (signals.environment_of(row.labels) for row in found)
    incident.environment = next((each for each in environments if each), "")
    incident.service = incident.service or next(iter(incident.services), "")
    incident.last_activity_at = max(row.last_seen_at for row in found)
    if any(row.status != "resolved" for row in found):
        incident.alerts_resolved_at = None
    if not incident.severity_pinned:
        said = [default_severity if row.severity == "unknown" else row.severity for row in found]
        incident.severity = rules.highest(said)
    incident.updated_at = now(session)


def alert_ids_of(session: Session, incident_id: UUID) -> Any:
    """The subquery of the alerts of which an episode belongs to the incident."""
    return select(AlertEpisode.alert_id).where(
        AlertEpisode.organization_id == organization_of(session), AlertEpisode.incident_id == incident_id
    )


def _titles(session: Session, alert_ids: Collection[UUID]) -> dict[UUID, str]:
    mine = Alert.organization_id == organization_of(session)
    rows: Sequence[Any] = session.execute(select(Alert.id, Alert.title).where(mine, Alert.id.in_(alert_ids))).all()
    return {row.id: row.title for row in rows}


def _both(session: Session, source: UUID, target: UUID) -> dict[str, Any]:
    return {"org": organization_of(session), "source": str(source), "target": target}
