"""What every use case of an execution writes: steps, status, its procedure's figures, its incident's timeline."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from hub.incidents import timeline
from hub.procedures.executions import rules
from hub.procedures.executions.models import Execution
from hub.procedures.models import Procedure


def settle(execution: Execution, at: datetime, *, is_approved: bool) -> None:
    """The status that follows from the steps, and the clock of the step that is next."""
    execution.status = rules.status_of(execution.steps, is_approved=is_approved)
    following = rules.next_step(execution.steps)
    if execution.status == "running" and following and following["started_at"] is None:
        write_step(execution, following["number"], {"started_at": at.isoformat()})


def count(session: Session, execution: Execution, column: Any) -> None:
    """Adds one to a figure of its procedure."""
    mine = (Procedure.organization_id == execution.organization_id) & (Procedure.id == execution.procedure_id)
    # what the hub counts is no change of the procedure
    session.execute(
        update(Procedure).where(mine).values({column: column + 1, Procedure.updated_at: Procedure.updated_at}),
        execution_options={"synchronize_session": False},
    )


def write_step(execution: Execution, number: int, fields: Mapping[str, Any]) -> None:
    """Writes down what became of one step."""
    # a new list, because SQLAlchemy does not see what changes inside of JSON
    execution.steps = [step | fields if step["number"] == number else step for step in execution.steps]


def tell(session: Session, execution: Execution, user_id: UUID, event: str, **data: Any) -> None:
    """Tells the incident's timeline, where there is an incident, what the person did."""
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
