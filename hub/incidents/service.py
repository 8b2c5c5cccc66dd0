"""Use cases of incidents by people: open, find, change."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from hub import outbox
from hub.accounts.models import Organization
from hub.accounts.rules import settings_of
from hub.alerts import service as alerts
from hub.alerts.models import Alert
from hub.contracts.errors import Conflict, NotFound
from hub.database import new_id, now, organization_of
from hub.incidents import rules
from hub.incidents.models import AlertEpisode, Incident, TimelineEntry
from hub.listing import Listing, Page, among, containing, created, overlapping, ranked


def _from_sources(sources: Collection[UUID | None]) -> ColumnElement[bool]:
    """None is "manual": opened by a person."""
    return or_(*(Incident.source_integration_id == source for source in sources))


LISTING = Listing(
    Incident,
    sorts={
        "created_at": Incident.created_at,
        "updated_at": Incident.updated_at,
        "title": Incident.title,
        "status": Incident.status,
        "severity": ranked(Incident.severity, rules.SEVERITIES[::-1]),
        "alert_count": Incident.alert_count,
    },
    filters={
        "status": among(Incident.status, open=rules.OPEN),
        "severity": among(Incident.severity),
        "service": among(Incident.service),
        "tag": overlapping(Incident.tags),
        "source": _from_sources,
        "q": containing(Incident.title, Incident.description, Incident.service),
        **created(Incident),
    },
)
TIMELINE = Listing(TimelineEntry, sorts={"at": TimelineEntry.at}, default_sort="at")

_STAMPS = {"in_progress": "acknowledged_at", "resolved": "resolved_at", "closed": "closed_at"}


def open_by_hand(session: Session, actor: str, *, title: str, severity: str | None = None, **fields: Any) -> Incident:
    """A person opens an incident; without a severity it takes the organization's default."""
    organization_id = organization_of(session)
    settings = settings_of(session.get_one(Organization, organization_id).settings)
    incident = Incident(
        organization_id=organization_id,
        id=new_id(),
        title=title,
        severity=severity or settings["default_incident_severity"],
        severity_pinned=severity is not None,
        created_at=now(session),
        **fields,
    )
    session.add(incident)
    session.flush()
    _note(session, incident, "opened", actor, {"title": title})
    outbox.enqueue(session, "index", "incident", [incident.id])
    return incident


def get(session: Session, incident_id: UUID) -> Incident:
    """Raises NotFound."""
    found = session.get(Incident, (organization_of(session), incident_id))
    if found is None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of incidents."""
    return LISTING.page(session, query)


def change(session: Session, incident_id: UUID, actor: str, fields: Mapping[str, Any]) -> Incident:
    """Changes the given fields. Raises Conflict for a move the status does not allow, naming those it does."""
    incident = session.scalar(
        select(Incident)
        .where(Incident.organization_id == organization_of(session), Incident.id == incident_id)
        .with_for_update()
    )
    if incident is None:
        raise NotFound
    wanted = dict(fields)
    status = wanted.pop("status", incident.status)
    if status != incident.status:
        _move(session, incident, status, actor)
    if "severity" in wanted:
        incident.severity_pinned = True
    changed = {name: value for name, value in wanted.items() if getattr(incident, name) != value}
    for name, value in changed.items():
        setattr(incident, name, value)
    if changed:
        _note(session, incident, "changed", actor, {"fields": sorted(changed)})
    session.flush()
    outbox.enqueue(session, "index", "incident", [incident.id])
    return incident


def alerts_of(session: Session, incident_id: UUID, query: Mapping[str, Any]) -> Page:
    """One page of the alerts of which an episode belongs to the incident. Raises NotFound."""
    get(session, incident_id)
    mine = select(AlertEpisode.alert_id).where(
        AlertEpisode.organization_id == organization_of(session), AlertEpisode.incident_id == incident_id
    )
    return alerts.LISTING.page(session, query, Alert.id.in_(mine))


def timeline_of(session: Session, incident_id: UUID, query: Mapping[str, Any]) -> Page:
    """One page of everything that happened. Raises NotFound."""
    get(session, incident_id)
    return TIMELINE.page(session, query, TimelineEntry.incident_id == incident_id)


def _move(session: Session, incident: Incident, status: str, actor: str) -> None:
    allowed = rules.MOVES[incident.status]
    if status not in allowed:
        raise Conflict(f"From {incident.status} an incident can only move to {' or '.join(sorted(allowed))}.")
    at = now(session)
    _note(session, incident, "status", actor, {"from": incident.status, "to": status})
    incident.status = status
    if status == "active":
        incident.resolved_at = incident.closed_at = None
    else:
        _stamp(incident, _STAMPS[status], at)


def _stamp(incident: Incident, name: str, at: datetime) -> None:
    """The first acknowledgement counts; a later resolve counts anew, because reopening has cleared the one before."""
    if getattr(incident, name) is None:
        setattr(incident, name, at)


def _note(session: Session, incident: Incident, kind: str, actor: str, data: dict[str, Any]) -> None:
    session.add(
        TimelineEntry(
            organization_id=incident.organization_id,
            id=new_id(),
            incident_id=incident.id,
            kind=kind,
            actor=actor,
            data=data,
        )
    )
