"""Decisions about configs: which fields are secret, what is wrong with one, what may be shown."""

import hashlib
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

_SHOWN_CHARACTERS = 4
_LONG_ENOUGH_TO_HINT = 12
_DOTS = "••••"
_TOKEN_BYTES = 32

# what a platform can be told of
EVENTS = tuple(
    f"incident.{change}" for change in ("opened", "acknowledged", "severity_changed", "reopened", "resolved", "closed")
)


def secret_fields(schema: Mapping[str, Any]) -> frozenset[str]:
    """The config's fields that are encrypted and write-only (`format: secret`)."""
    return frozenset(name for name, field in schema.get("properties", {}).items() if field.get("format") == "secret")


def problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Field → messages by the connector's JSON Schema; empty when the config will do. Values are never repeated."""
    found: dict[str, dict[str, None]] = {}  # each message once: every missing field is an error that names them all
    for error in Draft202012Validator(schema).iter_errors(config):
        for field in _fields(error):
            found.setdefault(field, {})[_message(error)] = None
    return {field: list(messages) for field, messages in found.items()}


def with_defaults(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the schema's defaults where it is silent."""
    defaults = {name: field["default"] for name, field in schema.get("properties", {}).items() if "default" in field}
    return {**defaults, **config}


def redacted(secret: str) -> str:
    """What an answer shows of a secret: that it is there, and its end if it is long enough to spare it."""
    return _DOTS + (secret[-_SHOWN_CHARACTERS:] if len(secret) >= _LONG_ENOUGH_TO_HINT else "")


def is_hint(value: Any) -> bool:
    """Whether the value is what answers show of a secret, sent back."""
    return isinstance(value, str) and value.startswith(_DOTS)


def changed_config(stored: Mapping[str, Any], wanted: Mapping[str, Any], secret: Collection[str]) -> dict[str, Any]:
    """The stored config (secrets unlocked) with the wanted changes.

    Null takes a field out; a secret's own hint keeps it. A foreign hint stays in, so that `hint_problems` names it.
    """
    kept = {name for name in secret if name in wanted and wanted[name] == redacted(str(stored.get(name, "")))}
    merged = {**stored, **{name: value for name, value in wanted.items() if name not in kept or name not in stored}}
    return {name: value for name, value in merged.items() if value is not None}


def hint_problems(config: Mapping[str, Any], secret: Collection[str]) -> dict[str, list[str]]:
    """Field → messages for secrets that are only the dots of another one."""
    dotted = [name for name in secret if is_hint(config.get(name))]
    return {f"config.{name}": ["This is what is shown of a secret; send the secret itself."] for name in dotted}


def new_token() -> str:
    """A webhook token or signing secret: 256 random bits as URL-safe text."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def hash_token(token: str) -> bytes:
    """What is stored of a webhook token; it has 256 random bits, so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode()).digest()


def _fields(error: ValidationError) -> Iterator[str]:
    path = ".".join(["config", *map(str, error.absolute_path)])
    instance: Any = error.instance
    rule: Any = error.validator_value
    if error.validator == "required":
        yield from (f"{path}.{name}" for name in rule if name not in instance)
    elif error.validator == "additionalProperties":
        schema: Any = error.schema
        yield from (f"{path}.{name}" for name in instance if name not in schema.get("properties", {}))
    else:
        yield path


_MESSAGES: Mapping[str, Callable[[Any], str]] = {
    "required": lambda _: "Is required.",
    "additionalProperties": lambda _: "Unknown field.",
    "enum": lambda choices: f"Choose one of: {', '.join(map(str, choices))}.",
    "type": lambda kind: f"Must be of type {kind}.",
    "pattern": lambda pattern: f"Must match {pattern}.",
}


def _message(error: ValidationError) -> str:
    # jsonschema's own message repeats the value, which may be a secret
    rule = str(error.validator)
    return _MESSAGES.get(rule, lambda value: f"Breaks the rule {rule}: {value}.")(error.validator_value)
