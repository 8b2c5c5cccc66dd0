"""Uses that people have confirmed: a procedure carried out to its end in an incident, kept by the incident's names."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub.database import organization_of
from hub.incidents.models import Incident
from hub.outbox import Handler
from hub.procedures.executions.models import Execution
from hub.search.drafts import alerts_of, incident_names
from hub.search.models import Confirmation


def keep(session: Session, execution_ids: Sequence[UUID]) -> None:
    """Of executions that succeeded in an incident; of others nothing. Again, it changes nothing."""
    found = session.execute(
        select(Execution, Incident)
        .join(
            Incident, (Incident.organization_id == Execution.organization_id) & (Incident.id == Execution.incident_id)
        )
        .where(
            Execution.organization_id == organization_of(session),
            Execution.id.in_(execution_ids),
            Execution.status == "succeeded",
            Execution.procedure_id.is_not(None),
        )
    ).all()
    alerts = alerts_of(session, [incident.id for _, incident in found])
    rows = [
        {
            "organization_id": execution.organization_id,
            "execution_id": execution.id,
            "name": name,
            "procedure_id": execution.procedure_id,
        }
        for execution, incident in found
        for name in incident_names(incident, alerts.get(incident.id, []))
    ]
    if rows:
        session.execute(insert(Confirmation).on_conflict_do_nothing(), rows)


HANDLERS: Mapping[str, Handler] = {"execution": keep}
