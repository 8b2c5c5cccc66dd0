"""How events become an alert's state: a pure function of their set, sorted by when they occurred."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from itertools import dropwhile
from typing import Any, cast
from uuid import UUID

from hub.alerts.intake import Occurrence
from hub.contracts.event import Severity, State


@dataclass(frozen=True, slots=True)
class Episode:
    """One stretch from a firing to its resolve; numbered from 1.

    What its first event said decides where it belongs, whatever is said of the alert later.
    """

    number: int
    started_at: datetime
    received_at: datetime
    content: Mapping[str, Any]
    severity: Severity
    resolved_at: datetime | None = None
    end_received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertState:
    """An alert as its events make it.

    `episodes` holds those that this folding began or ended, `regraded` the current one as of its last other severity.
    """

    status: State
    severity: Severity
    content: Mapping[str, Any]
    occurrence_count: int
    episode_count: int
    started_at: datetime
    resolved_at: datetime | None
    last_occurred_at: datetime
    last_seen_at: datetime
    episodes: tuple[Episode, ...] = ()
    acknowledged_at: datetime | None = None
    regraded: Episode | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A person's word on an alert: that it is in hand, no longer in hand, or over. An event like those of a platform.

    It ends with its episode; until then the platform's reminders leave an acknowledgement standing.
    """

    mark_id: UUID
    state: State
    at: datetime

    @property
    def position(self) -> tuple[datetime, datetime, UUID, int]:
        """Where the word stands among the events of its alert."""
        return (self.at, self.at, self.mark_id, 0)


# what a person may say of an alert; that it fires again after its end is for its platform to say
MARKS: Mapping[State, frozenset[State]] = {
    State.FIRING: frozenset({State.ACKNOWLEDGED, State.RESOLVED}),
    State.ACKNOWLEDGED: frozenset({State.FIRING, State.RESOLVED}),
    State.RESOLVED: frozenset(),
}


def fold(occurrences: Iterable[Occurrence], start: AlertState | None = None, marks: Iterable[Mark] = ()) -> AlertState:
    """Folds events and marks in order onto `start`, which must hold only earlier ones.

    Without `start`: the whole history, of one event at least; marks before the first event have nothing to speak of.
    """
    said: list[Occurrence | Mark] = [*standing(occurrences), *marks]
    in_order = sorted(said, key=lambda each: each.position)
    if start is None:
        first, *in_order = dropwhile(lambda each: isinstance(each, Mark), in_order)
        start = _begin(cast(Occurrence, first))
    return reduce(_step, in_order, start)


def standing(occurrences: Iterable[Occurrence]) -> list[Occurrence]:
    """The events without the expiries that the platform has contradicted: it said later what was taken for over."""
    events = list(occurrences)
    expiries = [each for each in events if each.is_expiry]
    if not expiries:
        return events
    heard = [(each.occurred_at, each.seen_until or each.received_at) for each in events if not each.is_expiry]
    gone = {
        expiry.position
        for expiry in expiries
        if any(begun <= expiry.occurred_at < seen_until for begun, seen_until in heard)
    }
    return [each for each in events if each.position not in gone]


def needs_history(each: Occurrence, state: AlertState) -> bool:
    """Whether the event belongs before something already folded, or counts only if nothing has contradicted it."""
    is_late = (each.occurred_at, each.received_at) <= (state.last_occurred_at, state.last_seen_at)
    return is_late or each.is_expiry


def seen_again(each: Occurrence, at: datetime) -> Occurrence:
    """The event, with a repeat of it received at that time."""
    return replace(each, seen_until=max(at, each.seen_until or each.received_at))


def _begin(first: Occurrence) -> AlertState:
    is_firing = first.state is not State.RESOLVED
    return AlertState(
        status=first.state,
        severity=first.severity,
        content=first.content,
        occurrence_count=1,
        episode_count=1 if is_firing else 0,
        started_at=first.occurred_at,
        resolved_at=None if is_firing else first.occurred_at,
        last_occurred_at=first.occurred_at,
        last_seen_at=first.seen_until or first.received_at,
        episodes=(_started(1, first),) if is_firing else (),
    )


def _step(state: AlertState, event: Occurrence | Mark) -> AlertState:
    if isinstance(event, Mark):
        return _mark(state, event)
    seen = replace(
        state,
        status=event.state,
        occurrence_count=state.occurrence_count + 1,
        last_occurred_at=event.occurred_at,
        last_seen_at=max(state.last_seen_at, event.seen_until or event.received_at),
    )
    if event.state is State.RESOLVED:
        return _resolve(seen, state.status, event)
    return _fire(seen, state.status, event)


def _mark(state: AlertState, mark: Mark) -> AlertState:
    if mark.state not in MARKS[state.status]:
        return state
    marked = replace(state, status=mark.state, last_occurred_at=mark.at)
    if mark.state is not State.RESOLVED:
        return replace(marked, acknowledged_at=mark.at if mark.state is State.ACKNOWLEDGED else None)
    return _end(marked, mark.at, mark.at)


def _end(state: AlertState, at: datetime, received_at: datetime) -> AlertState:
    *earlier, current = state.episodes or (current_episode(state, state.started_at),)
    episodes = (*earlier, replace(current, resolved_at=at, end_received_at=received_at))
    return replace(state, resolved_at=at, acknowledged_at=None, episodes=episodes)


def _resolve(seen: AlertState, before: State, event: Occurrence) -> AlertState:
    # what a recovery says of the alert tells less than what its firing said; without a firing it is all there is
    content = seen.content if seen.episode_count else event.content
    if before is State.RESOLVED:
        return replace(seen, content=content)
    return _end(replace(seen, content=content), event.occurred_at, event.received_at)


def _fire(seen: AlertState, before: State, event: Occurrence) -> AlertState:
    if before is not State.RESOLVED:
        # a reminder that names no severity does not unsay the one before
        is_silent = event.severity is Severity.UNKNOWN
        severity = seen.severity if is_silent else event.severity
        status = State.ACKNOWLEDGED if seen.acknowledged_at else event.state
        # and an acknowledgement without one is often a bare id: it does not unsay the title and the rest either
        is_bare = event.state is State.ACKNOWLEDGED or event.content.get("title") == event.dedup_key
        content = seen.content if is_silent and is_bare else event.content
        fired = replace(seen, content=content, severity=severity, status=status)
        return (
            fired if severity is seen.severity else replace(fired, regraded=current_episode(fired, event.received_at))
        )
    number = seen.episode_count + 1
    return replace(
        seen,
        content=event.content,
        severity=event.severity,
        episode_count=number,
        started_at=event.occurred_at,
        resolved_at=None,
        acknowledged_at=None,
        episodes=(*seen.episodes, _started(number, event)),
        regraded=None,
    )


def _started(number: int, first: Occurrence) -> Episode:
    return Episode(number, first.occurred_at, first.received_at, first.content, first.severity)


def current_episode(state: AlertState, received_at: datetime) -> Episode:
    """The latest one, as the alert is now."""
    return Episode(state.episode_count, state.started_at, received_at, state.content, state.severity)
