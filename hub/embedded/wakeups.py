"""Sleeping until a child dies or somebody asks us to stop."""

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Self

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Wakeups:
    """While entered, SIGINT, SIGTERM and the death of a child end a `wait`.

    The first SIGINT or SIGTERM also raises KeyboardInterrupt, unless `interrupts` was set to False: the long steps of a
    start are to be broken off, a stop is not.
    """

    def __init__(self) -> None:
        self.stop_asked = False
        self.interrupts = True

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._handlers_before = {
            signum: signal.signal(signum, self._on_signal) for signum in (signal.SIGCHLD, *_STOP_SIGNALS)
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._handlers_before.items():
            signal.signal(signum, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, seconds: float | None) -> None:
        """Returns at the next signal, at once if one came since the last wait, or after so long."""
        select.select([self._reader], [], [], seconds)
        while select.select([self._reader], [], [], 0)[0]:
            os.read(self._reader, 4096)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        # A child between fork and exec writes to the same pipe: only a handler knows that the signal was for us.
        if signum not in _STOP_SIGNALS:
            return
        self.stop_asked = True
        if self.interrupts:
            self.interrupts = False
            raise KeyboardInterrupt
