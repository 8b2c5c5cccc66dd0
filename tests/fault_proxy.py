"""A proxy between the hub and its Postgres that does to the connection what networks do: see `FAULTS`."""

import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

SERVER = ".s.PGSQL.5432"
_CHUNK_BYTES = 65_536
_LATENCY_SECONDS = 0.02
_SLOW_BYTES = 256


class Cut(Exception):
    """The connection ends here."""


class FaultProxy:
    """Listens on a socket in `folder` and talks to the server's in another; `fault` is what goes wrong from now on.

    `answers_left` is for `cut`: how many more answers of the server get through before the connection ends.
    """

    def __init__(self, server_folder: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="proxy-"))
        self.fault = ""
        self.answers_left = 0
        self._server = str(server_folder / SERVER)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / SERVER))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def broken(self, fault: str, answers_left: int = 0) -> Iterator[None]:
        """This goes wrong, and then nothing does any more."""
        self.fault, self.answers_left = fault, answers_left
        yield
        self.fault = ""

    def close(self) -> None:
        """Nobody is let in any more."""
        self._listener.close()
        shutil.rmtree(self.folder)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                for source, target, is_answer in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pump, args=(source, target, is_answer), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with suppress(OSError, Cut):
            while chunk := source.recv(_CHUNK_BYTES):
                FAULTS[self.fault](self, chunk, is_answer)
                target.sendall(chunk)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _delay(self, _chunk: bytes, _is_answer: bool) -> None:
        time.sleep(_LATENCY_SECONDS)

    def _trickle(self, chunk: bytes, _is_answer: bool) -> None:
        time.sleep(_LATENCY_SECONDS * (1 + len(chunk) / _SLOW_BYTES))

    def _swallow(self, _chunk: bytes, _is_answer: bool) -> None:
        while self.fault == "black hole":
            time.sleep(_LATENCY_SECONDS)
        raise Cut

    def _reset(self, _chunk: bytes, _is_answer: bool) -> None:
        raise Cut

    def _cut(self, _chunk: bytes, is_answer: bool) -> None:
        self.answers_left -= is_answer
        if self.answers_left < 0:
            raise Cut


FAULTS: Mapping[str, Callable[[FaultProxy, bytes, bool], None]] = {
    "": lambda _proxy, _chunk, _is_answer: None,
    "latency": FaultProxy._delay,
    "slow": FaultProxy._trickle,
    "black hole": FaultProxy._swallow,
    "reset": FaultProxy._reset,
    "cut": FaultProxy._cut,
}
