"""A hub in processes of its own, on a data folder of its own, and its database seen from outside."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from hub import settings
from hub.client import Client
from hub.contracts.errors import Unavailable
from hub.wait import is_ready

_START_SECONDS = 240.0
_STOP_SECONDS = 30.0
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class RunningHub:
    """What `overwatch up` has started."""

    pid: int
    port: int
    data: Path

    @property
    def address(self) -> str:
        return f"http://{_HOST}:{self.port}"

    def owner(self) -> Client:
        """The owner of a new organization."""
        client = Client(self.address)
        name = secrets.token_hex(6)
        password = f"{secrets.token_urlsafe(18)}aA1!"
        client.register(email=f"{name}@example.org", password=password, name=name, organization=name)
        return client

    def query(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Rows, as the database's owner sees them: of all organizations. Raises psycopg.OperationalError."""
        with psycopg.connect(self._url, connect_timeout=5) as connection:
            return connection.execute(statement.encode(), parameters or None).fetchall()

    def execute(self, statement: str) -> None:
        """Changes something, as the database's owner. Raises psycopg.OperationalError."""
        with psycopg.connect(self._url, connect_timeout=5) as connection:
            connection.execute(statement.encode())

    def connection(self) -> psycopg.Connection:
        """For many looks at what is committed; as the database's owner. Raises psycopg.OperationalError."""
        return psycopg.connect(self._url, connect_timeout=5, autocommit=True)

    @property
    def _url(self) -> str:
        return settings.from_env(self.data).owner_database_url.replace("+psycopg", "")

    def wait_until_ready(self, seconds: float = _START_SECONDS) -> None:
        """Raises Unavailable when that takes longer."""
        wait_for(lambda: is_ready(_HOST, self.port), seconds, "The hub is not ready")


@contextmanager
def running_hub(data: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[RunningHub]:
    """Starts a hub, waits until it is ready, and stops it at the end. Raises Unavailable."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-P", "-m", "hub.cli", "up", "--data", str(data), "--port", str(port), *options]
    process = subprocess.Popen(  # noqa: S603  # our own command
        command, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
    )
    try:
        hub = RunningHub(process.pid, port, data)
        wait_for(lambda: process.poll() is not None or is_ready(_HOST, port), _START_SECONDS, "The hub is not ready")
        if process.poll() is not None:
            raise Unavailable(f"The hub ended at its start with {process.returncode}; it has said why.")
        yield hub
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_SECONDS)


def wait_for(condition: Any, seconds: float, complaint: str) -> float:
    """Asks again and again until it holds; gives the seconds that took. Raises Unavailable after so many."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise Unavailable(f"{complaint} after {seconds:.0f} s.")
        time.sleep(0.05)
    return time.monotonic() - start
