"""Types are never guessed: marshmallow's fields take "yes" for true and 5.7 for 5, so this looks before they do."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?")

_Rule = tuple[type[fields.Field[Any]], Callable[[Any], bool], str]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# the first kind that fits decides: an Integer is a Number too
_IN_JSON: tuple[_Rule, ...] = (
    (fields.Boolean, lambda value: isinstance(value, bool), "Not a valid boolean."),
    (fields.Integer, lambda value: isinstance(value, int) and not isinstance(value, bool), "Not a valid integer."),
    (fields.Number, _is_number, "Not a valid number."),
    (fields.String, lambda value: isinstance(value, str), "Not a valid string."),
    (fields.DateTime, lambda value: isinstance(value, str), "Not a valid string."),
)
_IN_QUERY: tuple[_Rule, ...] = (
    (fields.Boolean, {"true", "false"}.__contains__, "Choose from: true, false."),
    (fields.Integer, lambda text: _INTEGER.fullmatch(text) is not None, "Not a valid integer."),
    (fields.Number, lambda text: _NUMBER.fullmatch(text) is not None, "Not a valid number."),
)


def check_json(schema: Schema, body: Any) -> None:
    """Raises ValidationError for a value of another JSON type than its field has, however deep."""
    problems = dict(_problems(schema, body, _IN_JSON))
    if problems:
        raise ValidationError(problems)


def check_query(schema: Schema, query: Mapping[str, str]) -> None:
    """Raises ValidationError for text that only a lenient reader takes for a number or a boolean."""
    problems = dict(_problems(schema, query, _IN_QUERY))
    if problems:
        raise ValidationError(problems)


def _problems(schema: Schema, value: Any, rules: tuple[_Rule, ...]) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        return  # the schema itself says so
    for name, field in schema.load_fields.items():
        key = field.data_key or name
        if value.get(key) is not None:
            problem = _problem(field, value[key], rules)
            if problem:
                yield key, problem


def _problem(field: fields.Field[Any], value: Any, rules: tuple[_Rule, ...]) -> Any:
    if isinstance(field, fields.Nested) and not field.many:
        return dict(_problems(field.schema, value, rules))
    look = _look_inside(field, rules)
    if look is not None:
        return {place: found for place, each in _places(value) if each is not None and (found := look(each))}
    for kind, is_right, message in rules:
        if isinstance(field, kind):
            return None if is_right(value) else [message]
    return None


def _look_inside(field: fields.Field[Any], rules: tuple[_Rule, ...]) -> Callable[[Any], Any] | None:
    """What looks at each item of a container; None for a field that is none."""
    if isinstance(field, fields.Nested):
        return lambda each: dict(_problems(field.schema, each, rules))
    inner = field.inner if isinstance(field, fields.List) else getattr(field, "value_field", None)
    return None if inner is None else lambda each: _problem(inner, each, rules)


def _places(value: Any) -> Iterable[tuple[Any, Any]]:
    """The items of a JSON container by their places; nothing of another value, which its field refuses."""
    if isinstance(value, list):
        return enumerate(value)
    return value.items() if isinstance(value, Mapping) else ()
