"""How alerts find their incident, and which moves an incident allows; pure, so that a decision can be recomputed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from math import sqrt
from typing import Any
from uuid import UUID

RULES_VERSION = 1

SEVERITIES = ("low", "medium", "high", "critical")
OPEN = frozenset({"active", "in_progress"})

# api.md: active → in_progress → resolved → closed; active → resolved; resolved or closed → active
MOVES: Mapping[str, frozenset[str]] = {
    "active": frozenset({"in_progress", "resolved"}),
    "in_progress": frozenset({"resolved"}),
    "resolved": frozenset({"closed", "active"}),
    "closed": frozenset({"active"}),
}

TOGETHER = timedelta(minutes=5)
SIMILAR_ENOUGH = 0.6
_RANKS: Mapping[str, int] = {"info": -1} | {severity: rank for rank, severity in enumerate(SEVERITIES)}


@dataclass(frozen=True, slots=True)
class Policy:
    """An organization's settings, as far as correlation asks."""

    threshold: str = "low"
    default_severity: str = "medium"
    reopen_window: timedelta = timedelta(minutes=30)
    similar_enough: float = SIMILAR_ENOUGH


@dataclass(frozen=True, slots=True)
class Signal:
    """An episode of an alert that looks for its incident. `at` is when its delivery was received: the only clock."""

    alert_id: UUID
    at: datetime
    severity: str
    environment: str
    service: str
    words: frozenset[str]
    previous_incident_id: UUID | None = None


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

    def learn(self, signal: Signal) -> None:
        """The signal belongs here now."""
        self.last_activity_at = max(self.last_activity_at, signal.at)
        self.words |= signal.words
        self.environment = self.environment or signal.environment
        if signal.service:
            self.services.add(signal.service)


@dataclass(frozen=True, slots=True)
class Decision:
    """Why an episode is where it is: enough to recompute it."""

    step: str
    incident_id: UUID | None = None
    matched: Mapping[str, str] = field(default_factory=dict)
    seconds_apart: float | None = None
    similarity: float | None = None
    threshold: float | None = None
    runner_up: Mapping[str, Any] | None = None

    def as_record(self) -> dict[str, Any]:
        """The decision as it is stored, with the version of these rules; the incident stands beside it."""
        record = {name: value for name, value in asdict(self).items() if value is not None and name != "incident_id"}
        return {**record, "version": RULES_VERSION}


def match(signal: Signal, candidates: Iterable[Candidate], policy: Policy) -> Decision:
    """Where the signal belongs. Without an incident id, step "new" asks for a new one and "threshold" for none."""
    if _RANKS[signal.severity] < _RANKS[policy.threshold]:
        return Decision("threshold", matched={"severity": signal.severity, "incident_threshold": policy.threshold})
    near = list(candidates)
    return (
        _reopen(signal, near, policy)
        or _by_topology(signal, near)
        or _by_meaning(signal, near, policy)
        or Decision("new")
    )


def effective_severity(severity: str, policy: Policy) -> str:
    """An incident takes the organization's default for an alert that names no severity."""
    return policy.default_severity if severity == "unknown" else severity


def highest(severities: Iterable[str]) -> str:
    """The gravest; info counts as low, because incidents know no info."""
    return SEVERITIES[max((max(_RANKS[severity], 0) for severity in severities), default=0)]


def _reopen(signal: Signal, candidates: list[Candidate], policy: Policy) -> Decision | None:
    for candidate in candidates:
        if candidate.incident_id != signal.previous_incident_id:
            continue
        if candidate.status in OPEN:
            return Decision("same_alert", candidate.incident_id, {"alert": "fired again while its incident is open"})
        if candidate.resolved_at and signal.at - candidate.resolved_at <= policy.reopen_window:
            seconds = (signal.at - candidate.resolved_at).total_seconds()
            return Decision("reopen", candidate.incident_id, {"alert": "fired again"}, seconds)
    return None


def _is_near(signal: Signal, candidate: Candidate) -> bool:
    known_apart = signal.environment and candidate.environment and signal.environment != candidate.environment
    is_recent = abs(signal.at - candidate.last_activity_at) <= TOGETHER
    return candidate.status in OPEN and is_recent and not known_apart


def _by_topology(signal: Signal, candidates: list[Candidate]) -> Decision | None:
    fitting = [c for c in candidates if signal.service and signal.service in c.services and _is_near(signal, c)]
    if not fitting:
        return None
    latest = max(fitting, key=lambda candidate: (candidate.last_activity_at, candidate.incident_id))
    seconds = abs(signal.at - latest.last_activity_at).total_seconds()
    return Decision("topology", latest.incident_id, {"service": signal.service}, seconds)


def _by_meaning(signal: Signal, candidates: list[Candidate], policy: Policy) -> Decision | None:
    scored = sorted(
        ((similarity(signal.words, c.words), c.incident_id, c) for c in candidates if _is_near(signal, c)),
        key=lambda scored: scored[:2],
        reverse=True,
    )
    if not scored or scored[0][0] < policy.similar_enough:
        return None
    score, incident_id, best = scored[0]
    runner_up = {"incident_id": str(scored[1][1]), "similarity": round(scored[1][0], 3)} if len(scored) > 1 else None
    return Decision(
        "meaning",
        incident_id,
        {"words": " ".join(sorted(signal.words & best.words))},
        abs(signal.at - best.last_activity_at).total_seconds(),
        round(score, 3),
        policy.similar_enough,
        runner_up,
    )


def similarity(one: Iterable[str], other: Iterable[str]) -> float:
    """The cosine of two sets of words: shared words over the geometric mean of the sizes; 0 for an empty set."""
    first, second = set(one), set(other)
    if not first or not second:
        return 0.0
    return len(first & second) / sqrt(len(first) * len(second))
