"""Stage 4: what deliveries said becomes the state of alerts, in a few statements however many events there are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hub.alerts import ledger, rules, storing
from hub.alerts.change import Change
from hub.alerts.intake import Occurrence
from hub.alerts.ledger import AlertKey, Arrival, EventKey, KnownAlert, KnownEvent
from hub.alerts.rules import AlertState
from hub.database import new_id

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Folded:
    """What a batch of events does; `write` stores it.

    `items` says for each delivery what each of its events becomes, as the receipt shows it; `left` are the incidents
    of alerts that are `gone`, because a replay has taken back all that was said of them. `fresh` are the new events,
    `displaced` the arrivals that gave way to an earlier one of the same event.
    """

    changes: Sequence[Change]
    news_of: frozenset[UUID]
    items: Mapping[UUID, Sequence[Item]]
    left: frozenset[UUID]
    gone: Sequence[UUID]
    fresh: Mapping[AlertKey, Sequence[Occurrence]]
    displaced: Sequence[Arrival]


@dataclass(slots=True)
class _Sorted:
    """The batch's events: the first arrival of each key, repeats, and stored events that give way to an earlier one."""

    fresh: dict[EventKey, Occurrence] = field(default_factory=dict)
    repeated: list[Occurrence] = field(default_factory=list)
    displaced: list[KnownEvent] = field(default_factory=list)


def record(session: Session, occurrences: Sequence[Occurrence], replayed: Collection[UUID] = ()) -> Folded:
    """Folds and stores the events of alerts that stay where they are: in their incidents, or in none."""
    folded = fold(session, occurrences, replayed)
    write(session, folded, {})
    return folded


def fold(session: Session, occurrences: Sequence[Occurrence], replayed: Collection[UUID] = ()) -> Folded:
    """Folds the events into their alerts; those of `replayed` deliveries in place of what they had said before.

    Only what was said before is changed in the database: taken back, displaced, or seen again. The caller holds the
    organization's turn, so no other worker writes these alerts meanwhile; people may, and wait.
    """
    reconsidered, seen_until = storing.forget(session, replayed)
    known_events = ledger.known_events(session, occurrences)
    found = _sort(occurrences, known_events)
    for key in seen_until.keys() & found.fresh.keys():
        found.fresh[key] = rules.seen_again(found.fresh[key], seen_until[key])
    displaced = [each.arrival for each in found.displaced]
    storing.displace(session, displaced)
    reconsidered |= {each.alert_id for each in found.displaced}
    fresh: dict[AlertKey, list[Occurrence]] = defaultdict(list)
    for each in found.fresh.values():
        fresh[each.integration_id, each.dedup_key].append(each)
    repeated = {known_events[key].alert_id for e in found.repeated if (key := _key(e)) in known_events}
    reconsidered |= ledger.expired(session, repeated)
    storing.touch(session, found.repeated)
    known = ledger.known_alerts(session, fresh, reconsidered)
    states = _fold(session, known, fresh, reconsidered)
    changes = [_change(key, state, known.get(key), fresh) for key, state in states.items()]
    gone = [alert for key, alert in known.items() if key not in states]
    alert_ids = {(each.integration_id, each.dedup_key): each.alert_id for each in changes}
    return Folded(
        changes=changes,
        news_of=frozenset(each.delivery_id for each in found.fresh.values()),
        items=_items(occurrences, found.fresh, known_events, alert_ids),
        left=frozenset(alert.incident_id for alert in gone if alert.incident_id),
        gone=[alert.alert_id for alert in gone],
        fresh=fresh,
        displaced=displaced,
    )


def write(session: Session, folded: Folded, places: Mapping[UUID, UUID]) -> None:
    """Stores the alerts, each in the incident of `places` or where it was, and their new events."""
    storing.write(session, folded.changes, folded.fresh, places)
    storing.note_bereaved(session, folded.displaced)
    storing.drop_alerts(session, folded.gone)


def refold(session: Session, alert_ids: Collection[UUID]) -> Sequence[Change]:
    """Computes these alerts anew from all that platforms and people have said, and stores them."""
    known = ledger.known_alerts(session, (), alert_ids)
    states = _fold(session, known, {}, set(alert_ids))
    changes = [_change(key, state, known[key], {}) for key, state in states.items()]
    storing.write(session, changes, {}, {})
    return changes


def _sort(occurrences: Iterable[Occurrence], known: Mapping[EventKey, KnownEvent]) -> _Sorted:
    found = _Sorted()
    for each in sorted(occurrences, key=lambda occurrence: occurrence.arrival):
        key = _key(each)
        stored = known.get(key)
        if key in found.fresh or (stored and stored.arrival <= each.arrival):
            found.repeated.append(each)
            continue
        if stored:
            found.displaced.append(stored)
            found.repeated.append(rules.seen_again(each, stored.seen_until))
        found.fresh[key] = each
    return _with_last_sight(found)


def _with_last_sight(found: _Sorted) -> _Sorted:
    """Repeats of an event that is new itself need no statement of their own."""
    stays: list[Occurrence] = []
    for each in found.repeated:
        first = found.fresh.get(_key(each))
        if first is None:
            stays.append(each)
        else:
            found.fresh[_key(each)] = rules.seen_again(first, each.seen_until or each.received_at)
    found.repeated = stays
    return found


def _fold(
    session: Session,
    known: Mapping[AlertKey, KnownAlert],
    fresh: Mapping[AlertKey, Sequence[Occurrence]],
    reconsidered: Collection[UUID],
) -> dict[AlertKey, AlertState]:
    """The new state of each alert: onto the stored one, or from its whole history where that is not enough."""
    anew = {
        key: alert.alert_id
        for key, alert in known.items()
        if alert.alert_id in reconsidered or any(rules.needs_history(e, alert.state) for e in fresh.get(key, ()))
    }
    histories = ledger.histories(session, list(anew.values()))
    marks = ledger.marks(session, list(anew.values()))
    states = {}
    for key in dict.fromkeys((*fresh, *known)):
        events = fresh.get(key, ())
        if key in anew:
            said = [*histories.get(key, ()), *events]
            if said:
                states[key] = rules.fold(said, marks=marks.get(anew[key], ()))
        elif events:
            states[key] = rules.fold(events, known[key].state if key in known else None)
    return states


def _change(
    key: AlertKey, state: AlertState, before: KnownAlert | None, fresh: Mapping[AlertKey, Sequence[Occurrence]]
) -> Change:
    return Change(
        alert_id=before.alert_id if before else new_id(),
        integration_id=key[0],
        platform=before.platform if before else fresh[key][0].platform,
        dedup_key=key[1],
        state=state,
        before=before.state if before else None,
        incident_id=before.incident_id if before else None,
    )


def _items(
    occurrences: Sequence[Occurrence],
    fresh: Mapping[EventKey, Occurrence],
    known: Mapping[EventKey, KnownEvent],
    alert_ids: Mapping[AlertKey, UUID],
) -> dict[UUID, list[Item]]:
    found: dict[UUID, list[Item]] = defaultdict(list)
    for each in occurrences:
        alert_id = alert_ids.get((each.integration_id, each.dedup_key))
        first = fresh.get(_key(each))
        is_new = first is not None and first.arrival == each.arrival
        alert_id = alert_id or known[_key(each)].alert_id
        found[each.delivery_id].append({"alert_id": str(alert_id), "outcome": "new" if is_new else "repeat"})
    return found


def _key(each: Occurrence) -> EventKey:
    return (each.integration_id, each.event_key)
