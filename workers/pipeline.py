"""One event's way through the workers, as a table of contents: each step takes one batch of its lane.

A step says whether it found work; the lane calls it until there is none.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from hub import outbox
from hub.alerts import service as alerts
from hub.deliveries import service as deliveries
from hub.deliveries.service import Claimed, Outcome, Turn
from hub.incidents import correlation as incidents
from hub.runtime import Runtime
from hub.search import indexing
from workers.normalise import Normalised, normalise

log = logging.getLogger(__name__)

Step = Callable[[Runtime], bool]


def ingest(runtime: Runtime) -> bool:
    """Deliveries become events, alerts, incidents: one organization's turn."""
    with deliveries.turn(runtime.database) as turn:
        if turn is None:
            return False
        try:
            _apply(turn, normalise(runtime, turn))
        except DBAPIError:
            if len(turn.claimed) == 1:
                _send_back(turn)
            else:
                _one_by_one(runtime, turn)
    runtime.waker.wake(["index", "notify"])
    return True


def index(runtime: Runtime) -> bool:
    """Incidents become documents that search finds."""
    return outbox.work_off(runtime.database, "index", indexing.handlers(runtime.settings.model_dir))


def idle(_runtime: Runtime) -> bool:
    """A lane that has no work of its own yet."""
    return False


STEPS: Mapping[str, Step] = {"ingest": ingest, "index": index, "notify": idle, "poll": idle, "bulk": idle}


def _apply(turn: Turn, normalised: Normalised) -> None:
    """Effects and outcomes in one transaction: all of it happened, or nothing."""
    with turn.transaction() as session:
        recorded = alerts.record(session, normalised.occurrences)
        incidents.correlate(session, recorded.changes)
        outcomes = [*normalised.ended, *_processed(turn.claimed, normalised.ended, recorded.news_of)]
        deliveries.finish(session, turn.token, outcomes)


def _processed(claimed: Sequence[Claimed], ended: Sequence[Outcome], news_of: frozenset[UUID]) -> list[Outcome]:
    known = {outcome.delivery_id for outcome in ended}
    return [
        Outcome(each.id, "processed") if each.id in news_of else Outcome(each.id, "duplicate", "every event is known")
        for each in claimed
        if each.id not in known
    ]


def _one_by_one(runtime: Runtime, turn: Turn) -> None:
    """The batch failed in the database: let the delivery that it fails on stand alone."""
    for each in turn.claimed:
        alone = replace(turn, claimed=[each])
        try:
            _apply(alone, normalise(runtime, alone))
        except DBAPIError:
            _send_back(alone)


def _send_back(turn: Turn) -> None:
    """The next attempt is set already, with growing pauses; the last one ends dead."""
    (claimed,) = turn.claimed
    log.exception("delivery %s failed at attempt %d", claimed.id, claimed.attempts)
    is_last = claimed.attempts >= deliveries.MOST_ATTEMPTS
    outcome = Outcome(claimed.id, "dead", "storing failed") if is_last else Outcome(claimed.id, "pending", "will retry")
    with turn.transaction() as session:
        deliveries.finish(session, turn.token, [outcome])
