"""Event: what one delivery says happened to one alert."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})


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
    of this occurrence; None makes it from dedup key, state and time, so a repeated reminder is one event.
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
