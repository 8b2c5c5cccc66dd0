"""Use cases of incidents by people: open, find, change."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from hub import outbox
from hub.accounts.models import Organization
from hub.accounts.rules import settings_of
from hub.alerts.models import Alert
from hub.contracts.errors import Conflict, NotFound
from hub.database import new_id, now, organization_of
from hub.incidents import rules
from hub.incidents.models import AlertEpisode, Incident, TimelineEntry

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


def find(
    session: Session,
    *,
    page: int,
    limit: int,
    status: Sequence[str] = (),
    severity: Sequence[str] = (),
    service: Sequence[str] = (),
) -> tuple[list[Incident], int]:
    """One page of incidents, newest first, and how many there are."""
    mine = [Incident.organization_id == organization_of(session), *_filters(status, severity, service)]
    total = session.scalar(select(func.count()).select_from(Incident).where(*mine)) or 0
    newest_first = select(Incident).where(*mine).order_by(Incident.created_at.desc(), Incident.id.desc())
    return list(session.scalars(newest_first.limit(limit).offset((page - 1) * limit))), total


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


def alerts_of(session: Session, incident_id: UUID) -> list[Alert]:
    """The alerts of which an episode belongs to the incident, by when they joined."""
    get(session, incident_id)
    mine = select(AlertEpisode.alert_id).where(
        AlertEpisode.organization_id == organization_of(session), AlertEpisode.incident_id == incident_id
    )
    found = select(Alert).where(Alert.organization_id == organization_of(session), Alert.id.in_(mine))
    return list(session.scalars(found.order_by(Alert.started_at, Alert.id)))


def timeline_of(session: Session, incident_id: UUID) -> list[TimelineEntry]:
    """Everything that happened, oldest first."""
    get(session, incident_id)
    return list(
        session.scalars(
            select(TimelineEntry)
            .where(TimelineEntry.organization_id == organization_of(session), TimelineEntry.incident_id == incident_id)
            .order_by(TimelineEntry.at, TimelineEntry.id)
        )
    )


def _filters(status: Sequence[str], severity: Sequence[str], service: Sequence[str]) -> list[ColumnElement[bool]]:
    statuses = {one for each in status for one in (rules.OPEN if each == "open" else {each})}
    wanted: list[tuple[Any, Sequence[str]]] = [
        (Incident.status, sorted(statuses)),
        (Incident.severity, severity),
        (Incident.service, service),
    ]
    return [column.in_(values) for column, values in wanted if values]


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
