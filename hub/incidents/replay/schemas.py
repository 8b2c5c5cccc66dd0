"""What the replay routes take and give."""

from marshmallow import Schema, fields, validate

from hub.deliveries.schemas import STATUSES
from hub.http.fields import Moment, OneOrMany
from hub.http.ids import PublicId


class ReplayInput(Schema):
    """Which deliveries to replay; nothing given means all of them."""

    integration_id = PublicId("int")
    status = OneOrMany(fields.String(validate=validate.OneOf(STATUSES)), validate=validate.Length(max=5))
    received_after = Moment(metadata={"description": "Received at or after this moment"})
    received_before = Moment(metadata={"description": "Received before this moment"})
    dry_run = fields.Boolean(load_default=False, metadata={"description": "Only say what would change"})


class DeliveryDifference(Schema):
    """A delivery that would end otherwise."""

    delivery_id = PublicId("dlv", required=True)
    before = fields.String(required=True)
    after = fields.String(required=True)


class AlertDifference(Schema):
    """An alert that would look otherwise; without an id it would be new."""

    alert_id = PublicId("alrt", required=True, allow_none=True)
    dedup_key = fields.String(required=True)
    before = fields.Dict(keys=fields.String(), values=fields.String(), required=True, allow_none=True)
    after = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class ReplaySchema(Schema):
    """What was given to the workers again, or what that would change."""

    dry_run = fields.Boolean(required=True)
    delivery_count = fields.Integer(required=True)
    tried_count = fields.Integer(required=True, metadata={"description": "How many of them a dry run has tried"})
    deliveries = fields.List(fields.Nested(DeliveryDifference), required=True)
    alerts = fields.List(fields.Nested(AlertDifference), required=True)
