"""Use case: save what solved an incident as the draft of a procedure."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.alerts.models import Alert
from hub.database import organization_of
from hub.incidents import service as incidents
from hub.incidents import timeline
from hub.incidents.membership import alert_ids_of
from hub.incidents.models import Comment, Incident
from hub.procedures import service as procedures
from hub.procedures.executions.models import Execution
from hub.procedures.models import Procedure
from hub.procedures.saving import rules

_MOST = 50


def save(session: Session, incident_id: UUID, user_id: UUID, *, title: str | None = None) -> Procedure:
    """A draft out of the incident's resolution, comments and executed steps. Raises NotFound."""
    incident = incidents.get(session, incident_id)
    drafted = rules.draft(_solved(session, incident))
    named = replace(drafted, title=title) if title else drafted
    procedure = procedures.write(
        session,
        user_id,
        status="draft",
        title=named.title,
        description=named.description,
        content=named.content,
        steps=named.steps or None,
        services=[incident.service] if incident.service else [],
        severities=[incident.severity],
        tags=list(incident.tags),
    )
    actor, told = f"user_{user_id.hex}", {"procedure_id": str(procedure.id), "title": procedure.title}
    timeline.note(session, incident.id, "saved_as_procedure", actor, **told)
    return procedure


def _solved(session: Session, incident: Incident) -> rules.Solved:
    resolution = incident.resolution or {}
    mine = incident.organization_id
    comments = select(Comment.body).where(Comment.organization_id == mine, Comment.incident_id == incident.id)
    runs = select(Execution.steps).where(Execution.organization_id == mine, Execution.incident_id == incident.id)
    labels = select(Alert.labels).where(
        Alert.organization_id == organization_of(session), Alert.id.in_(alert_ids_of(session, incident.id))
    )
    names = [str(each["alertname"]) for each in session.scalars(labels.limit(_MOST)) if each.get("alertname")]
    return rules.Solved(
        title=incident.title,
        description=incident.description,
        alert_names=sorted(set(names)),
        summary=resolution.get("summary", ""),
        root_cause=resolution.get("root_cause", ""),
        comments=session.scalars(comments.order_by(Comment.created_at).limit(_MOST)).all(),
        steps=[step for steps in session.scalars(runs.order_by(Execution.created_at).limit(_MOST)) for step in steps],
    )
