"""What the drop-in endpoints share: who sends is known by a token alone, and what is sent is kept as a delivery."""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from flask import g, request
from sqlalchemy import text

from hub.accounts import access
from hub.contracts.delivery import Delivery
from hub.contracts.errors import BadRequest, Malformed, Untrusted
from hub.deliveries import routes, rules, service
from hub.http.blueprint import JsonBlueprint
from hub.integrations.rules import hash_token

blp = JsonBlueprint("drop-in", __name__, description="Endpoints that stand in for those of other products")

OBJECT = {"type": "object"}  # what is in it, the product's own documentation says

_FIND = text("SELECT organization_id, id FROM find_integration_by_token(:platform, :token_hash)")


class Sender(NamedTuple):
    """The integration that a token is of."""

    organization_id: UUID
    integration_id: UUID


def sender_of(platform: str, token: str) -> Sender:
    """Raises Untrusted for a token that no integration of the platform has."""
    with access.database().transaction() as session:
        found = session.execute(_FIND, {"platform": platform, "token_hash": hash_token(token)}).one_or_none()
    if found is None:
        raise Untrusted(f"The token is that of no {platform} integration.")
    return Sender(*found)


def take(platform: str, sender: Sender, token: str, said: Any) -> UUID:
    """Keeps it; the delivery's id. Each request is one: an alert may come, go and come again with the same bytes."""
    delivery = Delivery(body=json.dumps(said).encode(), headers=headers(), received_at=datetime.now(UTC))
    arrival = service.Arrival(sender.integration_id, platform, hash_token(token), delivery, key=uuid4().hex)
    return routes.inbox().take(arrival).delivery_id


def token_given() -> str:
    """As webhooks carry it, or as Opsgenie's clients do: `GenieKey …`."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme == "GenieKey" else rules.token_of(headers(), request.args.to_dict())


def headers() -> dict[str, str]:
    """The request's, by names in lower case."""
    return {name.lower(): value for name, value in request.headers.items()}


def read_json() -> Any:
    """The body. Raises BadRequest."""
    try:
        return Delivery(body=g.body).json().value
    except Malformed as error:
        raise BadRequest(str(error)) from error


def read_object() -> dict[str, Any]:
    """The body, which must be an object. Raises BadRequest."""
    found = read_json()
    if not isinstance(found, dict):
        raise BadRequest("The body must be a JSON object.")
    return found
