"""Use case of occurrences: what the platform said of an alert, each with its delivery."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.alerts import service
from hub.alerts.models import AlertEvent
from hub.database import organization_of
from hub.deliveries.models import Delivery
from hub.listing import Listing, Page, among

LISTING = Listing(
    AlertEvent,
    sorts={"occurred_at": AlertEvent.occurred_at, "received_at": AlertEvent.received_at},
    filters={"state": among(AlertEvent.state)},
    default_sort="-occurred_at",
)


@dataclass(frozen=True, slots=True)
class Told:
    """One event, and the delivery that told it; `last_received_at` is when it was last repeated."""

    state: str
    severity: str
    title: str
    description: str
    labels: Mapping[str, str]
    occurred_at: datetime
    received_at: datetime
    last_received_at: datetime
    item: int
    delivery: Any


def of(session: Session, alert_id: UUID, query: Mapping[str, Any]) -> Page:
    """One page of the alert's events, latest first. Raises NotFound."""
    service.get(session, alert_id)
    ours = AlertEvent.organization_id == organization_of(session)
    page = LISTING.page(session, query, ours, AlertEvent.alert_id == alert_id)
    deliveries = _deliveries(session, {event.delivery_id for event in page.items})
    return replace(page, items=[_told(event, deliveries[event.delivery_id]) for event in page.items])


def _deliveries(session: Session, delivery_ids: set[UUID]) -> dict[UUID, Any]:
    ours = Delivery.organization_id == organization_of(session)
    columns = (Delivery.id, Delivery.received_at, Delivery.status, Delivery.attempts)
    return {row.id: row for row in session.execute(select(*columns).where(ours, Delivery.id.in_(delivery_ids)))}


def _told(event: AlertEvent, delivery: Any) -> Told:
    content = event.content
    return Told(
        state=event.state,
        severity=event.severity,
        title=content["title"],
        description=content["description"],
        labels=content["labels"],
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        last_received_at=event.last_received_at,
        item=event.item,
        delivery=delivery,
    )
