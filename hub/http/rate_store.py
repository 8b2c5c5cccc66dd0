"""Rate limits on Postgres: a storage for the `limits` library, exact over all processes of the embedded mode."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from flask import g
from limits.storage import Storage
from psycopg import OperationalError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.database import Database

SCHEME = "overwatch+postgresql"

_SWEEP_ONCE_IN = 1_000
# in the driver's own words, for every request runs it
_COUNT = (
    "SELECT key, hits, ends_at"
    " FROM count_requests(CAST(%(keys)s AS text[]), CAST(%(most)s AS bigint[]), CAST(%(seconds)s AS integer))"
)
_READ = text(
    "SELECT hits, extract(epoch FROM expires_at)::double precision FROM rate_limits"
    " WHERE key = :key AND expires_at > overwatch_now()"
)


Window = tuple[int, float]
"""What was counted in it, and when it ends in epoch seconds."""


class PostgresStorage(Storage):
    """Fixed windows in one table; all of a request are counted by one atomic statement, committed at once.

    A request's own transaction cannot count: it would hold its organization's row until it ends. `wanted` says which
    windows a request counts in, in order, and how many each allows.
    """

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012  # the registry of `limits` reads a list

    def __init__(
        self, uri: str, *, database: Database, wanted: Callable[[], Mapping[str, int]], **options: Any
    ) -> None:
        super().__init__(uri, **options)
        self._engine = database.counting
        self._wanted = wanted

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return DBAPIError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts, in a new window when the last one is over. Gives the window's count with this request.

        The library asks for one window after the other, and gets the others from the first's statement. A window that
        stands behind one that is spent is not counted: 0. `amount` is 1 for every limit of ours.
        """
        if "windows" not in g:
            g.windows = self._count(expiry)
            if random.randrange(_SWEEP_ONCE_IN) == 0:  # noqa: S311  # decides when to tidy up, nothing else
                self._execute("DELETE FROM rate_limits WHERE expires_at < overwatch_now()")
        return g.windows[key][0] if key in g.windows else 0

    def get(self, key: str) -> int:
        """The window's count, as this request saw it when it was counted."""
        return int(self._window(key)[0])

    def get_expiry(self, key: str) -> float:
        """When the window ends, in epoch seconds."""
        return float(self._window(key)[1])

    def check(self) -> bool:
        """Whether the database answers."""
        try:
            self._execute("SELECT 1")
        except DBAPIError:
            return False
        return True

    def reset(self) -> int | None:
        """Begins every window anew. Gives how many there were."""
        return self._execute("DELETE FROM rate_limits")

    def clear(self, key: str) -> None:
        """Begins this window anew."""
        with self._engine.connect() as connection:
            connection.execute(text("DELETE FROM rate_limits WHERE key = :key"), {"key": key})

    def _count(self, seconds: int) -> dict[str, Window]:
        wanted = self._wanted()
        told = {"keys": list(wanted), "most": list(wanted.values()), "seconds": seconds}
        try:
            return self._rows(told)
        except DBAPIError as error:
            # one lost connection shows that the server was restarted; SQLAlchemy then renews the whole pool
            if not error.connection_invalidated or not isinstance(error.orig, OperationalError):
                raise
            return self._rows(told)

    def _rows(self, told: dict[str, Any]) -> dict[str, Window]:
        with self._engine.connect() as connection:
            return {key: (hits, ends_at) for key, hits, ends_at in connection.exec_driver_sql(_COUNT, told)}

    def _window(self, key: str) -> Window:
        seen: Window | None = g.get("windows", {}).get(key)
        if seen is not None:
            return seen
        with self._engine.connect() as connection:
            row = connection.execute(_READ, {"key": key}).one_or_none()
            return (row[0], row[1]) if row else (0, 0.0)

    def _execute(self, statement: str) -> int:
        with self._engine.connect() as connection:
            return connection.execute(text(statement)).rowcount
