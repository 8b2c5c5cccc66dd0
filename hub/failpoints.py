"""Places in the code where a test makes a process die, raise or wait; nothing at all unless the environment names one.

`OVERWATCH_FAILPOINTS=after_claim=kill:0.1,before_commit=raise,after_record=sleep:2`: at the first, the process kills
itself with a probability of a tenth; the second raises; the third waits two seconds.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping

_ENVIRONMENT = "OVERWATCH_FAILPOINTS"


class Failed(Exception):
    """A failpoint was told to raise."""


def _kill(name: str, probability: float) -> None:
    if random.random() < probability:  # noqa: S311  # chance for a test, no secret
        os.write(2, f"failpoint {name} kills\n".encode())  # the test wants to know that it was there
        os.kill(os.getpid(), signal.SIGKILL)


def _raise(name: str, probability: float) -> None:
    if random.random() < probability:  # noqa: S311
        raise Failed(name)


def _sleep(_name: str, seconds: float) -> None:
    time.sleep(seconds)


_ACTIONS: Mapping[str, Callable[[str, float], None]] = {"kill": _kill, "raise": _raise, "sleep": _sleep}


def _read(text: str) -> dict[str, tuple[Callable[[str, float], None], float]]:
    found = {}
    for each in filter(None, text.split(",")):
        name, _, told = each.partition("=")
        action, _, number = told.partition(":")
        found[name] = (_ACTIONS[action], float(number or 1))
    return found


_ARMED = _read(os.environ.get(_ENVIRONMENT, ""))


def failpoint(name: str) -> None:
    """Does what the environment has told for this place."""
    if name in _ARMED:
        action, number = _ARMED[name]
        action(name, number)
