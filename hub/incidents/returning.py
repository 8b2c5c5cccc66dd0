"""Alerts that a silence kept out of every incident, and that still fire when it ends, or is changed to hide others."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.alerts import ledger
from hub.alerts.change import Change
from hub.alerts.ledger import KnownAlert
from hub.alerts.rules import Episode
from hub.database import now, organization_of
from hub.deliveries.turns import take_turn
from hub.incidents import correlation

_MOST_AT_ONCE = 200

_HEARD_AGAIN = text(
    "SELECT e.alert_id, e.number, e.started_at FROM episodes e WHERE e.organization_id = :organization_id"
    " AND e.incident_id IS NULL AND e.resolved_at IS NULL AND e.decision ->> 'step' = 'silenced'"
    " AND NOT EXISTS (SELECT FROM silences s WHERE s.organization_id = e.organization_id"
    "   AND s.id = CAST(e.decision -> 'matched' ->> 'silence_id' AS uuid)"
    "   AND s.starts_at <= overwatch_now() AND s.ends_at > overwatch_now() AND s.updated_at <= e.correlated_at)"
    " ORDER BY e.alert_id LIMIT :most"
)


def correlate_after_silence(session: Session) -> bool:
    """Correlates them as if they had just come; whether there were any. Another silence may take them over."""
    organization_id = organization_of(session)
    take_turn(session)
    found = session.execute(_HEARD_AGAIN, {"organization_id": organization_id, "most": _MOST_AT_ONCE}).all()
    if not found:
        return False
    at = now(session)
    begun = {row.alert_id: (row.number, row.started_at) for row in found}
    known = ledger.known_alerts(session, (), begun)
    episodes = {
        each.alert_id: Episode(*begun[each.alert_id], at, each.state.content, each.state.severity)
        for each in known.values()
    }
    correlation.correlate(session, _as_news(known, episodes))
    return True


def _as_news(known: Mapping[ledger.AlertKey, KnownAlert], episodes: Mapping[UUID, Episode]) -> list[Change]:
    return [
        Change(
            alert_id=alert.alert_id,
            integration_id=integration_id,
            platform=alert.platform,
            dedup_key=dedup_key,
            state=replace(alert.state, episodes=(episodes[alert.alert_id],)),
            before=replace(alert.state, episode_count=episodes[alert.alert_id].number - 1),
            incident_id=alert.incident_id,
        )
        for (integration_id, dedup_key), alert in known.items()
    ]
