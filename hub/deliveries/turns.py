"""Taking turns: a worker claims one organization's batch, works on it alone, and finishes it.

Whoever holds the organization's advisory lock holds it by the connection on which it commits. A worker that has lost
the lock (killed, cut off, the server restarted) has lost that connection, so it cannot commit: the lock is the fence.
The lease token is written beside it as a second one, and tells who works on what.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hub import bulk, contracts
from hub.database import Database, organization_of
from hub.integrations.service import whole_config
from hub.integrations.vault import Vault

MOST_PER_TURN = 200
MOST_BYTES_PER_TURN = 8_000_000
LEASE_SECONDS = 60
MOST_ATTEMPTS = 5

# A storm outgrows what plans were made for: a foreign key that was checked by reading a table of ten rows would go on
# reading it when it has ten thousand, until the next ANALYZE (measured: 0.5 ms per event). So a connection plans its
# statements anew after the first twenty deliveries, after twice as many, and so on: that takes as long as the work on
# some twenty, and what was planned for thousands of rows is right for more.
_FIRST_PLANNED_FOR, _MOST_PLANNED_FOR = 20, 640

_CLAIM = text("SELECT * FROM claim_deliveries(:token, :most, :most_bytes, :lease_seconds)")
_FINISH = text(
    "UPDATE deliveries d SET status = o.status, reason = o.reason, items = o.items, lease_token = NULL,"
    " lease_until = NULL, stages = CAST(:stages AS jsonb), next_at = coalesce(o.next_at, d.next_at),"
    " attempts = d.attempts - (NOT o.was_tried)::integer,"
    # the clock of the moment: by the transaction's it would have finished before its last stages
    " finished_at = CASE WHEN o.status = 'pending' THEN NULL ELSE overwatch_now() + (clock_timestamp() - now()) END"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb))"
    " AS o (id uuid, status text, reason text, items jsonb, next_at timestamptz, was_tried boolean)"
    # the ids once more, for the index: without statistics all deliveries of the organization would be read
    " WHERE d.organization_id = :organization_id AND d.id = ANY(:ids) AND d.id = o.id AND d.lease_token = :token"
    " RETURNING d.id"
)
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('turn:' || CAST(:organization_id AS text), 0))")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in a worker's hands."""

    id: UUID
    integration_id: UUID
    platform: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str]
    attempts: int
    origin: str
    is_replay: bool
    claimed_at: datetime
    delivery: contracts.Delivery


@dataclass(frozen=True, slots=True)
class Turn:
    """One organization's batch, on the connection that holds the organization's lock.

    `has_breakers` unless it is known that none of the connectors has failed lately; `others_wait` when other
    organizations did at the claim.
    """

    connection: Connection
    organization_id: UUID
    token: UUID
    claimed: Sequence[Claimed]
    has_breakers: bool = True
    others_wait: bool = True

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction of the turn. Whoever has lost the lock has lost this connection, and cannot commit."""
        info = {"organization_id": self.organization_id}
        with Session(self.connection, info=info, expire_on_commit=False) as session, session.begin():
            yield session


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a delivery ended, and what each of its events became; `pending` sends it back for another attempt.

    `next_at` is when, if not by the usual pauses; one that was not tried has its attempt given back. After
    one that `is_unconfirmed` the connector's `confirm` is called.
    """

    delivery_id: UUID
    status: str
    reason: str | None = None
    items: Sequence[Mapping[str, Any]] = field(default=())
    next_at: datetime | None = None
    was_tried: bool = True
    is_unconfirmed: bool = False


@contextmanager
def turn(database: Database) -> Iterator[Turn | None]:
    """Takes the turn of one organization that waits; None when nobody does. The claim is committed before the work."""
    with database.engine.connect() as connection:
        try:
            yield _claim(connection)
        finally:
            _end(connection)


def _claim(connection: Connection) -> Turn | None:
    token = uuid4()
    asked = {
        "token": token,
        "most": MOST_PER_TURN,
        "most_bytes": MOST_BYTES_PER_TURN,
        "lease_seconds": LEASE_SECONDS,
    }
    with _at_once(connection):
        rows = connection.execute(_CLAIM, asked).all()
        _keep_plans_fresh(connection, len(rows))
    if not rows:
        return None
    return Turn(
        connection,
        rows[0].organization_id,
        token,
        [claimed(row) for row in rows],
        has_breakers=any(row.has_breaker for row in rows),
        others_wait=rows[0].others_wait,
    )


@contextmanager
def _at_once(connection: Connection) -> Iterator[None]:
    """Every statement is committed by itself: one round trip, not three with BEGIN and COMMIT."""
    connection.execution_options(isolation_level="AUTOCOMMIT")
    yield
    connection.rollback()  # SQLAlchemy's own idea of a transaction; the server has none
    connection.execution_options(isolation_level="READ COMMITTED")


def _keep_plans_fresh(connection: Connection, claimed_count: int) -> None:
    known = connection.info
    known["worked_off"] = known.get("worked_off", 0) + claimed_count
    planned_for = known.setdefault("planned_for", _FIRST_PLANNED_FOR)
    if known["worked_off"] >= planned_for:
        connection.exec_driver_sql("DISCARD PLANS")
        known.update(worked_off=0, planned_for=min(2 * planned_for, _MOST_PLANNED_FOR))


def take_turn(session: Session) -> None:
    """Waits for the organization's turn and holds it until the transaction ends: for what is no delivery's work.

    Raises sqlalchemy.exc.OperationalError when a worker keeps it longer than lock_timeout.
    """
    session.execute(_TAKE_TURN, {"organization_id": organization_of(session)})


def finish(
    session: Session, token: UUID, outcomes: Sequence[Outcome], stages: Mapping[str, datetime] | None = None
) -> None:
    """Writes the outcomes in the transaction of their effects, with when each stage was done.

    Raises LookupError when the lease is no longer ours.
    """
    rows = [
        {
            "id": each.delivery_id,
            "status": each.status,
            "reason": each.reason,
            "items": each.items,
            "next_at": each.next_at,
            "was_tried": each.was_tried,
        }
        for each in outcomes
    ]
    found = session.execute(
        _FINISH,
        {
            "rows": bulk.as_json(rows),
            "ids": [each.delivery_id for each in outcomes],
            "stages": bulk.as_json(stages or {}),
            "organization_id": organization_of(session),
            "token": token,
        },
    )
    if len(found.all()) != len(rows):
        raise LookupError("another worker has taken these deliveries")


def config_of(claimed: Claimed, vault: Vault, organization_id: UUID) -> dict[str, Any]:
    """The integration's config with its secrets. Raises Misconfigured."""
    return whole_config(claimed.config, claimed.secrets, vault, organization_id, claimed.integration_id)


def claimed(row: Any) -> Claimed:
    """A row of a delivery with its integration as workers take it."""
    return Claimed(
        id=row.id,
        integration_id=row.integration_id,
        platform=row.platform,
        config=row.config,
        secrets=row.secrets,
        attempts=row.attempts,
        origin=row.origin,
        is_replay=row.is_replay,
        claimed_at=row.claimed_at,
        delivery=contracts.Delivery(body=row.body, headers=row.headers, query=row.query, received_at=row.received_at),
    )


def _end(connection: Connection) -> None:
    with suppress(DBAPIError):  # a broken connection has given its locks back already
        connection.rollback()
        with _at_once(connection):
            connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
