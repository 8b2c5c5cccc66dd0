"""In the place of PagerDuty's Events API, versions 2 and 1, and of its change events."""

from typing import Any
from uuid import uuid4

from flask import Response
from marshmallow import Schema, fields

from hub.accounts import access
from hub.deliveries import rules
from hub.deliveries.dropin.taking import OBJECT, blp, read_object, sender_of, take
from hub.http import body, declared
from hub.http.errors import answer

Answer = dict[str, str] | Response


class ChangedSchema(Schema):
    """What is answered to a change event."""

    status = fields.String(required=True)
    message = fields.String(required=True)


class EnqueuedSchema(ChangedSchema):
    """What the Events API v2 answers."""

    dedup_key = fields.String(required=True)


class CreatedSchema(ChangedSchema):
    """What the Events API v1 answers."""

    incident_key = fields.String(required=True)


@blp.route("/v2/enqueue", methods=["POST"])
@access.public  # the proof is the routing key: the token of an integration `pagerduty`
@declared.takes_anything(body.WEBHOOK_LIMIT_BYTES, described=OBJECT)
@blp.response(202, EnqueuedSchema)
def enqueue_pagerduty_event() -> Answer:
    """Take an event as PagerDuty's Events API v2 does"""
    return _enqueue("routing_key", "dedup_key", rules.problems_of_event)


@blp.route("/generic/2010-04-15/create_event.json", methods=["POST"])
@access.public  # the proof is the service key: the token of an integration `pagerduty`
@declared.takes_anything(body.WEBHOOK_LIMIT_BYTES, described=OBJECT)
@blp.response(200, CreatedSchema)
def create_pagerduty_event() -> Answer:
    """Take an event as PagerDuty's Events API v1 does, which older senders speak"""
    return _enqueue("service_key", "incident_key", rules.problems_of_old_event)


@blp.route("/v2/change/enqueue", methods=["POST"])
@access.public  # the proof is the routing key
@declared.takes_anything(body.WEBHOOK_LIMIT_BYTES, described=OBJECT)
@blp.response(202, ChangedSchema)
def enqueue_pagerduty_change() -> Answer:
    """Take a change event as PagerDuty does; it is kept, and is no alert"""
    change = read_object()
    token = str(change.pop("routing_key", ""))
    take("pagerduty", sender_of("pagerduty", token), token, change)
    return {"status": "success", "message": "Change event processed"}


def _enqueue(credential: str, key_field: str, problems_of: rules.ProblemsOf) -> Answer:
    event = read_object()
    token = str(event.pop(credential, ""))  # a credential is not kept with the body
    sender = sender_of("pagerduty", token)
    if wrong := problems_of(event):
        refused: dict[str, Any] = {"status": "invalid event", "message": "Event object is invalid", "errors": wrong}
        return answer(400, f"Event object is invalid: {', '.join(wrong)}", "bad_request", **refused)
    key = str(event.get(key_field) or uuid4().hex)
    take("pagerduty", sender, token, event | {key_field: key})
    return {"status": "success", "message": "Event processed", key_field: key}
