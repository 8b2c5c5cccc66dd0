"""Health of an integration: its last delivery, how many of a day's ended dead, its breaker, how far its polling is."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from hub.accounts import access
from hub.database import now
from hub.deliveries import breaking
from hub.deliveries.breaking import Breaker
from hub.deliveries.models import Delivery
from hub.http.blueprint import JsonBlueprint
from hub.http.fields import Moment
from hub.http.ids import PublicId, from_public
from hub.integrations import service as integrations

blp = JsonBlueprint("integration health", __name__, url_prefix="/api/v1", description="How connected platforms fare")

_WINDOW = timedelta(hours=24)
_STATUSES = ("disabled", "unused", "failing", "healthy")
_FAILING = 0.5

_POLL = text(
    "SELECT polled_at, next_at, cursor, failure_count, problem FROM polls"
    " WHERE organization_id = :organization_id AND integration_id = :integration_id AND polled_at IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Health:
    """`error_rate` is the dead share (0 to 1) of the deliveries that ended in the last 24 h; None when none did.

    `poll` is the row of polls; None before the first one, and for what is only pushed to us.
    """

    status: str
    last_delivery: Delivery | None
    delivery_count: int
    dead_count: int
    pending_count: int
    error_rate: float | None
    breaker: Breaker
    poll: Any


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
    breaker = breaking.read(session, [integration.id]).of(integration.id)
    asked = {"organization_id": integration.organization_id, "integration_id": integration.id}
    poll = session.execute(_POLL, asked).one_or_none()
    is_failing = (rate or 0) >= _FAILING or breaker.retry_at is not None or bool(poll and poll.failure_count)
    status = _status(integration.enabled, is_used=bool(last or poll), is_failing=is_failing)
    return Health(status, last, total, dead, pending, rate, breaker, poll)


def _status(enabled: bool, *, is_used: bool, is_failing: bool) -> str:
    if not enabled:
        return "disabled"
    if is_failing:
        return "failing"
    return "healthy" if is_used else "unused"


class LastDeliverySchema(Schema):
    """The newest delivery."""

    id = PublicId("dlv", required=True)
    received_at = Moment(required=True)
    status = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)


class BreakerSchema(Schema):
    """Open after failures of the connector in a row: deliveries wait until `retry_at`, when one of them is tried."""

    state = fields.Function(
        lambda breaker: "closed" if breaker.retry_at is None else "open",
        required=True,
        metadata={"type": "string", "enum": ["closed", "open"]},
    )
    failure_count = fields.Integer(required=True)
    retry_at = Moment(required=True, allow_none=True)
    reason = fields.String(required=True, metadata={"description": "Of the last failure; empty when there was none"})


class PollSchema(Schema):
    """The last time we asked the platform; `problem` is empty when it answered."""

    polled_at = Moment(required=True)
    next_at = Moment(required=True)
    cursor = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "Where the next one goes on; the connector's own"}
    )
    failure_count = fields.Integer(required=True)
    problem = fields.String(required=True)


class HealthSchema(Schema):
    """How an integration fares; counts are of the last 24 h."""

    status = fields.String(required=True, validate=validate.OneOf(_STATUSES))
    last_delivery = fields.Nested(LastDeliverySchema, required=True, allow_none=True)
    delivery_count = fields.Integer(required=True)
    dead_count = fields.Integer(required=True)
    pending_count = fields.Integer(required=True)
    error_rate = fields.Float(required=True, allow_none=True)
    breaker = fields.Nested(BreakerSchema, required=True)
    poll = fields.Nested(PollSchema, required=True, allow_none=True)


@blp.route("/integrations/<integration_id>/health", methods=["GET"])
@access.requires("integrations:read")
@blp.one(HealthSchema)
def get_health(integration_id: str) -> Any:
    """Read how an integration fares: last delivery, error rate of the last 24 hours, breaker, last poll and cursor"""
    return health_of(access.current_session(), from_public("int", integration_id))
