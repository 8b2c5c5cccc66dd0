"""Drop-in endpoints: whoever sends to PagerDuty, Alertmanager or Opsgenie sends here by changing the address only."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from flask import Response, g, request
from marshmallow import Schema, fields
from sqlalchemy import text

from hub.accounts import access
from hub.contracts.delivery import Delivery
from hub.contracts.errors import BadRequest, Malformed, Untrusted
from hub.deliveries import routes, rules, service
from hub.http import body, declared
from hub.http.blueprint import JsonBlueprint
from hub.http.errors import answer
from hub.integrations.rules import hash_token

blp = JsonBlueprint("drop-in", __name__, description="Endpoints that stand in for those of other products")

_FIND = text("SELECT find_integration_by_token(:platform, :token_hash)")


class EnqueuedSchema(Schema):
    """What the Events API v2 answers."""

    status = fields.String(required=True)
    message = fields.String(required=True)
    dedup_key = fields.String(required=True)


class NothingSchema(Schema):
    """What Alertmanager's API answers."""


class RequestSchema(Schema):
    """What Opsgenie answers."""

    result = fields.String(required=True)
    took = fields.Float(required=True)
    requestId = fields.String(required=True)


@blp.route("/v2/enqueue", methods=["POST"])
@access.public  # the proof is the routing key: the token of an integration `pagerduty`
@declared.takes_anything(body.WEBHOOK_LIMIT_BYTES)
@blp.response(202, EnqueuedSchema)
def enqueue_pagerduty_event() -> dict[str, str] | Response:
    """Take an event as PagerDuty's Events API v2 does"""
    event = _object()
    token = str(event.pop("routing_key", ""))  # a credential is not kept with the body
    integration_id = _integration_of("pagerduty", token)
    if wrong := rules.problems_of_event(event):
        refused = {"status": "invalid event", "message": "Event object is invalid", "errors": wrong}
        return answer(400, f"Event object is invalid: {', '.join(wrong)}", "bad_request", **refused)
    key = str(event.get("dedup_key") or uuid4().hex)
    _take("pagerduty", integration_id, token, event | {"dedup_key": key})
    return {"status": "success", "message": "Event processed", "dedup_key": key}


@blp.route("/api/v2/alerts", methods=["POST"])
@access.public  # the proof is the token of an integration `alertmanager`
@declared.takes_anything(body.WEBHOOK_LIMIT_BYTES, any_query=True)
@blp.response(200, NothingSchema)
def post_alertmanager_alerts() -> dict[str, str]:
    """Take alerts as Alertmanager's API v2 does: Prometheus itself can send"""
    _accept("alertmanager", _token(), _json())
    return {}


@blp.route("/v2/alerts", methods=["POST"])
@access.public  # the proof is the API key: the token of an integration `opsgenie`
@declared.takes_anything(body.WEBHOOK_LIMIT_BYTES)
@blp.response(202, RequestSchema)
def create_opsgenie_alert() -> dict[str, Any]:
    """Take an alert as Opsgenie's Alert API does"""
    alert = _object()
    return _opsgenie("Create", str(alert.get("alias") or uuid4().hex), alert)


@blp.route("/v2/alerts/<identifier>/close", methods=["POST"])
@access.public
@declared.takes_anything(body.WEBHOOK_LIMIT_BYTES, any_query=True)
@blp.response(202, RequestSchema)
def close_opsgenie_alert(identifier: str) -> dict[str, Any]:
    """Close an alert by its alias"""
    return _opsgenie("Close", identifier, {})


@blp.route("/v2/alerts/<identifier>/acknowledge", methods=["POST"])
@access.public
@declared.takes_anything(body.WEBHOOK_LIMIT_BYTES, any_query=True)
@blp.response(202, RequestSchema)
def acknowledge_opsgenie_alert(identifier: str) -> dict[str, Any]:
    """Acknowledge an alert by its alias"""
    return _opsgenie("Acknowledge", identifier, {})


def _opsgenie(action: str, alias: str, alert: Mapping[str, Any]) -> dict[str, Any]:
    """Kept in the form of Opsgenie's own webhook, which the connector reads."""
    delivery_id = _accept(
        "opsgenie", _token(), {"action": action, "alert": {"message": alias, **alert, "alertId": alias}}
    )
    return {"result": "Request will be processed", "took": 0.0, "requestId": str(delivery_id)}


def _accept(platform: str, token: str, said: Any) -> UUID:
    return _take(platform, _integration_of(platform, token), token, said)


def _integration_of(platform: str, token: str) -> UUID:
    """Raises Untrusted for a token that no integration of the platform has."""
    with access.database().transaction() as session:
        found: UUID | None = session.scalar(_FIND, {"platform": platform, "token_hash": hash_token(token)})
    if found is None:
        raise Untrusted(f"The token is that of no {platform} integration.")
    return found


def _take(platform: str, integration_id: UUID, token: str, said: Any) -> UUID:
    delivery = Delivery(body=json.dumps(said).encode(), headers=_headers(), received_at=datetime.now(UTC))
    arrival = service.Arrival(integration_id, platform, hash_token(token), delivery)
    return routes.inbox().take(arrival).delivery_id


def _token() -> str:
    """As webhooks carry it, or as Opsgenie's clients do: `GenieKey …`."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme == "GenieKey" else rules.token_of(_headers(), request.args.to_dict())


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _json() -> Any:
    try:
        return Delivery(body=g.body).json().value
    except Malformed as error:
        raise BadRequest(str(error)) from error


def _object() -> dict[str, Any]:
    found = _json()
    if not isinstance(found, dict):
        raise BadRequest("The body must be a JSON object.")
    return found
