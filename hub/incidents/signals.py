"""What an alert tells correlation: its environment, its service, the words that carry its meaning, its plain facts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from hub import names

_ENVIRONMENT_LABELS = ("environment", "env", "stage", "cluster")
_MOST_WORDS = 60
_SHORTEST_WORD = 3
_KNOWN_TITLES = 4_096
_WORD = re.compile(r"[^\W\d_]+")

# words of every alert: they say nothing of what it is about
_COMMON = frozenset(
    {"above", "alert", "alerts", "and", "are", "been", "below", "critical", "error", "errors", "for", "from", "has"}
    | {"have", "high", "hours", "into", "its", "last", "low", "minutes", "more", "not", "over", "seconds", "than"}
    | {"that", "the", "this", "threshold", "under", "value", "warning", "was", "were", "with"}
)


@dataclass(frozen=True, slots=True)
class Signal:
    """An episode of an alert that looks for its incident. `at` is when its delivery was received: the only clock.

    `facts` is what the matchers of rules and silences see of the alert.
    """

    alert_id: UUID
    at: datetime
    severity: str
    environment: str
    service: str
    words: frozenset[str]
    previous_incident_id: UUID | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def where_it_was(self, incident_id: UUID | None) -> "Signal":
        """The same signal of an alert whose episode before was in that incident."""
        return replace(self, previous_incident_id=incident_id)


def environment_of(labels: Mapping[str, str]) -> str:
    """The first of the usual labels; "" when none is set."""
    return next((labels[name] for name in _ENVIRONMENT_LABELS if labels.get(name)), "")


@lru_cache(maxsize=_KNOWN_TITLES)  # a storm repeats its titles
def words_of(title: str) -> frozenset[str]:
    """The title's words: names split, numbers and common words left out."""
    found = (word.lower() for word in _WORD.findall(names.split(title)))
    kept = [word for word in found if len(word) >= _SHORTEST_WORD and word not in _COMMON]
    return frozenset(kept[:_MOST_WORDS])
