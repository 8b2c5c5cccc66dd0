"""Use cases of alerts by people that incidents must know of: acknowledge, resolve, move to another incident."""

from uuid import UUID

from sqlalchemy.orm import Session

from hub import outbox
from hub.accounts.audit import service as audit
from hub.accounts.models import Organization
from hub.accounts.rules import settings_of
from hub.alerts import marking
from hub.alerts import service as alerts
from hub.alerts.models import Alert
from hub.contracts.errors import Conflict, Invalid, NotFound
from hub.contracts.event import State
from hub.database import organization_of
from hub.incidents import following, membership, rules, service, timeline
from hub.incidents.correlation import correlate


def change(
    session: Session, alert_id: UUID, actor: str, *, status: str | None = None, incident_id: UUID | None = None
) -> Alert:
    """Says what a person knows of the alert, and puts it where it belongs. Raises NotFound, Conflict or Invalid."""
    marking.wait_for_turn(session)
    alert = alerts.get(session, alert_id)
    if incident_id is not None and incident_id != alert.incident_id:
        _move(session, alert, incident_id, actor)
    if status is not None and status != alert.status:
        _mark(session, alert, State(status), actor)
    session.flush()
    session.refresh(alert)
    alerts.tell_silences(session, [alert])
    return alert


def _mark(session: Session, alert: Alert, state: State, actor: str) -> None:
    session.flush()
    before = alert.status
    change = marking.mark(session, alert.id, actor, state)
    audit.note(session, "alerts:update", alert.id, status=[before, state])
    if change.incident_id is not None:
        told = {"alert_id": str(alert.id), "title": alert.title, "from": before, "to": str(state)}
        timeline.note(session, change.incident_id, "alert_status", actor, **told)
        session.flush()
    correlate(session, [change])


def _move(session: Session, alert: Alert, incident_id: UUID, actor: str) -> None:
    left = [alert.incident_id] if alert.incident_id else []  # silenced, or below the threshold: it was in none
    try:
        *sources, target = service.get_for_change(session, *left, incident_id)
    except NotFound as error:
        raise Invalid({"incident_id": ["There is no such incident."]}) from error
    if target.merged_into is not None or target.status not in rules.OPEN:
        raise Conflict("Alerts can only be moved into an incident that is active or in progress.")
    for source in sources:
        membership.transfer(session, source.id, target.id, actor, [alert.id])
    if not sources:
        membership.adopt(session, alert.id, target.id, actor)
    default = settings_of(session.get_one(Organization, organization_of(session)).settings)["default_incident_severity"]
    for incident in (*sources, target):
        membership.relearn(session, incident, default)
    source_ids = [source.id for source in sources]
    why = {"step": "person", "from_incident_id": str(source_ids[0]) if source_ids else None}
    moved = {"alert_id": str(alert.id), "title": alert.title}
    for source in sources:
        timeline.note(session, source.id, "alert_left", actor, **moved, to_incident_id=str(target.id))
    timeline.note(session, target.id, "alert_joined", actor, **moved, why=why)
    audit.note(session, "alerts:update", alert.id, incident_ids=[str(each) for each in (*source_ids, target.id)])
    session.flush()
    following.follow(session, source_ids, timeline.moment(session))
    outbox.enqueue(session, "index", "incident", [*source_ids, target.id])
