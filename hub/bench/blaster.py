"""A load generator that costs little itself: one process, one selector, closed loop over keep-alive connections."""

import multiprocessing
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_CHUNK_BYTES = 65_536


@dataclass(slots=True)
class Blast:
    """What came back: answers by status, and the seconds each took; `cpu_seconds` is what the generator itself used."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Accepted per second."""
        return self.statuses[200] / self.seconds if self.seconds else 0.0

    def milliseconds(self, share: float) -> float:
        """Within which this share was answered."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def blast(webhook: str, bodies: list[bytes], connections: int, rate: float = 0.0) -> Blast:
    """Pushes every body once from a process of its own; `rate` per second, 0 for as fast as answers come.

    Raises EOFError when that process dies.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_in_process, args=(sender.send, webhook, bodies, connections, rate))
    process.start()
    sender.close()  # so that nobody waits for a process that has died
    found: Blast = receiver.recv()
    process.join()
    return found


def _in_process(
    tell: Callable[[Blast], None], webhook: str, bodies: list[bytes], connections: int, rate: float
) -> None:
    tell(_Loop(webhook, bodies, connections, rate).run())


class _Loop:
    def __init__(self, webhook: str, bodies: list[bytes], connections: int, rate: float) -> None:
        parts = urlsplit(webhook)
        self._address = (parts.hostname or "", parts.port or 80)
        self._head = (
            f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._bodies = bodies
        self._connections = connections
        self._rate = rate
        self._next = 0
        self._idle: list[socket.socket] = []
        self._begun: dict[socket.socket, float] = {}
        self._received: dict[socket.socket, bytes] = {}
        self._selector = selectors.DefaultSelector()
        self._blast = Blast()

    def run(self) -> Blast:
        for _ in range(self._connections):
            self._idle.append(self._open())
        start, cpu_start = time.monotonic(), time.process_time()
        while sum(self._blast.statuses.values()) < len(self._bodies):
            self._send_due(start)
            for key, _ in self._selector.select(0.001 if self._rate else None):
                self._read(key.fileobj)  # type: ignore[arg-type]  # only sockets were registered
        self._blast.seconds, self._blast.cpu_seconds = time.monotonic() - start, time.process_time() - cpu_start
        return self._blast

    def _open(self) -> socket.socket:
        connection = socket.create_connection(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ)
        return connection

    def _send_due(self, start: float) -> None:
        due = int((time.monotonic() - start) * self._rate) + 1 if self._rate else len(self._bodies)
        while self._idle and self._next < min(due, len(self._bodies)):
            connection, body = self._idle.pop(), self._bodies[self._next]
            self._next += 1
            self._begun[connection] = time.monotonic()
            self._received[connection] = b""
            connection.sendall(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)

    def _read(self, connection: socket.socket) -> None:
        received = self._received[connection] + connection.recv(_CHUNK_BYTES)
        self._received[connection] = received
        head, _, rest = received.partition(b"\r\n\r\n")
        if not received:
            raise ConnectionError("the hub closed a connection under load")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not rest or len(rest) < int(length):
            return
        self._blast.latencies.append(time.monotonic() - self._begun.pop(connection))
        self._blast.statuses[int(head.split()[1])] += 1
        self._idle.append(connection)
