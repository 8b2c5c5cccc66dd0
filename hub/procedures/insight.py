"""Insight for analytics: procedures nobody reviewed since their service changed, and incidents without a procedure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.catalogue.models import Service
from hub.database import PLANNED_ANEW, organization_of
from hub.procedures import rules
from hub.procedures.models import Procedure
from hub.procedures.rules import Stale

_MOST = 200
_LEAST_INCIDENTS = 2  # once may be chance


@dataclass(frozen=True, slots=True)
class StaleProcedure:
    """A published procedure, when it was reviewed last, and the change of a service since."""

    procedure_id: UUID
    title: str
    reviewed_at: datetime
    stale: Stale


@dataclass(frozen=True, slots=True)
class Gap:
    """Incidents of one name, of which none had a procedure suggested with evidence or carried out."""

    title: str
    service: str
    incident_count: int
    last_at: datetime
    incident_ids: Sequence[UUID]


# one name: the title without case, digits and punctuation, so that "Disk full on db-1" and "… db-2" are one
_GAPS = text(
    "SELECT min(i.title) AS title, i.service, count(*) AS incident_count, max(i.created_at) AS last_at,"
    " (array_agg(i.id ORDER BY i.created_at DESC))[1:10] AS incident_ids"
    " FROM incidents i WHERE i.organization_id = :organization_id AND i.merged_into IS NULL"
    "   AND i.created_at >= :start AND i.created_at < :end"
    " GROUP BY i.service, regexp_replace(lower(i.title), '[^[:alpha:]]+', ' ', 'g')"
    " HAVING count(*) >= :least AND NOT bool_or("
    "   EXISTS (SELECT FROM executions e WHERE e.organization_id = i.organization_id AND e.incident_id = i.id"
    "     AND e.status = 'succeeded')"
    "   OR EXISTS (SELECT FROM suggestions s WHERE s.organization_id = i.organization_id AND s.incident_id = i.id"
    "     AND s.kind = 'procedures' AND (s.is_explicit OR s.confidence >= :good)))"
    " ORDER BY count(*) DESC, max(i.created_at) DESC LIMIT :most"
)


def stale_procedures(session: Session) -> list[StaleProcedure]:
    """Those whose service changed longest ago first."""
    changes: Mapping[str, datetime] = {
        name: at
        for name, at in session.execute(
            select(Service.name, Service.updated_at).where(Service.organization_id == organization_of(session))
        )
    }
    found = session.scalars(
        select(Procedure).where(
            Procedure.organization_id == organization_of(session),
            Procedure.status == "published",
            Procedure.services.bool_op("&&")(sorted(changes)),
        )
    )
    stale = [
        StaleProcedure(each.id, each.title, each.reviewed_at, since)
        for each in found
        if (since := rules.stale(each.services, each.reviewed_at, changes))
    ]
    return sorted(stale, key=lambda each: each.stale.changed_at)[:_MOST]


def gaps(session: Session, start: datetime, end: datetime, good_confidence: float = 0.5) -> list[Gap]:
    """Clusters of incidents that nobody has written a procedure for, the largest first.

    `good_confidence` is what a suggestion without evidence needs to count as a procedure.
    """
    told = {"start": start, "end": end, "good": good_confidence, "least": _LEAST_INCIDENTS, "most": _MOST}
    told["organization_id"] = organization_of(session)
    rows = session.execute(_GAPS, told, execution_options=PLANNED_ANEW)
    return [Gap(*row) for row in rows]
