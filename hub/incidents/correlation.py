"""Correlation: every new episode finds its incident, and incidents follow their alerts; a few statements per batch."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from hub import outbox
from hub.alerts import matching
from hub.alerts.change import Change
from hub.alerts.rules import Episode
from hub.incidents import context, following, rules, signals, writing
from hub.incidents.batch import Batch
from hub.incidents.candidates import Candidates
from hub.incidents.deciding import Surroundings
from hub.incidents.signals import Signal

Sighting = tuple[Change, Episode, Signal]


def place(session: Session, changes: Sequence[Change]) -> Batch:
    """Decides about every new episode, and opens the incidents that the alerts are then stored with.

    The caller holds the organization's turn, and settles when the alerts are stored; the clock is when the deliveries
    were received.
    """
    news = [*_in_order(changes), *_staying(changes)]
    if not news:
        return Batch(Candidates())
    services = {episode.content["service"] for _, episode in news} - {""}
    around = context.surroundings(session, services, min(episode.received_at for _, episode in news))
    found = sighted(changes, around)
    staying = [(change, _signal(change, episode, around)) for change, episode in _staying(changes)]
    batch = _batch(session, found, staying, around)
    for change, signal in staying:
        if change.is_revived:
            batch.revive(change, signal.at)
    decide(batch, found, around)
    for change, signal in staying:
        batch.grade(change, rules.route(signal, around.rules))
    writing.open_incidents(session, batch)
    return batch


def settle(session: Session, changes: Sequence[Change], batch: Batch, left: Collection[UUID] = ()) -> frozenset[UUID]:
    """Stores what was decided, and moves incidents along with their alerts, which are stored by now.

    `left` are incidents that have lost alerts. Gives the incidents it touched.
    """
    writing.write(session, batch)
    writing.move_episodes(session, changes)
    writing.mark_flapping(session, changes)
    writing.recount(session, {*left, *(each.incident_id for each in changes if each.incident_id and each.has_lost)})
    moved = {each.incident_id for each in changes if each.incident_id and _is_felt(each, batch)}.union(left)
    touched = moved.union(batch.joined)
    if changes:
        # most often all that join begin to fire, and what they join cannot be over
        over = touched if any(each.has_resolved for each in changes) else moved
        latest = max(change.state.last_seen_at for change in changes)
        following.follow(session, over, latest, last_heard(changes, batch))
    outbox.enqueue(session, "index", "incident", sorted(touched))
    return frozenset(touched)


def correlate(session: Session, changes: Sequence[Change]) -> frozenset[UUID]:
    """Places and settles alerts that are stored already. The incidents it touched."""
    batch = place(session, changes)
    writing.point(session, batch)
    return settle(session, changes, batch)


def decide(batch: Batch, found: Sequence[Sighting], around: Surroundings) -> None:
    """Decides about one episode after the other; the batch has what comes of it. Pure: nothing is read or stored."""
    for change, episode, first_sight in found:
        signal = first_sight.where_it_was(batch.places.get(change.alert_id, change.incident_id))
        decision = rules.match(signal, batch.candidates, around)
        routed = rules.route(signal, around.rules)
        batch.place(change, episode, routed, decision, rules.assignee_of(routed, around.rules))


def sighted(changes: Sequence[Change], around: Surroundings) -> list[Sighting]:
    """The new episodes of these alerts in the order in which they are decided about, each with its signal."""
    return [(change, episode, _signal(change, episode, around)) for change, episode in _in_order(changes)]


def _in_order(changes: Sequence[Change]) -> list[tuple[Change, Episode]]:
    """As they arrived: the changes stand in the order of their first event, which decides between equal times."""
    found = [(change, episode) for change in changes for episode in _undecided(change)]
    return sorted(found, key=lambda pair: pair[1].received_at)


def _undecided(change: Change) -> tuple[Episode, ...]:
    """New episodes, and one that no incident has and that is graver now: it may have been below the threshold."""
    if change.has_other_severity and change.incident_id is None:
        return (change.current_episode,)
    return change.new_episodes


def _staying(changes: Sequence[Change]) -> list[tuple[Change, Episode]]:
    """Alerts that stay in their incidents, which hear of another severity, or that they fire still."""
    felt = (each for each in changes if each.has_other_severity or each.is_revived)
    return [(each, each.current_episode) for each in felt if each.incident_id]


def _is_felt(change: Change, batch: Batch) -> bool:
    """Whether the incident that the alert was in must look at itself again: people see it, or it is elsewhere now."""
    return change.is_news or batch.places.get(change.alert_id, change.incident_id) != change.incident_id


def last_heard(changes: Sequence[Change], batch: Batch) -> dict[UUID, datetime]:
    """When each incident last heard of one of its alerts; a batch may hold hours of a history that is replayed."""
    found: dict[UUID, datetime] = {}
    for change in changes:
        incident_id = batch.places.get(change.alert_id, change.incident_id)
        if incident_id is not None:
            found[incident_id] = max(change.heard_at, found.get(incident_id, change.heard_at))
    return found


def _batch(
    session: Session, found: Sequence[Sighting], staying: Sequence[tuple[Change, Signal]], around: Surroundings
) -> Batch:
    said = [(change, rules.route(signal, around.rules)) for change, _, signal in found]
    times = [signal.at for _, signal in (*said, *staying)]
    before = {change.incident_id for change, _ in (*said, *staying) if change.incident_id}
    keys = {rule.key_of(s) for _, s in said if (rule := rules.deciding(s, around.rules)) and rule.action == "group"}
    services = {signal.service for _, signal in said} - {""}
    reach = services.union(*(around.neighbours.get(service, frozenset()) for service in services))
    return Batch(
        context.candidates(session, earliest=min(times), latest=max(times), services=reach, before=before, keys=keys)
    )


def _signal(change: Change, episode: Episode, around: Surroundings) -> Signal:
    content = episode.content
    severity = rules.effective_severity(episode.severity, around.policy)
    facts = matching.facts_of(
        content,
        severity=severity,
        platform=change.platform,
        integration_id=change.integration_id,
        dedup_key=change.dedup_key,
    )
    return Signal(
        alert_id=change.alert_id,
        at=episode.received_at,
        severity=severity,
        environment=signals.environment_of(content["labels"]),
        service=content["service"],
        words=signals.words_of(content["title"]),
        facts=facts,
    )
