"""What correlation would make of a stream of events: recomputed in memory by its own rules, nothing is stored."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from uuid import UUID

from hub.alerts import rules as alerts
from hub.alerts.change import Change
from hub.alerts.intake import Occurrence
from hub.alerts.rules import AlertState
from hub.contracts.event import State
from hub.incidents import correlation
from hub.incidents.batch import Batch
from hub.incidents.candidates import Candidate, Candidates
from hub.incidents.deciding import TOGETHER, Surroundings
from hub.incidents.rules import OPEN

_TOGETHER_AT_MOST = 200

EpisodeKey = tuple[UUID, int]  # (alert, number)


@dataclass(slots=True)
class Grouping:
    """Where every episode went; an incident is named by the episode that opened it, which no other can have done."""

    placed: dict[EpisodeKey, EpisodeKey | None] = field(default_factory=dict)
    titles: dict[EpisodeKey, str] = field(default_factory=dict)
    alerts: defaultdict[EpisodeKey, set[UUID]] = field(default_factory=lambda: defaultdict(set))


def changes_of(events: Iterable[tuple[UUID, Occurrence]]) -> list[list[Change]]:
    """What each delivery does to its alerts, in the order of the events; each with its alert's id.

    As it was heard then: when a reminder came later is forgotten, but for the expiry that it contradicts.
    """
    said: defaultdict[UUID, list[Occurrence]] = defaultdict(list)
    states: dict[UUID, AlertState] = {}
    return [
        [_heard(alert_id, told, said[alert_id], states) for alert_id, told in _by_alert(delivery).items()]
        for _, delivery in groupby(_as_heard(events), key=lambda each: each[1].delivery_id)
    ]


def group(deliveries: Sequence[Sequence[Change]], around: Surroundings) -> Grouping:
    """The incidents that come of it when each delivery is worked off before the next."""
    world = _World(around)
    for begin in range(0, len(deliveries), _TOGETHER_AT_MOST):
        world.hear(deliveries[begin : begin + _TOGETHER_AT_MOST])
    return world.grouping


def _as_heard(events: Iterable[tuple[UUID, Occurrence]]) -> Iterator[tuple[UUID, Occurrence]]:
    told = list(events)
    said: defaultdict[UUID, list[Occurrence]] = defaultdict(list)
    for alert_id, event in told:
        said[alert_id].append(event)
    standing = {each.arrival for history in said.values() for each in alerts.standing(history)}
    return ((alert_id, replace(each, seen_until=None)) for alert_id, each in told if each.arrival in standing)


def _by_alert(delivery: Iterable[tuple[UUID, Occurrence]]) -> dict[UUID, list[Occurrence]]:
    found: defaultdict[UUID, list[Occurrence]] = defaultdict(list)
    for alert_id, event in delivery:
        found[alert_id].append(event)
    return found


def _heard(alert_id: UUID, events: list[Occurrence], said: list[Occurrence], states: dict[UUID, AlertState]) -> Change:
    before = states.get(alert_id)
    said += events
    is_anew = before is None or any(alerts.needs_history(each, before) for each in events)
    after = states[alert_id] = alerts.fold(said if is_anew else events, None if is_anew else before)
    first = events[0]
    return Change(alert_id, first.integration_id, first.platform, first.dedup_key, after, before, None)


class _World:
    """Incidents as they stand, and which alerts are in them."""

    def __init__(self, around: Surroundings) -> None:
        self.grouping = Grouping()
        self._around = around
        self._incidents: dict[UUID, Candidate] = {}
        self._names: dict[UUID, EpisodeKey] = {}
        self._places: dict[UUID, UUID] = {}
        self._members: defaultdict[UUID, set[UUID]] = defaultdict(set)
        self._is_over: dict[UUID, bool] = {}

    def hear(self, deliveries: Sequence[Sequence[Change]]) -> None:
        """Some deliveries, one after the other; they choose among what was there before, and what they open."""
        alert_ids = {change.alert_id for delivery in deliveries for change in delivery}
        times = [episode.received_at for delivery in deliveries for each in delivery for episode in each.new_episodes]
        batch = Batch(Candidates(self._near(times, alert_ids)))
        for delivery in deliveries:
            self._place(batch, [replace(each, incident_id=self._places.get(each.alert_id)) for each in delivery])

    def _near(self, times: Collection[datetime], alert_ids: Collection[UUID]) -> list[Candidate]:
        """As correlation reads them: near in time, of the same alerts, or of a rule's key."""
        if not times:
            return []
        earliest, latest = min(times) - TOGETHER, max(times) + TOGETHER
        before = {self._places[alert_id] for alert_id in alert_ids if alert_id in self._places}
        found = [
            each
            for each in self._incidents.values()
            if each.incident_id in before
            or (each.status in OPEN and (each.correlation_key or earliest <= each.last_activity_at <= latest))
        ]
        return sorted(found, key=lambda each: (each.last_activity_at, each.incident_id))

    def _place(self, batch: Batch, changes: Sequence[Change]) -> None:
        found = correlation.sighted(changes, self._around)
        correlation.decide(batch, found, self._around)
        for change, row in zip([change for change, _, _ in found], batch.episodes[-len(found) :], strict=False):
            self._note(batch, change.alert_id, row["number"], row["incident_id"])
        for change in changes:
            self._is_over[change.alert_id] = change.state.status is State.RESOLVED
        if self._around.policy.auto_resolve:
            places = {self._places.get(change.alert_id) for change in changes} | {each.incident_id for each in changes}
            latest = max(change.heard_at for change in changes)
            self._resolve(places - {None}, latest, correlation.last_heard(changes, batch))

    def _note(self, batch: Batch, alert_id: UUID, number: int, incident_id: UUID | None) -> None:
        episode = (alert_id, number)
        if incident_id is None:
            self.grouping.placed[episode] = None
            return
        if incident_id not in self._incidents:
            self._incidents[incident_id] = batch.candidates[incident_id]
            self._names[incident_id] = episode
            self.grouping.titles[episode] = batch.opened[incident_id]["title"]
        name = self.grouping.placed[episode] = self._names[incident_id]
        self.grouping.alerts[name].add(alert_id)
        self._members[self._places.get(alert_id, incident_id)].discard(alert_id)
        self._members[incident_id].add(alert_id)
        self._places[alert_id] = incident_id

    def _resolve(
        self, incident_ids: Iterable[UUID | None], latest: datetime, heard_at: Mapping[UUID, datetime]
    ) -> None:
        for incident_id in incident_ids:
            candidate = self._incidents[incident_id] if incident_id else None
            members = self._members[incident_id] if incident_id else ()
            if candidate and candidate.status in OPEN and all(self._is_over[each] for each in members):
                candidate.status, candidate.resolved_at = "resolved", heard_at.get(candidate.incident_id, latest)
