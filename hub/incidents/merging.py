"""Merging incidents that are one, splitting one that is several, and undoing a merge; each in one transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from hub import outbox
from hub.accounts.audit import service as audit
from hub.accounts.models import Organization
from hub.accounts.rules import settings_of
from hub.alerts import marking
from hub.alerts import service as alerts
from hub.contracts.errors import Conflict, Invalid, NotFound
from hub.database import new_id, now, organization_of
from hub.incidents import following, membership, rules, service, timeline
from hub.incidents.models import Incident

_RESTORED = ("resolved_at", "closed_at")
_ONE = {"page": 1, "limit": 1}


def merge(session: Session, incident_id: UUID, into: UUID, actor: str) -> Incident:
    """Moves all alerts into the other incident and closes this one; the other one. Raises Conflict or Invalid."""
    if incident_id == into:
        raise Invalid({"into": ["An incident cannot be merged into itself."]})
    marking.wait_for_turn(session)
    service.get(session, incident_id)
    try:
        source, target = service.get_for_change(session, incident_id, into)
    except NotFound as error:
        raise Invalid({"into": ["There is no such incident."]}) from error
    _check_merge(source, target)
    moved = membership.transfer(session, source.id, target.id, actor)
    source.before_merge = {"status": source.status} | {
        name: at.isoformat() if (at := getattr(source, name)) else None for name in _RESTORED
    }
    source.status, source.merged_into = "closed", target.id
    source.closed_at = timeline.moment(session)
    source.resolved_at = source.resolved_at or source.closed_at
    _lend_key(session, source, target)
    _relearn(session, [source, target])
    timeline.note(session, source.id, "merged_into", actor, incident_id=str(target.id), title=target.title)
    timeline.note(
        session, target.id, "merged", actor, incident_id=str(source.id), title=source.title, alert_count=len(moved)
    )
    audit.note(session, "incidents:merge", source.id, into_incident_id=str(target.id), alert_count=len(moved))
    return _done(session, target, [source, target])


def split(session: Session, incident_id: UUID, actor: str, alert_ids: Collection[UUID], title: str | None) -> Incident:
    """Moves some alerts into a new incident; for a merged incident, without alerts, undoes the merge.

    The new incident, or the one that is there again. Raises NotFound, Conflict or Invalid.
    """
    marking.wait_for_turn(session)
    (source,) = service.get_for_change(session, incident_id)
    if source.merged_into is not None and not alert_ids:
        return _undo_merge(session, source, source.merged_into, actor)
    if not alert_ids:
        raise Invalid({"alert_ids": ["Say which alerts leave; only a merged incident is split without."]})
    return _split_off(session, source, actor, alert_ids, title)


def _lend_key(session: Session, source: Incident, target: Incident) -> None:
    """What a `group` rule would have put into the source, open until now, belongs into the target from now on."""
    before = source.before_merge or {}
    if before.get("status") in rules.OPEN and source.correlation_key and not target.correlation_key:
        source.before_merge = {**before, "lent_key": True}
        session.flush()  # two open incidents never have the same key, not even on the way
        target.correlation_key = source.correlation_key


def _check_merge(source: Incident, target: Incident) -> None:
    for incident, which in ((source, "This incident"), (target, "The other incident")):
        if incident.merged_into is not None:
            raise Conflict(f"{which} was merged into another one already; split it first.")
    if source.status in rules.OPEN and target.status not in rules.OPEN:
        raise Conflict(f"The other incident is {target.status}: reopen it, or merge it into this one.")


def _split_off(
    session: Session, source: Incident, actor: str, alert_ids: Collection[UUID], title: str | None
) -> Incident:
    new = _new_beside(session, source, title)
    moved = _move_some(session, source, new, actor, alert_ids)
    if not title:
        new.title = alerts.get(session, moved[0]).title[:300]
    _relearn(session, [source, new])
    _note_split(session, source, new, actor, len(moved))
    if not _is_any_firing(session, new.id):
        service.move(session, new, "resolved", actor)
    session.flush()
    following.follow(session, [source.id], timeline.moment(session))
    return _done(session, new, [source, new])


def _new_beside(session: Session, source: Incident, title: str | None) -> Incident:
    new = Incident(
        organization_id=organization_of(session),
        id=new_id(),
        title=title or source.title,
        severity=source.severity,
        source_integration_id=source.source_integration_id,
        created_at=now(session),
    )
    session.add(new)
    session.flush()
    return new


def _move_some(
    session: Session, source: Incident, new: Incident, actor: str, alert_ids: Collection[UUID]
) -> Sequence[UUID]:
    """Some of the source's alerts, never all. Raises Invalid."""
    moved = membership.transfer(session, source.id, new.id, actor, alert_ids)
    if missing := len(set(alert_ids)) - len(moved):
        raise Invalid({"alert_ids": [f"{missing} of them are not in this incident."]})
    if not membership.alerts_of(session, source.id, _ONE).total:
        raise Invalid({"alert_ids": ["These are all its alerts: leave one at least, or change its title."]})
    return moved


def _note_split(session: Session, source: Incident, new: Incident, actor: str, alert_count: int) -> None:
    told = {"title": new.title, "alert_count": alert_count}
    timeline.note(session, source.id, "split", actor, incident_id=str(new.id), **told)
    timeline.note(session, new.id, "opened", actor, from_incident_id=str(source.id), **told)
    audit.note(session, "incidents:split", source.id, into_incident_id=str(new.id), alert_count=alert_count)


def _undo_merge(session: Session, source: Incident, merged_into: UUID, actor: str) -> Incident:
    (target,) = service.get_for_change(session, merged_into)
    if target.merged_into is not None:
        raise Conflict("The incident it was merged into has itself been merged since; split that one first.")
    moved = membership.take_back(session, source.id, target.id)
    before = source.before_merge or {"status": "active"}
    source.merged_into = source.before_merge = None
    if before.get("lent_key"):
        target.correlation_key = None
        session.flush()
    source.status = before["status"]
    if source.status in rules.OPEN:
        service.reopen(session, source)
    for name in _RESTORED:
        setattr(source, name, datetime.fromisoformat(before[name]) if before.get(name) else None)
    _relearn(session, [source, target])
    timeline.note(session, source.id, "merge_undone", actor, incident_id=str(target.id), alert_count=len(moved))
    timeline.note(session, target.id, "merge_undone", actor, incident_id=str(source.id), alert_count=len(moved))
    audit.note(session, "incidents:split", source.id, out_of_incident_id=str(target.id), alert_count=len(moved))
    session.flush()
    following.follow(session, [source.id, target.id], timeline.moment(session))
    return _done(session, source, [source, target])


def _relearn(session: Session, incidents: Sequence[Incident]) -> None:
    settings = settings_of(session.get_one(Organization, organization_of(session)).settings)
    for incident in incidents:
        membership.relearn(session, incident, settings["default_incident_severity"])


def _is_any_firing(session: Session, incident_id: UUID) -> bool:
    firing = {**_ONE, "status": ["firing", "acknowledged"]}
    return membership.alerts_of(session, incident_id, firing).total > 0


def _done(session: Session, shown: Incident, touched: Sequence[Incident]) -> Incident:
    session.flush()
    session.refresh(shown)
    outbox.enqueue(session, "index", "incident", [incident.id for incident in touched])
    return shown
