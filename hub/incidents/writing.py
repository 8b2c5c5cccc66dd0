"""Writes what a batch does to incidents: one statement per table, however many alerts it was about."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub import bulk
from hub.alerts.change import Change
from hub.database import organization_of
from hub.incidents import rules
from hub.incidents.batch import Batch

FLAPPING_STARTS = 4
FLAPPING_WITHIN = timedelta(hours=1)

# an incident that is open but out of its rule's window gives the key up to the one that takes its place
_RELEASE_KEYS = text(
    "UPDATE incidents SET correlation_key = NULL WHERE organization_id = :organization_id"
    " AND status IN ('active', 'in_progress') AND correlation_key = ANY(:keys)"
)
_OPEN = text(
    "INSERT INTO incidents (organization_id, id, title, description, links, source_integration_id, assignee_id,"
    "   correlation_key, created_at, severity, environment, service, services, words, last_activity_at, updated_at,"
    "   alert_count)"
    " SELECT :organization_id, r.id, r.title, r.description, r.links, r.source_integration_id, r.assignee_id,"
    "   r.correlation_key, r.created_at, r.severity, r.environment, coalesce(r.services[1], ''), r.services, r.words,"
    "   r.last_activity_at, r.last_activity_at, r.alert_count"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid, title text, description text, links jsonb,"
    "   source_integration_id uuid, assignee_id uuid, correlation_key text, created_at timestamptz, severity text,"
    "   environment text, services text[], words text[], last_activity_at timestamptz, alert_count integer)"
)
_LINES = (
    "INSERT INTO timeline (organization_id, id, incident_id, kind, actor, data, at)"
    " SELECT :organization_id, r.* FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS r (id uuid, incident_id uuid,"
    "   kind text, actor text, data jsonb, at timestamptz)"
)
_TIMELINE = text(_LINES)
# an episode that a silence kept out comes a second time when the silence ends
_EPISODES = text(
    f"WITH told AS ({_LINES}) INSERT INTO episodes (organization_id, alert_id, number, started_at, resolved_at,"
    "   incident_id, decision, correlated_at)"
    " SELECT :organization_id, r.* FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (alert_id uuid, number integer,"
    "   started_at timestamptz, resolved_at timestamptz, incident_id uuid, decision jsonb, correlated_at timestamptz)"
    " ON CONFLICT (organization_id, alert_id, number) DO UPDATE SET incident_id = excluded.incident_id,"
    "   decision = excluded.decision, correlated_at = excluded.correlated_at WHERE episodes.incident_id IS NULL"
)
_POINT = text(
    "UPDATE alerts a SET incident_id = r.incident_id"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid, incident_id uuid)"
    " WHERE a.organization_id = :organization_id AND a.id = r.id AND a.incident_id IS DISTINCT FROM r.incident_id"
)
_JOIN = text(
    "UPDATE incidents i SET"
    " severity = CASE WHEN i.severity_pinned OR array_position(:order, i.severity) >="
    "   array_position(:order, r.severity) THEN i.severity ELSE r.severity END,"
    " status = CASE WHEN r.reopened THEN 'active' ELSE i.status END,"
    " resolved_at = CASE WHEN r.reopened THEN NULL ELSE i.resolved_at END,"
    " closed_at = CASE WHEN r.reopened THEN NULL ELSE i.closed_at END,"
    # a rule's group has one open incident: somebody may have taken the place of the one that opens again
    " correlation_key = CASE WHEN NOT r.reopened THEN i.correlation_key WHEN NOT EXISTS (SELECT FROM incidents o"
    "   WHERE o.organization_id = i.organization_id AND o.correlation_key = r.correlation_key AND o.id <> i.id"
    "   AND o.status IN ('active', 'in_progress')) THEN r.correlation_key END,"
    " alerts_resolved_at = NULL,"
    " environment = r.environment, services = r.services, words = r.words,"
    " service = CASE WHEN i.service = '' THEN coalesce(r.services[1], '') ELSE i.service END,"
    " last_activity_at = r.last_activity_at, updated_at = r.last_activity_at,"
    # counting all of them costs more the larger the incident is, and most that join have never been here
    " alert_count = CASE WHEN r.is_known THEN (SELECT count(DISTINCT e.alert_id) FROM episodes e"
    "   WHERE e.organization_id = i.organization_id AND e.incident_id = i.id) ELSE i.alert_count + r.alert_count END"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid, severity text, reopened boolean, environment text,"
    "   correlation_key text, services text[], words text[], last_activity_at timestamptz, alert_count integer,"
    "   is_known boolean)"
    # the same row once more, as it was before
    " JOIN incidents was ON was.organization_id = :organization_id AND was.id = r.id"
    " WHERE i.organization_id = :organization_id AND i.id = r.id"
    " RETURNING i.id, was.severity AS before, i.severity, i.last_activity_at"
)
_MARK_FLAPPING = text(
    "UPDATE alerts a SET is_flapping = (SELECT count(*) >= :starts FROM episodes e"
    "   WHERE e.organization_id = a.organization_id AND e.alert_id = a.id AND e.started_at > a.started_at - :within)"
    " WHERE a.organization_id = :organization_id AND a.id = ANY(:ids)"
)
_MOVE_EPISODES = text(
    "UPDATE episodes e SET started_at = r.started_at, resolved_at = r.resolved_at"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (alert_id uuid, number integer, started_at timestamptz,"
    "   resolved_at timestamptz)"
    " WHERE e.organization_id = :organization_id AND e.alert_id = r.alert_id AND e.number = r.number"
)
_RECOUNT = text(
    "UPDATE incidents i SET alert_count = (SELECT count(DISTINCT e.alert_id) FROM episodes e"
    "   WHERE e.organization_id = i.organization_id AND e.incident_id = i.id)"
    " WHERE i.organization_id = :organization_id AND i.id = ANY(:ids)"
)
_DROP_EPISODES = text(
    "DELETE FROM episodes e USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (alert_id uuid, count integer)"
    " WHERE e.organization_id = :organization_id AND e.alert_id = r.alert_id AND e.number > r.count"
)


def open_incidents(session: Session, batch: Batch) -> None:
    """Stores the incidents that the batch opens, as all that joins them in it leaves them."""
    keys = [row["correlation_key"] for row in batch.opened.values() if row["correlation_key"]]
    if keys:
        session.execute(_RELEASE_KEYS, {"organization_id": organization_of(session), "keys": keys})
    bulk.run(session, _OPEN, [row | _learnt(batch, incident_id) for incident_id, row in batch.opened.items()])


def write(session: Session, batch: Batch) -> None:
    """Stores the rest of the batch, whose alerts are stored by now: episodes placed, timeline, incidents joined."""
    if batch.episodes:
        bulk.run(session, _EPISODES, batch.episodes, lines=bulk.as_json(batch.timeline))
    else:
        write_timeline(session, batch)
    joined = [_learnt(batch, incident_id) for incident_id in batch.joined if incident_id not in batch.opened]
    raised = Batch(batch.candidates)
    for row in bulk.returning(session, _JOIN, joined, order=list(rules.SEVERITIES)):
        if row.severity != row.before:
            what = {"fields": ["severity"], "from": row.before, "to": row.severity}
            raised.note(row.id, "changed", row.last_activity_at, what)
    write_timeline(session, raised)


def point(session: Session, batch: Batch) -> None:
    """Points alerts that are stored already to the incidents that the batch has placed them in."""
    bulk.run(session, _POINT, [{"id": alert, "incident_id": place} for alert, place in batch.places.items()])


def write_timeline(session: Session, batch: Batch) -> None:
    """Stores the batch's lines of timelines only."""
    if batch.timeline:
        lines = bulk.as_json(batch.timeline)
        session.execute(_TIMELINE, {"organization_id": organization_of(session), "lines": lines})


def move_episodes(session: Session, changes: Sequence[Change]) -> None:
    """Episodes that were placed before have ended or moved in time since, or are gone because a replay unsaid them."""
    moved = [
        {
            "alert_id": change.alert_id,
            "number": each.number,
            "started_at": each.started_at,
            "resolved_at": each.resolved_at,
        }
        for change in changes
        for each in change.state.episodes
        if each not in change.new_episodes
    ]
    bulk.run(session, _MOVE_EPISODES, moved)
    fewer = [
        {"alert_id": change.alert_id, "count": change.state.episode_count} for change in changes if change.has_lost
    ]
    bulk.run(session, _DROP_EPISODES, fewer)


def recount(session: Session, incident_ids: Collection[UUID]) -> None:
    """Incidents that have lost alerts count them again."""
    if incident_ids:
        session.execute(_RECOUNT, {"organization_id": organization_of(session), "ids": list(incident_ids)})


def mark_flapping(session: Session, changes: Sequence[Change]) -> None:
    """Alerts that have begun again and again within the hour are marked, until one begins after a quieter time."""
    often = [each.alert_id for each in changes if each.new_episodes and each.state.episode_count >= FLAPPING_STARTS]
    if often:
        told = {"organization_id": organization_of(session), "ids": often}
        session.execute(_MARK_FLAPPING, told | {"starts": FLAPPING_STARTS, "within": FLAPPING_WITHIN})


def _learnt(batch: Batch, incident_id: UUID) -> dict[str, object]:
    candidate, joined = batch.candidates[incident_id], batch.joined[incident_id]
    return {
        "id": incident_id,
        "severity": rules.highest(joined.severities),
        "reopened": incident_id in batch.reopened,
        "environment": candidate.environment,
        "correlation_key": candidate.correlation_key,
        "services": sorted(candidate.services),
        "words": sorted(candidate.words),
        "last_activity_at": candidate.last_activity_at,
        "alert_count": len(joined.alert_ids),
        "is_known": joined.is_known,
    }
