"""Correlation: every new episode finds its incident, and incidents follow their alerts; a few statements per batch."""

from collections.abc import Collection, Sequence
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
    news = _in_order(changes)
    if not news:
        return Batch(Candidates())
    services = {change.state.content["service"] for change, _ in news} - {""}
    around = context.surroundings(session, services, min(episode.received_at for _, episode in news))
    found = sighted(changes, around)
    batch = _batch(session, found, around)
    decide(batch, found, around)
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
    moved = {each.incident_id for each in changes if each.incident_id and each.is_news}.union(left)
    touched = moved.union(batch.joined)
    if changes:
        # most often all that join begin to fire, and what they join cannot be over
        over = touched if any(each.has_resolved for each in changes) else moved
        following.follow(session, over, max(change.state.last_seen_at for change in changes))
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
        batch.place(change, episode, signal, decision, rules.assignee_of(signal, around.rules))


def sighted(changes: Sequence[Change], around: Surroundings) -> list[Sighting]:
    """The new episodes of these alerts in the order in which they are decided about, each with its signal."""
    return [(change, episode, _signal(change, episode, around)) for change, episode in _in_order(changes)]


def _in_order(changes: Sequence[Change]) -> list[tuple[Change, Episode]]:
    found = [(change, episode) for change in changes for episode in change.new_episodes]
    return sorted(found, key=lambda pair: (pair[1].received_at, pair[1].started_at, pair[0].alert_id))


def _batch(session: Session, found: Sequence[Sighting], around: Surroundings) -> Batch:
    times = [signal.at for _, _, signal in found]
    before = {change.incident_id for change, _, _ in found if change.incident_id}
    keys = {rule.key_of(s) for _, _, s in found if (rule := rules.deciding(s, around.rules)) and rule.action == "group"}
    services = {signal.service for _, _, signal in found} - {""}
    reach = services.union(*(around.neighbours.get(service, frozenset()) for service in services))
    return Batch(
        context.candidates(session, earliest=min(times), latest=max(times), services=reach, before=before, keys=keys)
    )


def _signal(change: Change, episode: Episode, around: Surroundings) -> Signal:
    content = change.state.content
    severity = rules.effective_severity(change.state.severity, around.policy)
    facts = matching.facts_of(
        content,
        severity=severity,
        platform=change.platform,
        integration_id=change.integration_id,
        dedup_key=change.dedup_key,
    )
    signal = Signal(
        alert_id=change.alert_id,
        at=episode.received_at,
        severity=severity,
        environment=signals.environment_of(content["labels"]),
        service=content["service"],
        words=signals.words_of(content["title"]),
        facts=facts,
    )
    return rules.route(signal, around.rules)
