"""Use cases of executions: begin, find, tell a step's outcome, approve, reject, cancel."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub import outbox
from hub.accounts.audit import service as audit
from hub.accounts.models import Organization
from hub.accounts.rules import settings_of
from hub.contracts.errors import Conflict, Invalid, NotFound
from hub.database import new_id, now, organization_of
from hub.incidents import service as incidents
from hub.incidents import timeline
from hub.listing import Listing, Page, among, containing, created
from hub.procedures import service as procedures
from hub.procedures.executions import rules
from hub.procedures.executions.models import Execution
from hub.procedures.models import Procedure

LISTING = Listing(
    Execution,
    sorts={
        "created_at": Execution.created_at,
        "finished_at": Execution.finished_at,
        "status": Execution.status,
        "title": Execution.title,
    },
    filters={
        "status": among(Execution.status),
        "procedure_id": among(Execution.procedure_id),
        "incident_id": among(Execution.incident_id),
        "q": containing(Execution.title),
        **created(Execution),
    },
)

_COUNTED = {"succeeded": Procedure.success_count, "failed": Procedure.failure_count}


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
    _count(session, execution, Procedure.execution_count)
    _settle(execution, at, is_approved=is_approved)
    session.flush()
    _tell(session, execution, user_id, "started")
    return execution


def get(session: Session, execution_id: UUID) -> Execution:
    """Raises NotFound."""
    found = session.get(Execution, (organization_of(session), execution_id))
    if found is None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of executions."""
    return LISTING.page(session, query)


def tell_outcome(
    session: Session, execution_id: UUID, number: int, user_id: UUID, fields: Mapping[str, Any]
) -> Execution:
    """What became of the current step. Raises NotFound, and Conflict naming the step that is next."""
    execution = _get_for_change(session, execution_id)
    if not 1 <= number <= len(execution.steps):
        raise NotFound
    if execution.status != "running":
        raise Conflict(f"This execution is {execution.status}; steps are carried out while it is running.")
    if number != execution.current_step:
        raise Conflict(f"Step {execution.current_step} is next.")
    at = now(session)
    told = {**fields, "user_id": str(user_id), "finished_at": at.isoformat()}
    _write_step(execution, number, told)
    _settle(execution, at, is_approved=True)
    title = execution.steps[number - 1]["title"]
    _tell(session, execution, user_id, "step", step=number, step_title=title, outcome=fields["outcome"])
    return _ended(session, execution, user_id, at)


def approve(session: Session, execution_id: UUID, user_id: UUID, note: str = "") -> Execution:
    """Lets the run, or its next step, go on. Raises Conflict when nothing waits for that."""
    execution = _get_waiting(session, execution_id)
    at = now(session)
    following = rules.next_step(execution.steps)
    if execution.started_at is None:
        execution.started_at = at
        execution.approvals = [*execution.approvals, {"user_id": str(user_id), "at": at.isoformat(), "note": note}]
    elif following is not None:
        _write_step(execution, following["number"], {"approved_by": str(user_id)})
    _settle(execution, at, is_approved=True)
    audit.note(session, "procedures:approve", execution.id, note=note)
    _tell(session, execution, user_id, "approved", note=note)
    session.flush()
    return execution


def reject(session: Session, execution_id: UUID, user_id: UUID, note: str = "") -> Execution:
    """Ends what waits for approval. Raises Conflict when nothing does."""
    execution = _get_waiting(session, execution_id)
    audit.note(session, "procedures:approve", execution.id, note=note, rejected=True)
    return _cancel(session, execution, user_id, "rejected", note)


def cancel(session: Session, execution_id: UUID, user_id: UUID, note: str = "") -> Execution:
    """Raises Conflict when it is over already."""
    execution = _get_for_change(session, execution_id)
    if execution.status in rules.OVER:
        raise Conflict(f"This execution is over: {execution.status}.")
    return _cancel(session, execution, user_id, "cancelled", note)


def _cancel(session: Session, execution: Execution, user_id: UUID, event: str, note: str) -> Execution:
    execution.status, execution.finished_at = "cancelled", now(session)
    _tell(session, execution, user_id, event, note=note)
    session.flush()
    return execution


def _settle(execution: Execution, at: datetime, *, is_approved: bool) -> None:
    """The status that follows from the steps, and the clock of the step that is next."""
    execution.status = rules.status_of(execution.steps, is_approved=is_approved)
    following = rules.next_step(execution.steps)
    if execution.status == "running" and following and following["started_at"] is None:
        _write_step(execution, following["number"], {"started_at": at.isoformat()})


def _ended(session: Session, execution: Execution, user_id: UUID, at: datetime) -> Execution:
    if execution.status in rules.OVER:
        execution.finished_at = at
        _count(session, execution, _COUNTED[execution.status])
        _tell(session, execution, user_id, execution.status)
        outbox.enqueue(session, "index", "execution", [execution.id])
    session.flush()
    return execution


def _count(session: Session, execution: Execution, column: Any) -> None:
    mine = (Procedure.organization_id == execution.organization_id) & (Procedure.id == execution.procedure_id)
    # what the hub counts is no change of the procedure
    session.execute(
        update(Procedure).where(mine).values({column: column + 1, Procedure.updated_at: Procedure.updated_at}),
        execution_options={"synchronize_session": False},
    )


def _write_step(execution: Execution, number: int, fields: Mapping[str, Any]) -> None:
    # a new list, because SQLAlchemy does not see what changes inside of JSON
    execution.steps = [step | fields if step["number"] == number else step for step in execution.steps]


def _tell(session: Session, execution: Execution, user_id: UUID, event: str, **data: Any) -> None:
    if execution.incident_id is None:
        return
    told = {
        "execution_id": str(execution.id),
        "procedure_id": str(execution.procedure_id) if execution.procedure_id else None,
        "title": execution.title,
        "event": event,
        "status": execution.status,
    }
    kept = {name: value for name, value in data.items() if value != ""}
    timeline.note(session, execution.incident_id, "execution", f"user_{user_id.hex}", **told, **kept)


def _check_incident(session: Session, incident_id: UUID) -> None:
    try:
        incidents.get(session, incident_id)
    except NotFound as error:
        raise Invalid({"context.incident_id": ["There is no such incident."]}) from error


def _get_waiting(session: Session, execution_id: UUID) -> Execution:
    execution = _get_for_change(session, execution_id)
    if execution.status != "awaiting_approval":
        raise Conflict(f"This execution is {execution.status}: nothing waits for approval.")
    return execution


def _get_for_change(session: Session, execution_id: UUID) -> Execution:
    found = session.scalar(
        select(Execution)
        .where(Execution.organization_id == organization_of(session), Execution.id == execution_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound
    return found
