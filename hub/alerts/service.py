"""Use cases of alerts by people: find."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session

from hub.alerts.models import Alert
from hub.contracts.errors import NotFound
from hub.contracts.event import Severity
from hub.database import organization_of
from hub.listing import Listing, Page, among, containing, created, ranked


def _labelled(labels: Sequence[Mapping[str, str]]) -> ColumnElement[bool]:
    return or_(*(Alert.labels.contains(label) for label in labels))


LISTING = Listing(
    Alert,
    sorts={
        "created_at": Alert.created_at,
        "started_at": Alert.started_at,
        "last_seen_at": Alert.last_seen_at,
        "title": Alert.title,
        "status": Alert.status,
        "severity": ranked(Alert.severity, [*Severity]),
        "occurrence_count": Alert.occurrence_count,
    },
    filters={
        "status": among(Alert.status),
        "severity": among(Alert.severity),
        "service": among(Alert.service),
        "platform": among(Alert.platform),
        "integration_id": among(Alert.integration_id),
        "label": _labelled,
        "q": containing(Alert.title, Alert.description, Alert.service, Alert.resource),
        **created(Alert),
    },
)


def get(session: Session, alert_id: UUID) -> Alert:
    """Raises NotFound."""
    found = session.get(Alert, (organization_of(session), alert_id))
    if found is None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of alerts."""
    return LISTING.page(session, query)
