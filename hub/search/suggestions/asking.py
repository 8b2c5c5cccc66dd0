"""What an incident asks: the words of its alerts, their names and links, and the procedures of its services."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.alerts.models import Alert
from hub.catalogue.models import Service
from hub.database import organization_of
from hub.incidents.models import Incident
from hub.procedures.models import Procedure
from hub.search import evidence, text
from hub.search.drafts import alerts_of, incident_names
from hub.search.service import Known

_MOST_OF_SERVICE = 30


def question_of(session: Session, incident: Incident) -> tuple[str, Known]:
    """The query that an incident is, and what is known besides."""
    alerts = alerts_of(session, [incident.id]).get(incident.id, [])
    first = alerts[0] if alerts else None
    title, summary = (first.title, first.description) if first else (incident.title, incident.description)
    named = str(first.labels.get("alertname", "")) if first else ""
    query = text.alert(named or title, title, summary)
    known = Known(
        names=frozenset(incident_names(incident, alerts)),
        urls=evidence.urls_in("\n".join(_links(incident, alerts))),
        service_sources=frozenset(_procedures_of(session, {incident.service, *incident.services} - {""})),
        but=incident.id,
    )
    return query or incident.title, known


def _links(incident: Incident, alerts: Sequence[Alert]) -> Iterator[str]:
    for links in (incident.links, *(alert.links for alert in alerts)):
        yield from (str(link.get("url", "")) for link in links)
    for alert in alerts:
        yield from (value for value in alert.annotations.values() if isinstance(value, str))


def _procedures_of(session: Session, services: set[str]) -> Sequence[UUID]:
    """Those that name the service, and those that the catalogue names for it."""
    if not services:
        return []
    catalogued = select(Service.procedures).where(
        Service.organization_id == organization_of(session), Service.name.in_(services)
    )
    listed: set[Any] = {each for ids in session.scalars(catalogued) for each in ids}
    found = session.scalars(
        select(Procedure.id)
        .where(
            Procedure.organization_id == organization_of(session),
            Procedure.status == "published",
            or_(Procedure.services.bool_op("&&")(sorted(services)), Procedure.id.in_(listed)),
        )
        .order_by(Procedure.created_at.desc())
        .limit(_MOST_OF_SERVICE)
    )
    return list(found)
