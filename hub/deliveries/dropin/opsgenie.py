"""In the place of Opsgenie's Alert API, for what senders call: they create alerts, act on them, ask what became of it.

Alerts are known by their alias here; one without has an id made for it, which the status of its request tells.
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from flask import g
from marshmallow import Schema, fields
from werkzeug.routing import PathConverter

from hub.accounts import access
from hub.contracts.errors import NotFound
from hub.deliveries import service
from hub.deliveries.dropin.taking import OBJECT, Sender, blp, read_object, sender_of, take, token_given
from hub.deliveries.models import Delivery
from hub.http import body, declared

DONE = {"Create": "Created alert", "Acknowledge": "Acknowledged alert", "UnAcknowledge": "Unacknowledged alert"}
DONE |= {"Close": "Closed alert", "Delete": "Deleted alert", "AddNote": "Added note to alert"}


class Alias(PathConverter):
    """Senders choose it freely, slashes too: clients write them as %2F, and WSGI tells both alike."""

    regex = ".+?"
    part_isolating = False


class LoneAlias(Alias):
    """At an address's end, where what is another address of this API is no alias: 405 tells who answers there."""

    regex = r"(?!requests/[^/]+\Z|.*/(?:acknowledge|unacknowledge|close|notes|message|description)\Z).+?"


_LIMIT_BYTES = body.WEBHOOK_LIMIT_BYTES


class RequestSchema(Schema):
    """What Opsgenie answers."""

    result = fields.String(required=True)
    took = fields.Float(required=True)
    requestId = fields.String(required=True)


class ProcessedSchema(Schema):
    """What became of a request."""

    action = fields.String(required=True)
    isSuccess = fields.Boolean(required=True)
    success = fields.Boolean(required=True)
    status = fields.String(required=True)
    processedAt = fields.DateTime(required=True)
    integrationId = fields.String(required=True)
    alertId = fields.String(required=True)
    alias = fields.String(required=True)


class StatusSchema(Schema):
    """What Opsgenie answers to a question for a request."""

    data = fields.Nested(ProcessedSchema, required=True)
    took = fields.Float(required=True)
    requestId = fields.String(required=True)


@blp.route("/v2/alerts", methods=["POST"])
@access.public  # the proof is the API key: the token of an integration `opsgenie`
@declared.takes_anything(_LIMIT_BYTES, described=OBJECT)
@blp.response(202, RequestSchema)
def create_opsgenie_alert() -> dict[str, Any]:
    """Take an alert as Opsgenie's Alert API does"""
    sender, alert = _sender(), read_object()
    return _take(sender, "Create", str(alert.get("alias") or uuid4().hex), alert)


@blp.route("/v2/alerts/<alias:identifier>/acknowledge", methods=["POST"])
@access.public
@declared.takes_anything(_LIMIT_BYTES, any_query=True)
@blp.response(202, RequestSchema)
def acknowledge_opsgenie_alert(identifier: str) -> dict[str, Any]:
    """Acknowledge an alert by its alias"""
    return _act("Acknowledge", identifier)


@blp.route("/v2/alerts/<alias:identifier>/unacknowledge", methods=["POST"])
@access.public
@declared.takes_anything(_LIMIT_BYTES, any_query=True)
@blp.response(202, RequestSchema)
def unacknowledge_opsgenie_alert(identifier: str) -> dict[str, Any]:
    """Take the acknowledgement of an alert back"""
    return _act("UnAcknowledge", identifier)


@blp.route("/v2/alerts/<alias:identifier>/close", methods=["POST"])
@access.public
@declared.takes_anything(_LIMIT_BYTES, any_query=True)
@blp.response(202, RequestSchema)
def close_opsgenie_alert(identifier: str) -> dict[str, Any]:
    """Close an alert by its alias"""
    return _act("Close", identifier)


@blp.route("/v2/alerts/<alias:identifier>/notes", methods=["POST"])
@access.public
@declared.takes_anything(_LIMIT_BYTES, any_query=True)
@blp.response(202, RequestSchema)
def note_on_opsgenie_alert(identifier: str) -> dict[str, Any]:
    """Take a note on an alert; it is kept with the deliveries, and changes nothing"""
    return _act("AddNote", identifier)


@blp.route("/v2/alerts/<alias:identifier>/message", methods=["PUT"])
@access.public
@declared.takes_anything(_LIMIT_BYTES, any_query=True)
@blp.response(202, RequestSchema)
def reword_opsgenie_alert(identifier: str) -> dict[str, Any]:
    """Take a new message of an alert; it is kept, and the next event tells its own"""
    return _act("UpdateMessage", identifier)


@blp.route("/v2/alerts/<alias:identifier>/description", methods=["PUT"])
@access.public
@declared.takes_anything(_LIMIT_BYTES, any_query=True)
@blp.response(202, RequestSchema)
def redescribe_opsgenie_alert(identifier: str) -> dict[str, Any]:
    """Take a new description of an alert; it is kept, and the next event tells its own"""
    return _act("UpdateDescription", identifier)


@blp.route("/v2/alerts/<lone_alias:identifier>", methods=["DELETE"])
@access.public
@declared.takes_anything(_LIMIT_BYTES, any_query=True)
@blp.response(202, RequestSchema)
def delete_opsgenie_alert(identifier: str) -> dict[str, Any]:
    """Resolve an alert by its alias; nothing is deleted"""
    return _take(_sender(), "Delete", identifier, {})


@blp.route("/v2/alerts/requests/<request>", methods=["GET"])
@access.public
@declared.takes_anything(_LIMIT_BYTES, any_query=True)
@blp.response(200, StatusSchema)
def get_opsgenie_request(request: str) -> dict[str, Any]:
    """Read what became of a request; not found until it is processed, as at Opsgenie"""
    sender = _sender()
    with access.database().transaction(sender.organization_id) as session:
        found = service.get(session, _uuid(request))
        if found.integration_id != sender.integration_id or found.finished_at is None:
            raise NotFound
        return {"data": _processed(found), "took": 0.0, "requestId": request}


def _processed(delivery: Delivery) -> dict[str, Any]:
    said = json.loads(delivery.body)
    alias, is_done = said["alert"]["alertId"], delivery.status != "dead"
    return {
        "action": said["action"],
        "isSuccess": is_done,
        "success": is_done,
        "status": DONE.get(said["action"], "Processed") if is_done else str(delivery.reason),
        "processedAt": delivery.finished_at,
        "integrationId": str(delivery.integration_id),
        "alertId": alias,
        "alias": alias,
    }


def _act(action: str, alias: str) -> dict[str, Any]:
    sender = _sender()
    said = read_object() if g.body else {}
    return _take(sender, action, alias, {"note": said.get("note"), "username": said.get("user")})


def _sender() -> Sender:
    return sender_of("opsgenie", token_given())


def _take(sender: Sender, action: str, alias: str, alert: Mapping[str, Any]) -> dict[str, Any]:
    """Kept in the form of Opsgenie's own webhook."""
    told = {"action": action, "alert": {"message": alias, **alert, "alertId": alias}}
    delivery_id = take("opsgenie", sender, token_given(), told)
    return {"result": "Request will be processed", "took": 0.0, "requestId": str(delivery_id)}


def _uuid(request_id: str) -> UUID:
    try:
        return UUID(request_id)
    except ValueError as error:
        raise NotFound from error
