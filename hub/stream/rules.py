"""Decisions about the stream: where a listener is, and how an event looks on the wire."""

import re
from dataclasses import dataclass
from uuid import UUID

_CURSOR = re.compile(r"([0-9]{1,19})-([0-9a-f]{32})", re.ASCII)
_START = UUID(int=0)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """Everything up to here has been told: all of the transactions before `xid`, and of it those up to `subject`."""

    xid: int
    subject: UUID = _START

    def __str__(self) -> str:
        return f"{self.xid}-{self.subject.hex}"


def cursor_of(text: str) -> Cursor | None:
    """The cursor that a Last-Event-ID says; None for what we never gave."""
    found = _CURSOR.fullmatch(text)
    return Cursor(int(found[1]), UUID(hex=found[2])) if found else None


def event(name: str, data: str, cursor: Cursor) -> str:
    """One server-sent event (WHATWG HTML, 9.2); `data` is one line."""
    return f"id: {cursor}\nevent: {name}\ndata: {data}\n\n"


def position(cursor: Cursor) -> str:
    """Tells the client where it is, without an event: its next Last-Event-ID."""
    return f"id: {cursor}\n\n"


def retry(milliseconds: int) -> str:
    """How long the client waits before it comes again."""
    return f"retry: {milliseconds}\n\n"
