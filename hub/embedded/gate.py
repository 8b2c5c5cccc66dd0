"""The gate at the start: the hub's processes load their code while the database is made, and go on when it is ready."""

import os
from types import TracebackType
from typing import Self


class Gate:
    """A pipe that nothing is written to: whoever reads `descriptor` waits until the gate opens, or we are gone."""

    def __enter__(self) -> Self:
        self.descriptor, ours = os.pipe2(os.O_CLOEXEC)
        self._ends = os.fdopen(self.descriptor), os.fdopen(ours, "w")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open()

    def open(self) -> None:
        """Lets all go on who wait; harmless when it is open."""
        for end in self._ends:
            end.close()


def wait(descriptor: int | None) -> None:
    """Returns when the gate is open; at once without one."""
    if descriptor is not None:
        os.read(descriptor, 1)
        os.close(descriptor)
