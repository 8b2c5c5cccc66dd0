"""Retention: what is older than the organization keeps goes, a batch per transaction, so that nobody waits long."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.accounts.organizations.plans import Plans, limits_of
from hub.accounts.rules import settings_of
from hub.database import organization_of

MOST_AT_ONCE = 500

_ORGANIZATION = text("SELECT plan, plan_limits, settings FROM organizations WHERE id = :organization_id")
_CUTOFF = "overwatch_now() - make_interval(days => :days)"

# in this order: an incident goes when it is over, an alert with all its events, a delivery once no event needs it
_OLD: Mapping[str, str] = {
    "incidents": f"t.status IN ('resolved', 'closed') AND coalesce(t.closed_at, t.resolved_at) < {_CUTOFF}",
    "alerts": f"t.status = 'resolved' AND t.last_seen_at < {_CUTOFF}",
    "deliveries": f"t.status <> 'pending' AND t.finished_at < {_CUTOFF} AND NOT EXISTS (SELECT FROM events e"
    " WHERE e.organization_id = t.organization_id AND e.delivery_id = t.id)",
}


def forget_old(session: Session, plans: Plans) -> bool:
    """Deletes one batch of one kind; whether there may be more."""
    ours = {"organization_id": organization_of(session)}
    told = ours | {"days": days_of(session.execute(_ORGANIZATION, ours).one(), plans), "most": MOST_AT_ONCE}
    for table, is_old in _OLD.items():
        statement = (
            f"DELETE FROM {table} WHERE organization_id = :organization_id AND id IN (SELECT t.id FROM {table} t"
            f" WHERE t.organization_id = :organization_id AND {is_old} LIMIT :most)"
        )
        deleted: Any = session.execute(text(statement), told)
        if deleted.rowcount:
            return True
    return False


def days_of(organization: Any, plans: Plans) -> int:
    """As long as the organization wants, but no longer than its plan keeps anything."""
    wanted: int = settings_of(organization.settings)["incident_retention_days"]
    allowed = limits_of(plans, organization.plan, organization.plan_limits).retention_days
    return wanted if allowed is None else min(wanted, allowed)
