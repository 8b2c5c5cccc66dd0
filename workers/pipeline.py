"""One event's way through the workers, as a table of contents: each step takes one batch of its lane.

A step says whether it found work; the lane calls it until there is none.
"""

import enum
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from hub import outbox
from hub.accounts.mail import service as mail
from hub.alerts import recording as alerts
from hub.alerts.normalising import Normalised, Translators, normalise
from hub.alerts.recording import Item
from hub.deliveries import breaking, confirming
from hub.deliveries import turns as deliveries
from hub.deliveries.breaking import Breakers
from hub.deliveries.polling import Poller
from hub.deliveries.turns import Claimed, Outcome, Turn
from hub.failpoints import failpoint
from hub.heartbeats import watch as heartbeats
from hub.incidents import correlation as incidents
from hub.incidents.stretches import stretches
from hub.notifications import observing
from hub.notifications import service as notifications
from hub.notifications.outbound.telling import Teller
from hub.runtime import Runtime
from hub.search import lane
from hub.search.embedding.loaded import embedders
from hub.search.suggestions import drafting
from workers import chores, telling
from workers.trace import Trace

log = logging.getLogger(__name__)


class Found(enum.IntEnum):
    """What a step found, where true and false do not tell enough."""

    NOTHING = 0
    WORK = 1
    LITTLE = 2
    """Work, but so little that it is worth a moment's wait for more of it."""


Step = Callable[[Runtime], bool | Found]

# classes of SQLSTATE: insufficient resources, a server on its way down, system error
_SHORTAGES = ("53", "57P", "58")
_SHORTAGE_SECONDS = 5.0

# what a turn costs by itself is as much as the work on some twenty deliveries
_FEW = 50


def ingest(runtime: Runtime) -> Found:
    """Deliveries become events, alerts, incidents: one organization's turn."""
    with deliveries.turn(runtime.database) as turn:
        if turn is None:
            return Found.NOTHING
        failpoint("after_claim")
        has_news = True
        with telling.about(turn):
            try:
                has_news = _work(runtime, turn)
            except DBAPIError as error:
                _recover(runtime, turn, error)
    if has_news:
        runtime.waker.wake(["index", "notify"])
    return Found.LITTLE if len(turn.claimed) < _FEW and not turn.others_wait else Found.WORK


def index(runtime: Runtime) -> bool:
    """Incidents and procedures become documents that search finds."""
    models = embedders(runtime.settings, runtime.connectors, runtime.egress)
    has_worked = lane.work_off(runtime.database, models, drafting.drafters(runtime.connectors))
    if has_worked:
        runtime.waker.wake(["notify"])  # what is told of a new incident waits for its suggestions
    return has_worked


def notify(runtime: Runtime) -> bool:
    """People and platforms hear of what concerns them, and the mails that were asked for go out."""
    address = runtime.settings.api_address
    handlers = {
        **notifications.handlers(runtime.mailer, address),
        **observing.handlers(runtime.plugins.observers, runtime.egress),
    }
    has_told = outbox.work_off(runtime.database, "notify", handlers)
    has_mailed = mail.work_off(runtime.database, runtime.mailer, address)
    teller = Teller(runtime.database, runtime.connectors, runtime.vault, runtime.egress)
    return teller.work_off() or has_mailed or has_told


def bulk(runtime: Runtime) -> bool:
    """What nobody asked for but time: chores that are due, heartbeats that stay away."""
    has_more = chores.do_due(runtime)
    if heartbeats.notice_silences(runtime.database):
        runtime.waker.wake(["ingest"])
        return True
    return has_more


def poll(runtime: Runtime) -> bool:
    """Platforms are asked what happened, told that they may send here, and models asked for drafts.

    What platforms say is ingested like a webhook.
    """
    if Poller(runtime.database, runtime.connectors, runtime.vault, runtime.egress).work_off():
        runtime.waker.wake(["ingest"])
        return True  # one kind of call at a time stays within the watchdog's minute
    drafter = drafting.Drafter(runtime.connectors, runtime.vault, runtime.egress)
    confirmer = confirming.Confirmer(runtime.connectors, runtime.vault, runtime.egress)
    calls = {"draft": drafter.prepare, confirming.KIND: confirmer.prepare}
    return outbox.work_off(runtime.database, "poll", {}, 1, calls)


STEPS: Mapping[str, Step] = {"ingest": ingest, "index": index, "notify": notify, "poll": poll, "bulk": bulk}


def _work(runtime: Runtime, turn: Turn) -> bool:
    """Whether an alert has changed; a reminder leaves nothing to do for other lanes."""
    trace = Trace(turn.claimed[0].claimed_at)
    breakers = _breakers(turn)
    translators = Translators(runtime.connectors, runtime.vault, runtime.plugins.enrichers)
    normalised = normalise(translators, turn.organization_id, turn.claimed, breakers)
    trace.mark("normalised")
    failpoint("after_normalise")
    has_news = _apply(turn, normalised, breakers, trace)
    failpoint("after_apply")
    return has_news


def _breakers(turn: Turn) -> Breakers:
    if not turn.has_breakers:  # as most often: a transaction less
        return Breakers()
    with turn.transaction() as session:
        return breaking.read(session, [each.integration_id for each in turn.claimed])


def _apply(turn: Turn, normalised: Normalised, breakers: Breakers, trace: Trace) -> bool:
    """Effects and outcomes in one transaction: all of it happened, or nothing. Whether an alert has changed."""
    # what it said before stands when it can no longer be understood, or not yet
    mute = {each.delivery_id for each in normalised.ended if each.status in {"dead", "pending"}}
    replayed = [each.id for each in turn.claimed if each.is_replay and each.id not in mute]
    with turn.transaction() as session:
        has_news, news_of = False, set[UUID]()
        items: dict[UUID, Sequence[Item]] = {}
        for occurrences, again in stretches(session, normalised.occurrences, replayed):
            folded = alerts.fold(session, occurrences, again)
            trace.mark("deduplicated")
            batch = incidents.place(session, folded.changes)
            alerts.write(session, folded, batch.places)
            failpoint("after_record")
            incidents.settle(session, folded.changes, batch, folded.left)
            has_news |= bool(folded.changes or folded.gone)
            news_of |= folded.news_of
            items |= folded.items
        trace.mark("correlated")
        failpoint("after_correlate")
        outcomes = [*normalised.ended, *_processed(turn.claimed, normalised.ended, items, news_of)]
        deliveries.finish(session, turn.token, outcomes, trace.stages)
        breaking.keep(session, breakers)
        confirming.ask_for(session, [each.delivery_id for each in normalised.ended if each.is_unconfirmed])
        failpoint("before_commit")
    telling.tell(turn, outcomes, trace.stages)
    return has_news


def _processed(
    claimed: Sequence[Claimed],
    ended: Sequence[Outcome],
    items: Mapping[UUID, Sequence[Item]],
    news_of: Collection[UUID],
) -> list[Outcome]:
    known = {outcome.delivery_id for outcome in ended}
    return [
        _outcome(each.id, items.get(each.id, ()), is_news=each.id in news_of)
        for each in claimed
        if each.id not in known
    ]


def _outcome(delivery_id: UUID, items: Sequence[Item], *, is_news: bool) -> Outcome:
    if is_news:
        return Outcome(delivery_id, "processed", None, items)
    return Outcome(delivery_id, "duplicate", "every event is known", items)


def _recover(runtime: Runtime, turn: Turn, error: DBAPIError) -> None:
    if _is_shortage(error):
        _give_back(turn)
    elif len(turn.claimed) == 1:
        _send_back(turn)
    else:
        _one_by_one(runtime, turn)


def _is_shortage(error: DBAPIError) -> bool:
    """Whether the server has no room, or is going down: no delivery's fault."""
    return str(getattr(error.orig, "sqlstate", "")).startswith(_SHORTAGES)


def _give_back(turn: Turn) -> None:
    """As if nobody had tried; another look in a while."""
    log.exception("the database has no room: %d deliveries wait", len(turn.claimed))
    later = turn.claimed[0].claimed_at + timedelta(seconds=_SHORTAGE_SECONDS)
    waiting = [
        Outcome(each.id, "pending", "the database has no room", next_at=later, was_tried=False) for each in turn.claimed
    ]
    with turn.transaction() as session:
        deliveries.finish(session, turn.token, waiting)


def _one_by_one(runtime: Runtime, turn: Turn) -> None:
    """The batch failed in the database: let the delivery that it fails on stand alone."""
    for number, each in enumerate(turn.claimed):
        alone = replace(turn, claimed=[each], has_breakers=True)  # the one before may have failed
        try:
            _work(runtime, alone)
        except DBAPIError as error:
            if _is_shortage(error):
                return _give_back(replace(turn, claimed=turn.claimed[number:]))
            _send_back(alone)
    return None


def _send_back(turn: Turn) -> None:
    """The next attempt is set already, with growing pauses; the last one ends dead."""
    (claimed,) = turn.claimed
    log.exception("delivery %s failed at attempt %d", claimed.id, claimed.attempts)
    is_last = claimed.attempts >= deliveries.MOST_ATTEMPTS
    outcome = Outcome(claimed.id, "dead", "storing failed") if is_last else Outcome(claimed.id, "pending", "will retry")
    with turn.transaction() as session:
        deliveries.finish(session, turn.token, [outcome])
