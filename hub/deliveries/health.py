"""Health of an integration, as its deliveries tell it: when the last one came, and how many of a day's ended dead."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.accounts import access
from hub.database import now
from hub.deliveries.models import Delivery
from hub.http.blueprint import JsonBlueprint
from hub.http.fields import Moment
from hub.http.ids import PublicId, from_public
from hub.integrations import service as integrations

blp = JsonBlueprint("integration health", __name__, url_prefix="/api/v1", description="How connected platforms fare")

_WINDOW = timedelta(hours=24)
_STATUSES = ("disabled", "unused", "failing", "healthy")
_FAILING = 0.5


@dataclass(frozen=True, slots=True)
class Health:
    """`error_rate` is the dead share (0 to 1) of the deliveries that ended in the last 24 h; None when none did."""

    status: str
    last_delivery: Delivery | None
    delivery_count: int
    dead_count: int
    pending_count: int
    error_rate: float | None


def health_of(session: Session, integration_id: UUID) -> Health:
    """Raises NotFound."""
    integration = integrations.get(session, integration_id)
    mine = (Delivery.organization_id == integration.organization_id) & (Delivery.integration_id == integration.id)
    newest = select(Delivery).where(mine).order_by(Delivery.received_at.desc(), Delivery.id.desc()).limit(1)
    last = session.scalar(newest)
    count = func.count()
    total, dead, pending = session.execute(
        select(count, count.filter(Delivery.status == "dead"), count.filter(Delivery.status == "pending")).where(
            mine, Delivery.received_at > now(session) - _WINDOW
        )
    ).one()
    ended = total - pending
    rate = dead / ended if ended else None
    return Health(_status(integration.enabled, last, rate), last, total, dead, pending, rate)


def _status(enabled: bool, last: Delivery | None, rate: float | None) -> str:
    if not enabled:
        return "disabled"
    if last is None:
        return "unused"
    return "failing" if (rate or 0) >= _FAILING else "healthy"


class LastDeliverySchema(Schema):
    """The newest delivery."""

    id = PublicId("dlv", required=True)
    received_at = Moment(required=True)
    status = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)


class HealthSchema(Schema):
    """How an integration fares; counts are of the last 24 h."""

    status = fields.String(required=True, validate=validate.OneOf(_STATUSES))
    last_delivery = fields.Nested(LastDeliverySchema, required=True, allow_none=True)
    delivery_count = fields.Integer(required=True)
    dead_count = fields.Integer(required=True)
    pending_count = fields.Integer(required=True)
    error_rate = fields.Float(required=True, allow_none=True)


@blp.route("/integrations/<integration_id>/health", methods=["GET"])
@access.requires("integrations:read")
@blp.one(HealthSchema)
def get_health(integration_id: str) -> Any:
    """Read how an integration fares: its last delivery, and the error rate of the last 24 hours"""
    return health_of(access.current_session(), from_public("int", integration_id))
