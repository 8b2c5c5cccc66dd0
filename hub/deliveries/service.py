"""Use cases of the inbox: accept, find, take a turn, finish."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hub import contracts
from hub.contracts.connector import Connector
from hub.contracts.errors import BadRequest, NotFound, OverwatchError, Untrusted
from hub.database import Database, new_id, organization_of
from hub.deliveries import rules
from hub.deliveries.models import Delivery
from hub.integrations.service import whole_config
from hub.integrations.vault import Vault
from hub.listing import Listing, Page, among, before, containing, since

log = logging.getLogger(__name__)

MOST_PER_TURN = 200
MOST_BYTES_PER_TURN = 8_000_000
LEASE_SECONDS = 60
MOST_ATTEMPTS = 5

LISTING = Listing(
    Delivery,
    sorts={
        "received_at": Delivery.received_at,
        "finished_at": Delivery.finished_at,
        "status": Delivery.status,
        "attempts": Delivery.attempts,
    },
    filters={
        "status": among(Delivery.status),
        "integration_id": among(Delivery.integration_id),
        "q": containing(Delivery.reason),
        "received_after": since(Delivery.received_at),
        "received_before": before(Delivery.received_at),
    },
    default_sort="-received_at",
)

_ACCEPT = text(
    "SELECT outcome, delivery_id FROM accept_delivery(:id, :integration_id, :platform, :token_hash, :is_verified,"
    " :key, :recent_key, :recent_seconds, CAST(:headers AS jsonb), CAST(:query AS jsonb), :body)"
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A webhook request before anybody has believed it."""

    integration_id: UUID
    platform: str
    token_hash: bytes
    delivery: contracts.Delivery


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the sender is told."""

    delivery_id: UUID
    is_duplicate: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in a worker's hands."""

    id: UUID
    integration_id: UUID
    platform: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str]
    attempts: int
    delivery: contracts.Delivery


@dataclass(frozen=True, slots=True)
class Turn:
    """One organization's batch, on the connection that holds the organization's lock."""

    connection: Connection
    organization_id: UUID
    token: UUID
    claimed: Sequence[Claimed]

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction of the turn. Whoever has lost the lock has lost this connection, and cannot commit."""
        info = {"organization_id": self.organization_id}
        with Session(self.connection, info=info, expire_on_commit=False) as session, session.begin():
            yield session


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a delivery ended; `pending` sends it back for another attempt."""

    delivery_id: UUID
    status: str
    reason: str | None = field(default=None)


def accept(database: Database, connector: Connector | None, vault: Vault, arrival: Arrival) -> Accepted:
    """Proves and stores one webhook in one committed statement. Raises Untrusted, NotFound or BadRequest."""
    is_verified = connector is not None and _is_signature_right(database, connector, vault, arrival)
    key = _key_of(connector, arrival.delivery)
    parameters = {
        "id": new_id(),
        "integration_id": arrival.integration_id,
        "platform": arrival.platform,
        "token_hash": arrival.token_hash,
        "is_verified": is_verified,
        "key": key.key,
        "recent_key": key.recent,
        "recent_seconds": rules.REPEAT_WINDOW_SECONDS,
        "headers": json.dumps(rules.kept(arrival.delivery.headers)),
        "query": json.dumps(rules.kept(arrival.delivery.query)),
        "body": arrival.delivery.body,
    }
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        outcome, delivery_id = connection.execute(_ACCEPT, parameters).one()
    if outcome not in {"accepted", "duplicate"}:
        raise _REFUSALS[outcome]()
    return Accepted(delivery_id, is_duplicate=outcome == "duplicate")


_REFUSALS: Mapping[str, Callable[[], OverwatchError]] = {
    "unknown": NotFound,
    "wrong_platform": lambda: BadRequest("This integration belongs to another platform; copy its webhook_url again."),
    "untrusted": lambda: Untrusted("The webhook's token or signature is missing or wrong."),
}


def get(session: Session, delivery_id: UUID) -> Delivery:
    """Raises NotFound."""
    found = session.get(Delivery, (organization_of(session), delivery_id))
    if found is None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of receipts."""
    return LISTING.page(session, query)


@contextmanager
def turn(database: Database) -> Iterator[Turn | None]:
    """Takes the turn of one organization that waits; None when nobody does. The claim is committed before the work."""
    token = uuid4()
    with database.engine.connect() as connection:
        try:
            rows = connection.execute(
                text("SELECT * FROM claim_deliveries(:token, :most, :most_bytes, :lease_seconds)"),
                {
                    "token": token,
                    "most": MOST_PER_TURN,
                    "most_bytes": MOST_BYTES_PER_TURN,
                    "lease_seconds": LEASE_SECONDS,
                },
            ).all()
            connection.commit()
            yield Turn(connection, rows[0].organization_id, token, [_claimed(row) for row in rows]) if rows else None
        finally:
            _end_turn(connection)


def finish(session: Session, token: UUID, outcomes: Sequence[Outcome]) -> None:
    """Writes the outcomes in the transaction of their effects. Raises LookupError when the lease is no longer ours."""
    rows = [{"id": str(each.delivery_id), "status": each.status, "reason": each.reason} for each in outcomes]
    result = session.execute(
        text(
            "UPDATE deliveries d SET status = o.status, reason = o.reason, lease_token = NULL, lease_until = NULL,"
            " finished_at = CASE WHEN o.status = 'pending' THEN NULL ELSE overwatch_now() END"
            " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS o (id uuid, status text, reason text)"
            " WHERE d.organization_id = :organization_id AND d.id = o.id AND d.lease_token = :token"
            " RETURNING d.id"
        ),
        {
            "rows": json.dumps(rows),
            "organization_id": organization_of(session),
            "token": token,
        },
    )
    if len(result.all()) != len(rows):
        raise LookupError("another worker has taken these deliveries")


def config_of(claimed: Claimed, vault: Vault, organization_id: UUID) -> dict[str, Any]:
    """The integration's config with its secrets. Raises Misconfigured."""
    return whole_config(claimed.config, claimed.secrets, vault, organization_id, claimed.integration_id)


def _is_signature_right(database: Database, connector: Connector, vault: Vault, arrival: Arrival) -> bool:
    if connector.signing_secret is None:
        return False
    with database.transaction() as session:
        row = session.execute(
            text("SELECT * FROM find_signed_integration(:id, :platform)"),
            {"id": arrival.integration_id, "platform": arrival.platform},
        ).one_or_none()
    if row is None:
        return False
    config = whole_config(row.config, row.secrets, vault, row.organization_id, arrival.integration_id)
    try:
        connector.verify(arrival.delivery, config)
    except Untrusted:
        return False
    return True


def _key_of(connector: Connector | None, delivery: contracts.Delivery) -> rules.DeliveryKey:
    try:
        sender_key = connector.delivery_key(delivery) if connector else None
    except Exception as error:  # noqa: BLE001  # a body the connector cannot read is stored, and ends dead and visible
        log.info("no delivery key: %s", type(error).__name__)
        sender_key = None
    repeats = connector.repeats_on_purpose if connector else False
    return rules.delivery_key(sender_key, delivery.body, delivery.received_at, repeats_on_purpose=repeats)


def _claimed(row: Any) -> Claimed:
    delivery = contracts.Delivery(body=row.body, headers=row.headers, query=row.query, received_at=row.received_at)
    return Claimed(row.id, row.integration_id, row.platform, row.config, row.secrets, row.attempts, delivery)


def _end_turn(connection: Connection) -> None:
    with suppress(DBAPIError):  # a broken connection has given its locks back already
        connection.rollback()
        connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
        connection.commit()
