"""Replay: deliveries go back to the workers, who normalise them again and put what they say in place of what it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.database import organization_of
from hub.deliveries.turns import Claimed, claimed

_CHOSEN = (
    "d.organization_id = :organization_id AND d.status <> 'pending'"
    " AND (CAST(:delivery_id AS uuid) IS NULL OR d.id = :delivery_id)"
    " AND (CAST(:integration_id AS uuid) IS NULL OR d.integration_id = :integration_id)"
    " AND (CAST(:statuses AS text[]) IS NULL OR d.status = ANY(:statuses))"
    " AND (CAST(:received_after AS timestamptz) IS NULL OR d.received_at >= :received_after)"
    " AND (CAST(:received_before AS timestamptz) IS NULL OR d.received_at < :received_before)"
)
_SEND_BACK = text(
    "UPDATE deliveries d SET status = 'pending', reason = 'replay', attempts = 0, next_at = overwatch_now(),"
    f" replay_count = replay_count + 1, finished_at = NULL WHERE {_CHOSEN}"
)
_COUNT = text(f"SELECT count(*) FROM deliveries d WHERE {_CHOSEN}")
_READ = text(
    "SELECT d.id, d.integration_id, i.platform, i.config, i.secrets, d.headers, d.query, d.body, d.received_at,"
    "   d.attempts, d.origin, true AS is_replay, overwatch_now() AS claimed_at, d.status"
    " FROM deliveries d JOIN integrations i ON i.organization_id = d.organization_id AND i.id = d.integration_id"
    f" WHERE {_CHOSEN} ORDER BY d.received_at, d.id LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which deliveries; what is None or empty does not narrow it. Those that wait for a worker anyway are left out."""

    delivery_id: UUID | None = None
    integration_id: UUID | None = None
    status: Sequence[str] = ()
    received_after: datetime | None = None
    received_before: datetime | None = None


def send_back(session: Session, choice: Choice) -> int:
    """Gives the chosen deliveries to the workers again; how many. The caller wakes lane `ingest` after its commit."""
    found: Any = session.execute(_SEND_BACK, _bound(session, choice))
    return int(found.rowcount)


def count(session: Session, choice: Choice) -> int:
    """How many deliveries that would be."""
    return int(session.execute(_COUNT, _bound(session, choice)).scalar_one())


def read(session: Session, choice: Choice, most: int) -> list[tuple[Claimed, str]]:
    """The first of them as workers would get them, each with how it ended before."""
    return [(claimed(row), row.status) for row in session.execute(_READ, _bound(session, choice) | {"most": most})]


def _bound(session: Session, choice: Choice) -> dict[str, Any]:
    return {
        "organization_id": organization_of(session),
        "delivery_id": choice.delivery_id,
        "integration_id": choice.integration_id,
        "statuses": list(choice.status) or None,
        "received_after": choice.received_after,
        "received_before": choice.received_before,
    }
