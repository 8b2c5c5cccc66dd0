"""Incidents that a signal may join, found by key, service and word without looking at all of them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.incidents.signals import Signal

OPEN = frozenset({"active", "in_progress"})


@dataclass(slots=True)
class Candidate:
    """An incident that a signal may join; it learns from each that does."""

    incident_id: UUID
    status: str
    environment: str
    services: set[str]
    words: set[str]
    last_activity_at: datetime
    resolved_at: datetime | None = None
    correlation_key: str | None = None
    opened_at: datetime | None = None
    alert_count: int = 0

    @property
    def is_open(self) -> bool:
        """Whether somebody may still have to do something about it."""
        return self.status in OPEN

    @property
    def seconds_open(self) -> float:
        """From its opening to its last activity."""
        return (self.last_activity_at - (self.opened_at or self.last_activity_at)).total_seconds()

    def seconds_from(self, signal: Signal) -> float:
        """How long before or after the incident's last activity the signal came."""
        return abs((signal.at - self.last_activity_at).total_seconds())


class Candidates:
    """The candidates of one batch, with an inverted index that follows what they learn."""

    def __init__(self, found: Iterable[Candidate] = ()) -> None:
        self._by_id: dict[UUID, Candidate] = {}
        self._by_service: defaultdict[str, dict[UUID, None]] = defaultdict(dict)
        self._by_word: defaultdict[str, dict[UUID, None]] = defaultdict(dict)
        self._by_key: dict[str, UUID] = {}
        for candidate in found:
            self.add(candidate)

    def add(self, candidate: Candidate) -> None:
        """Another incident to choose from. An open one has its key for itself: who held it open gives it up."""
        self._by_id[candidate.incident_id] = candidate
        if candidate.correlation_key and candidate.is_open:
            if holder := self.of_key(candidate.correlation_key):
                holder.correlation_key = None
            self._by_key[candidate.correlation_key] = candidate.incident_id
        self._index(candidate.incident_id, candidate.services, candidate.words)

    def reopen(self, candidate: Candidate) -> None:
        """Its alerts fire again; its key stays with whoever has taken its place meanwhile."""
        if candidate.correlation_key and self.of_key(candidate.correlation_key):
            candidate.correlation_key = None
        elif candidate.correlation_key:
            self._by_key[candidate.correlation_key] = candidate.incident_id
        candidate.status, candidate.resolved_at = "active", None

    def learn(self, candidate: Candidate, signal: Signal) -> None:
        """The signal belongs to the candidate now."""
        candidate.last_activity_at = max(candidate.last_activity_at, signal.at)
        candidate.alert_count += 1
        candidate.environment = candidate.environment or signal.environment
        candidate.words |= signal.words
        services = {signal.service} - {""}
        candidate.services |= services
        self._index(candidate.incident_id, services, signal.words)

    def __getitem__(self, incident_id: UUID) -> Candidate:
        return self._by_id[incident_id]

    def find(self, incident_id: UUID | None) -> Candidate | None:
        """The incident with this id, if it is one of the candidates."""
        return self._by_id.get(incident_id) if incident_id else None

    def of_key(self, key: str) -> Candidate | None:
        """The open incident of a `group` rule's values; it may have been resolved since it was added."""
        found = self.find(self._by_key.get(key))
        return found if found and found.is_open else None

    def of_services(self, services: Iterable[str]) -> Iterator[Candidate]:
        """Those that any of the services has touched."""
        found = dict.fromkeys(incident_id for service in services for incident_id in self._by_service.get(service, ()))
        return (self._by_id[incident_id] for incident_id in found)

    def sharing(self, words: Iterable[str]) -> Iterator[tuple[Candidate, int]]:
        """Those that share a word, with how many they share."""
        shared = Counter(incident_id for word in words for incident_id in self._by_word.get(word, ()))
        return ((self._by_id[incident_id], count) for incident_id, count in shared.items())

    def spread_over(self, service_count: int) -> Iterator[Candidate]:
        """Those that have touched so many services."""
        return (each for each in self._by_id.values() if len(each.services) >= service_count)

    def _index(self, incident_id: UUID, services: Iterable[str], words: Iterable[str]) -> None:
        for service in services:
            self._by_service[service][incident_id] = None
        for word in words:
            self._by_word[word][incident_id] = None
