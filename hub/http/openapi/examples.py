"""Examples of requests and answers, made from their schemas so that they cannot disagree with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

MOMENT = "2026-01-05T10:00:00.000Z"
# a request in whose example this has passed would be refused
_LATER = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT00:00:00.000Z")
_HEX = "019b8d2f6c007a3e8f1b2c3d4e5f6a7b"
_ID = "[0-9a-f]{32}"
_DEEPEST = 8

# what a reader of the documentation would write, by the field's name; the last resort is the name itself
_WORDS: Mapping[str, Any] = {
    "body": "Restarted the replica, watching it.",
    "command": "df -h /var/lib/postgresql",
    "comment": "Planned maintenance",
    "content": "# Free the disk\n\n1. Look at what grows.\n2. Remove what is archived.",
    "current_password": "Correct-horse-1",
    "depends_on": [],
    "description": "The volume /var/lib/postgresql is 95 % full.",
    "email": "ada@example.org",
    "ends_at": _LATER,
    "expires_at": _LATER,
    "group_by": ["service"],
    "ip_allowlist": ["192.0.2.0/24"],
    "matchers": [{"name": "service", "value": "checkout", "is_regex": False, "is_equal": True}],
    "name": "Checkout",
    "new_password": "Battery-staple-2",
    "organization": "Example Ltd",
    "owner": "Team Payments",
    "password": "Correct-horse-1",
    "path": "/api/v1/incidents",
    "platform": "alertmanager",
    "query": "checkout fails with connection refused",
    "repository": "https://git.example.org/checkout",
    "root_cause": "The archive command had been failing since Friday.",
    "service": "checkout",
    "slug": "example-ltd",
    "source_url": "https://wiki.example.org/runbooks/disk",
    "summary": "Old write-ahead log was archived and removed.",
    "timezone": "Europe/Berlin",
    "title": "Disk almost full on db-1",
    "token_type": "bearer",
    "url": "https://grafana.example.org/d/db-1",
    "username": "ada@example.org",
    "version": "1.0",
    "webhook_url": f"https://overwatch.example.org/api/v1/webhooks/alertmanager/int_{_HEX}?token=••••",
}

# optional, and better left out: `invitation` is given instead of `organization`, and `starts_at` is now
_LEFT_OUT = frozenset({"invitation", "starts_at"})


@dataclass(frozen=True, slots=True)
class Examples:
    """Makes values that schemas accept. In requests, what is optional and names another object is left out."""

    components: Json
    is_request: bool

    def of(self, schema: Json, name: str = "", depth: int = 0) -> Any:
        """A value of the schema; `name` is the field's."""
        if "$ref" in schema:
            return self.of(self.components[schema["$ref"].rpartition("/")[2]], name, depth)
        for keyword in ("example", "default", "const"):
            if schema.get(keyword) is not None:
                return schema[keyword]
        if "enum" in schema:
            return next(choice for choice in schema["enum"] if choice is not None)
        for keyword in ("anyOf", "oneOf", "allOf"):
            if keyword in schema:
                return self.of(schema[keyword][0], name, depth)
        kinds = _kinds(schema)
        return _MAKERS[kinds[0]](self, schema, name, depth) if kinds else {}

    def of_object(self, schema: Json, _name: str, depth: int) -> Any:
        """Its fields, each with an example; a free mapping has one."""
        if depth > _DEEPEST:
            return {}
        fields = schema.get("properties", {})
        inner = schema.get("additionalProperties")
        if not fields and isinstance(inner, dict) and inner:
            return {"team": self.of(inner, "team", depth + 1)}
        required = schema.get("required", ())
        wanted = {key: field for key, field in fields.items() if key in required or not self._is_left_out(key, field)}
        return {key: self.of(field, key, depth + 1) for key, field in wanted.items()}

    def of_array(self, schema: Json, name: str, depth: int) -> Any:
        """One item."""
        if name in _WORDS and isinstance(_WORDS[name], list):
            return _WORDS[name]
        return [] if depth > _DEEPEST else [self.of(schema.get("items", {}), name.removesuffix("s"), depth + 1)]

    def _is_left_out(self, name: str, field: Json) -> bool:
        pattern = field.get("pattern", "") or field.get("items", {}).get("pattern", "")
        return self.is_request and (name in _LEFT_OUT or _ID in pattern)


def _kinds(schema: Json) -> list[str]:
    kind = schema.get("type", "object" if "properties" in schema else [])
    return [kind] if isinstance(kind, str) else [each for each in kind if each != "null"]


def _string(_examples: Examples, schema: Json, name: str, _depth: int) -> str:
    pattern = schema.get("pattern", "")
    if _ID in pattern:
        return f"{pattern.lstrip('^(').partition('_')[0]}_{_HEX}"
    if schema.get("format") == "date-time":
        return str(_WORDS.get(name, MOMENT))
    if schema.get("format") == "email":
        return str(_WORDS["email"])
    word = str(_WORDS.get(name, name.replace("_", " ") or "text"))
    return word.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", len(word) + 100)]


_MAKERS: Mapping[str, Any] = {
    "object": Examples.of_object,
    "array": Examples.of_array,
    "string": _string,
    "integer": lambda _examples, schema, *_rest: int(schema.get("minimum", 1)),
    "number": lambda _examples, schema, *_rest: float(schema.get("minimum", 0.5)),
    "boolean": lambda *_rest: True,
}
