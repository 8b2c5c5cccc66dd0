"""The auditor: checks in every organization that what was promised holds, each promise one statement.

A statement finds what breaks its promise: rows (subject, detail). The promises are those of the reliability page of
the design; what constraints guarantee already is looked at too, because an index can be corrupt or dropped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.database import Database

PATIENCE_SECONDS = 60
MOST_ATTEMPTS = 6  # the fifth is the last that works; the sixth claim only buries
MOST_TOLD = 5

_MINE = "organization_id = :organization_id"
_LATE = "overwatch_now() - make_interval(secs => :patience)"


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that does not hold: which, where, how often, and some of what breaks it."""

    promise: str
    organization_id: UUID
    count: int
    examples: tuple[str, ...]


def _unique(table: str, columns: str, where: str = "true") -> str:
    return (
        f"SELECT concat_ws(' ', {columns}) AS subject, count(*)::text AS detail FROM {table}"
        f" WHERE {_MINE} AND {where} GROUP BY {columns} HAVING count(*) > 1"
    )


_EPISODES_OF = "FROM episodes e WHERE e.organization_id = a.organization_id AND e.alert_id = a.id"

PROMISES: Mapping[str, str] = {
    "every accepted delivery has exactly one outcome or waits for one": (
        "SELECT id::text AS subject, status AS detail FROM deliveries"
        f" WHERE {_MINE} AND (status = 'pending') = (finished_at IS NOT NULL)"
    ),
    "nothing waits for longer than a minute": (
        "SELECT id::text AS subject, attempts::text AS detail FROM deliveries"
        f" WHERE {_MINE} AND status = 'pending' AND greatest(received_at, next_at) < {_LATE}"
    ),
    "delivery keys are unique": _unique("deliveries", "integration_id, delivery_key", "delivery_key IS NOT NULL"),
    "event keys are unique": _unique("events", "integration_id, event_key"),
    "dedup keys are unique": _unique("alerts", "integration_id, dedup_key"),
    "a correlation key has one open incident": _unique(
        "incidents", "correlation_key", "correlation_key IS NOT NULL AND status IN ('active', 'in_progress')"
    ),
    "a processed delivery has its effect": (
        f"SELECT d.id::text AS subject, d.status AS detail FROM deliveries d WHERE d.{_MINE}"
        " AND d.status = 'processed' AND NOT EXISTS (SELECT FROM events e"
        "   WHERE e.organization_id = d.organization_id AND e.delivery_id = d.id)"
    ),
    "a duplicate has no effect of its own": (
        f"SELECT DISTINCT d.id::text AS subject, d.status AS detail FROM deliveries d JOIN events e"
        f" ON e.organization_id = d.organization_id AND e.delivery_id = d.id WHERE d.{_MINE} AND d.status = 'duplicate'"
    ),
    "every alert names the events that caused it": (
        f"SELECT a.id::text AS subject, a.occurrence_count || ' counted' AS detail FROM alerts a WHERE a.{_MINE}"
        " AND a.occurrence_count <> (SELECT count(*) FROM events e"
        "   WHERE e.organization_id = a.organization_id AND e.alert_id = a.id)"
    ),
    "episodes are gapless and all were correlated": (
        f"SELECT a.id::text AS subject, a.episode_count || ' episodes' AS detail FROM alerts a WHERE a.{_MINE}"
        f" AND EXISTS (SELECT {_EPISODES_OF}"
        "   HAVING count(*) <> a.episode_count OR coalesce(max(e.number), 0) <> a.episode_count)"
    ),
    "an alert is resolved when its last episode is": (
        f"SELECT a.id::text AS subject, a.status AS detail FROM alerts a WHERE a.{_MINE} AND a.episode_count > 0"
        " AND (a.status = 'resolved') IS DISTINCT FROM"
        f"   (SELECT e.resolved_at IS NOT NULL {_EPISODES_OF} AND e.number = a.episode_count)"
    ),
    "an incident counts the alerts that it has": (
        f"SELECT i.id::text AS subject, i.alert_count || ' counted' AS detail FROM incidents i WHERE i.{_MINE}"
        " AND i.alert_count <> (SELECT count(DISTINCT e.alert_id) FROM episodes e"
        "   WHERE e.organization_id = i.organization_id AND e.incident_id = i.id)"
    ),
    "an incident of the hub's own names the alerts that caused it": (
        f"SELECT i.id::text AS subject, i.title AS detail FROM incidents i WHERE i.{_MINE}"
        " AND i.source_integration_id IS NOT NULL AND i.merged_into IS NULL AND NOT EXISTS (SELECT FROM timeline t"
        "   WHERE t.organization_id = i.organization_id AND t.incident_id = i.id AND t.kind = 'opened')"
    ),
    "every incident can be found or waits to be indexed": (
        f"SELECT i.id::text AS subject, i.title AS detail FROM incidents i WHERE i.{_MINE}"
        " AND NOT EXISTS (SELECT FROM documents d WHERE d.organization_id = i.organization_id AND d.source_id = i.id"
        "   AND d.kind = 'incidents')"
        " AND NOT EXISTS (SELECT FROM jobs j WHERE j.organization_id = i.organization_id AND j.subject_id = i.id)"
    ),
    "attempts are bounded": (
        "SELECT id::text AS subject, attempts::text AS detail FROM deliveries"
        f" WHERE {_MINE} AND attempts > :most_attempts"
    ),
    "no lease is older than its grace": (
        "SELECT id::text AS subject, lease_until::text AS detail FROM deliveries"
        f" WHERE {_MINE} AND status = 'pending' AND lease_until < {_LATE}"
        f" UNION ALL SELECT id::text, lease_until::text FROM jobs WHERE {_MINE} AND lease_until < {_LATE}"
    ),
    "foreign keys carry the organization along": (
        "SELECT c.conname AS subject, c.conrelid::regclass::text AS detail FROM pg_constraint c"
        " WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace"
        " AND EXISTS (SELECT FROM pg_attribute f WHERE f.attrelid = c.confrelid AND f.attname = 'organization_id')"
        " AND NOT EXISTS (SELECT FROM pg_attribute f WHERE f.attrelid = c.confrelid"
        "   AND f.attname = 'organization_id' AND f.attnum = ANY (c.confkey))"
    ),
}


def audit(database: Database) -> Iterator[Violation]:
    """Looks at every organization; gives what it finds as it finds it."""
    with database.transaction() as session:
        organization_ids = list(session.scalars(text("SELECT organization_ids()")))
    for organization_id in organization_ids:
        with database.session(organization_id) as session, session.begin():
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield from audit_one(session, organization_id)


def audit_one(session: Session, organization_id: UUID) -> Iterator[Violation]:
    """Looks at one organization; in a REPEATABLE READ transaction, what workers do meanwhile does not count."""
    asked = {"organization_id": organization_id, "patience": PATIENCE_SECONDS, "most_attempts": MOST_ATTEMPTS}
    for promise, statement in PROMISES.items():
        broken = session.execute(text(statement), asked).all()
        if broken:
            examples = tuple(f"{row.subject} ({row.detail})" for row in broken[:MOST_TOLD])
            yield Violation(promise, organization_id, len(broken), examples)
