"""Use case of executions: begin one."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from hub.accounts.models import Organization
from hub.accounts.rules import settings_of
from hub.contracts.errors import Conflict, Invalid, NotFound
from hub.database import new_id, now, organization_of
from hub.incidents import service as incidents
from hub.procedures import service as procedures
from hub.procedures.executions import rules, writing
from hub.procedures.executions.models import Execution
from hub.procedures.models import Procedure


def begin(
    session: Session,
    procedure_id: UUID,
    user_id: UUID,
    *,
    incident_id: UUID | None = None,
    urgency: str = "normal",
    variables: Mapping[str, str] | None = None,
) -> Execution:
    """A run of the published procedure. Raises NotFound, Conflict for one that is not published, Invalid."""
    procedure = procedures.get(session, procedure_id)
    if procedure.status != "published":
        raise Conflict(f"This procedure is {procedure.status}: only a published one can be executed.")
    if incident_id is not None:
        _check_incident(session, incident_id)
    values, problems = rules.values_of(procedure.variables, variables or {})
    if problems:
        raise Invalid({f"variables.{name}": messages for name, messages in problems.items()})
    steps = rules.prepared(procedure.steps, procedure.title, values)
    settings = settings_of(session.get_one(Organization, organization_of(session)).settings)
    is_approved = not rules.needs_approval(procedure.kind, settings)
    at = now(session)
    execution = Execution(
        organization_id=organization_of(session),
        id=new_id(),
        procedure_id=procedure.id,
        procedure_version=procedure.version,
        title=procedure.title,
        status="awaiting_approval",
        incident_id=incident_id,
        urgency=urgency,
        variables=values,
        steps=steps,
        approvals=[],
        started_by=user_id,
        created_at=at,
        updated_at=at,
        started_at=at if is_approved else None,
    )
    session.add(execution)
    writing.count(session, execution, Procedure.execution_count)
    writing.settle(execution, at, is_approved=is_approved)
    session.flush()
    writing.tell(session, execution, user_id, "started")
    return execution


def _check_incident(session: Session, incident_id: UUID) -> None:
    try:
        incidents.get(session, incident_id)
    except NotFound as error:
        raise Invalid({"context.incident_id": ["There is no such incident."]}) from error
