"""What an alert is matched by: its fields and labels against values and RE2 patterns, which cannot run away."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import re2

FIELDS = (
    "title",
    "description",
    "service",
    "resource",
    "severity",
    "raw_severity",
    "platform",
    "integration_id",
    "dedup_key",
)
LABEL = "labels."
LONGEST_NAME = 200
LONGEST_VALUE = 500

_PATTERN_BYTES = 1 << 20  # of RE2's program: a repetition of repetitions is refused, not compiled for minutes

Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a field, or on the label `labels.<name>`: any of the values, or a pattern over the whole text.

    A label that the alert lacks counts as the empty text.
    """

    name: str
    values: tuple[str, ...]
    is_regex: bool = False
    is_equal: bool = True

    def fits(self, facts: Facts) -> bool:
        """Whether the alert with these facts meets the condition."""
        found = facts.get(self.name, "")
        is_met = _is_like(self.values, found) if self.is_regex else found in self.values
        return is_met is self.is_equal


def facts_of(
    content: Mapping[str, Any], *, severity: str, platform: str, integration_id: UUID, dedup_key: str
) -> Facts:
    """What matchers see of an alert; `content` has title, description, service, resource, raw_severity, labels."""
    texts = {name: str(content[name]) for name in FIELDS if name in content}
    labels = {f"{LABEL}{name}": str(value) for name, value in content["labels"].items()}
    own = {"severity": severity, "platform": platform, "integration_id": f"int_{integration_id.hex}"}
    return {**texts, **own, "dedup_key": dedup_key, **labels}


def fit_all(matchers: Iterable[Matcher], facts: Facts) -> bool:
    """Whether every condition is met; without any, always."""
    return all(matcher.fits(facts) for matcher in matchers)


def matchers_of(match: Mapping[str, Any]) -> tuple[Matcher, ...]:
    """The `match` of a rule, name → value, list of values, or {"regex": pattern}, as conditions."""
    return tuple(_matcher(name, wanted) for name, wanted in match.items())


def problem_of(name: str) -> str | None:
    """Why the name names nothing of an alert; None when it does."""
    if name in FIELDS or (name.startswith(LABEL) and name != LABEL):
        return None
    return f"Unknown; give labels.<name> or one of: {', '.join(FIELDS)}."


def problem_of_pattern(pattern: str) -> str | None:
    """Why RE2 refuses the pattern; None when it does not."""
    try:
        _compiled(pattern)
    except re2.error as error:
        return f"RE2 does not accept this pattern: {_words_of(error)}."
    return None


def _matcher(name: str, wanted: Any) -> Matcher:
    if isinstance(wanted, Mapping):
        return Matcher(name, (wanted["regex"],), is_regex=True)
    return Matcher(name, (wanted,) if isinstance(wanted, str) else tuple(wanted))


def _words_of(error: Exception) -> str:
    reason = error.args[0] if error.args else "it is too large"
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _is_like(patterns: Iterable[str], found: str) -> bool:
    return any(_compiled(pattern).fullmatch(found) for pattern in patterns)


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _PATTERN_BYTES
    options.log_errors = False
    options.dot_nl = True  # `.*` means all of a description, not its first line
    return re2.compile(pattern, options)
