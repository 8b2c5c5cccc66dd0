"""Group commit of accepted webhooks: those that arrive together are stored by one statement, answered after its commit.

A request waits at most four milliseconds for company, and only while others of its process are on their way or have
just been stored; not when as many have come as ever did lately, for then all senders wait for their answers. When the
store does not answer, nobody waits for long: those inside give up, and who comes then is refused at the door, with 503
and Retry-After, until it answers again.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from contextlib import closing, suppress
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hub.contracts.errors import Unavailable
from hub.database import Database
from hub.failpoints import failpoint

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.004
STREAM_SECONDS = 0.01  # after a commit that lies back no longer, more are likely to come
MANY_TOGETHER = 8  # of fewer the most there were lately says little of how many there are
LATELY = 16  # commits
MOST_TOGETHER = 64
MOST_BYTES_TOGETHER = 8_000_000
MOST_INSIDE = 128
PATIENCE_SECONDS = 3.0
STALLED_SECONDS = 1.0
RETRY_SECONDS = 2

Wanted = Mapping[str, Any]
Stored = tuple[str, UUID | None]  # outcome of accept_deliveries, and the delivery's id

_COLUMNS = (
    ("id", "uuid"),
    ("integration_id", "uuid"),
    ("platform", "text"),
    ("token_hash", "bytea"),
    ("is_verified", "boolean"),
    ("key", "text"),
    ("recent_key", "text"),
    ("headers", "jsonb"),
    ("query", "jsonb"),
    ("body", "bytea"),
)
# the driver's own words: %b sends arrays in binary form, at a third of what escaping bytes in text costs
_ACCEPT = (
    "SELECT place, outcome, delivery_id FROM accept_deliveries("
    f"{', '.join(f'CAST(%({name})b AS {kind}[])' for name, kind in _COLUMNS)}, %(recent_seconds)b)"
)


class Gatherer:
    """The door of one process to the inbox; its one thread commits for all the others."""

    def __init__(self, database: Database, recent_seconds: int) -> None:
        self._database = database
        self._recent_seconds = recent_seconds
        self._changed = threading.Condition()
        self._waiting: list[tuple[Wanted, Future[Stored]]] = []
        self._inside = 0
        self._busy_since: float | None = None
        self._idle_since = 0.0
        self._is_stream = False
        self._lately: deque[int] = deque(maxlen=LATELY)
        self._all = MOST_TOGETHER
        self._thread: threading.Thread | None = None

    def store(self, wanted: Wanted) -> Stored:
        """Gives the outcome after its commit. Raises Unavailable when the store does not answer or too many wait."""
        with self._changed:
            self._admit()
            self._inside += 1
            answer: Future[Stored] = Future()
            self._waiting.append((wanted, answer))
            if len(self._waiting) == 1 or self._is_complete():  # else the gatherer goes on waiting
                self._changed.notify()
        try:
            return answer.result(PATIENCE_SECONDS)
        except (NotInTime, psycopg.OperationalError, PoolTimeout) as error:
            raise _closed() from error
        finally:
            with self._changed:
                self._inside -= 1

    def _admit(self) -> None:
        busy_since = self._busy_since  # read once: the gatherer's thread sets it to None at any moment
        is_stalled = busy_since is not None and time.monotonic() - busy_since > STALLED_SECONDS
        if is_stalled or self._inside >= MOST_INSIDE:
            raise _closed()
        if self._thread is None:  # begun by the first request, because servers fork
            self._thread = threading.Thread(target=self._run, name="gatherer", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            batch = self._gather()
            self._busy_since = time.monotonic()
            self._commit(batch)
            self._busy_since, self._idle_since = None, time.monotonic()

    def _gather(self) -> list[tuple[Wanted, Future[Stored]]]:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting))
            now = time.monotonic()
            patience = now + GATHER_SECONDS
            self._is_stream = now - self._idle_since < STREAM_SECONDS
            self._all = max(MANY_TOGETHER, *self._lately) if len(self._lately) == LATELY else MOST_TOGETHER
            while not self._is_complete() and (left := patience - time.monotonic()) > 0:
                self._changed.wait(left)
            count = _fitting(self._waiting)
            batch, self._waiting = self._waiting[:count], self._waiting[count:]
            self._lately.append(count)
        return batch

    def _is_complete(self) -> bool:
        """Whether nobody else is likely to come soon."""
        count = len(self._waiting)
        return count >= self._all or (count >= self._inside and not self._is_stream)

    def _commit(self, batch: Sequence[tuple[Wanted, Future[Stored]]]) -> None:
        try:
            outcomes = self._execute([wanted for wanted, _ in batch])
        except psycopg.Error as error:
            if isinstance(error, psycopg.OperationalError) or len(batch) == 1:
                _fail(batch, error)
            else:  # one of them cannot be stored, and the others must not suffer for it
                for each in batch:
                    self._commit([each])
        except Exception as error:  # noqa: BLE001  # whatever it is, somebody waits for the answer
            _fail(batch, error)
        else:
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                answer.set_result(outcome)

    def _execute(self, wanted: Sequence[Wanted]) -> list[Stored]:
        columns = {name: [each[name] for each in wanted] for name, _ in _COLUMNS}
        failpoint("before_inbox_commit")
        with closing(self._database.counting.raw_connection()) as connection:
            cursor = connection.cursor()  # the driver's: SQLAlchemy's part would cost as much as a webhook more
            cursor.execute(_ACCEPT, columns | {"recent_seconds": self._recent_seconds})
            found = {place: (outcome, delivery_id) for place, outcome, delivery_id in cursor.fetchall()}
        failpoint("after_inbox_commit")
        return [found[place] for place in range(1, len(wanted) + 1)]


def _fitting(waiting: Sequence[tuple[Wanted, Future[Stored]]]) -> int:
    """How many of those that wait go together: the first always, then as long as number and bytes allow."""
    size = 0
    for count, (wanted, _) in enumerate(waiting):
        size += len(wanted["body"])
        if count and (count >= MOST_TOGETHER or size > MOST_BYTES_TOGETHER):
            return count
    return len(waiting)


def _fail(batch: Sequence[tuple[Wanted, Future[Stored]]], error: Exception) -> None:
    log.warning("%d webhooks could not be stored: %s", len(batch), type(error).__name__)
    for _, answer in batch:
        with suppress(Exception):
            answer.set_exception(error)


def _closed() -> Unavailable:
    return Unavailable("The store does not answer now, or too much is coming in; try again.", RETRY_SECONDS)
