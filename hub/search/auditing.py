"""What the auditor asks of the index: every text that search should know stands there as it is now, or waits to be."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.auditor import MOST_TOLD, Violation
from hub.database import Database, organization_of
from hub.incidents.models import Incident
from hub.procedures.models import Procedure
from hub.search import indexing

PROMISE = "every text is indexed as it is, by the current model, or waits to be"

_AT_ONCE = 200
_SOURCES: Sequence[tuple[str, Any]] = (("incident", Incident), ("procedure", Procedure))
_WAITING = text(
    "SELECT subject_id FROM jobs WHERE organization_id = :organization_id AND lane = 'index' AND NOT is_dead"
    " AND kind IN (:job, 'reembed')"
)


def audit(database: Database, model_id: str) -> Iterator[Violation]:
    """Looks at every organization."""
    with database.transaction() as session:
        organization_ids = list(session.scalars(text("SELECT organization_ids()")))
    for organization_id in organization_ids:
        with database.session(organization_id) as session, session.begin():
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            found = unindexed(session, model_id)
        if found:
            yield Violation(PROMISE, organization_id, len(found), tuple(map(str, found[:MOST_TOLD])))


def unindexed(session: Session, model_id: str) -> list[UUID]:
    """Incidents and procedures of which search knows nothing, or something else than they say; nobody is at it."""
    organization_id = organization_of(session)
    found: list[UUID] = []
    for job, model in _SOURCES:
        waiting = set(session.scalars(_WAITING, {"organization_id": organization_id, "job": job}))
        ids = list(session.scalars(select(model.id).where(model.organization_id == organization_id)))
        if organization_id not in waiting:  # else all of it is being embedded by another model
            idle = [each for each in ids if each not in waiting]
            for start in range(0, len(idle), _AT_ONCE):
                found += indexing.out_of_date(session, model_id, job, idle[start : start + _AT_ONCE])
    return found
