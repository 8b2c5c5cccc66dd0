"""What an alert tells correlation: its environment, its service, the words that carry its meaning."""

import re
from collections.abc import Mapping

from hub import names

_ENVIRONMENT_LABELS = ("environment", "env", "stage", "cluster")
_MOST_WORDS = 60
_SHORTEST_WORD = 3
_WORD = re.compile(r"[^\W\d_]+")

# words of every alert: they say nothing of what it is about
_COMMON = frozenset(
    {"above", "alert", "alerts", "and", "are", "been", "below", "critical", "error", "errors", "for", "from", "has"}
    | {"have", "high", "hours", "into", "its", "last", "low", "minutes", "more", "not", "over", "seconds", "than"}
    | {"that", "the", "this", "threshold", "under", "value", "warning", "was", "were", "with"}
)


def environment_of(labels: Mapping[str, str]) -> str:
    """The first of the usual labels; "" when none is set."""
    return next((labels[name] for name in _ENVIRONMENT_LABELS if labels.get(name)), "")


def words_of(title: str) -> frozenset[str]:
    """The title's words: names split, numbers and common words left out."""
    found = (word.lower() for word in _WORD.findall(names.split(title)))
    kept = [word for word in found if len(word) >= _SHORTEST_WORD and word not in _COMMON]
    return frozenset(kept[:_MOST_WORDS])
