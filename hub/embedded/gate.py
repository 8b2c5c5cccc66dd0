"""The gate at the start: the hub's processes load their code while the database is made, and go on when it is ready."""

import os
from types import TracebackType
from typing import Self


class Gate:
    """A pipe that nothing is written to: whoever reads `descriptor` waits until the gate opens, or we are gone."""

    def __enter__(self) -> Self:
        self.descriptor, self._ours = os.pipe2(os.O_CLOEXEC)
        self._is_open = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open()

    def open(self) -> None:
        """Lets all go on who wait, and who come later."""
        if not self._is_open:
            self._is_open = True
            os.close(self._ours)
            os.close(self.descriptor)


def wait(descriptor: int | None) -> None:
    """Returns when the gate is open; at once without one."""
    if descriptor is not None:
        os.read(descriptor, 1)
        os.close(descriptor)
