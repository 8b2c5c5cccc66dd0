"""What the heartbeat routes take and give."""

from marshmallow import Schema, fields, validate

from hub.heartbeats import service
from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import ListQuery

STATUSES = ("waiting", "alive", "missing")
SEVERITIES = ("critical", "high", "medium", "low")
LONGEST_SECONDS = 31 * 24 * 3_600

_NAME = validate.Length(1, 200)
_INTERVAL = validate.Range(1, LONGEST_SECONDS)


class _Editable(Schema):
    grace_seconds = fields.Integer(
        strict=True,
        validate=validate.Range(0, LONGEST_SECONDS),
        metadata={"description": "How much later than expected is still in time"},
    )
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    service = fields.String(validate=validate.Length(max=200))
    labels = fields.Dict(
        keys=fields.String(validate=_NAME),
        values=fields.String(validate=validate.Length(max=2_000)),
        validate=validate.Length(max=50),
    )
    enabled = fields.Boolean()


class HeartbeatInput(_Editable):
    """What to listen for."""

    name = fields.String(required=True, validate=_NAME)
    interval_seconds = fields.Integer(required=True, strict=True, validate=_INTERVAL)


class HeartbeatPatch(_Editable):
    """What to change; all else stays."""

    name = fields.String(validate=_NAME)
    interval_seconds = fields.Integer(strict=True, validate=_INTERVAL)


class HeartbeatQuery(ListQuery):
    """Filters of heartbeats."""

    sort = Sort(service.LISTING)
    status = Commas(STATUSES)
    service = Commas()


class HeartbeatSchema(Schema):
    """`ping_url` carries the token; it is shown in full only when the token is made."""

    id = PublicId("hbt", required=True)
    name = fields.String(required=True)
    interval_seconds = fields.Integer(required=True)
    grace_seconds = fields.Integer(required=True)
    severity = fields.String(required=True, validate=validate.OneOf(SEVERITIES))
    service = fields.String(required=True)
    labels = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    enabled = fields.Boolean(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    integration_id = PublicId("int", required=True, metadata={"description": "Whose alerts a silence becomes"})
    last_ping_at = Moment(required=True, allow_none=True)
    due_at = Moment(required=True)
    ping_url = fields.String(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class PingQuery(Schema):
    """How a ping proves itself when it cannot send headers."""

    token = fields.String(validate=validate.Length(max=200))


class HeardSchema(Schema):
    """The answer to a ping."""

    message = fields.String(required=True)
