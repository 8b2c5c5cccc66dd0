"""What the codes in a query stand for, in the words that runbooks use: ENOSPC is no space left on device."""

import errno
import os
import re
import signal
from collections.abc import Iterator
from http import HTTPStatus

_MOST = 4

_ERRNO = {name: os.strerror(number) for number, name in errno.errorcode.items()}
_CODE = re.compile(
    r"""\b(?P<errno>E[A-Z0-9]{2,14})\b
      |\b(?:HTTP(?:/[\d.]+)?|(?i:status(?:[\s_-]?code)?))["\s:=]{1,3}(?P<http>[45]\d\d)\b
      |(?i:\bexit(?:ed)?(?:[\s_-](?:with|code|status)){0,3})[\s:=]{1,3}(?P<exit>1\d\d)\b
      |\b(?P<memory>OOM)(?![a-z])""",
    re.VERBOSE,
)
_EXIT_BY_SIGNAL = 128  # what a shell adds to the number of the signal that ended a process


def spelled_out(said: str) -> str:
    """The text, and behind it in words the first codes of operating systems, HTTP and signals that stand in it."""
    words = [phrase for phrase in dict.fromkeys(_phrases(said)) if phrase.lower() not in said.lower()]
    return " ".join([said, *words[:_MOST]])


def _phrases(said: str) -> Iterator[str]:
    for code in _CODE.finditer(said):
        phrase = _phrase(code.lastgroup or "", code[code.lastgroup or 0])
        if phrase:
            yield phrase


def _phrase(kind: str, code: str) -> str:
    if kind == "errno":
        return _ERRNO.get(code, "")
    if kind == "memory":
        return "out of memory"
    number = int(code)
    if kind == "http":
        return HTTPStatus(number).phrase if number in set(HTTPStatus) else ""
    ended_by = number - _EXIT_BY_SIGNAL
    return signal.strsignal(ended_by) or "" if ended_by in set(signal.valid_signals()) else ""
