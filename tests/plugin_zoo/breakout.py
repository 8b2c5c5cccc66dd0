"""Goes around Python's audit hook, by calls that raise no event: tells of each whether it got out."""

import os
import signal
import sqlite3
from collections.abc import Callable, Mapping

from hub.contracts import Config, Connector, Delivery, Event, Severity, State, hookimpl


def start_a_process() -> object:
    import _posixsubprocess

    reading, writing = os.pipe()
    nowhere = (-1,) * 4
    return _posixsubprocess.fork_exec(
        [b"/bin/true"], (b"/bin/true",), True, (), None, None, *nowhere, -1, -1, reading, writing, True, False, 0,
        None, None, None, -1, None, True,
    )  # fmt: skip


def signal_the_hub() -> object:
    return signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0)


def read_by_another_library() -> object:
    return sqlite3.connect("file:/etc/passwd?mode=ro", uri=True).execute("SELECT 1 FROM sqlite_schema").fetchall()


def slow_the_hub_down() -> object:
    return os.setpriority(os.PRIO_PROCESS, os.getppid(), 0)


def leave_a_file() -> object:
    return os.mkfifo(f"/tmp/overwatch-breakout-{os.getpid()}")


WAYS: Mapping[str, Callable[[], object]] = {
    way.__name__: way
    for way in (start_a_process, signal_the_hub, read_by_another_library, slow_the_hub_down, leave_a_file)
}


def got_out(way: Callable[[], object]) -> bool:
    try:
        way()
    except (OSError, sqlite3.OperationalError):
        return False
    except sqlite3.DatabaseError:  # it was read, and is no database
        return True
    return True


class Breakout(Connector):
    name = "breakout"
    title = "Breakout"

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        ways = ", ".join(name for name, way in WAYS.items() if got_out(way)) or "none"
        return [Event(title=ways, state=State.FIRING, severity=Severity.INFO, dedup_key="1")]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    return [Breakout()]
