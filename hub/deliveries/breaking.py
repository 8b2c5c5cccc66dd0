"""The breaker of an integration: when its connector fails again and again, its deliveries wait instead of dying.

Closed, every delivery is tried. After three failures in a row it opens: deliveries are parked, pending with a reason.
When its pause is over up to three of them are tried, first those that were tried least: one that can never be
translated must not keep the others waiting. If three fail it opens again for twice as long; when one does not, all of
them come back.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.database import organization_of

FAILURES_TO_OPEN = 3
FIRST_PAUSE_SECONDS = 2
LONGEST_PAUSE_SECONDS = 60
PARKED = "parked: "

_READ = text(
    "SELECT integration_id, failure_count, retry_at, reason FROM breakers"
    " WHERE organization_id = :organization_id AND integration_id = ANY(:ids)"
)
_KEEP = text(
    "INSERT INTO breakers (organization_id, integration_id, failure_count, retry_at, reason)"
    " SELECT :organization_id, r.* FROM jsonb_to_recordset(CAST(:rows AS jsonb))"
    "   AS r (integration_id uuid, failure_count integer, retry_at timestamptz, reason text)"
    " ON CONFLICT (organization_id, integration_id) DO UPDATE SET failure_count = excluded.failure_count,"
    "   retry_at = excluded.retry_at, reason = excluded.reason, changed_at = overwatch_now()"
)
_CLOSE = text("DELETE FROM breakers WHERE organization_id = :organization_id AND integration_id = ANY(:ids)")
_RELEASE = text(
    "UPDATE deliveries SET next_at = overwatch_now() WHERE organization_id = :organization_id"
    " AND integration_id = ANY(:ids) AND status = 'pending' AND starts_with(reason, :parked)"
)


@dataclass(slots=True)
class Breaker:
    """`retry_at` is set once it has opened; from then on deliveries may be tried until three more have failed."""

    failure_count: int = 0
    retry_at: datetime | None = None
    reason: str = ""
    is_changed: bool = False

    def is_open(self, now: datetime) -> bool:
        """Whether nothing may be tried now."""
        return self.retry_at is not None and now < self.retry_at

    def fail(self, now: datetime, reason: str) -> None:
        """The connector broke."""
        self.failure_count += 1
        self.reason, self.is_changed = reason, True
        openings, more = divmod(self.failure_count, FAILURES_TO_OPEN)
        if not more:
            doubled = FIRST_PAUSE_SECONDS * 2 ** min(openings - 1, 10)
            self.retry_at = now + timedelta(seconds=min(doubled, LONGEST_PAUSE_SECONDS))

    def next_try_at(self, now: datetime) -> datetime:
        """When a delivery that waits behind it should be claimed again."""
        return self.retry_at if self.retry_at and now < self.retry_at else now + timedelta(seconds=FIRST_PAUSE_SECONDS)

    def succeed(self) -> None:
        """The connector works."""
        if self.failure_count:
            self.failure_count, self.retry_at, self.is_changed = 0, None, True

    @property
    def is_closed(self) -> bool:
        """Whether there is nothing to remember."""
        return self.failure_count == 0

    @property
    def has_opened(self) -> bool:
        """Whether it is open, or half open: what fails now waits, for it may not be the delivery's fault."""
        return self.failure_count >= FAILURES_TO_OPEN


@dataclass(frozen=True, slots=True)
class Breakers:
    """Those of the integrations of one turn."""

    by_integration: dict[UUID, Breaker] = field(default_factory=dict)

    def of(self, integration_id: UUID) -> Breaker:
        """The integration's breaker; a closed one when it never failed."""
        return self.by_integration.setdefault(integration_id, Breaker())


def read(session: Session, integration_ids: Sequence[UUID]) -> Breakers:
    """The breakers of these integrations of the session's organization."""
    rows = session.execute(_READ, {"organization_id": organization_of(session), "ids": list(integration_ids)})
    return Breakers({row.integration_id: Breaker(row.failure_count, row.retry_at, row.reason) for row in rows})


def keep(session: Session, breakers: Breakers) -> None:
    """Writes what has changed, in the transaction of the outcomes; what was parked behind a closed one comes back."""
    changed = {each: breaker for each, breaker in breakers.by_integration.items() if breaker.is_changed}
    if not changed:
        return
    organization_id = organization_of(session)
    closed = [each for each, breaker in changed.items() if breaker.is_closed]
    rows = [
        {
            "integration_id": str(each),
            "failure_count": breaker.failure_count,
            "retry_at": breaker.retry_at and breaker.retry_at.isoformat(),
            "reason": breaker.reason,
        }
        for each, breaker in changed.items()
        if not breaker.is_closed
    ]
    session.execute(_KEEP, {"organization_id": organization_id, "rows": json.dumps(rows)})
    session.execute(_CLOSE, {"organization_id": organization_id, "ids": closed})
    session.execute(_RELEASE, {"organization_id": organization_id, "ids": closed, "parked": PARKED})
