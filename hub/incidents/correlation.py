"""Correlation: every new episode finds its incident, and incidents follow their alerts; a few statements per batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Session

from hub import bulk, outbox
from hub.accounts.models import Organization
from hub.accounts.rules import settings_of
from hub.alerts.models import Alert
from hub.alerts.rules import Change, Episode
from hub.database import new_id, organization_of
from hub.incidents import rules, signals
from hub.incidents.models import AlertEpisode, Incident, TimelineEntry
from hub.incidents.rules import Candidate, Decision, Policy, Signal

_HUB = "hub"
_MOST_CANDIDATES = 200


@dataclass(slots=True)
class _Batch:
    """What a batch does to incidents, gathered to be written at once."""

    organization_id: UUID
    policy: Policy
    candidates: dict[UUID, Candidate]
    opened: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    reopened: set[UUID] = field(default_factory=set)
    joined: dict[UUID, list[str]] = field(default_factory=dict)
    episodes: list[dict[str, Any]] = field(default_factory=list)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    places: dict[UUID, UUID] = field(default_factory=dict)


def correlate(session: Session, changes: Sequence[Change]) -> frozenset[UUID]:
    """Places every new episode, and moves incidents along with their alerts. The incidents it touched.

    The caller holds the organization's turn; the clock is when the deliveries were received.
    """
    if not changes:
        return frozenset()
    batch = _begin(session, changes)
    for change, episode in _in_order(changes):
        _place(batch, change, episode)
    _write(session, batch)
    _end_episodes(session, changes)
    moved = {change.incident_id for change in changes if change.incident_id} | set(batch.joined)
    _follow_alerts(session, batch, moved, max(change.state.last_seen_at for change in changes))
    outbox.enqueue(session, "index", "incident", list(moved))
    return frozenset(moved)


def _in_order(changes: Sequence[Change]) -> list[tuple[Change, Episode]]:
    found = [(change, episode) for change in changes for episode in change.new_episodes]
    return sorted(found, key=lambda pair: (pair[1].received_at, pair[1].started_at, pair[0].alert_id))


def _begin(session: Session, changes: Sequence[Change]) -> _Batch:
    organization_id = organization_of(session)
    settings = settings_of(session.get_one(Organization, organization_id).settings)
    policy = Policy(
        threshold=settings["incident_threshold"],
        default_severity=settings["default_incident_severity"],
    )
    return _Batch(organization_id, policy, _candidates(session, changes))


def _candidates(session: Session, changes: Sequence[Change]) -> dict[UUID, Candidate]:
    """Open incidents with recent activity, and those where these alerts were before."""
    earliest = min((episode.received_at for _, episode in _in_order(changes)), default=None)
    if earliest is None:
        return {}
    before = [change.incident_id for change in changes if change.incident_id and change.new_episodes]
    recent = Incident.status.in_(rules.OPEN) & (Incident.last_activity_at >= earliest - rules.TOGETHER)
    wanted = or_(recent, Incident.id.in_(before)) if before else recent
    found = session.scalars(
        select(Incident)
        .where(Incident.organization_id == organization_of(session), wanted)
        .order_by(Incident.last_activity_at.desc())
        .limit(_MOST_CANDIDATES + len(before))
    )
    return {incident.id: _candidate(incident) for incident in found}


def _candidate(incident: Incident) -> Candidate:
    return Candidate(
        incident_id=incident.id,
        status=incident.status,
        environment=incident.environment,
        services=set(incident.services),
        words=set(incident.words),
        last_activity_at=incident.last_activity_at,
        resolved_at=incident.resolved_at,
    )


def _place(batch: _Batch, change: Change, episode: Episode) -> None:
    content = change.state.content
    severity = rules.effective_severity(change.state.severity, batch.policy)
    signal = Signal(
        alert_id=change.alert_id,
        at=episode.received_at,
        severity=severity,
        environment=signals.environment_of(content["labels"]),
        service=content["service"],
        words=signals.words_of(content["title"]),
        previous_incident_id=batch.places.get(change.alert_id, change.incident_id),
    )
    decision = rules.match(signal, batch.candidates.values(), batch.policy)
    incident_id = _open(batch, change, signal) if decision.step == "new" else decision.incident_id
    if incident_id is not None:
        _join(batch, incident_id, signal, decision, content["title"])
    batch.episodes.append(
        {
            "organization_id": batch.organization_id,
            "alert_id": change.alert_id,
            "number": episode.number,
            "started_at": episode.started_at,
            "resolved_at": episode.resolved_at,
            "incident_id": incident_id,
            "decision": decision.as_record(),
            "correlated_at": episode.received_at,
        }
    )


def _open(batch: _Batch, change: Change, signal: Signal) -> UUID:
    content = change.state.content
    incident_id = new_id()
    batch.opened[incident_id] = {
        "organization_id": batch.organization_id,
        "id": incident_id,
        "title": content["title"][:300],
        "description": content["description"],
        "severity": rules.highest([signal.severity]),
        "status": "active",
        "links": content["links"],
        "source_integration_id": change.integration_id,
        "created_at": signal.at,
    }
    batch.candidates[incident_id] = Candidate(incident_id, "active", signal.environment, set(), set(), signal.at)
    _note(batch, incident_id, "opened", signal.at, {"title": content["title"]})
    return incident_id


def _join(batch: _Batch, incident_id: UUID, signal: Signal, decision: Decision, title: str) -> None:
    candidate = batch.candidates[incident_id]
    if candidate.status not in rules.OPEN:
        candidate.status, candidate.resolved_at = "active", None
        batch.reopened.add(incident_id)
        _note(batch, incident_id, "reopened", signal.at, {"because": "an alert of it fired again"})
    candidate.learn(signal)
    batch.joined.setdefault(incident_id, []).append(signal.severity)
    batch.places[signal.alert_id] = incident_id
    data = {"alert_id": str(signal.alert_id), "title": title, "why": decision.as_record()}
    _note(batch, incident_id, "alert_joined", signal.at, data)


def _note(batch: _Batch, incident_id: UUID, kind: str, at: datetime, data: dict[str, Any]) -> None:
    batch.timeline.append(
        {
            "organization_id": batch.organization_id,
            "id": new_id(),
            "incident_id": incident_id,
            "kind": kind,
            "actor": _HUB,
            "data": data,
            "at": at,
        }
    )


def _write(session: Session, batch: _Batch) -> None:
    bulk.insert(session, Incident, list(batch.opened.values()))
    bulk.insert(session, AlertEpisode, batch.episodes)
    placed = [
        {"organization_id": batch.organization_id, "id": alert_id, "incident_id": incident_id}
        for alert_id, incident_id in batch.places.items()
    ]
    bulk.update(session, Alert, placed, key=("organization_id", "id"))
    _write_joined(session, batch)
    bulk.insert(session, TimelineEntry, batch.timeline)


def _write_joined(session: Session, batch: _Batch) -> None:
    if not batch.joined:
        return
    rows = [
        {
            "id": incident_id,
            "severity": rules.highest(severities),
            "reopened": incident_id in batch.reopened,
            "environment": batch.candidates[incident_id].environment,
            "services": sorted(batch.candidates[incident_id].services),
            "words": sorted(batch.candidates[incident_id].words),
            "last_activity_at": batch.candidates[incident_id].last_activity_at,
        }
        for incident_id, severities in batch.joined.items()
    ]
    session.execute(
        text(
            "UPDATE incidents i SET"
            " severity = CASE WHEN i.severity_pinned OR array_position(:order, i.severity) >="
            "   array_position(:order, r.severity) THEN i.severity ELSE r.severity END,"
            " status = CASE WHEN r.reopened THEN 'active' ELSE i.status END,"
            " resolved_at = CASE WHEN r.reopened THEN NULL ELSE i.resolved_at END,"
            " closed_at = CASE WHEN r.reopened THEN NULL ELSE i.closed_at END,"
            " environment = r.environment, services = r.services, words = r.words,"
            " service = CASE WHEN i.service = '' THEN coalesce(r.services[1], '') ELSE i.service END,"
            " last_activity_at = r.last_activity_at, updated_at = r.last_activity_at,"
            " alert_count = (SELECT count(DISTINCT e.alert_id) FROM episodes e"
            "   WHERE e.organization_id = i.organization_id AND e.incident_id = i.id)"
            " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid, severity text, reopened boolean,"
            "   environment text, services text[], words text[], last_activity_at timestamptz)"
            " WHERE i.organization_id = :organization_id AND i.id = r.id"
        ),
        {"rows": bulk.as_json(rows), "organization_id": batch.organization_id, "order": list(rules.SEVERITIES)},
    )


def _end_episodes(session: Session, changes: Sequence[Change]) -> None:
    """Episodes that were correlated before and have ended (or moved in time) since."""
    rows = [
        {
            "organization_id": organization_of(session),
            "alert_id": change.alert_id,
            "number": episode.number,
            "resolved_at": episode.resolved_at,
        }
        for change in changes
        for episode in change.state.episodes
        if episode not in change.new_episodes
    ]
    bulk.update(session, AlertEpisode, rows, key=("organization_id", "alert_id", "number"))


def _follow_alerts(session: Session, batch: _Batch, incident_ids: set[UUID], at: datetime) -> None:
    """Resolves the open incidents whose last alert has resolved; one that a person works on only takes a note."""
    if not incident_ids:
        return
    still_firing = (
        select(func.count())
        .where(
            Alert.organization_id == Incident.organization_id,
            Alert.incident_id == Incident.id,
            Alert.status != "resolved",
        )
        .scalar_subquery()
    )
    over = session.execute(
        select(Incident.id, Incident.status).where(
            Incident.organization_id == batch.organization_id,
            Incident.id.in_(incident_ids),
            Incident.status.in_(rules.OPEN),
            Incident.alert_count > 0,
            still_firing == 0,
        )
    ).all()
    resolved = [row.id for row in over if row.status == "active"]
    if resolved:
        session.execute(
            update(Incident)
            .where(Incident.organization_id == batch.organization_id, Incident.id.in_(resolved))
            .values(status="resolved", resolved_at=at, updated_at=at)
        )
    batch.timeline = []
    for row in over:
        kind = "resolved" if row.status == "active" else "alerts_resolved"
        _note(batch, row.id, kind, at, {"because": "all alerts are resolved"})
    bulk.insert(session, TimelineEntry, batch.timeline)
