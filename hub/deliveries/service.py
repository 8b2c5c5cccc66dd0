"""Use cases of the inbox: accept, find."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub import contracts, logs, telemetry
from hub.contracts.connector import Connector
from hub.contracts.errors import BadRequest, NotFound, OverwatchError, Unavailable, Untrusted
from hub.database import Database, new_id, organization_of
from hub.deliveries import rules
from hub.deliveries.gathering import Gatherer
from hub.deliveries.models import Delivery
from hub.http.ids import to_public
from hub.integrations.service import whole_config
from hub.integrations.vault import Vault
from hub.listing import Listing, Page, among, before, containing, since, spelt_out

log = logging.getLogger(__name__)

LISTING = Listing(
    Delivery,
    sorts={
        "received_at": Delivery.received_at,
        "finished_at": Delivery.finished_at,
        "status": Delivery.status,
        "attempts": Delivery.attempts,
    },
    filters={
        "status": spelt_out(Delivery.status),
        "integration_id": among(Delivery.integration_id),
        "q": containing(Delivery.reason),
        "received_after": since(Delivery.received_at),
        "received_before": before(Delivery.received_at),
    },
    default_sort="-received_at",
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A webhook request before anybody has believed it. `key` is its id, where the connector is not to say."""

    integration_id: UUID
    platform: str
    token_hash: bytes
    delivery: contracts.Delivery
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the sender is told."""

    delivery_id: UUID
    is_duplicate: bool


def accept(
    database: Database, gatherer: Gatherer, connector: Connector | None, vault: Vault, arrival: Arrival
) -> Accepted:
    """Proves and stores one webhook, committed. Raises Untrusted, NotFound, BadRequest or Unavailable."""
    is_verified = connector is not None and _is_signature_right(database, connector, vault, arrival)
    key = _key_of(connector, arrival)
    headers = {**arrival.delivery.headers, **_carried()}
    wanted = {
        "id": new_id(),
        "integration_id": arrival.integration_id,
        "platform": arrival.platform,
        "token_hash": arrival.token_hash,
        "is_verified": is_verified,
        "key": key.key,
        "recent_key": key.recent,
        "headers": json.dumps(rules.kept(headers)),
        "query": json.dumps(rules.kept(arrival.delivery.query)),
        "body": arrival.delivery.body,
    }
    with telemetry.span("store delivery"):
        outcome, delivery_id = gatherer.store(wanted)
    if outcome in _REFUSALS:
        raise _REFUSALS[outcome]()
    if delivery_id is None:  # the first of its key has just been forgotten: the next try is a first one
        raise Unavailable("The delivery was just being removed; try again.")
    logs.learn(delivery_id=to_public("dlv", delivery_id), integration_id=to_public("int", arrival.integration_id))
    return Accepted(delivery_id, is_duplicate=outcome == "duplicate")


def _carried() -> dict[str, str]:
    """The trace's context goes on with the row, in place of the sender's, as the header says it."""
    found = telemetry.carrier()
    return {telemetry.CARRIER: found} if found else {}


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


def _is_signature_right(database: Database, connector: Connector, vault: Vault, arrival: Arrival) -> bool:
    if connector.signing_secret is None:
        return False
    with database.transaction() as session:
        rows = session.execute(
            text("SELECT * FROM find_signed_integration(:id, :platform)"),
            {"id": arrival.integration_id, "platform": arrival.platform},
        ).all()
    configs = (whole_config(r.config, r.secrets, vault, r.organization_id, arrival.integration_id) for r in rows)
    return any(_is_verified(connector, arrival.delivery, config) for config in configs)


def _is_verified(connector: Connector, delivery: contracts.Delivery, config: Mapping[str, Any]) -> bool:
    try:
        connector.verify(delivery, config)
    except Untrusted:
        return False
    except (Exception, SystemExit) as error:  # nothing is known of the sender, who is asked to come again
        log.exception("connector %s could not verify", connector.name)
        raise Unavailable("The connector cannot check the signature now; try again.") from error
    return True


def _key_of(connector: Connector | None, arrival: Arrival) -> rules.DeliveryKey:
    delivery = arrival.delivery
    try:
        sender_key = arrival.key or (connector.delivery_key(delivery) if connector else None)
    except Exception as error:  # noqa: BLE001  # a body the connector cannot read is stored, and ends dead and visible
        log.info("no delivery key: %s", type(error).__name__)
        sender_key = None
    repeats = connector.repeats_on_purpose if connector else False
    return rules.delivery_key(sender_key, delivery.body, delivery.received_at, repeats_on_purpose=repeats)
