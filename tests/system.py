"""A whole hub in processes of its own, for tests that need the real thing."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.client import Client

OVERWATCH = Path(sys.executable).with_name("overwatch")


@dataclass
class RunningHub:
    """What `overwatch up` has started."""

    process: subprocess.Popen[str]
    address: str
    data: Path
    ready_line: str

    def client(self) -> Client:
        """The owner of a new organization; the first one of a hub may ask as often as it likes."""
        made = Client(self.address)
        name = f"person-{time.time_ns()}"
        made.register(
            email=f"{name}@example.org", password="Correct-horse-1", name="Person", organization=f"Organization {name}"
        )
        return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_hub(data: Path, *options: str) -> Iterator[RunningHub]:
    """Starts a hub on the folder, waits for its one line, and stops it at the end."""
    port = free_port()
    command = [OVERWATCH, "up", "--data", data, "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield RunningHub(process, f"http://127.0.0.1:{port}", data, read_line(process, 240))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def read_line(process: subprocess.Popen[str], seconds: float) -> str:
    """The next line of the process's output; fails with its complaints when none comes in time."""
    readable, _, _ = select.select([process.stdout], [], [], seconds)
    line = process.stdout.readline() if readable else ""
    if not line:
        process.kill()
        raise AssertionError(process.communicate()[1])
    return line


def eventually(find: Callable[[], Any], seconds: float = 10) -> Any:
    """What `find` gives once it gives something; fails when it never does."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
    return found


def processes_of(data: Path) -> dict[int, str]:
    """Every process that names the data folder in its command line or its environment, but not this one."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            told = (entry / "cmdline").read_bytes() + b"\0" + (entry / "environ").read_bytes()
        except OSError:  # it has just ended
            continue
        if os.fsencode(data) in told:
            found[int(entry.name)] = told.replace(b"\0", b" ")[:200].decode(errors="replace")
    return found
