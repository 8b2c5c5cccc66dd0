"""Payload: an untyped JSON value tamed field by field; a wrong shape fails naming the field."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from hub.contracts.errors import Malformed
from hub.contracts.event import Link
from hub.contracts.labels import labels_of
from hub.contracts.times import parse_time

# Template text a sender left unsubstituted: $ALERT_ID, ${HOST}, {EVENT.VALUE}, {{ .Labels }}, {ProblemID}, %HOST%.
_LEFTOVER = re.compile(
    r"\$\{?[A-Z][A-Z0-9_]*\}?\$?"
    r"|\{\$?[A-Z][A-Za-z0-9_.$]*\}"
    r"|\{\{.*\}\}"
    r"|%[A-Z_]{2,}%",
    re.DOTALL,
)
_LEFTOVER_BEGINS = ("$", "{", "%")
_WORDS_FOR_NOTHING = {"null", "none", "undefined", "<nil>", "<no value>"}
_PUNCTUATION = re.compile(r"[_\-. ]")
_OBJECT = (dict, Mapping)  # the second alone is ten times as slow to tell
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # JSON can escape them, but neither UTF-8 nor Postgres holds them


def present(text: str) -> str:
    """The text, stripped; empty when it is nothing but unsubstituted template text or a word for nothing."""
    said = _substituted(text)
    return "" if said.lower() in _WORDS_FOR_NOTHING else said


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
            if not isinstance(found, _OBJECT):
                raise Malformed(path, f"expected an object, got {_kind(found)}")
            found = found.get(step)
            path = f"{path}.{step}"
        return Payload(found, path)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null; False as well when this value is no object."""
        return isinstance(self.value, Mapping) and self.value.get(name) is not None

    def text(self, *names: str) -> str:
        """The first of the fields that says something, as text; "" when none does. Numbers and booleans become text."""
        return next((found for found in map(self._text_of, names) if found), "")

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
        """A list of texts, or one text with separators; templated senders produce either.

        An object in the list is told by its name, or as `name:value` like the tag it may be; without a name it is none.
        """
        found = self.get(name)
        if isinstance(found.value, list):
            return [text for item in found.items() if (text := item._as_tag())]
        return [text for part in found._as_text().split(separator) if (text := present(part))]

    def mapping(self, name: str) -> dict[str, str]:
        """An object as flat text pairs, such as labels; nested values become JSON text, empty ones are dropped.

        A word for nothing stays: a label `severity="none"` means what it says.
        """
        found = self.get(name)
        if found.value is None:
            return {}
        labels = ((storable(str(key)), found._label_of(key)) for key in found.expect_object().value)
        return {key: text for key, text in labels if text}

    def tags(self, name: str) -> dict[str, str]:
        """Tags as labels: `key:value` texts, in a list or in one text, or an object of such pairs."""
        found = self.get(name)
        return self.mapping(name) if isinstance(found.value, Mapping) else labels_of(self.texts(name))

    def objects(self, name: str) -> list["Payload"]:
        """A list of objects; [] when missing. Raises Malformed naming the first item that is not an object."""
        found = self.get(name)
        if found.value is None:
            return []
        if not isinstance(found.value, list):
            raise Malformed(found.path, f"expected a list, got {_kind(found.value)}")
        return found.members()

    def members(self) -> list["Payload"]:
        """This object alone, or the objects of this list: a relay may gather several bodies. Raises Malformed."""
        if not isinstance(self.value, list):
            return [self.expect_object()]
        return [item.expect_object() for item in self.items()]

    def items(self) -> Iterator["Payload"]:
        """The members of a list, each with its index in the path."""
        for index, value in enumerate(self.value):
            yield Payload(value, f"{self.path}[{index}]")

    def embedded(self) -> "Payload":
        """What a text holds as JSON; any other value as it is. Raises Malformed for text that is not JSON."""
        return Payload(parse_json(self.value, self.path), self.path) if isinstance(self.value, str) else self

    def expect_object(self) -> "Payload":
        """This payload, or Malformed when it is not a JSON object."""
        if not isinstance(self.value, Mapping):
            raise Malformed(self.path, f"expected an object, got {_kind(self.value)}")
        return self

    def loose(self, *groups: str) -> "Payload":
        """This object with its names in lower case, without `_`, `-`, `.` and spaces: templates are written by people.

        The members of the objects under `groups` are lifted up to it, where its own names win. Raises Malformed.
        """
        own = {_loosened(name): value for name, value in sorted(self.expect_object().value.items())}
        lifted = [members for group in groups if isinstance(members := own.get(group), Mapping)]
        pairs = (pair for members in lifted for pair in sorted(members.items()))
        return Payload({_loosened(name): value for name, value in pairs} | own, self.path)

    def time(self, *names: str) -> datetime | None:
        """The first of the fields that holds a time, aware UTC. Text that is no time counts as absent.

        The hub then takes the time of arrival: an alert is not lost for its clock.
        """
        for name in names:
            text = self.text(name)
            with suppress(Malformed):
                if text and (found := parse_time(text, f"{self.path}.{name}")):
                    return found
        return None

    def links(self, titles: Mapping[str, str]) -> tuple[Link, ...]:
        """Links of the fields that hold an absolute web address, or a list of them: {field: title}."""
        found = ((title, url) for name, title in titles.items() for url in self.texts(name, "\n"))
        return tuple(Link(title, url) for title, url in found if is_web_address(url))

    def _as_tag(self) -> str:
        if not isinstance(self.value, Mapping):
            return self._as_text()
        name, value = self._first_scalar("name", "key", "tag"), self._first_scalar("value")
        return f"{name}:{value}" if name and value else name

    def _first_scalar(self, *names: str) -> str:
        found = (self.value[name] for name in names if isinstance(self.value.get(name), str | int))
        return next((text for value in found if (text := Payload(value, self.path)._as_text())), "")

    def _text_of(self, name: str) -> str:
        own = self.value
        if isinstance(own, dict) and "." not in name:  # the most frequent by far: without a Payload for each field
            value = own.get(name)
            if value is None or isinstance(value, str):
                return present(value) if value else ""
        return self.get(name)._as_text()

    def _as_text(self) -> str:
        return "" if self.value is None else present(self._scalar_text())

    def _label_of(self, name: Any) -> str:
        value = self.value[name]
        return _substituted(value) if isinstance(value, str) else Payload(value, f"{self.path}.{name}")._as_label()

    def _as_label(self) -> str:
        if not isinstance(self.value, Mapping | list):
            return _substituted(self._scalar_text())
        try:
            return json.dumps(self.value)
        except RecursionError as error:
            raise Malformed(self.path, "is nested too deeply") from error

    def _scalar_text(self) -> str:
        if self.value is None:
            return ""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        if isinstance(self.value, int | float):
            return str(self.value)
        raise Malformed(self.path, f"expected text, got {_kind(self.value)}")


def parse_json(raw: bytes | str, field_name: str) -> Any:
    """Parses JSON in UTF-8; raises Malformed naming `field_name`, also for nesting that would exhaust the stack."""
    try:
        return json.loads(raw if isinstance(raw, str) else raw.decode("utf-8-sig"))  # bytes would let UTF-16 pass too
    except (ValueError, RecursionError) as error:
        raise Malformed(field_name, f"not JSON: {error}") from error


def is_web_address(text: str) -> bool:
    """Whether the text is an absolute http or https address with a host."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def storable(text: str) -> str:
    """The text; what JSON can escape but neither UTF-8 nor Postgres holds becomes visible replacements."""
    return text if text.isascii() and "\x00" not in text else _UNSTORABLE.sub("\ufffd", text)


def _loosened(name: str) -> str:
    return _PUNCTUATION.sub("", name).lower()


def _substituted(text: str) -> str:
    stripped = text.strip()
    is_left_over = stripped.startswith(_LEFTOVER_BEGINS) and _LEFTOVER.fullmatch(stripped)
    return "" if is_left_over else storable(stripped)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
