"""Use cases of executions: begin, find, tell a step's outcome, approve, reject, cancel."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import outbox
from hub.accounts.audit import service as audit
from hub.contracts.errors import Conflict, NotFound
from hub.database import now, organization_of
from hub.listing import Listing, Page, among, containing, created
from hub.procedures.executions import rules, writing
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
    writing.write_step(execution, number, told)
    writing.settle(execution, at, is_approved=True)
    title = execution.steps[number - 1]["title"]
    writing.tell(session, execution, user_id, "step", step=number, step_title=title, outcome=fields["outcome"])
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
        writing.write_step(execution, following["number"], {"approved_by": str(user_id)})
    writing.settle(execution, at, is_approved=True)
    audit.note(session, "procedures:approve", execution.id, note=note)
    writing.tell(session, execution, user_id, "approved", note=note)
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
    writing.tell(session, execution, user_id, event, note=note)
    session.flush()
    return execution


def _ended(session: Session, execution: Execution, user_id: UUID, at: datetime) -> Execution:
    if execution.status in rules.OVER:
        execution.finished_at = at
        writing.count(session, execution, _COUNTED[execution.status])
        writing.tell(session, execution, user_id, execution.status)
        outbox.enqueue(session, "index", "execution", [execution.id])
    session.flush()
    return execution


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
