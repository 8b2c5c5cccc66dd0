"""The API's processes behind one address, and how they are replaced without a failed request."""

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from multiprocessing.synchronize import Event
from typing import Any

from granian.constants import Interfaces
from granian.net import SocketSpec  # type: ignore[attr-defined]
from granian.server.mp import MPServer

from hub.embedded.gate import wait

log = logging.getLogger(__name__)

_APP = "hub.app"
_START_SECONDS = 120.0
_FAREWELL_SECONDS = 3.0
"""How long a process that is replaced asks its senders to come back on another connection."""

_KILL_SECONDS = 5


def serve(host: str, port: int, processes: int, threads: int, *, log_format: str, gate: int | None = None) -> None:
    """Serves, once the gate is open, until SIGINT or SIGTERM.

    The first processes are forks that share the code loaded here; every later one reads the code that is there then.

    SIGHUP replaces one process after the other, with the code that is there then. SIGUSR1 makes all of them answer with
    `Connection: close`, for whoever is going to stop them.
    """
    import_module(_APP)
    wait(gate)
    multiprocessing.set_start_method("fork")
    formatters = {name: {"()": "hub.logs.JsonLine"} for name in ("generic", "access")}
    built = multiprocessing.get_context("spawn").Event()  # one that both kinds of process can share
    _Server(
        built,
        f"{_APP}:from_environment",
        interface=Interfaces.WSGI,
        address=host,
        port=port,
        workers=processes,
        blocking_threads=threads,
        respawn_failed_workers=True,
        workers_kill_timeout=_KILL_SECONDS,
        log_dictconfig={"formatters": formatters} if log_format == "json" else None,
    ).serve(target_loader=partial(_build, built), wrap_loader=False)


def _build(built: Event) -> Any:
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)  # a fork has its parent's handlers
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    app = import_module(_APP).from_environment()
    built.set()
    return app


class _Server(MPServer):
    """granian, but for two things that cost requests when a process is replaced.

    On Linux each of its processes opens a listening socket of its own, and what waits there is reset when it goes. Ours
    get theirs from the parent, which keeps it for the next in that place. (One for all of them would leave it to chance
    who takes how many connections: of 32 that came at once, one process often took nearly all.) And it stops the old
    process half a second later, wherever the new one is by then.
    """

    def __init__(self, built: Event, target: str, **options: Any) -> None:
        super().__init__(target, **options)
        self._built = built

    def startup(self, *arguments: Any) -> None:
        super().startup(*arguments)
        multiprocessing.set_start_method("spawn", force=True)
        signal.signal(signal.SIGUSR1, self._bid_all_farewell)

    def _init_shared_socket(self) -> None:
        self._listening = [self._listen() for _ in range(self.workers)]

    def _listen(self) -> tuple[Any, socket.socket]:
        """The kernel deals connections out between those that listen at one address (SO_REUSEPORT)."""
        held = SocketSpec(self.bind_addr, self.bind_port, self.backlog).build()
        own = socket.socket(fileno=held.get_fd())
        own.set_inheritable(True)
        return held, own

    def _drop_shared_socket(self) -> None:
        for _, own in self._listening:
            own.close()

    def _spawn_worker(self, idx: int, *more: Any, **named: Any) -> Any:
        self._shd, self._sso = self._listening[idx]
        return super()._spawn_worker(idx, *more, **named)

    def _reload(self, spawn_target: Callable[..., None], target_loader: Callable[..., Any]) -> None:
        self.reload_signal = False
        self.main_loop_interrupt.clear()
        for index in range(self.workers):
            new = self._spawn_worker(idx=index, target=spawn_target, callback_loader=target_loader)
            if not self._comes_up(new):
                log.error("a new process does not come up: the old ones stay")
                new.kill()
                return
            old, self.wrks[index] = self.wrks[index], new
            self._bid_farewell(old)
            time.sleep(_FAREWELL_SECONDS)
            self._end(old)

    def _comes_up(self, process: Any) -> bool:
        patience = time.monotonic() + _START_SECONDS
        process.interrupt_by_parent = True  # when it fails now, nobody is to start it again
        self._built.clear()
        process.start()
        while not self._built.wait(0.1):
            if not process.is_alive() or time.monotonic() > patience:
                return False
        process.interrupt_by_parent = False
        return True

    def _bid_all_farewell(self, *_: object) -> None:
        for process in self.wrks:
            self._bid_farewell(process)

    def _bid_farewell(self, process: Any) -> None:
        if process.is_alive():
            os.kill(process.inner.pid, signal.SIGUSR1)

    def _end(self, process: Any) -> None:
        process.terminate()
        process.join(_KILL_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
