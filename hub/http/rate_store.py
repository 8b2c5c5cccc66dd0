"""Rate limits on Postgres: a storage for the `limits` library, exact over all processes of the embedded mode."""

import random
from typing import Any

from flask import g
from limits.storage import Storage
from psycopg import OperationalError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.database import Database

SCHEME = "overwatch+postgresql"

_SWEEP_ONCE_IN = 1_000
_INCREMENT = text(
    "INSERT INTO rate_limits AS l (key, hits, expires_at)"
    " VALUES (:key, :amount, overwatch_now() + make_interval(secs => :expiry))"
    " ON CONFLICT (key) DO UPDATE SET"
    " hits = CASE WHEN l.expires_at <= overwatch_now() THEN 0 ELSE l.hits END + excluded.hits,"
    " expires_at = CASE WHEN l.expires_at <= overwatch_now() THEN excluded.expires_at ELSE l.expires_at END"
    " RETURNING hits, extract(epoch FROM expires_at)::double precision"
)
_READ = text(
    "SELECT hits, extract(epoch FROM expires_at)::double precision FROM rate_limits"
    " WHERE key = :key AND expires_at > overwatch_now()"
)


class PostgresStorage(Storage):
    """Fixed windows in one table; a count is one atomic statement, committed at once.

    A request's own transaction cannot count: it would hold its organization's row until it ends.
    """

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012  # the registry of `limits` reads a list

    def __init__(self, uri: str, *, database: Database, **options: Any) -> None:
        super().__init__(uri, **options)
        self._engine = database.counting

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return DBAPIError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts, in a new window when the last one is over. Gives the window's count with this request."""
        hits, expires_at = self._count({"key": key, "expiry": expiry, "amount": amount})
        g.setdefault("windows", {})[key] = (hits, expires_at)
        if random.randrange(_SWEEP_ONCE_IN) == 0:  # noqa: S311  # decides when to tidy up, nothing else
            self._execute("DELETE FROM rate_limits WHERE expires_at < overwatch_now()")
        return int(hits)

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

    def _count(self, parameters: dict[str, Any]) -> tuple[int, float]:
        try:
            return self._row(parameters)
        except DBAPIError as error:
            # one lost connection shows that the server was restarted; SQLAlchemy then renews the whole pool
            if not error.connection_invalidated or not isinstance(error.orig, OperationalError):
                raise
            return self._row(parameters)

    def _row(self, parameters: dict[str, Any]) -> tuple[int, float]:
        with self._engine.connect() as connection:
            row = connection.execute(_INCREMENT, parameters).one()
            return row[0], row[1]

    def _window(self, key: str) -> tuple[int, float]:
        seen: tuple[int, float] | None = g.get("windows", {}).get(key)
        if seen is not None:
            return seen
        with self._engine.connect() as connection:
            row = connection.execute(_READ, {"key": key}).one_or_none()
            return (row[0], row[1]) if row else (0, 0.0)

    def _execute(self, statement: str) -> int:
        with self._engine.connect() as connection:
            return connection.execute(text(statement)).rowcount
