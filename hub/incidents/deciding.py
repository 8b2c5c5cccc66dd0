"""The words of correlation: what an organization has said, and why an episode is where it is."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from hub.alerts.silencing.rules import Silence
from hub.incidents.signals import Signal

RULES_VERSION = 4
TOGETHER = timedelta(minutes=5)
SIMILAR_ENOUGH = 0.6

Condition = Callable[[Mapping[str, str]], bool]
"""Whether it holds for the facts of a signal."""


@dataclass(frozen=True, slots=True)
class Policy:
    """An organization's settings, as far as correlation asks."""

    threshold: str = "low"
    default_severity: str = "medium"
    reopen_window: timedelta = timedelta(minutes=30)
    similar_enough: float = SIMILAR_ENOUGH
    auto_resolve: bool = True
    auto_resolve_after: timedelta = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class Rule:
    """What an organization wants done with some alerts; `route` changes the signal and lets the search go on."""

    rule_id: UUID
    name: str
    version: int
    action: str
    applies: Condition
    group_by: tuple[str, ...] = ()
    window: timedelta = TOGETHER
    severity: str | None = None
    service: str | None = None
    assignee_id: UUID | None = None

    def key_of(self, signal: Signal) -> str:
        """What the incident of these `group_by` values is found by."""
        values = "\0".join(signal.facts.get(name, "") for name in self.group_by)
        return f"{self.rule_id}:{hashlib.sha256(values.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that an organization has said: its policy, rules in order, silences, and which services are neighbours."""

    policy: Policy = Policy()
    rules: Sequence[Rule] = ()
    silences: Sequence[Silence] = ()
    neighbours: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def without(self, rule_id: UUID) -> "Surroundings":
        """The same had the organization never made that rule."""
        return replace(self, rules=[rule for rule in self.rules if rule.rule_id != rule_id])


@dataclass(frozen=True, slots=True)
class Decision:
    """Why an episode is where it is: enough to recompute it. `matched` says which values decided."""

    step: str
    incident_id: UUID | None = None
    matched: Mapping[str, Any] = field(default_factory=dict)
    seconds_apart: float | None = None
    similarity: float | None = None
    threshold: float | None = None
    runner_up: Mapping[str, Any] | None = None
    rule: Mapping[str, Any] | None = None
    correlation_key: str | None = None

    @property
    def opens(self) -> bool:
        """Whether the signal asks for an incident of its own."""
        return self.incident_id is None and self.step in {"new", "rule_open", "rule_group"}

    def as_record(self) -> dict[str, Any]:
        """The decision as it is stored, with the version of these rules; the incident stands beside it."""
        # not asdict, which copies to any depth: 0.1 ms for each alert
        told = {name: getattr(self, name) for name in _RECORDED}
        return {name: value for name, value in told.items() if value is not None} | {"version": RULES_VERSION}


_RECORDED = tuple(each.name for each in fields(Decision) if each.name != "incident_id")
