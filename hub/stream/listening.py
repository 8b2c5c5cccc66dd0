"""Holding a stream open: few threads may, the others answer at once and are asked again."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from hub.database import Database
from hub.stream import rules, service
from hub.stream.rules import Cursor
from hub.stream.schemas import line_of
from hub.stream.service import Listener, News

HELD_SECONDS = 25
LOOK_EVERY_SECONDS = 1.0
RETRY_MILLISECONDS = 2_000

_SHARE = 4  # architecture.md: at most a quarter of the threads may hold a stream

Pause = Callable[[float], object]


class Slots:
    """How many streams this process may hold."""

    def __init__(self, threads: int) -> None:
        self._free = threading.Semaphore(threads // _SHARE)

    def take(self) -> bool:
        """Whether there was one; never waits."""
        return self._free.acquire(blocking=False)

    def give_back(self) -> None:
        """After the stream has ended."""
        self._free.release()


@dataclass(frozen=True, slots=True)
class Stream:
    """One listener's stream."""

    database: Database
    organization_id: UUID
    listener: Listener

    def once(self, said: str | None) -> Iterator[str]:
        """What is new, and when to come again."""
        yield rules.retry(RETRY_MILLISECONDS)
        news: News | None = self._look(_place(said), is_lost=_is_lost(said))
        while news is not None:
            yield _told(news)
            news = self._look(news.cursor) if news.is_full else None

    def held(self, said: str | None, pause: Pause, seconds: float = HELD_SECONDS) -> Iterator[str]:
        """What is new and what becomes new, until the time is up or the listener may listen no longer."""
        yield rules.retry(RETRY_MILLISECONDS)
        end = time.monotonic() + seconds
        news: News | None = self._look(_place(said), is_lost=_is_lost(said))
        while news is not None:
            yield _told(news)
            if time.monotonic() >= end:
                return
            if not news.is_full:
                pause(LOOK_EVERY_SECONDS)
            news = self._look(news.cursor)

    def _look(self, cursor: Cursor | None, *, is_lost: bool = False) -> News | None:
        """None when the listener may listen no longer. Holds a connection only while it looks."""
        with self.database.transaction(self.organization_id) as session:
            if not service.is_good(session, self.listener):
                return None
            found = service.news(session, self.listener, cursor)
            return News((), found.cursor, is_reset=True) if is_lost else found


def _place(said: str | None) -> Cursor | None:
    return rules.cursor_of(said) if said else None


def _is_lost(said: str | None) -> bool:
    """A Last-Event-ID that we never gave: its listener has missed we know not what."""
    return bool(said) and _place(said) is None


def _told(news: News) -> str:
    if news.is_reset:
        return rules.event("reset", "{}", news.cursor)
    events = (rules.event(each.kind, line_of(each), Cursor(each.xid, each.id)) for each in news.changes)
    return "".join(events) + rules.position(news.cursor)
