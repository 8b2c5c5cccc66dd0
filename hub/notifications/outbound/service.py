"""Use case of the delivery log: read it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hub.integrations import service as integrations
from hub.listing import Listing, Page, among, created
from hub.notifications.outbound.models import Dispatch

LISTING = Listing(
    Dispatch,
    sorts={"created_at": Dispatch.created_at, "finished_at": Dispatch.finished_at},
    filters={"status": among(Dispatch.status), **created(Dispatch)},
)


def find(session: Session, integration_id: UUID, query: Mapping[str, Any]) -> Page:
    """One page of what this integration was told. Raises NotFound for the integration."""
    integration = integrations.get(session, integration_id)
    return LISTING.page(session, query, Dispatch.integration_id == integration.id)
