"""Gathers what a post-incident report tells, in a fixed number of statements however long the incident was."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.alerts.models import Alert
from hub.database import now
from hub.incidents import report, service, timeline
from hub.incidents.membership import alert_ids_of
from hub.incidents.models import Comment, Incident, TimelineEntry
from hub.incidents.report import Facts, Happening
from hub.integrations.models import Integration


def report_of(session: Session, incident_id: UUID, public_id: str) -> str:
    """The report as Markdown. Raises NotFound."""
    incident = service.get(session, incident_id)
    first, last = timeline.ends(session, incident_id, report.MOST_ENTRIES_PER_END)
    known = timeline.names(session, [*first, *last])
    total = _count(session, incident, TimelineEntry)
    firing, occurrences = _alert_figures(session, incident)
    return report.write(
        Facts(
            title=incident.title,
            public_id=public_id,
            description=incident.description,
            severity=incident.severity,
            status=incident.status,
            service=incident.service,
            services=incident.services or [incident.service][: bool(incident.service)],
            environment=incident.environment,
            assignee=incident.assignee.name if incident.assignee else "",
            source=_source(session, incident),
            resolution=incident.resolution or {},
            created_at=incident.created_at,
            acknowledged_at=incident.acknowledged_at,
            resolved_at=incident.resolved_at,
            closed_at=incident.closed_at,
            written_at=now(session),
            alert_count=incident.alert_count,
            firing_count=firing,
            occurrence_count=occurrences,
            comment_count=_count(session, incident, Comment),
            reopen_count=_reopen_count(session, incident),
            first=[_happening(entry, known) for entry in first],
            left_out=max(total - len(first) - len(last), 0),
            last=[_happening(entry, known) for entry in last],
        )
    )


def _source(session: Session, incident: Incident) -> str:
    if incident.source_integration_id is None:
        return "opened by hand"
    return session.get_one(Integration, (incident.organization_id, incident.source_integration_id)).name


def _alert_figures(session: Session, incident: Incident) -> tuple[int, int]:
    row = session.execute(
        select(
            func.count().filter(Alert.status != "resolved"), func.coalesce(func.sum(Alert.occurrence_count), 0)
        ).where(Alert.organization_id == incident.organization_id, Alert.id.in_(alert_ids_of(session, incident.id)))
    ).one()
    return int(row[0]), int(row[1])


def _count(session: Session, incident: Incident, model: type[Comment] | type[TimelineEntry]) -> int:
    mine = (model.organization_id == incident.organization_id) & (model.incident_id == incident.id)
    return session.scalar(select(func.count()).select_from(model).where(mine)) or 0


def _reopen_count(session: Session, incident: Incident) -> int:
    """By the hub, or by a person's move back to active."""
    mine = (TimelineEntry.organization_id == incident.organization_id) & (TimelineEntry.incident_id == incident.id)
    by_person = (TimelineEntry.kind == "status") & (TimelineEntry.data["to"].astext == "active")
    return session.scalar(select(func.count()).where(mine, (TimelineEntry.kind == "reopened") | by_person)) or 0


def _happening(entry: TimelineEntry, known: Mapping[str, str]) -> Happening:
    data = {name: _named(value, known) for name, value in entry.data.items()}
    return Happening(entry.at, entry.kind, known.get(entry.actor, entry.actor), data)


def _named(value: Any, known: Mapping[str, str]) -> Any:
    return [_named(each, known) for each in value] if isinstance(value, list) else known.get(str(value), value)
