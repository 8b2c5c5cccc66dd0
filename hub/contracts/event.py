"""Event: what one delivery says happened to one alert."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})
_MAX_KEY_CHARACTERS = 255  # keys are indexed: an index row of Postgres ends near 2,700 bytes


class State(StrEnum):
    """Where the sender says the alert stands."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """From the sender's word, never guessed from the state; `unknown` when there is none."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"
    UNKNOWN = "unknown"


# Words of free text, such as a label: these have one meaning wherever they are used, all others have none.
_SEVERITY_WORDS = {
    **dict.fromkeys(("critical", "crit", "page", "emergency", "emerg", "fatal", "disaster", "p1"), Severity.CRITICAL),
    **dict.fromkeys(("high", "error", "err", "major", "p2"), Severity.HIGH),
    **dict.fromkeys(("warning", "warn", "medium", "moderate", "p3"), Severity.MEDIUM),
    **dict.fromkeys(("low", "minor", "p4"), Severity.LOW),
    **dict.fromkeys(("info", "informational", "information", "notice", "debug", "p5"), Severity.INFO),
}


def severity_of(word: str) -> Severity:
    """What a word that people choose freely says, in any case; `unknown` for one without a clear meaning."""
    return _SEVERITY_WORDS.get(word.lower(), Severity.UNKNOWN)


_STATE_WORDS = {
    **dict.fromkeys(("firing", "open", "opened", "triggered", "trigger", "alerting", "active"), State.FIRING),
    **dict.fromkeys(("acknowledged", "acked", "ack"), State.ACKNOWLEDGED),
    **dict.fromkeys(("resolved", "resolve", "closed", "close", "recovered", "recovery", "cleared"), State.RESOLVED),
    **dict.fromkeys(("ok", "fixed", "inactive"), State.RESOLVED),
}


def state_of(word: str) -> State | None:
    """What a word that nobody has fixed says of an alert, in any case; None for one without a clear meaning."""
    return _STATE_WORDS.get(word.lower())


@dataclass(frozen=True, slots=True)
class Link:
    """A place to look next; `url` is absolute http or https."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One occurrence, normalised.

    `dedup_key` is equal for a firing and its resolve. `occurred_at` (aware UTC) is when the sender says this state
    began; None when it says nothing, and then the hub takes the time of arrival. `event_key` is the sender's own id
    of this occurrence; None makes it from dedup key, state and time, so a repeated reminder is one event. A key that
    is too long to be indexed is replaced by its fingerprint.
    """

    title: str
    state: State
    dedup_key: str
    description: str = ""
    severity: Severity = Severity.UNKNOWN
    raw_severity: str = ""
    no_data: bool = False
    service: str = ""
    resource: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    annotations: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    links: tuple[Link, ...] = ()
    occurred_at: datetime | None = None
    raw_kind: str = ""
    event_key: str | None = None

    def __post_init__(self) -> None:
        for name in ("dedup_key", "event_key"):
            key = getattr(self, name)
            if key is not None and len(key) > _MAX_KEY_CHARACTERS:
                object.__setattr__(self, name, fingerprint(key))


def fingerprint(*parts: str | Mapping[str, str]) -> str:
    """A stable id of the parts (32 hex digits) for a sender that has none; the order of a mapping does not count."""
    canonical = json.dumps([dict(part) if isinstance(part, Mapping) else part for part in parts], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
