"""Keeps the hub's processes running until somebody asks to stop, then stops them in time."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub.contracts.errors import Misconfigured, OverwatchError
from hub.embedded.process import Process
from hub.embedded.wakeups import Wakeups

log = logging.getLogger(__name__)

_HEALTHY_SECONDS = 60.0
_LONGEST_DELAY_SECONDS = 10.0
_READY_SECONDS = 300.0  # a busy machine is slow, not broken; what is broken dies thrice before
_READY_POLL_SECONDS = 0.05
_DEATHS_BEFORE_READY = 3
_STOP_SECONDS = 5.5  # with the 3.5 s for Postgres after it, all is over within 10


def restart_delay_seconds(deaths: int) -> float:
    """How long to wait after so many deaths in a row: not at all after the first, then doubling up to 10 s."""
    return 0.0 if deaths <= 1 else min(_LONGEST_DELAY_SECONDS, 0.25 * 2.0 ** (deaths - 1))


@dataclass
class _Ward:
    """A process under our care. `due_at` is when to start it; None while it runs. Times are of the monotonic clock."""

    process: Process
    started_at: float = 0.0
    due_at: float | None = 0.0
    deaths: int = 0

    def tend(self, now: float) -> None:
        """Notices its death, and starts it when that is due."""
        try:
            if self.due_at is None and not self.process.is_running():
                self._note_death(now, f"process {self.process.pid} ended with {self.process.kill()}")
            if self.due_at is not None and now >= self.due_at:
                self.started_at, self.due_at = now, None
                self.process.spawn()
        except (OSError, OverwatchError) as error:
            self._note_death(now, f"cannot start: {error}")

    def _note_death(self, now: float, what: str) -> None:
        self.deaths = 1 if now - self.started_at > _HEALTHY_SECONDS else self.deaths + 1
        delay = restart_delay_seconds(self.deaths)
        self.due_at = now + delay
        log.warning("%s: %s; next start in %.1f s", self.process.name, what, delay)


class Supervisor:
    """Runs `children`, and restarts them and the `foundation` below them when they die. For the main thread only.

    Of the children some may run already. The foundation (Postgres) runs before and after: whoever started it stops it.
    """

    def __init__(self, children: Sequence[Process], foundation: Process | None = None) -> None:
        self._children = children
        now = time.monotonic()
        self._wards = [_Ward(child, now, due_at=None if child.pid else now) for child in children]
        if foundation:
            self._wards.insert(0, _Ward(foundation, now, due_at=None))

    def run(self, wakeups: Wakeups, is_ready: Callable[[], bool], on_ready: Callable[[], None]) -> None:
        """Returns when SIGINT or SIGTERM asked for it and every child has ended.

        Calls `on_ready` once, when all run and `is_ready` says so. Raises Misconfigured, with every child ended, if
        that takes a minute or a child keeps dying before.
        """
        wakeups.interrupts = False
        try:
            self._start(wakeups, is_ready, on_ready)
            while not wakeups.stop_asked:
                wakeups.wait(self._tend())
        finally:
            self._stop(wakeups)

    def _start(self, wakeups: Wakeups, is_ready: Callable[[], bool], on_ready: Callable[[], None]) -> None:
        patience = time.monotonic() + _READY_SECONDS
        while not wakeups.stop_asked:
            self._tend()
            self._refuse_hopeless(patience)
            if all(ward.process.is_running() for ward in self._wards) and is_ready():
                return on_ready()
            wakeups.wait(_READY_POLL_SECONDS)
        return None

    def _tend(self) -> float | None:
        """Looks after everyone; gives the seconds until somebody is due, None if nobody is."""
        for ward in self._wards:
            ward.tend(time.monotonic())
        due = [ward.due_at for ward in self._wards if ward.due_at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _refuse_hopeless(self, patience: float) -> None:
        for ward in self._wards:
            if ward.deaths >= _DEATHS_BEFORE_READY:
                raise Misconfigured(f"{ward.process.name} keeps ending at its start: {_last_line(ward.process)}")
        if time.monotonic() > patience:
            raise Misconfigured(f"Not ready after {_READY_SECONDS:.0f} s: see {self._children[0].log.parent}.")

    def _stop(self, wakeups: Wakeups) -> None:
        patience = time.monotonic() + _STOP_SECONDS
        for child in self._children:
            child.ask_to_stop()
        while any(child.is_running() for child in self._children) and (left := patience - time.monotonic()) > 0:
            wakeups.wait(left)
        for child in self._children:
            if child.is_running():
                log.warning("%s: did not stop in time and was killed", child.name)
            child.kill()


def _last_line(process: Process) -> str:
    lines = process.output().strip().splitlines() or ["it wrote nothing"]
    return f"{lines[-1].strip()} (see {process.log})"
