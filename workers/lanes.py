"""Lanes: a wake-up or the sweeper starts a step, one at a time per lane and process, until there is no work left."""

import faulthandler
import logging
import random
import threading
from collections.abc import Sequence

from hub import health
from hub.runtime import Runtime
from workers.pipeline import STEPS, Step

log = logging.getLogger(__name__)

_SWEEP_SECONDS = 1.0
_BEAT_EVERY_SWEEPS = 3
_HANG_SECONDS = 60


class Lane:
    """One lane in one process. A wish that comes while it works is served before it rests."""

    def __init__(self, runtime: Runtime, step: Step) -> None:
        self._runtime = runtime
        self._step = step
        self._wanted = threading.Event()
        self._busy = threading.Lock()

    def drain(self) -> None:
        """Works until nothing is left; returns at once when another thread of this process is at it."""
        self._wanted.set()
        while self._wanted.is_set() and self._busy.acquire(blocking=False):
            try:
                self._wanted.clear()
                while self._watched():
                    pass
            finally:
                self._busy.release()

    def _watched(self) -> bool:
        """A step that hangs, even inside C code that holds the interpreter, takes its process with it.

        The lease of the rows it held runs out, and they come back alone.
        """
        faulthandler.dump_traceback_later(_HANG_SECONDS, exit=True)
        try:
            return self._step(self._runtime)
        finally:
            faulthandler.cancel_dump_traceback_later()


class Process:
    """The lanes of one worker process, and the sweeper that looks for work whatever the broker does."""

    def __init__(self, runtime: Runtime, names: Sequence[str]) -> None:
        self._runtime = runtime
        self._lanes = {name: Lane(runtime, STEPS[name]) for name in names}
        self._stopped = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begins to sweep."""
        self._sweeper.start()

    def stop(self) -> None:
        """Ends the sweeper after the step it is at."""
        self._stopped.set()
        self._sweeper.join(timeout=5)
        self._runtime.database.dispose()

    def drain(self, name: str) -> None:
        """A wake-up has come."""
        self._lanes[name].drain()

    def _sweep(self) -> None:
        sweeps = 0
        while not self._stopped.is_set():
            try:
                if sweeps % _BEAT_EVERY_SWEEPS == 0:
                    health.beat(self._runtime.database, list(self._lanes))
                for lane in self._lanes.values():
                    lane.drain()
            except Exception:  # the database may be away for a while: the next sweep tries again
                log.exception("a sweep failed")
            sweeps += 1
            self._stopped.wait(_SWEEP_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311  # spreads the processes
