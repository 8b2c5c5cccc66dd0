"""A small part of JSONPath (RFC 9535) for mappings that operators write: each step is one pass over what it was given.

    $.alerts[*].labels['service.name']   names, also quoted; every member of a list or object
    @.items[-1].id                       a place in a list, from its end too
    $.fields[?@.key == 'severity'].value members whose field has this value

`$` begins at the whole body, `@` at one event of it. What the whole standard has beyond that (`..`, slices, functions,
regular expressions in filters) can cost more than a body's time budget, and no library of it can be told to do without.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from hub.contracts.errors import Misconfigured

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_VALUE = r"(?:'[^']*'|-?\d{1,15}|true|false)"
_PARTS = {
    "name": rf"\.({_NAME})",
    "quoted": r"\['([^']*)'\]",
    "place": r"\[(-?\d{1,6})\]",
    "every": r"(\.\*|\[\*\])",
    "where": rf"\[\?@\.({_NAME} ?== ?{_VALUE})\]",
}
_PART = "|".join(_PARTS.values())

PATTERN = rf"^[$@](?:{_PART})*$"  # for the `pattern` of a setting in a JSON Schema

_PATH = re.compile(PATTERN)
_STEP = re.compile(_PART)

Step = Callable[[Any], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path that has been read; `root` says where it begins."""

    text: str
    root: Literal["$", "@"]
    steps: tuple[Step, ...]

    def find(self, value: Any) -> list[Any]:
        """All that the path leads to from its root, in order; [] when there is nothing."""
        found = [value]
        for step in self.steps:
            found = [member for each in found for member in step(each)]
        return found


def read_path(text: str) -> JsonPath:
    """Raises Misconfigured for what is not a path of this part of JSONPath."""
    if not _PATH.fullmatch(text):
        raise Misconfigured(f"{text[:80]!r} is no path that is understood: write it like $.alerts[*].labels['name']")
    return JsonPath(text, "$" if text[0] == "$" else "@", tuple(_read_step(*part) for part in _STEP.findall(text)))


class Selection:
    """A table of paths; empty ones lead to nothing. Raises Misconfigured naming the first that is no path."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        read = {name: read_path(path) for name, path in paths.items() if path}
        self._of_body = {name: path for name, path in read.items() if path.root == "$"}
        self._of_event = {name: path for name, path in read.items() if path.root == "@"}

    def of_body(self, body: Any) -> dict[str, Any]:
        """For each path from `$` the first value that is not null. To be asked once for all events of a body."""
        return _firsts(self._of_body, body)

    def of_event(self, event: Any) -> dict[str, Any]:
        """For each path from `@` the first value that is not null."""
        return _firsts(self._of_event, event)


def _firsts(paths: Mapping[str, JsonPath], value: Any) -> dict[str, Any]:
    found = ((name, (each for each in path.find(value) if each is not None)) for name, path in paths.items())
    return {name: first for name, values in found if (first := next(values, None)) is not None}


def _read_step(name: str, quoted: str, place: str, every: str, where: str) -> Step:
    if every:
        return _members
    if place:
        return partial(_at, int(place))
    if where:
        field, _, wanted = where.partition("==")
        return partial(_where, field.strip(), wanted.strip().strip("'"))
    return partial(_named, name or quoted)


def _named(name: str, value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping) and name in value:
        yield value[name]


def _at(place: int, value: Any) -> Iterator[Any]:
    if isinstance(value, list) and -len(value) <= place < len(value):
        yield value[place]


def _members(value: Any) -> Iterator[Any]:
    yield from value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()


def _where(field: str, wanted: str, value: Any) -> Iterator[Any]:
    """The members that are objects whose field has the value; a number is compared as it is written."""
    objects = (member for member in _members(value) if isinstance(member, Mapping))
    return (member for member in objects if _written(member.get(field)) == wanted)


def _written(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None
