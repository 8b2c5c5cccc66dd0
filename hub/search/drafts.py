"""What search should know of incidents and procedures: each becomes the drafts of its documents."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.alerts.models import Alert
from hub.database import organization_of
from hub.incidents.models import AlertEpisode, Incident
from hub.procedures.models import Procedure
from hub.search.text import identity, names_of

_MOST_ALERTS = 20
_SOLVED = frozenset({"resolved", "closed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document as it should be; `body` is text or Markdown, `names` are what it answers to exactly."""

    kind: str
    source_id: UUID
    title: str
    body: str
    services: Sequence[str]
    severities: Sequence[str]
    status: str
    tags: Sequence[str]
    names: Sequence[str]
    created_at: datetime


def of_incidents(session: Session, incident_ids: Sequence[UUID]) -> list[Draft]:
    """Incidents, and the solutions of those that are over; what does not exist has no draft."""
    mine = (Incident.organization_id == organization_of(session)) & Incident.id.in_(incident_ids)
    alerts = alerts_of(session, incident_ids)
    return [
        draft
        for incident in session.scalars(select(Incident).where(mine))
        for draft in _of_incident(incident, alerts.get(incident.id, []))
    ]


def of_procedures(session: Session, procedure_ids: Sequence[UUID]) -> list[Draft]:
    """Published procedures; drafts and archived ones are not found."""
    mine = (Procedure.organization_id == organization_of(session)) & Procedure.id.in_(procedure_ids)
    found = session.scalars(select(Procedure).where(mine, Procedure.status == "published"))
    return [_of_procedure(procedure) for procedure in found]


def incident_names(incident: Incident, alerts: Sequence[Alert]) -> list[str]:
    """What the incident is called: its alerts' names and titles, and its own title, folded."""
    named = [name for alert in alerts if isinstance(name := alert.labels.get("alertname"), str)]
    return sorted({identity(name) for name in [*named, *(each.title for each in alerts), incident.title]} - {""})


def alerts_of(session: Session, incident_ids: Sequence[UUID]) -> Mapping[UUID | None, list[Alert]]:
    """The first alerts of each incident, as they began; of a storm, enough to say what it is."""
    ours = organization_of(session)
    # an alert with many episodes counts once; whole rows are read of those only that are told of
    ranked = (
        select(
            AlertEpisode.incident_id,
            Alert.id.label("alert_id"),
            func.row_number()
            .over(partition_by=AlertEpisode.incident_id, order_by=(Alert.started_at, Alert.id))
            .label("place"),
        )
        .join(Alert, (Alert.organization_id == AlertEpisode.organization_id) & (Alert.id == AlertEpisode.alert_id))
        .where(AlertEpisode.organization_id == ours, AlertEpisode.incident_id.in_(incident_ids))
        .group_by(AlertEpisode.incident_id, Alert.id, Alert.started_at)
        .subquery()
    )
    first = (
        select(ranked.c.incident_id, Alert)
        .join(Alert, Alert.id == ranked.c.alert_id)
        .where(Alert.organization_id == ours, ranked.c.place <= _MOST_ALERTS)
        .order_by(ranked.c.incident_id, ranked.c.place)
    )
    found: dict[UUID | None, list[Alert]] = defaultdict(list)
    for incident_id, alert in session.execute(first):
        found[incident_id].append(alert)
    return found


def _of_incident(incident: Incident, alerts: Sequence[Alert]) -> Iterator[Draft]:
    told = [incident.description, *(f"{alert.title}. {alert.description}" for alert in alerts)]
    draft = Draft(
        kind="incidents",
        source_id=incident.id,
        title=incident.title,
        body="\n".join(dict.fromkeys(told)),
        services=sorted({incident.service, *incident.services} - {""}),
        severities=[incident.severity],
        status=incident.status,
        tags=incident.tags,
        names=incident_names(incident, alerts),
        created_at=incident.created_at,
    )
    yield draft
    if incident.resolution and incident.status in _SOLVED:
        solved = f"{incident.resolution['summary']}\n{incident.resolution.get('root_cause', '')}"
        yield replace(draft, kind="solutions", body=solved)


def _of_procedure(procedure: Procedure) -> Draft:
    steps = "\n".join(_told(step) for step in procedure.steps) if procedure.has_own_steps else ""
    body = "\n".join(filter(None, (procedure.content or procedure.description, steps)))
    stem = identity(PurePosixPath(procedure.source_path or "").stem)
    return Draft(
        kind="procedures",
        source_id=procedure.id,
        title=procedure.title,
        body=body,
        services=procedure.services,
        severities=procedure.severities,
        status=procedure.status,
        tags=procedure.tags,
        names=sorted((names_of(procedure.title, procedure.content) | {stem}) - {""}),
        created_at=procedure.created_at,
    )


def _told(step: Mapping[str, str | None]) -> str:
    return "\n".join(filter(None, (f"## {step['title']}", step.get("instructions"), step.get("command"))))
