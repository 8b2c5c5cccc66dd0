"""A turn's events in stretches: as many at once as come to the same as one delivery after the other."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sqlalchemy.orm import Session

from hub.alerts import ledger
from hub.alerts.intake import Occurrence
from hub.alerts.ledger import AlertKey, Standing
from hub.contracts.event import State

Told = Sequence[Occurrence]  # what one delivery says


def stretches(
    session: Session, occurrences: Sequence[Occurrence], replayed: Collection[UUID] = ()
) -> Iterator[tuple[list[Occurrence], Collection[UUID]]]:
    """Each with which of its deliveries are replayed; what one does has to be stored before the next is asked for.

    Replayed deliveries that say nothing any more are of the first.
    """
    again = set(replayed)
    silent = again.difference(each.delivery_id for each in occurrences)
    left = _by_delivery(occurrences)
    while left:
        count = _fitting(left, _standing(session, left) if len(left) > 1 else {}, is_replay=bool(again))
        stretch = [each for told in left[:count] for each in told]
        left = left[count:]
        yield stretch, silent | again.intersection(each.delivery_id for each in stretch)
        silent = set()
    if silent or not occurrences:
        yield [], silent


def _by_delivery(occurrences: Sequence[Occurrence]) -> list[Told]:
    in_order = sorted(occurrences, key=attrgetter("arrival"))
    return [list(told) for _, told in groupby(in_order, key=attrgetter("delivery_id"))]


def _standing(session: Session, left: Sequence[Told]) -> Mapping[AlertKey, Standing]:
    keys = {_key(each) for told in left for each in told}
    resolves = sum(each.state is State.RESOLVED for told in left for each in told)
    return ledger.standing(session, keys, resolves + 1 if resolves else 0)


def _fitting(left: Sequence[Told], standing: Mapping[AlertKey, Standing], *, is_replay: bool) -> int:
    """How many of the deliveries make a stretch; the first always does."""
    stretch = _Stretch(standing, is_replay)
    for count, told in enumerate(left):
        if count and stretch.must_end_before(told):
            return count
        stretch.add(told)
    return len(left)


@dataclass(slots=True)
class _Stretch:
    """What its deliveries have said so far; `may_end` once an incident may be over by it.

    A replay takes back what was said, so there alerts do not stand as they did.
    """

    standing: Mapping[AlertKey, Standing]
    is_replay: bool
    may_end: bool = False
    said: dict[AlertKey, Occurrence] = field(default_factory=dict)
    ends: dict[AlertKey, datetime] = field(default_factory=dict)
    fewer: Counter[UUID] = field(default_factory=Counter)

    def must_end_before(self, told: Told) -> bool:
        """Whether the delivery must find what the stretch has done, and not what comes of both together.

        What is over may end an incident, so what fires later begins a new stretch; so does another severity of an
        alert, and what happened before that which the stretch says of it, unless its episode had begun anyway. What
        fired before its alert was over comes late, or says that it fires still: it is a stretch of its own.
        """
        has_fire = any(map(_fires, told))
        return (self.may_end and has_fire) or any(self._is_late(each) or self._is_apart(each) for each in told)

    def add(self, told: Told) -> None:
        """The delivery is part of the stretch."""
        for each in told:  # as all stood before the delivery
            self.may_end |= self._is_late(each) or (not _fires(each) and self._ends_an_incident(each))
        for each in told:
            key = _key(each)
            self.said[key] = max(self.said.get(key, each), each, key=attrgetter("occurred_at"))
            if not _fires(each):
                self.ends[key] = each.occurred_at

    def _is_late(self, each: Occurrence) -> bool:
        known = self.standing.get(_key(each))
        end = self.ends.get(_key(each), known.ended_at if known else None)
        return _fires(each) and end is not None and each.occurred_at <= end

    def _is_apart(self, each: Occurrence) -> bool:
        said = self.said.get(_key(each))
        if said is None:
            return False
        if _fires(each) and each.severity is not said.severity:
            return True
        return each.occurred_at < said.occurred_at and not (_fires(each) and _fires(said) and self._goes_on(each))

    def _goes_on(self, each: Occurrence) -> bool:
        """Whether the event is of an episode that had begun before the stretch, and that the stretch has not ended."""
        known = self.standing.get(_key(each))
        has_begun = known is not None and known.ended_at is None and known.started_at <= each.occurred_at
        return has_begun and _key(each) not in self.ends and not self.is_replay

    def _ends_an_incident(self, resolve: Occurrence) -> bool:
        """Whether it may: not while another alert fires there that the stretch leaves alone."""
        known = self.standing.get(_key(resolve))
        if known is None or known.incident_id is None or not self._goes_on(resolve):
            return True
        self.fewer[known.incident_id] += 1
        return self.fewer[known.incident_id] >= known.firing_count


def _fires(each: Occurrence) -> bool:
    return each.state is not State.RESOLVED


def _key(each: Occurrence) -> AlertKey:
    return each.integration_id, each.dedup_key
