"""What the delivery routes take and give."""

from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, validate

from hub.deliveries import service
from hub.http.fields import Commas, Moment, PlainText, Sort
from hub.http.ids import PublicId
from hub.http.lists import PageQuery

STATUSES = ("pending", "processed", "duplicate", "ignored", "dead")


class ReceiptData(Schema):
    """Where to look the delivery up."""

    delivery_id = PublicId("dlv", required=True)
    integration_id = PublicId("int", required=True)
    duplicate = fields.Boolean(required=True)


class ReceiptSchema(Schema):
    """What the platform is told once its bytes are committed."""

    message = fields.String(required=True)
    data = fields.Nested(ReceiptData, required=True)


class DeliveryQuery(PageQuery):
    """Filters of receipts."""

    sort = Sort(service.LISTING)
    status = Commas(STATUSES)
    integration_id = Commas(each=PublicId("int"))
    q = PlainText("Plain text that the reason must contain")
    received_after = Moment(metadata={"description": "Received at or after this moment"})
    received_before = Moment(metadata={"description": "Received before this moment"})


class ItemSchema(Schema):
    """What one event of a delivery became."""

    alert_id = PublicId("alrt", required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(("new", "repeat")))


class _Stamp(Moment):
    """A moment that is kept as text."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return super()._serialize(datetime.fromisoformat(value), attr, obj, **kwargs)


class DeliverySchema(Schema):
    """A receipt: what became of one webhook."""

    id = PublicId("dlv", required=True)
    integration_id = PublicId("int", required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    reason = fields.String(required=True, allow_none=True)
    received_at = Moment(required=True)
    finished_at = Moment(required=True, allow_none=True)
    attempts = fields.Integer(required=True)
    headers = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    origin = fields.String(required=True, validate=validate.OneOf(("webhook", "poll", "expiry")))
    replay_count = fields.Integer(required=True)
    stages = fields.Dict(
        keys=fields.String(), values=_Stamp(), required=True, metadata={"description": "When each was done"}
    )
    alerts = fields.List(
        fields.Nested(ItemSchema),
        required=True,
        attribute="outcomes",
        metadata={"description": "What each event became"},
    )
