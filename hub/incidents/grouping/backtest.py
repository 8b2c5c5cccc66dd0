"""Backtest of a rule: the last events once without it and once with it, and what would be otherwise."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hub.alerts import ledger
from hub.incidents import context
from hub.incidents.grouping import rehearsal, service
from hub.incidents.grouping.rehearsal import EpisodeKey, Grouping

MOST_EVENTS = 5_000
MOST_EXAMPLES = 10
MOST_ALERTS_TOLD = 5


@dataclass(frozen=True, slots=True)
class Report:
    """What a rule would do; `examples` are the moves of the most alerts from one incident to another, largest first.

    Without people: what they acknowledged, moved or closed is not played again. An expiry that its platform has
    contradicted later counts as never said, though its incident was resolved meanwhile; and what a silence has hidden
    stays without an incident, though it may have come back when the silence ended.
    """

    event_count: int
    is_complete: bool
    incidents_before: int
    incidents_after: int
    alerts_moved: int
    examples: Sequence[Mapping[str, Any]]


def run(session: Session, rule_id: UUID) -> Report:
    """Plays the last `MOST_EVENTS` events, whether the rule is switched on or not. Raises NotFound."""
    service.get(session, rule_id)
    told = ledger.latest(session, MOST_EVENTS + 1)
    events = told[-MOST_EVENTS:]
    if not events:
        return Report(0, True, 0, 0, 0, ())
    services = {event.content["service"] for _, event in events} - {""}
    with_it = context.surroundings(session, services, events[0][1].received_at, draft=rule_id)
    without_it = with_it.without(rule_id)
    deliveries = rehearsal.changes_of(events)
    before, after = (rehearsal.group(deliveries, around) for around in (without_it, with_it))
    moves = _moves(before, after)
    return Report(
        event_count=len(events),
        is_complete=len(told) == len(events),
        incidents_before=len(before.titles),
        incidents_after=len(after.titles),
        alerts_moved=len(set().union(*moves.values())),
        examples=[_example(move, moves[move], before, after) for move in _largest(moves)],
    )


Move = tuple[EpisodeKey | None, EpisodeKey | None]


def _moves(before: Grouping, after: Grouping) -> dict[Move, set[UUID]]:
    """From which incident to which other the alerts of how many episodes would go; None is none at all."""
    moves: defaultdict[Move, set[UUID]] = defaultdict(set)
    for episode, place in before.placed.items():
        if place != after.placed[episode]:
            moves[place, after.placed[episode]].add(episode[0])
    return moves


def _largest(moves: Mapping[Move, set[UUID]]) -> list[Move]:
    return sorted(moves, key=lambda move: (-len(moves[move]), min(moves[move])))[:MOST_EXAMPLES]


def _example(move: Move, alert_ids: set[UUID], before: Grouping, after: Grouping) -> dict[str, Any]:
    return {
        "alert_count": len(alert_ids),
        "alert_ids": sorted(alert_ids)[:MOST_ALERTS_TOLD],
        "before": _told(move[0], before),
        "after": _told(move[1], after),
    }


def _told(name: EpisodeKey | None, grouping: Grouping) -> dict[str, Any] | None:
    return name and {"title": grouping.titles[name], "alert_count": len(grouping.alerts[name])}
