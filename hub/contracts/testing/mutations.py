"""Bodies as no platform sends them: varied, broken and arbitrary ones, the same in every run."""

import copy
import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

MEGABYTE = 1_000_000

# Values that have broken some parser: wrong types, leftovers of templates, impossible numbers, times and addresses.
HOSTILE_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**63, 10**400, math.inf, -math.inf, math.nan),
    *("", " ", "null", "$ALERT_ID", "{{ .Labels }}", "{EVENT.VALUE}", "inf", "nan", "1e400", "-1", "9" * 400),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "2026-13-45", "http://[", "javascript:alert(1)"),
    *("\x00", "\ud800", "💥" * 100, "x" * 5_000, "[Triggered on {", "%%%", "a,b,,c", "\n"),
    *([], {}, [[]], [None], [{}], [[{}]], {"": ""}, {"name": {"name": []}}, ["a", 1, None]),
)


def reordered(value: Any) -> Any:
    """The same value with the fields of every object in the opposite order."""
    if isinstance(value, dict):
        return {name: reordered(member) for name, member in reversed(value.items())}
    return [reordered(member) for member in value] if isinstance(value, list) else value


def with_unknown_fields(value: Any) -> Any:
    """The same body with fields that the platform may add one day, in the objects that stand alone or in a list.

    Objects that are the value of a field stay as they are: their names may be data, such as labels.
    """
    if isinstance(value, list):
        return [with_unknown_fields(member) for member in value]
    if not isinstance(value, dict):
        return value
    members = {
        name: with_unknown_fields(member) if isinstance(member, list) else member for name, member in value.items()
    }
    return {"aNewField": {"nested": [1, None]}, **members, "another_new_field": "text"}


def unreadable_bodies(body: bytes) -> dict[str, bytes]:
    """Bodies that no connector can read, by name; `body` is a readable JSON object."""
    middle = len(body) // 2
    return {
        "empty": b"",
        "blank": b" \r\n",
        "truncated": body[:middle],
        "null": b"null",
        "a number": b"42",
        "a boolean": b"true",
        "a text": b'"firing"',
        "a list of numbers": b"[1, 2]",
        "a list of lists": b"[[]]",
        "not UTF-8": body[:middle] + b"\xff\xfe" + body[middle:],
        "UTF-16": body.decode().encode("utf-16"),
        "a megabyte of text": b'"' + b"a" * MEGABYTE + b'"',
        "a megabyte of brackets": b"[" * MEGABYTE,
        "a megabyte of nested objects": b'{"a":' * (MEGABYTE // 5),
        "a megabyte of noise": Random(1).randbytes(MEGABYTE),  # noqa: S311  # noise, not a secret
        "a number of a megabyte": b"9" * MEGABYTE,
    }


def structural_mutants(body: Any, seed: str, count: int) -> Iterator[Any]:
    """`count` bodies that differ from `body` by one to three removals, replacements, wrappings or renamings."""
    random = Random(seed)  # noqa: S311  # the same mutants in every run
    for _ in range(count):
        mutant = copy.deepcopy([body])
        for _ in range(random.randint(1, 3)):
            if places := list(_places(mutant)):
                random.choice(_OPERATIONS)(*random.choice(places), random)
        yield mutant[0] if mutant else None


def arbitrary_values(names: list[str], seed: str, count: int) -> Iterator[Any]:
    """`count` JSON values that mean nothing, though `names` are used for fields so that connectors look into them."""
    random = Random(seed)  # noqa: S311  # the same values in every run
    for _ in range(count):
        yield _arbitrary(names, random, depth=4)


def inflated(body: Any) -> Iterator[Any]:
    """For each text in `body`: the body with a megabyte more in its place."""
    for position, (container, key) in enumerate(_places([body])):
        if isinstance(container[key], str):
            varied = [copy.deepcopy(body)]
            place, name = list(_places(varied))[position]
            place[name] += "9" * MEGABYTE
            yield varied[0]


def field_names(body: Any) -> set[str]:
    """The names of all fields in a body."""
    return {key for _, key in _places([body]) if isinstance(key, str)}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key or index) below `value`."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield value, key
        yield from _places(member)


def _arbitrary(names: list[str], random: Random, depth: int) -> Any:
    kind = random.random()
    if depth == 0 or kind < 0.4:
        return _hostile(random)
    if kind < 0.6:
        return [_arbitrary(names, random, depth - 1) for _ in range(random.randint(0, 3))]
    return {random.choice(names): _arbitrary(names, random, depth - 1) for _ in range(random.randint(0, 6))}


def _hostile(random: Random) -> Any:
    return copy.deepcopy(random.choice(HOSTILE_VALUES))  # later mutations would change the constant


def _remove(container: Any, key: Any, random: Random) -> None:
    del container[key]


def _replace(container: Any, key: Any, random: Random) -> None:
    container[key] = _hostile(random)


def _wrap(container: Any, key: Any, random: Random) -> None:
    container[key] = random.choice([[container[key]], {"value": container[key]}, [container[key]] * 3])


def _rename(container: Any, key: Any, random: Random) -> None:
    if isinstance(container, dict):
        container[random.choice([key.upper(), f"{key}_", "", "alerts", "status", "id"])] = container.pop(key)


_OPERATIONS: tuple[Callable[[Any, Any, Random], None], ...] = (_remove, _replace, _replace, _wrap, _rename)
