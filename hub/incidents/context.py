"""What correlation reads before it decides: settings, rules, silences, catalogue, and the incidents to choose from."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.accounts.rules import settings_of
from hub.alerts.silencing import service as silencing
from hub.database import organization_of
from hub.incidents.candidates import Candidate, Candidates
from hub.incidents.deciding import TOGETHER, Policy, Surroundings
from hub.incidents.grouping import service as grouping

MOST_CANDIDATES = 200

# most organizations have said nothing else, and need not be asked for it three times
_SAID = text(
    "SELECT o.settings, EXISTS (SELECT FROM correlation_rules r WHERE r.organization_id = o.id) AS has_rules,"
    " EXISTS (SELECT FROM silences s WHERE s.organization_id = o.id) AS has_silences,"
    " EXISTS (SELECT FROM service_dependencies d WHERE d.organization_id = o.id) AS has_neighbours"
    " FROM organizations o WHERE o.id = :organization_id"
)
_NEIGHBOURS = text(
    "SELECT one.name AS one, other.name AS other FROM service_dependencies d"
    " JOIN services one ON one.organization_id = d.organization_id AND one.id = d.service_id"
    " JOIN services other ON other.organization_id = d.organization_id AND other.id = d.depends_on_id"
    " WHERE d.organization_id = :organization_id AND (one.name = ANY(:services) OR other.name = ANY(:services))"
)
_COLUMNS = (
    "id, status, environment, services, words, last_activity_at, resolved_at, correlation_key, created_at, alert_count"
)
# index scans, each over what it is about only: the latest activity, the same services, the alerts' own incidents, the
# rules' keys
_CANDIDATES = text(
    f"(SELECT {_COLUMNS} FROM incidents WHERE organization_id = :organization_id"
    "   AND status IN ('active', 'in_progress') AND last_activity_at BETWEEN :earliest AND :latest"
    "   ORDER BY last_activity_at DESC, id LIMIT :most)"
    f" UNION SELECT {_COLUMNS} FROM incidents WHERE organization_id = :organization_id"
    "   AND status IN ('active', 'in_progress') AND last_activity_at BETWEEN :earliest AND :latest"
    "   AND services && CAST(:services AS text[])"
    f" UNION SELECT {_COLUMNS} FROM incidents WHERE organization_id = :organization_id AND id = ANY(:before)"
    f" UNION SELECT {_COLUMNS} FROM incidents WHERE organization_id = :organization_id"
    "   AND status IN ('active', 'in_progress') AND correlation_key = ANY(:keys)"
    " ORDER BY last_activity_at, id"
)


def surroundings(
    session: Session, services: Collection[str], earliest: datetime, draft: UUID | None = None
) -> Surroundings:
    """What the organization has said, as far as it concerns these services and this time.

    `draft` is a rule that counts as switched on.
    """
    said = session.execute(_SAID, {"organization_id": organization_of(session)}).one()
    rules = grouping.enabled(session, draft) if said.has_rules else ()
    concerned = {*services, *(rule.service for rule in rules if rule.service)}
    return Surroundings(
        policy=policy_of(said.settings),
        rules=rules,
        silences=silencing.since(session, earliest) if said.has_silences else (),
        neighbours=_neighbours(session, concerned) if said.has_neighbours and concerned else {},
    )


def policy_of(stored: Mapping[str, Any]) -> Policy:
    """An organization's stored settings as correlation asks for them."""
    settings = settings_of(stored)
    return Policy(
        threshold=settings["incident_threshold"],
        default_severity=settings["default_incident_severity"],
        reopen_window=timedelta(minutes=settings["reopen_window_minutes"]),
        auto_resolve=settings["auto_resolve"],
        auto_resolve_after=timedelta(minutes=settings["auto_resolve_minutes"]),
    )


def candidates(
    session: Session,
    *,
    earliest: datetime,
    latest: datetime,
    services: Iterable[str],
    before: Iterable[UUID],
    keys: Iterable[str],
) -> Candidates:
    """Open incidents with activity near this time, those where the alerts were before, and those of the rules' keys.

    Of those that only time speaks for, the latest `MOST_CANDIDATES`; of those of the services, all.
    """
    rows = session.execute(
        _CANDIDATES,
        {
            "organization_id": organization_of(session),
            "earliest": earliest - TOGETHER,
            "latest": latest + TOGETHER,
            "most": MOST_CANDIDATES,
            "services": list(services),
            "before": list(before),
            "keys": list(keys),
        },
    )
    return Candidates(_candidate(row) for row in rows)


def _candidate(row: Any) -> Candidate:
    return Candidate(
        row.id,
        row.status,
        row.environment,
        set(row.services),
        set(row.words),
        row.last_activity_at,
        row.resolved_at,
        row.correlation_key,
        row.created_at,
        row.alert_count,
    )


def _neighbours(session: Session, services: Collection[str]) -> dict[str, frozenset[str]]:
    """Both directions: what a service needs, and who needs it."""
    rows = session.execute(_NEIGHBOURS, {"organization_id": organization_of(session), "services": sorted(services)})
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.one, set()).add(row.other)
        found.setdefault(row.other, set()).add(row.one)
    return {name: frozenset(others) for name, others in found.items()}
