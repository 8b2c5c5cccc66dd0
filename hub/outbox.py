"""The only door from the web to the workers: jobs left by a transaction, and wake-ups after its commit.

Postgres is the truth; a wake-up is a Celery message that only says "look now". Losing one costs a second or two,
until the sweeper of a worker looks by itself; so wake-ups are coalesced and a failing broker stops nobody.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final
from uuid import UUID, uuid4

from celery import Celery
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hub import logs, telemetry
from hub.broker import ANSWER_SECONDS, VISIBILITY_SECONDS, task_of
from hub.database import Database, new_id, organization_of

log = logging.getLogger(__name__)

MOST_ATTEMPTS: Final = 5

_COALESCE_SECONDS = 0.02
_LONGEST_COALESCE_SECONDS = 0.32
LEASE_SECONDS = 120

_CLAIM = text("SELECT * FROM claim_jobs(:lane, :kinds, :token, :most, :lease_seconds, :holds)")


def enqueue(session: Session, lane: str, kind: str, subject_ids: Collection[UUID], *, after_seconds: float = 0) -> None:
    """Leaves one job per subject, in the caller's transaction; a job that still waits stands for this one too."""
    if not subject_ids:
        return
    session.execute(
        text(
            "INSERT INTO jobs (organization_id, id, lane, kind, subject_id, traceparent, next_at)"
            " SELECT :organization_id, ids.id, :lane, :kind, ids.subject_id, :traceparent,"
            "   overwatch_now() + make_interval(secs => :after_seconds)"
            " FROM unnest(CAST(:ids AS uuid[]), CAST(:subject_ids AS uuid[])) AS ids (id, subject_id)"
            " ON CONFLICT DO NOTHING"
        ),
        {
            "organization_id": organization_of(session),
            "lane": lane,
            "kind": kind,
            "ids": [new_id() for _ in subject_ids],
            "subject_ids": list(subject_ids),
            "after_seconds": after_seconds,
            "traceparent": telemetry.carrier(),
        },
    )


Handler = Callable[[Session, Sequence[UUID]], None]
# what asks somebody outside, which no transaction may wait for; it gives the handler of what came of it
Preparation = Callable[[Database, UUID, Sequence[UUID]], Handler]


@dataclass(frozen=True, slots=True)
class _Job:
    organization_id: UUID
    id: UUID
    kind: str
    subject_id: UUID
    attempts: int
    traceparent: str | None


def work_off(
    database: Database,
    lane: str,
    handlers: Mapping[str, Handler],
    most: int = 32,
    preparations: Mapping[str, Preparation] = MappingProxyType({}),
) -> bool:
    """Claims due jobs of the kinds that there are handlers for, and handles them: per organization and kind in one
    transaction each. What this process has no handler for waits for one that has.

    False when there were none. A handler that fails sends its jobs back, and after the last attempt they stay, dead.
    Jobs of a process that dies come back at once, because the lock that holds them goes with its connection; those with
    a preparation when their lease is over, because no connection is kept while others think.
    """
    token = uuid4()
    prepared = {kind: partial(_as_prepared, handler) for kind, handler in handlers.items()} | dict(preparations)
    with _claimed(database, lane, prepared, token, most, holds=not preparations) as jobs:
        for group in _grouped(jobs).values():
            if not _handle(database, prepared, group, token, is_last=len(group) == 1) and len(group) > 1:
                for job in group:  # so that the one that fails keeps no other back
                    _handle(database, prepared, [job], token, is_last=True)
    return bool(jobs)


def _handle(
    database: Database, prepared: Mapping[str, Preparation], jobs: Sequence[_Job], token: UUID, *, is_last: bool
) -> bool:
    """Whether it went well; where it did not, and this `is_last`, the jobs are sent back."""
    organization_id, kind = jobs[0].organization_id, jobs[0].kind
    subject_ids = sorted({job.subject_id for job in jobs})
    try:
        with (
            logs.about(organization_id=f"org_{organization_id.hex}"),
            telemetry.span(kind, [job.traceparent for job in jobs], organization_id=organization_id),
        ):
            handler = prepared[kind](database, organization_id, subject_ids)
            with database.transaction(organization_id) as session:
                handler(session, subject_ids)
                _delete(session, jobs, token)
        return True
    except Exception as error:  # whatever a job does, the others of the lane go on
        log.exception("%d jobs %s failed", len(jobs), kind)
        if is_last:
            _retry_or_bury(database, organization_id, jobs, token, type(error).__name__)
        return False


def _as_prepared(handler: Handler, _database: Database, _organization_id: UUID, _ids: Sequence[UUID]) -> Handler:
    return handler


@contextmanager
def _claimed(
    database: Database, lane: str, kinds: Collection[str], token: UUID, most: int, *, holds: bool
) -> Iterator[list[_Job]]:
    """Jobs in our hands. When it `holds` them a lock of its connection says so, and without it they are anybody's."""
    asked = {"lane": lane, "kinds": list(kinds), "token": token, "most": most, "lease_seconds": LEASE_SECONDS}
    with database.statement() as connection:
        jobs = [_Job(*row) for row in connection.execute(_CLAIM, asked | {"holds": holds})]
        if holds and jobs:
            try:
                yield jobs
            finally:
                with suppress(DBAPIError):  # a broken connection has given its locks back already
                    connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
            return
    yield jobs


def _grouped(jobs: Sequence[_Job]) -> dict[tuple[UUID, str], list[_Job]]:
    groups: dict[tuple[UUID, str], list[_Job]] = {}
    for job in jobs:
        groups.setdefault((job.organization_id, job.kind), []).append(job)
    return groups


def _delete(session: Session, jobs: Sequence[_Job], token: UUID) -> None:
    """Raises LookupError when the lease has passed to another worker: its effect counts, ours is rolled back."""
    gone = session.execute(
        text("DELETE FROM jobs WHERE organization_id = :org AND id = ANY(:ids) AND lease_token = :token RETURNING id"),
        {"org": jobs[0].organization_id, "ids": [job.id for job in jobs], "token": token},
    ).all()
    if len(gone) != len(jobs):
        raise LookupError("another worker has taken these jobs")


def _retry_or_bury(database: Database, organization_id: UUID, jobs: Sequence[_Job], token: UUID, why: str) -> None:
    with database.transaction(organization_id) as session:
        session.execute(
            text(
                "UPDATE jobs SET reason = :why, is_dead = attempts >= :most, lease_until = NULL,"
                " next_at = overwatch_now() + make_interval(secs => power(2, attempts) * random())"
                " WHERE organization_id = :org AND id = ANY(:ids) AND lease_token = :token"
            ),
            {
                "why": why,
                "most": MOST_ATTEMPTS,
                "org": organization_id,
                "ids": [job.id for job in jobs],
                "token": token,
            },
        )


class Waker:
    """Wakes lanes from one process: at once when they sleep, and less and less often under load, down to 3 a second.

    A wake-up costs some 5 ms of CPU with the broker on Postgres; workers that are busy look again by themselves.
    """

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._wanted: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def wake(self, lanes: Iterable[str]) -> None:
        """Asks the workers of these lanes to look now. Call it after the commit. Never raises, never waits."""
        with self._changed:
            self._wanted.update(lanes)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        pause, seconds = threading.Event(), _COALESCE_SECONDS
        while True:
            with self._changed:
                is_under_load = bool(self._wanted)
                self._changed.wait_for(lambda: bool(self._wanted))
                lanes, self._wanted = self._wanted, set()
            for lane in sorted(lanes):
                self._send(lane)
            seconds = min(2 * seconds, _LONGEST_COALESCE_SECONDS) if is_under_load else _COALESCE_SECONDS
            pause.wait(seconds)

    def _send(self, lane: str) -> None:
        try:
            self._celery.send_task(
                task_of(lane),
                queue=lane,
                retry=False,
                expires=VISIBILITY_SECONDS,
                confirm_timeout=ANSWER_SECONDS,
            )
        except Exception as error:  # noqa: BLE001  # whatever the broker does, the sweeper will find the rows
            log.warning("could not wake lane %s: %s", lane, type(error).__name__)
