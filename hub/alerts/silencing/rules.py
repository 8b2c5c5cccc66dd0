"""Decisions about silences: which windows make sense, and which silence hides an alert."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hub.alerts.matching import Facts, Matcher, fit_all

STATUSES = ("pending", "active", "expired")
SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Silence:
    """From `starts_at` until before `ends_at`, hides the alerts that meet all matchers."""

    silence_id: UUID
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime

    def applies(self, facts: Facts) -> bool:
        """Whether the alert with these facts meets all matchers."""
        return fit_all(self.matchers, facts)

    def stands_at(self, at: datetime) -> bool:
        """Whether it is in force."""
        return self.starts_at <= at < self.ends_at


def silence_of(facts: Facts, silences: Iterable[Silence], at: datetime) -> Silence | None:
    """The silence that hides the alert at that time; of several the one that ends last."""
    return hiding(facts, (silence for silence in silences if silence.stands_at(at)))


def hiding(facts: Facts, standing: Iterable[Silence]) -> Silence | None:
    """The same among silences that are known to be in force."""
    fitting = [silence for silence in standing if silence.applies(facts)]
    return max(fitting, key=lambda silence: (silence.ends_at, silence.silence_id), default=None)


def window_problems(starts_at: datetime, ends_at: datetime, now: datetime) -> Mapping[str, Sequence[str]]:
    """What is wrong with the window, by field; empty when it makes sense."""
    length = ends_at - starts_at
    if length < SHORTEST:
        return {"ends_at": ["Must be at least 1 second after starts_at."]}
    if length > LONGEST:
        return {"ends_at": [f"Must be within {LONGEST.days} days of starts_at; make it shorter and renew it."]}
    if starts_at > now + LONGEST:
        return {"starts_at": [f"Must be within {LONGEST.days} days from now."]}
    if ends_at <= now:
        return {"ends_at": ["Must be in the future: this silence would hide nothing."]}
    return {}


def hides_everything(matchers: Iterable[Matcher]) -> bool:
    """Whether even an alert that says nothing at all would be hidden."""
    return fit_all(matchers, {})
