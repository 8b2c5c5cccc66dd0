"""Lanes: a wake-up or the sweeper starts a step, one at a time per lane and process, until there is no work left."""

import faulthandler
import logging
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hub import progress
from hub.notifications import observing
from hub.runtime import Runtime
from workers.pipeline import STEPS, Found

log = logging.getLogger(__name__)

_SWEEP_SECONDS = 1.0
_IDLE_SWEEP_SECONDS = 2.0  # reached by and by while there is nothing to do: an idle hub costs little
_BEAT_SECONDS = 3.0
_HANG_SECONDS = 60.0
_STINT_SECONDS = 1.0
_GATHER_SECONDS = 0.05  # while webhooks come one by one: what comes first is worked on at once, what follows together


class Watchdog:
    """Ends this process when a step hangs, even inside C code that holds the interpreter.

    Its connections close, so the turn it held is free at once, and the rows it had claimed come back alone.
    faulthandler has one timer per process while lanes run on several threads: it is set for what is due first.
    """

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def over(self, name: str) -> Iterator[None]:
        """Watches over one step."""
        self._set(name, time.monotonic() + _HANG_SECONDS)
        try:
            yield
        finally:
            self._set(name, None)

    def _set(self, name: str, due: float | None) -> None:
        with self._lock:
            self._due.pop(name, None)
            if due is not None:
                self._due[name] = due
            if not self._due:
                faulthandler.cancel_dump_traceback_later()
                return
            faulthandler.dump_traceback_later(max(0.001, min(self._due.values()) - time.monotonic()), exit=True)


class Lane:
    """One lane in one process. A wish that comes while it works is served before it rests."""

    def __init__(self, runtime: Runtime, name: str, watchdog: Watchdog) -> None:
        self._runtime = runtime
        self._name = name
        self._watchdog = watchdog
        self._wanted = threading.Event()
        self._busy = threading.Lock()

    def drain(self) -> bool:
        """Works for a second at most, so that no lane keeps a thread from the others; whether there is more to do.

        Returns at once when another thread of this process is at it.
        """
        self._wanted.set()
        patience = time.monotonic() + _STINT_SECONDS
        while self._wanted.is_set() and self._busy.acquire(blocking=False):
            try:
                self._wanted.clear()
                while found := self._step():
                    if time.monotonic() > patience:
                        return True
                    if found is Found.LITTLE:
                        time.sleep(_GATHER_SECONDS)
            finally:
                self._busy.release()
        return False

    def _step(self) -> bool | Found:
        with self._watchdog.over(self._name):
            return STEPS[self._name](self._runtime)


class Process:
    """The lanes of one worker process, and the sweeper that looks for work whatever the broker does."""

    def __init__(self, runtime: Runtime, names: Sequence[str]) -> None:
        self._runtime = runtime
        watchdog = Watchdog()
        self._works_on = [*names, *([observing.LANE] if runtime.plugins.observers else [])]
        self._lanes = {name: Lane(runtime, name, watchdog) for name in names}
        self._stopped = threading.Event()
        self._has_more = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begins to sweep."""
        self._sweeper.start()

    def stop(self) -> None:
        """Ends the sweeper after the step it is at."""
        self._stopped.set()
        self._has_more.set()
        self._sweeper.join(timeout=5)
        self._runtime.database.dispose()

    def drain(self, name: str) -> None:
        """A wake-up has come; what it leaves undone the sweeper goes on with."""
        if self._lanes[name].drain():
            self._has_more.set()

    def _sweep(self) -> None:
        next_beat, rest = 0.0, _SWEEP_SECONDS
        while not self._stopped.is_set():
            self._has_more.clear()
            try:
                if time.monotonic() >= next_beat:
                    progress.beat(self._runtime.database, self._works_on)
                    next_beat = time.monotonic() + _BEAT_SECONDS
                if any([lane.drain() for lane in self._lanes.values()]):  # a list, because every lane has its stint
                    rest = _SWEEP_SECONDS
                    continue
            except Exception:  # the database may be away for a while: the next sweep tries again
                log.exception("a sweep failed")
            self._has_more.wait(rest * random.uniform(0.8, 1.2))  # noqa: S311  # spreads the processes
            rest = min(rest * 1.1, _IDLE_SWEEP_SECONDS)
