"""Figures as they are read: of incidents, of noise, of executions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hub.analytics import rules
from hub.analytics.rules import Period
from hub.procedures.insight import Gap, StaleProcedure


@dataclass(frozen=True, slots=True)
class Question:
    """Which incidents are counted: those opened in the period, of these severities, services, assignees (None: all)."""

    period: Period
    severities: Sequence[str] | None = None
    services: Sequence[str] | None = None
    assignee_ids: Sequence[UUID] | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a group of incidents. Times in seconds, None of nothing; `overdue` are open and beyond their target."""

    opened: int = 0
    active: int = 0
    in_progress: int = 0
    acknowledged: int = 0
    resolved: int = 0
    within_target: int = 0
    overdue: int = 0
    mtta_seconds: float | None = None
    mttr_seconds: float | None = None

    @property
    def within_target_rate(self) -> float | None:
        """Of those that were resolved."""
        return rules.rate(self.within_target, self.resolved)


@dataclass(frozen=True, slots=True)
class Grouped:
    """The same incidents as a whole, and by what they have in common; keys are in the order of the answer."""

    total: Figures
    by_severity: Mapping[str, Figures]
    by_service: Mapping[str, Figures]
    by_person: Mapping[UUID | None, Figures]
    by_period: Mapping[datetime, Figures]


@dataclass(frozen=True, slots=True)
class Noise:
    """What arrived in the period, and what of it people were asked to look at."""

    deliveries: int
    alerts: int
    incidents: int
    firing_now: int
    by_severity: Mapping[str, int]

    @property
    def reduction(self) -> float | None:
        """The share of deliveries that became no incident of their own."""
        return rules.reduction(self.deliveries, self.incidents)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All at a glance."""

    period: Period
    incidents: Grouped
    noise: Noise | None = None
    loud: Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Executions of one procedure, or of all; `mean_seconds` from start to success, None of none."""

    procedure_id: UUID | None
    title: str | None
    executions: int
    succeeded: int
    failed: int
    cancelled: int
    mean_seconds: float | None

    @property
    def success_rate(self) -> float | None:
        """Of those that ended in success or failure."""
        return rules.rate(self.succeeded, self.succeeded + self.failed)


@dataclass(frozen=True, slots=True)
class Executions:
    """How runbooks fared in the period, which are out of date by now, and which were missing."""

    period: Period
    total: Run
    by_procedure: Sequence[Run]
    stale: Sequence[StaleProcedure]
    gaps: Sequence[Gap]
