"""What a running hub would make of a body: nothing of it is kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.alerts import recording
from hub.alerts.enriching import enriched
from hub.alerts.intake import occurrence
from hub.contracts.delivery import Delivery
from hub.contracts.errors import Misconfigured, NotFound
from hub.contracts.event import Event
from hub.database import Database, new_id, now
from hub.http.ids import to_public
from hub.incidents import correlation
from hub.integrations import service as integrations
from hub.integrations.models import Integration
from hub.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The events, and for each dedup key the incident it would be in, with the reason."""

    events: list[Event]
    places: Mapping[str, str]


def rehearse(runtime: Runtime, integration_id: UUID, body: bytes, headers: Mapping[str, str]) -> Rehearsed:
    """Normalises, folds and correlates in a transaction that is rolled back. Raises what the connector raises."""
    organization_id = found_in(runtime.database, integration_id)
    with runtime.database.transaction(organization_id) as session:
        integration = integrations.get(session, integration_id)
        delivery = Delivery(body=body, headers=headers, received_at=now(session))
        config = integrations.config_of(integration, runtime.vault)
        events = runtime.connectors[integration.platform].normalise(delivery, config)
        events = enriched(runtime.plugins.enrichers, events)
        places = _places(session, integration, events, delivery)
        session.rollback()
    return Rehearsed(events, places)


def _places(session: Session, integration: Integration, events: list[Event], delivery: Delivery) -> dict[str, str]:
    delivery_id = new_id()
    told = [
        occurrence(
            event,
            delivery_id=delivery_id,
            item=item,
            integration_id=integration.id,
            platform=integration.platform,
            received_at=delivery.received_at,
        )
        for item, event in enumerate(events)
    ]
    changes = recording.fold(session, told).changes
    batch = correlation.place(session, changes)
    decided = {row["alert_id"]: row["decision"] for row in batch.episodes}
    opened = set(batch.opened)
    return {
        each.dedup_key: _told(batch.places.get(each.alert_id, each.incident_id), opened, decided.get(each.alert_id))
        for each in changes
    }


def _told(incident_id: UUID | None, opened: set[UUID], decision: Mapping[str, Any] | None) -> str:
    why = f" ({decision['step']})" if decision and decision.get("step") else ""
    if incident_id is None:
        return f"no incident{why}"
    return f"a new incident{why}" if incident_id in opened else f"{to_public('inc', incident_id)}{why}"


def found_in(database: Database, integration_id: UUID) -> UUID:
    """The organization whose integration this is. Raises Misconfigured."""
    for organization_id in _organizations(database):
        with database.transaction(organization_id) as session:
            try:
                integrations.get(session, integration_id)
            except NotFound:
                continue
            return organization_id
    raise Misconfigured("There is no such integration in this hub.")


def integrations_of(database: Database) -> Iterator[tuple[Session, Integration]]:
    """Every integration that is not deleted, with the session it is read in."""
    for organization_id in _organizations(database):
        with database.transaction(organization_id) as session:
            mine = (Integration.organization_id == organization_id) & Integration.deleted_at.is_(None)
            for integration in session.scalars(select(Integration).where(mine).order_by(Integration.created_at)):
                yield session, integration


def _organizations(database: Database) -> list[UUID]:
    with database.transaction() as session:
        return list(session.scalars(text("SELECT organization_ids()")))
