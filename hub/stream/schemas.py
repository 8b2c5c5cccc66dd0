"""How a change looks on the wire."""

import json
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from hub.http.fields import Moment
from hub.http.ids import PublicId


class IncidentChange(Schema):
    """An incident as it is when the change is told; of a deleted one only the id is left."""

    id = PublicId("inc")
    change = fields.String()
    at = Moment()
    title = fields.String()
    status = fields.String()
    severity = fields.String()
    service = fields.String()
    assignee = PublicId("user", attribute="assignee_id")
    alert_count = fields.Integer()


class AlertChange(Schema):
    """An alert as it is when the change is told."""

    id = PublicId("alrt")
    change = fields.String()
    at = Moment()
    title = fields.String()
    status = fields.String()
    severity = fields.String()
    service = fields.String()
    incident_id = PublicId("inc")
    occurrence_count = fields.Integer()


class NotificationChange(Schema):
    """Something that the listener is told personally."""

    id = PublicId("ntf")
    change = fields.String()
    at = Moment()
    kind = fields.String(attribute="notification_kind")
    title = fields.String()
    incident_id = PublicId("inc")


SCHEMAS: Mapping[str, Schema] = {
    "incident": IncidentChange(),
    "alert": AlertChange(),
    "notification": NotificationChange(),
}
_GONE: Mapping[str, Schema] = {kind: type(schema)(only=("id", "change", "at")) for kind, schema in SCHEMAS.items()}


def line_of(change: Any) -> str:
    """The change as one line of JSON."""
    if change.is_gone:
        gone = {"id": change.id, "change": "deleted", "at": change.at}
        return json.dumps(_GONE[change.kind].dump(gone))
    return json.dumps(SCHEMAS[change.kind].dump(change))
