"""The processes of `overwatch api` share what comes, and are replaced under load unnoticed."""

import itertools
import json
import os
import re
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from hub.client import Client
from hub.settings import Settings
from tests.factories import alertmanager, firing
from tests.served import served
from tests.system import eventually


def children(pid: int) -> set[int]:
    """The API's processes."""
    found = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found |= {int(child) for child in task.read_text().split()}
    return {child for child in found if b"resource_tracker" not in command_of(child)}  # which is Python's own


def command_of(pid: int) -> bytes:
    """Nothing, when the process has ended meanwhile."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@contextmanager
def load(webhook: str, key: str, address: str) -> Iterator[Counter[str]]:
    """Eight push and read all the time, half of them on one connection each, and never ask twice; how that ended."""
    ends: Counter[str] = Counter()
    over = threading.Event()

    def ask(connection: dict[str, str]) -> None:
        with urllib3.PoolManager(timeout=20) as http:
            for number in itertools.count():
                if over.wait(0.03):
                    return
                body = json.dumps(alertmanager(firing(f"Alert{number}"))).encode()
                headers = {"Content-Type": "application/json", "X-API-Key": key} | connection
                method, url = ("POST", webhook) if number % 4 else ("GET", f"{address}/api/v1/incidents")
                given = body if method == "POST" else None
                try:
                    ends[str(http.request(method, url, body=given, headers=headers, retries=False).status)] += 1
                except urllib3.exceptions.HTTPError as error:
                    ends[re.sub(r"0x\w+", "", repr(error))] += 1

    threads = [threading.Thread(target=ask, args=[each]) for each in [{}, {"Connection": "close"}] * 4]
    for thread in threads:
        thread.start()
    try:
        yield ends
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_processes_are_replaced_without_a_failed_request(hub_settings: Settings):
    with served(hub_settings, processes=2) as (pid, address):
        client = Client(address)
        client.register(email="o@example.org", password="Correct-horse-1", name="Owner", organization="Ours")
        webhook = client.connect("alertmanager", "Load")
        key = client.call("POST", "/api-keys", {"name": "reads", "permissions": ["incidents:read"]})["data"]["key"]
        before = children(pid)
        with load(webhook, key, address) as ends:
            eventually(lambda: ends["200"] > 50, 20)
            os.kill(pid, signal.SIGHUP)
            eventually(lambda: len(children(pid)) == 2 and not children(pid) & before, 120)
    assert set(ends) == {"200"}


ESTABLISHED, LISTEN = "01", "0A"


def sockets(port: int, state: str) -> set[str]:
    """The server's in this state, as /proc names them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == state}


def shares(pid: int, port: int) -> list[int]:
    """How many connections to the port each of the API's processes has taken."""
    return [len(sockets(port, ESTABLISHED) & opened(child)) for child in children(pid)]


def opened(pid: int) -> set[str]:
    """What the process has open."""
    found = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(each.readlink()))
    return found


def test_processes_share_the_connections(hub_settings: Settings):
    with served(hub_settings, processes=2) as (pid, address), ExitStack() as connections:
        port = urlsplit(address).port or 0
        eventually(lambda: len(sockets(port, LISTEN)) == 2, 60)
        for _ in range(64):
            connections.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        eventually(lambda: sum(shares(pid, port)) >= 64, 10)
        assert min(shares(pid, port)) >= 12  # by chance it is less in one of ten million runs


def test_nobody_is_refused_while_a_killed_process_is_replaced(hub_settings: Settings):
    with served(hub_settings, processes=2) as (pid, address):
        before = children(pid)
        os.kill(min(before), signal.SIGKILL)
        with urllib3.PoolManager(timeout=30) as http:
            close = {"Connection": "close"}
            told = [http.request("GET", f"{address}/healthz", headers=close, retries=False).status for _ in range(20)]
        assert told == [200] * 20
        eventually(lambda: len(children(pid)) == 2 and len(children(pid) & before) == 1, 60)
