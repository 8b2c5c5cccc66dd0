"""Log lines, for people or as JSON: with the ids of what they are about, never with what somebody sent.

An exception is told by its class and its place. Its message stays out, because it may quote a payload: psycopg's tells
the row that failed, KeyError the key that was missing.
"""

import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

from hub.contracts.errors import OverwatchError
from hub.settings import Settings

story = logging.getLogger("overwatch.story")
"""One line per request and per delivery; told in JSON only, where machines read it."""

_IDS: ContextVar[Mapping[str, str]] = ContextVar("ids", default={})  # noqa: B039  # never changed, only replaced
_EXTRA: Final = "facts"
_DEEPEST_FRAMES: Final = 30

_Caught = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def configure(settings: Settings) -> None:
    """What this process logs goes to stderr, in the form that was chosen. Call it once, before anything is logged."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(settings))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # says two lines at every look whether it is migrated
    story.setLevel(logging.NOTSET if settings.log_format == "json" else logging.WARNING)


def formatter(settings: Settings) -> logging.Formatter:
    """The form of one line, as OVERWATCH_LOG_FORMAT says."""
    return JsonLine() if settings.log_format == "json" else TextLine()


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """Lines of this thread carry these ids until the end of the block."""
    before = _IDS.set({**_IDS.get(), **_told(ids)})
    try:
        yield
    finally:
        _IDS.reset(before)


def begin(**ids: object) -> None:
    """From here on this thread is about something else: a new request."""
    _IDS.set(_told(ids))


def learn(**ids: object) -> None:
    """What else the lines that follow are about, now that it is known."""
    _IDS.set({**_IDS.get(), **_told(ids)})


def tell(what: str, **facts: object) -> None:
    """One line of the story."""
    story.info(what, extra={_EXTRA: facts})


class JsonLine(logging.Formatter):
    """One JSON object per line: at, level, logger, message, the ids, and for an exception its class and its place."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_IDS.get(),
            **getattr(record, _EXTRA, {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)

    def formatException(self, ei: _Caught) -> str:
        return _place(ei)


class TextLine(logging.Formatter):
    """The same for people, with the ids at the end."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        ids = "".join(f" {name}={value}" for name, value in _IDS.get().items())
        return f"{super().formatMessage(record)}{ids}"

    def formatException(self, ei: _Caught) -> str:
        return _place(ei)


def _place(caught: _Caught) -> str:
    error = caught[1]
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)[-_DEEPEST_FRAMES:]
    told = str(error) if isinstance(error, OverwatchError) else getattr(error, "code", None) or ""
    head = f"{type(error).__module__}.{type(error).__qualname__}{f': {told}' if told else ''}"
    lines = [head, *(f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames)]
    if error.__cause__ is not None:
        cause = error.__cause__
        lines.append(f"because of {_place((type(cause), cause, cause.__traceback__))}")
    return "\n".join(lines)


def _told(ids: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in ids.items()}
