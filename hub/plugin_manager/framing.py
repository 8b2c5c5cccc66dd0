"""Messages on a stream: four bytes of length (network order), then JSON."""

import json
import socket
import struct
import time
from typing import Any

MOST_BYTES = 32 * 1024 * 1024

_LENGTH = struct.Struct("!I")


class Line:
    """One end. Raises EOFError when the other is gone, TimeoutError past the deadline, ValueError for no message."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._until: float | None = None

    def give_it(self, seconds: float) -> None:
        """From now on everything has to be done within so many seconds."""
        self._until = time.monotonic() + seconds

    def send(self, message: Any) -> None:
        """Sends one message."""
        text = json.dumps(message, allow_nan=False).encode()
        self._wait()
        self._end.sendall(_LENGTH.pack(len(text)) + text)

    def receive(self) -> Any:
        """Receives one message."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > MOST_BYTES:
            raise ValueError(f"a message of {length} bytes; the most are {MOST_BYTES}")
        return json.loads(self._exactly(length))

    def close(self) -> None:
        """Hangs up."""
        self._end.close()

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            self._wait()
            part = self._end.recv(min(count - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def _wait(self) -> None:
        if self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._end.settimeout(left)
