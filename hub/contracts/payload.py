"""Payload: an untyped JSON value tamed field by field; a wrong shape fails naming the field."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from hub.contracts.errors import Malformed
from hub.contracts.event import Link

# Template text a sender left unsubstituted: $ALERT_ID, ${HOST}, {EVENT.VALUE}, {{ .Labels }}, {ProblemID}, %HOST%.
_LEFTOVER = re.compile(
    r"\$\{?[A-Z][A-Z0-9_]*\}?\$?"
    r"|\{\$?[A-Z][A-Za-z0-9_.$]*\}"
    r"|\{\{.*\}\}"
    r"|%[A-Z_]{2,}%",
    re.DOTALL,
)
_MAX_EPOCH_SECONDS = 253_402_300_799  # 9999-12-31, the last moment datetime can hold
_OPEN_ENDED = ("0001-01-01", "0000-")  # Go's zero time: "not over yet"


def present(text: str) -> str:
    """The text, stripped; empty when it is nothing but unsubstituted template text or a word for nothing."""
    stripped = text.strip()
    if _LEFTOVER.fullmatch(stripped) or stripped.lower() in {"null", "none", "undefined", "<nil>", "<no value>"}:
        return ""
    return stripped


class Payload:
    """A JSON value with the path that leads to it. Missing and null fields read as empty."""

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str = "body") -> None:
        self.value = value
        self.path = path

    def get(self, name: str) -> "Payload":
        """The field `name` (dots lead into nested objects). Raises Malformed when a step is not an object."""
        found: Any = self.value
        path = self.path
        for step in name.split("."):
            if found is None:
                found = {}
            if not isinstance(found, Mapping):
                raise Malformed(path, f"expected an object, got {_kind(found)}")
            found = found.get(step)
            path = f"{path}.{step}"
        return Payload(found, path)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null; False as well when this value is no object."""
        return isinstance(self.value, Mapping) and self.value.get(name) is not None

    def text(self, *names: str) -> str:
        """The first of the fields that says something, as text; "" when none does. Numbers and booleans become text."""
        return next((found for found in (self.get(name)._as_text() for name in names) if found), "")

    def required_text(self, *names: str) -> str:
        """Like text, but raises Malformed naming the fields when none says anything."""
        found = self.text(*names)
        if not found:
            raise Malformed(
                f"{self.path}.{names[0]}",
                "is missing" if len(names) == 1 else f"is missing, as are {', '.join(names[1:])}",
            )
        return found

    def texts(self, name: str, separator: str = ",") -> list[str]:
        """A list of texts, or one text with separators; templated senders produce either."""
        found = self.get(name)
        if isinstance(found.value, list):
            return [text for item in found.items() if (text := item._as_text())]
        return [text for part in found._as_text().split(separator) if (text := present(part))]

    def mapping(self, name: str) -> dict[str, str]:
        """An object as flat text pairs; nested values become JSON-like text, empty ones are dropped."""
        found = self.get(name)
        if found.value is None:
            return {}
        if not isinstance(found.value, Mapping):
            raise Malformed(found.path, f"expected an object, got {_kind(found.value)}")
        pairs = ((str(key), _flat(value)) for key, value in found.value.items())
        return {key: value for key, value in pairs if value}

    def objects(self, name: str) -> list["Payload"]:
        """A list of objects; [] when missing. Raises Malformed naming the first item that is not an object."""
        found = self.get(name)
        if found.value is None:
            return []
        if not isinstance(found.value, list):
            raise Malformed(found.path, f"expected a list, got {_kind(found.value)}")
        items = list(found.items())
        for item in items:
            item.expect_object()
        return items

    def items(self) -> Iterator["Payload"]:
        """The members of a list, each with its index in the path."""
        for index, value in enumerate(self.value):
            yield Payload(value, f"{self.path}[{index}]")

    def expect_object(self) -> "Payload":
        """This payload, or Malformed when it is not a JSON object."""
        if not isinstance(self.value, Mapping):
            raise Malformed(self.path, f"expected an object, got {_kind(self.value)}")
        return self

    def time(self, *names: str) -> datetime | None:
        """The first of the fields that holds a time, aware UTC. Raises Malformed for text that is no time."""
        for name in names:
            text = self.text(name)
            if text and (found := parse_time(text, f"{self.path}.{name}")):
                return found
        return None

    def links(self, titles: Mapping[str, str]) -> tuple[Link, ...]:
        """Links of the fields that hold an absolute web address: {field: title}."""
        found = ((title, self.text(name)) for name, title in titles.items())
        return tuple(Link(title, url) for title, url in found if is_web_address(url))

    def _as_text(self) -> str:
        if self.value is None:
            return ""
        if isinstance(self.value, str):
            return present(self.value)
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        if isinstance(self.value, int | float):
            return str(self.value)
        raise Malformed(self.path, f"expected text, got {_kind(self.value)}")


def parse_time(text: str, field: str) -> datetime | None:
    """RFC 3339, or an epoch number in seconds, milliseconds, microseconds or nanoseconds (told apart by size).

    None for the "not over yet" times (Go's year 1, epoch 0). Raises Malformed naming `field` otherwise.
    """
    if text.startswith(_OPEN_ENDED):
        return None
    try:
        number = float(text)
    except ValueError:
        return _parse_calendar_time(text, field)
    while abs(number) > _MAX_EPOCH_SECONDS:
        number /= 1000
    if number > 100_000_000_000:  # beyond the year 5138 in seconds: these are milliseconds
        number /= 1000
    if not number > 0:  # also NaN
        return None
    return datetime.fromtimestamp(number, UTC)


def is_web_address(text: str) -> bool:
    """Whether the text is an absolute http or https address with a host."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _parse_calendar_time(text: str, field: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(_trim_fraction(text))
    except ValueError as error:
        raise Malformed(field, f"{text[:40]!r} is not a time in RFC 3339") from error
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        return None


def _trim_fraction(text: str) -> str:
    """datetime holds microseconds: nanoseconds and Azure's seven digits are cut, not rounded."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text.strip())


def _flat(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return str(value)
    return Payload(value)._as_text()


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
