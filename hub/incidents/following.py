"""Incidents follow their alerts: they resolve with the last one, at once or after a while, or only take a note."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub import bulk, outbox
from hub.database import now, organization_of
from hub.incidents import context, writing
from hub.incidents.batch import Batch
from hub.incidents.candidates import Candidates

_BECAUSE = {"because": "all alerts are resolved"}

_OVER = text(
    "SELECT i.id, i.status FROM incidents i WHERE i.organization_id = :organization_id AND i.id = ANY(:ids)"
    " AND i.status IN ('active', 'in_progress') AND i.alert_count > 0 AND i.alerts_resolved_at IS NULL"
    " AND NOT EXISTS (SELECT FROM alerts a WHERE a.organization_id = i.organization_id AND a.incident_id = i.id"
    "   AND a.status <> 'resolved')"
)
_RESOLVE = text(
    "UPDATE incidents i SET status = 'resolved', resolved_at = r.at, updated_at = r.at, alerts_resolved_at = r.at"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid, at timestamptz)"
    " WHERE i.organization_id = :organization_id AND i.id = r.id"
)
_REMEMBER = text(
    "UPDATE incidents i SET alerts_resolved_at = r.at"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid, at timestamptz)"
    " WHERE i.organization_id = :organization_id AND i.id = r.id"
)
_WAITED_LONG_ENOUGH = text(
    "SELECT id FROM incidents WHERE organization_id = :organization_id AND status = 'in_progress'"
    " AND alerts_resolved_at <= :before ORDER BY alerts_resolved_at LIMIT :most FOR UPDATE SKIP LOCKED"
)
_SETTINGS = text("SELECT settings FROM organizations WHERE id = :organization_id")


def follow(
    session: Session, incident_ids: Collection[UUID], at: datetime, heard_at: Mapping[UUID, datetime] | None = None
) -> None:
    """Of these incidents, resolves those whose last alert has resolved; one that a person works on only notes it.

    It happened when the incident last heard of an alert, as `heard_at` says, or else `at`.
    """
    if not incident_ids:
        return
    ours = {"organization_id": organization_of(session)}
    over = session.execute(_OVER, ours | {"ids": list(incident_ids)}).all()
    if not over:
        return
    policy = context.policy_of(session.execute(_SETTINGS, ours).scalar_one())
    ends = {row.id: (heard_at or {}).get(row.id, at) for row in over}
    resolved = {row.id for row in over if row.status == "active" and policy.auto_resolve}
    batch = Batch(Candidates())
    for incident_id, end in ends.items():
        batch.note(incident_id, "resolved" if incident_id in resolved else "alerts_resolved", end, _BECAUSE)
    rows = [{"id": incident_id, "at": end} for incident_id, end in ends.items()]
    bulk.run(session, _RESOLVE, [row for row in rows if row["id"] in resolved])
    bulk.run(session, _REMEMBER, [row for row in rows if row["id"] not in resolved])
    writing.write_timeline(session, batch)


def resolve_the_waiting(session: Session, most: int = 200) -> bool:
    """Resolves incidents in progress whose alerts have all been resolved for `auto_resolve_minutes`; whether any."""
    ours = {"organization_id": organization_of(session)}
    policy = context.policy_of(session.execute(_SETTINGS, ours).scalar_one())
    if not policy.auto_resolve:
        return False
    at = now(session)
    before = at - policy.auto_resolve_after
    ids = list(session.scalars(_WAITED_LONG_ENOUGH, ours | {"before": before, "most": most}))
    if not ids:
        return False
    bulk.run(session, _RESOLVE, [{"id": incident_id, "at": at} for incident_id in ids])
    batch = Batch(Candidates())
    for incident_id in ids:
        batch.note(incident_id, "resolved", at, _BECAUSE)
    writing.write_timeline(session, batch)
    outbox.enqueue(session, "index", "incident", ids)
    return True
