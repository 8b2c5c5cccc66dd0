"""Use cases of alerts by people: find."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from hub.alerts.models import Alert
from hub.alerts.silencing import service as silencing
from hub.alerts.words import saying
from hub.contracts.errors import NotFound
from hub.contracts.event import Severity
from hub.database import organization_of
from hub.listing import Page, among, created, ranked
from hub.long_listing import LongListing


def _labelled(labels: Sequence[Mapping[str, str]]) -> ColumnElement[bool]:
    """Values of one label are alternatives, different labels must all fit."""
    values: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        for key, value in label.items():
            values[key].append(value)
    return and_(*(Alert.labels[key].astext.in_(wanted) for key, wanted in values.items()))


LISTING = LongListing(
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
        "incident_id": among(Alert.incident_id),
        "label": _labelled,
        "q": saying("alerts_saying", Alert.id, Alert.title, Alert.service, Alert.resource),
        **created(Alert),
    },
    kind="alert",
    untold=frozenset({"last_seen_at"}),  # a reminder moves it, and is no news
)


def get(session: Session, alert_id: UUID) -> Alert:
    """Raises NotFound."""
    found = session.get(Alert, (organization_of(session), alert_id))
    if found is None:
        raise NotFound
    tell_silences(session, [found])
    return found


def find(session: Session, query: Mapping[str, Any], *always: ColumnElement[bool]) -> Page:
    """One page of alerts, of those that meet `always`."""
    page = LISTING.page(session, query, *always)
    tell_silences(session, page.items)
    return page


def tell_silences(session: Session, alerts: Sequence[Alert]) -> None:
    """Sets `suppressed_by` of the alerts that a silence hides now."""
    hidden = silencing.hidden_by(session, alerts)
    for alert in alerts:
        set_committed_value(alert, "suppressed_by", hidden.get(alert.id))
