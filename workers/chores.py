"""Chores: what nobody asked for but time; one of all workers does each when it is due, organization by organization."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.alerts import expiry
from hub.database import Database
from hub.incidents import following, retention, returning
from hub.notifications import service as notifications
from hub.runtime import Runtime
from hub.stream import service as stream

log = logging.getLogger(__name__)

_MOST_BATCHES = 1_000

_DUE = text(
    "INSERT INTO chores (name, begun_at) VALUES (:name, overwatch_now()) ON CONFLICT (name) DO UPDATE"
    " SET begun_at = excluded.begun_at"
    " WHERE chores.begun_at <= overwatch_now() - make_interval(secs => :every) RETURNING name"
)
_CALM_DOWN = text(
    "UPDATE alerts SET is_flapping = false WHERE is_flapping AND started_at < overwatch_now() - interval '1 hour'"
)


def calm_down(session: Session) -> bool:
    """Alerts that have not begun again for an hour flap no more."""
    session.execute(_CALM_DOWN)
    return False


@dataclass(frozen=True, slots=True)
class Chore:
    """A step in one organization, repeated while it says that there is more; `wakes` are lanes it leaves work for."""

    name: str
    every_seconds: float
    step: Callable[[Session], bool]
    wakes: Sequence[str] = ()


CHORES = (
    Chore("expiry", 15, expiry.expire, wakes=("ingest",)),
    Chore("silences", 5, returning.correlate_after_silence, wakes=("index", "notify")),
    Chore("waiting incidents", 30, following.resolve_the_waiting, wakes=("index", "notify")),
    Chore("flapping", 60, calm_down),
    Chore("mails", 60, notifications.retry_mails, wakes=("notify",)),
    Chore("changes", 600, stream.forget_old),
    Chore("retention", 3_600, retention.forget_old),
)


def do_due(runtime: Runtime) -> bool:
    """Does the chores that are due; False, because time alone brings the next."""
    for chore in CHORES:
        if _is_mine(runtime.database, chore):
            do(runtime, chore)
    return False


def do(runtime: Runtime, chore: Chore) -> None:
    """Does one chore in every organization; one organization's failure is not another's."""
    with runtime.database.transaction() as session:
        organization_ids = list(session.scalars(text("SELECT organization_ids()")))
    for organization_id in organization_ids:
        try:
            for _ in range(_MOST_BATCHES):
                with runtime.database.transaction(organization_id) as session:
                    is_more = chore.step(session)
                if not is_more:
                    break
                runtime.waker.wake(chore.wakes)
        except Exception:  # the next round tries again
            log.exception("chore %s failed in organization %s", chore.name, organization_id)


def _is_mine(database: Database, chore: Chore) -> bool:
    with database.transaction() as session:
        return session.execute(_DUE, {"name": chore.name, "every": chore.every_seconds}).first() is not None
