"""Examples of requests and answers, made from their schemas so that they cannot disagree with them."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

MOMENT = "2026-01-05T10:00:00.000Z"
_HEX = "019b8d2f6c007a3e8f1b2c3d4e5f6a7b"
_ID = "[0-9a-f]{32}"
_DEEPEST = 8

# words that a reader of the documentation would use, by the field's name; the last resort is the name itself
_WORDS: Mapping[str, Any] = {
    "email": "ada@example.org",
    "username": "ada@example.org",
    "password": "Correct-horse-1",
    "current_password": "Correct-horse-1",
    "new_password": "Battery-staple-2",
    "organization": "Example Ltd",
    "name": "Checkout",
    "title": "Disk almost full on db-1",
    "description": "The volume /var/lib/postgresql is 95 % full.",
    "service": "checkout",
    "platform": "alertmanager",
    "timezone": "Europe/Berlin",
    "url": "https://grafana.example.org/d/db-1",
    "webhook_url": "https://overwatch.example.org/api/v1/webhooks/alertmanager/int_" + _HEX + "?token=••••",
    "query": "checkout fails with connection refused",
    "body": "Restarted the replica, watching it.",
    "comment": "Planned maintenance",
    "summary": "Old write-ahead log was archived and removed.",
    "root_cause": "The archive command had been failing since Friday.",
    "path": "/api/v1/incidents",
    "version": "1.0",
    "slug": "example-ltd",
    "token_type": "bearer",
}


def example_of(schema: Json, components: Json, name: str = "", depth: int = 0) -> Any:
    """A value that the schema accepts. `components` are the document's schemas; `name` is the field's."""
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components, name, depth)
    for keyword in ("example", "default", "const"):
        if schema.get(keyword) is not None:
            return schema[keyword]
    if "enum" in schema:
        return next(choice for choice in schema["enum"] if choice is not None)
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in schema:
            return example_of(schema[keyword][0], components, name, depth)
    kind = schema.get("type", "object" if "properties" in schema else None)
    kinds = [kind] if isinstance(kind, str) else [each for each in kind or () if each != "null"]
    return _MAKERS[kinds[0]](schema, components, name, depth) if kinds else {}


def _object(schema: Json, components: Json, name: str, depth: int) -> Any:
    if depth > _DEEPEST:
        return {}
    fields = schema.get("properties", {})
    found = {key: example_of(field, components, key, depth + 1) for key, field in fields.items()}
    inner = schema.get("additionalProperties")
    if not fields and isinstance(inner, dict) and inner:
        return {"team": example_of(inner, components, name, depth + 1)}
    return found


def _array(schema: Json, components: Json, name: str, depth: int) -> Any:
    if depth > _DEEPEST:
        return []
    return [example_of(schema.get("items", {}), components, name.removesuffix("s"), depth + 1)]


def _string(schema: Json, _components: Json, name: str, _depth: int) -> str:
    pattern = schema.get("pattern", "")
    if _ID in pattern:
        return f"{pattern.lstrip('^(').partition('_')[0]}_{_HEX}"
    if schema.get("format") == "date-time":
        return MOMENT
    if schema.get("format") == "email":
        return str(_WORDS["email"])
    word = str(_WORDS.get(name, name.replace("_", " ") or "text"))
    return word.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", len(word) + 100)]


def _integer(schema: Json, *_rest: Any) -> int:
    return int(schema.get("minimum", 1))


_MAKERS: Mapping[str, Any] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": lambda schema, *_rest: float(schema.get("minimum", 0.5)),
    "boolean": lambda *_rest: True,
    "null": lambda *_rest: None,
}
