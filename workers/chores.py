"""Chores: what nobody asked for but time; one of all workers does each when it is due, organization by organization."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub import auditor
from hub.alerts import expiry
from hub.database import Database, organization_of
from hub.incidents import following, retention, returning
from hub.integrations import relocking
from hub.notifications import service as notifications
from hub.runtime import Runtime
from hub.stream import service as stream

log = logging.getLogger(__name__)

# all chores of one step together stay below the time after which a step counts as hanging
_LONGEST_SECONDS = 5.0

_DUE = text(
    "SELECT name FROM unnest(CAST(:names AS text[]), CAST(:every AS float[])) AS known (name, every)"
    " LEFT JOIN chores USING (name)"
    " WHERE begun_at IS NULL OR begun_at <= overwatch_now() - make_interval(secs => every)"
)
_BEGIN = text(
    "INSERT INTO chores (name, begun_at) VALUES (:name, overwatch_now()) ON CONFLICT (name) DO UPDATE"
    " SET begun_at = excluded.begun_at"
    " WHERE chores.begun_at <= overwatch_now() - make_interval(secs => :every) RETURNING name"
)
_DUE_AGAIN = text("UPDATE chores SET begun_at = '-infinity' WHERE name = ANY(:names)")
_CALM_DOWN = text(
    "UPDATE alerts SET is_flapping = false WHERE is_flapping AND started_at < overwatch_now() - interval '1 hour'"
)


def audit(session: Session) -> bool:
    """Says in the log what the auditor finds in the organization."""
    for found in auditor.audit_one(session, organization_of(session)):
        told = (found.organization_id, found.promise, found.count, "; ".join(found.examples))
        log.error("promise broken in organization %s: %s, %d times: %s", *told)
    return False


def calm_down(session: Session) -> bool:
    """Alerts that have not begun again for an hour flap no more."""
    session.execute(_CALM_DOWN)
    return False


Step = Callable[[Session], bool]


@dataclass(frozen=True, slots=True)
class Chore:
    """A step in one organization, repeated while it says that there is more; `wakes` are lanes it leaves work for."""

    name: str
    every_seconds: float
    step: Step
    wakes: Sequence[str] = ()


def chores_of(runtime: Runtime) -> tuple[Chore, ...]:
    """All of them, with what of the runtime they need."""
    return (
        Chore("expiry", 15, expiry.expire, wakes=("ingest",)),
        Chore("silences", 5, returning.correlate_after_silence, wakes=("index", "notify")),
        Chore("waiting incidents", 30, following.resolve_the_waiting, wakes=("index", "notify")),
        Chore("flapping", 60, calm_down),
        Chore("secrets", 60, partial(relocking.relock, vault=runtime.vault)),
        Chore("mails", 60, notifications.retry_mails, wakes=("notify",)),
        Chore("changes", 600, stream.forget_old),
        Chore("retention", 3_600, partial(retention.forget_old, plans=runtime.plans)),
        Chore("audit", 6 * 3_600, audit),
    )


def do_due(runtime: Runtime) -> bool:
    """Does the chores that are due; whether one of them has more to do at once. Else only time brings the next."""
    due = _due(runtime.database, chores_of(runtime))
    unfinished = [chore.name for chore in due if _is_mine(runtime.database, chore) and do(runtime, chore)]
    if unfinished:
        with runtime.database.transaction() as session:
            session.execute(_DUE_AGAIN, {"names": unfinished})
    return bool(unfinished)


def do(runtime: Runtime, chore: Chore) -> bool:
    """Does one chore in every organization; one organization's failure is not another's.

    Whether there was more to do in one of them when its time was over.
    """
    with runtime.database.transaction() as session:
        organization_ids = list(session.scalars(text("SELECT organization_ids()")))
    random.shuffle(organization_ids)  # when there is no time for all, each has its chance
    patience = time.monotonic() + _LONGEST_SECONDS
    for organization_id in organization_ids:
        is_more = False
        try:
            while time.monotonic() < patience:
                with runtime.database.transaction(organization_id) as session:
                    is_more = chore.step(session)
                if not is_more:
                    break
                runtime.waker.wake(chore.wakes)
        except Exception:  # the next round tries again
            log.exception("chore %s failed in organization %s", chore.name, organization_id)
        if is_more and time.monotonic() >= patience:
            return True
    return False


def _due(database: Database, chores: Sequence[Chore]) -> list[Chore]:
    """One look for all of them: most of the time there is nothing to do, and this is asked every second."""
    asked = {"names": [chore.name for chore in chores], "every": [chore.every_seconds for chore in chores]}
    with database.statement() as connection:
        names = set(connection.scalars(_DUE, asked))
    return [chore for chore in chores if chore.name in names]


def _is_mine(database: Database, chore: Chore) -> bool:
    with database.transaction() as session:
        return session.execute(_BEGIN, {"name": chore.name, "every": chore.every_seconds}).first() is not None
