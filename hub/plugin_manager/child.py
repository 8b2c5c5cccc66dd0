"""One long-lived process for one third-party plugin: asked over a pipe, killed at its deadline, then begun anew."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.contracts.connector import Http
from hub.contracts.errors import OverwatchError, Unavailable
from hub.plugin_manager import wire
from hub.plugin_manager.fences import CPU_SECONDS
from hub.plugin_manager.framing import Line
from hub.plugin_manager.wire import ConnectorFailed

LOAD_SECONDS = 10.0

_DEATHS_BEFORE_REST = 3
_REST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Source:
    """Where a plugin's code is: an importable module or one file."""

    name: str
    module: str = ""
    file: Path | None = None


class Child:
    """The process, when it is there. Safe for threads: they take turns, and waiting counts against the deadline."""

    def __init__(self, source: Source, hidden: Path | None = None) -> None:
        self.source = source
        self._hidden = hidden
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Line | None = None
        self._deaths = 0
        self._rests_until = 0.0

    def describe(self) -> dict[str, Any]:
        """What the plugin declares; starts the process. Raises ConnectorFailed or what the plugin raised."""
        with self._turn:
            return self._start()

    def call(self, request: dict[str, Any], seconds: float, http: Http | None = None) -> Any:
        """The answer's value. Raises the contracts' errors, ConnectorFailed, or Unavailable while it rests."""
        if not self._turn.acquire(timeout=seconds):
            raise Unavailable(f"The plugin {self.source.name} is busy.")
        try:
            if time.monotonic() < self._rests_until:
                raise Unavailable(f"The plugin {self.source.name} rests, because it keeps breaking.")
            if self._line is None:
                self._start()
            return self._ask(request | {"seconds": seconds}, seconds, http)
        finally:
            self._turn.release()

    def end(self) -> None:
        """Kills the process with everything that it has started."""
        process, line = self._process, self._line
        self._process = self._line = None
        if line is not None:
            line.close()
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self) -> dict[str, Any]:
        self.end()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and code
                [sys.executable, "-I", "-c", _BEGIN.format(path=sys.path, end=theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        self._line = Line(ours)
        source = {"name": self.source.name, "module": self.source.module, "file": str(self.source.file or "")}
        hidden = str(self._hidden.absolute()) if self._hidden else ""
        order = {**source, "path": sys.path, "hidden": hidden, "seconds": LOAD_SECONDS}
        described: dict[str, Any] = self._ask(order, LOAD_SECONDS, None)
        return described

    def _ask(self, request: dict[str, Any], seconds: float, http: Http | None) -> Any:
        line = self._line
        assert line is not None  # noqa: S101  # started by every caller
        line.give_it(seconds)
        try:
            line.send(request)
            while "http" in (answer := line.receive()):
                line.send(_fetched(http, answer["http"]))
            self._outlive(answer)
            return self._value(answer)
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            self._bury()
            raise ConnectorFailed(_SAID.get(type(error), "what it answered is no answer")) from error

    def _value(self, answer: dict[str, Any]) -> Any:
        if "error" in answer:
            raise wire.to_error(answer["error"])
        self._deaths = 0
        return answer["value"]

    def _outlive(self, answer: dict[str, Any]) -> None:
        """A process that has used half of its processor time, or all of its memory, makes room for a new one."""
        if answer["cpu_seconds"] > CPU_SECONDS / 2 or answer.get("is_out_of_memory"):
            self.end()

    def _bury(self) -> None:
        self.end()
        self._deaths += 1
        if self._deaths >= _DEATHS_BEFORE_REST:
            self._rests_until = time.monotonic() + _REST_SECONDS


# -I keeps the environment and the current folder out of the child's imports; it gets ours instead
_BEGIN = (
    "import sys; sys.path[:] = {path!r}; sys.argv = ['', '{end}']; import runpy;"
    " runpy.run_module('hub.plugin_manager.inside', run_name='__main__')"
)
_SAID: dict[type[BaseException], str] = {
    TimeoutError: "no answer in time",
    EOFError: "its process ended",
    ConnectionResetError: "its process ended",
    BrokenPipeError: "its process ended",
}


def _fetched(http: Http | None, asked: dict[str, Any]) -> dict[str, Any]:
    if http is None:
        return {"error": {"name": "", "message": "no request may be sent here"}}
    try:
        body = bytes.fromhex(asked["body"])
        response = http.request(str(asked["method"]), str(asked["url"]), headers=asked["headers"], body=body)
    except OverwatchError as error:
        return {"error": wire.from_error(error)}
    return {"value": wire.from_response(response)}
