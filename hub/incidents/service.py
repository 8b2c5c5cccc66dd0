"""Use cases of incidents by people: open, find, change, delete."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from hub import outbox
from hub.accounts.audit import service as audit
from hub.accounts.models import Organization
from hub.accounts.rules import settings_of
from hub.alerts.words import saying
from hub.contracts.errors import Conflict, NotFound
from hub.database import new_id, now, organization_of
from hub.incidents import people, rules, timeline
from hub.incidents.models import Incident
from hub.listing import Page, among, created, overlapping, ranked
from hub.long_listing import LongListing


def _is_any(column: Any, values: Collection[UUID | None]) -> ColumnElement[bool]:
    """None stands for "manual" among sources, and for "none" among assignees."""
    return or_(*(column == value for value in values))


LISTING = LongListing(
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
        "assignee": lambda ids: _is_any(Incident.assignee_id, ids),
        "tag": overlapping(Incident.tags),
        "source": lambda ids: _is_any(Incident.source_integration_id, ids),
        "q": saying("incidents_saying", Incident.id, Incident.title, Incident.service, Incident.description),
        **created(Incident),
    },
    kind="incident",
)

_STAMPS = {"in_progress": "acknowledged_at", "resolved": "resolved_at", "closed": "closed_at"}


def open_by_hand(
    session: Session, actor: str, user_id: UUID, *, title: str, severity: str | None = None, **fields: Any
) -> Incident:
    """A person opens an incident; without a severity it takes the organization's default. Raises Invalid."""
    settings = _settings(session)
    if settings["auto_assign_incidents"]:
        fields = {"assignee_id": user_id} | fields
    people.check_assignable(session, fields.get("assignee_id"))
    incident = Incident(
        organization_id=organization_of(session),
        id=new_id(),
        title=title,
        severity=severity or settings["default_incident_severity"],
        severity_pinned=severity is not None,
        created_at=now(session),
        **fields,
    )
    session.add(incident)
    session.flush()
    timeline.note(session, incident.id, "opened", actor, title=title)
    audit.note(session, "incidents:create", incident.id, title=title)
    session.refresh(incident, ["assignee"])
    outbox.enqueue(session, "index", "incident", [incident.id])
    return incident


def get(session: Session, incident_id: UUID) -> Incident:
    """Raises NotFound."""
    found = session.get(Incident, (organization_of(session), incident_id))
    if found is None:
        raise NotFound
    return found


def get_for_change(session: Session, *incident_ids: UUID) -> list[Incident]:
    """The incidents, locked in the order of their ids, so that no two changes wait for each other. Raises NotFound."""
    found = session.scalars(
        select(Incident)
        .where(Incident.organization_id == organization_of(session), Incident.id.in_(incident_ids))
        .order_by(Incident.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    by_id = {incident.id: incident for incident in found}
    if missing := set(incident_ids) - set(by_id):
        raise NotFound(f"{len(missing)} of the incidents do not exist." if len(incident_ids) > 1 else "Not found")
    return [by_id[incident_id] for incident_id in incident_ids]


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of incidents."""
    return LISTING.page(session, query)


def change(session: Session, incident_id: UUID, actor: str, user_id: UUID, fields: Mapping[str, Any]) -> Incident:
    """Changes the given fields. Raises Conflict for a move the status does not allow, naming those it does."""
    (incident,) = get_for_change(session, incident_id)
    wanted = dict(fields)
    if "assignee_id" in wanted:
        people.check_assignable(session, wanted["assignee_id"])
    status = wanted.pop("status", incident.status)
    if status != incident.status:
        move(session, incident, status, actor)
        wanted = _taken_by(session, incident, user_id) | wanted
    if "severity" in wanted:
        incident.severity_pinned = True
    _set(session, incident, actor, {name: value for name, value in wanted.items() if getattr(incident, name) != value})
    session.flush()
    session.refresh(incident, ["assignee", "updated_at"])
    outbox.enqueue(session, "index", "incident", [incident.id])
    return incident


def delete(session: Session, incident_id: UUID) -> None:
    """Its comments and timeline go with it, and search forgets it in the same transaction; its alerts stay."""
    (incident,) = get_for_change(session, incident_id)
    kept = {name: getattr(incident, name) for name in ("title", "severity", "status", "alert_count")}
    audit.note(session, "incidents:delete", incident.id, **kept, opened_at=incident.created_at.isoformat())
    session.delete(incident)
    session.flush()
    # search has forgotten it already; a worker that was just indexing it may have written it anew
    outbox.enqueue(session, "index", "incident", [incident_id])


def move(session: Session, incident: Incident, status: str, actor: str) -> None:
    """Raises Conflict naming the moves that are allowed."""
    if incident.merged_into:
        raise Conflict("It was merged into another incident: move that one, or split this one out again.")
    allowed = rules.MOVES[incident.status]
    if status not in allowed:
        raise Conflict(f"From {incident.status} an incident can only move to {' or '.join(sorted(allowed))}.")
    timeline.note(session, incident.id, "status", actor, **{"from": incident.status, "to": status})
    audit.note(session, "incidents:update", incident.id, status=[incident.status, status])
    incident.status = status
    if status == "active":
        reopen(session, incident)
    elif getattr(incident, _STAMPS[status]) is None:
        # the first acknowledgement counts; a later resolve counts anew, because reopening has cleared the one before
        setattr(incident, _STAMPS[status], timeline.moment(session))


def reopen(session: Session, incident: Incident) -> None:
    """Clears the end; and gives up the key of its rule's group when another open incident has it by now."""
    incident.resolved_at = incident.closed_at = incident.alerts_resolved_at = None
    if incident.correlation_key is not None:
        another = select(Incident.id).where(
            Incident.organization_id == incident.organization_id,
            Incident.correlation_key == incident.correlation_key,
            Incident.status.in_(rules.OPEN),
            Incident.id != incident.id,
        )
        with session.no_autoflush:
            incident.correlation_key = None if session.scalar(another) else incident.correlation_key


def _taken_by(session: Session, incident: Incident, user_id: UUID) -> dict[str, Any]:
    """With `auto_assign_incidents`, whoever acknowledges an incident that is nobody's takes it."""
    is_free = incident.status == "in_progress" and incident.assignee_id is None
    return {"assignee_id": user_id} if is_free and _settings(session)["auto_assign_incidents"] else {}


def _set(session: Session, incident: Incident, actor: str, changed: Mapping[str, Any]) -> None:
    if not changed:
        return
    before = {name: getattr(incident, name) for name in changed}
    for name, value in changed.items():
        setattr(incident, name, value)
    if "assignee_id" in changed:
        told = {"previous_assignee_id": before["assignee_id"], "assignee_id": changed["assignee_id"]}
        timeline.note(session, incident.id, "assigned", actor, **{name: _text(each) for name, each in told.items()})
    if others := sorted(set(changed) - {"assignee_id"}):
        timeline.note(session, incident.id, "changed", actor, fields=others)
    audit.note(session, "incidents:update", incident.id, fields=sorted(changed))


def _text(user_id: UUID | None) -> str | None:
    return str(user_id) if user_id else None


def _settings(session: Session) -> dict[str, Any]:
    return settings_of(session.get_one(Organization, organization_of(session)).settings)
