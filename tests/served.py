"""The API in processes of its own, on the tests' database: for what only a real server and a real socket can show."""

import os
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from hub.settings import Settings
from tests.system import OVERWATCH, eventually, free_port


@contextmanager
def serving(settings: Settings, processes: int = 1) -> Iterator[str]:
    """Gives the address; stops the processes at the end."""
    with served(settings, processes) as (_, address):
        yield address


@contextmanager
def served(settings: Settings, processes: int = 1) -> Iterator[tuple[int, str]]:
    """Gives the id of `overwatch api` and its address."""
    port = free_port()
    environment = os.environ | {
        "OVERWATCH_DATABASE_URL": settings.database_url,
        "OVERWATCH_BROKER_URL": settings.broker_url,
        "OVERWATCH_PLANS": settings.plans,
        "OVERWATCH_AUTH_REQUESTS_PER_MINUTE": str(settings.auth_requests_per_minute),
    }
    command = [OVERWATCH, "api", "--data", settings.data_dir, "--port", str(port), "--processes", str(processes)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: is_alive(address), seconds=120)
        yield server.pid, address
    finally:
        server.terminate()
        server.wait(timeout=20)


def is_alive(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def exchange(address: str, raw: bytes, *, is_all: bool = False) -> bytes:
    """Sends the bytes as they are and gives all that comes back until the server closes or falls silent.

    `is_all` says goodbye behind them, as a sender that is cut off does.
    """
    host, _, port = address.removeprefix("http://").partition(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(raw)
        if is_all:
            connection.shutdown(socket.SHUT_WR)
        connection.settimeout(2)
        try:
            while chunk := connection.recv(65_536):
                answer += chunk
        except (TimeoutError, ConnectionResetError):
            pass
    return answer
