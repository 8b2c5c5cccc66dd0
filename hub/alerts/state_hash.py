"""One hash over the state of an organization's alerts: equal for equal sets of events, whatever their order."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.database import organization_of

# everything that follows from the events; not the ids, which are made anew, nor where correlation has put the alerts
_HASH = text(
    "SELECT coalesce(md5(string_agg(state, E'\\n' ORDER BY state)), '') FROM ("
    " SELECT md5(jsonb_build_array(integration_id, dedup_key, platform, status, severity, title, description,"
    "   raw_severity, no_data, service, resource, labels, annotations, links, occurrence_count, episode_count,"
    "   started_at, resolved_at, last_occurred_at, last_seen_at)::text) AS state"
    " FROM alerts WHERE organization_id = :organization_id) states"
)


def state_hash(session: Session) -> str:
    """Hex digits; "" without alerts."""
    return str(session.execute(_HASH, {"organization_id": organization_of(session)}).scalar_one())
