"""Stored JSON as the API shows it: every id in it a public one, every time as the contract writes it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hub.http.ids import to_public

# the end of a key → the prefix of the ids behind it
_PREFIXES: Mapping[str, str] = {
    "alert_id": "alrt",
    "assignee_id": "user",
    "comment_id": "cmt",
    "delivery_id": "dlv",
    "execution_id": "exec",
    "incident_id": "inc",
    "integration_id": "int",
    "procedure_id": "proc",
    "rule_id": "rule",
    "service_id": "svc",
    "silence_id": "sil",
    "user_id": "user",
}

_STORED_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00", re.ASCII)  # datetime.isoformat, in UTC


def published(data: Any, key: str = "") -> Any:
    """The data with every id and time, however deep, as the API writes it; a list of ids has its key in the plural.

    A plain `id` is of what the key above it names.
    """
    if isinstance(data, Mapping):
        return {name: published(value, f"{key}_id" if name == "id" else name) for name, value in data.items()}
    if isinstance(data, list):
        return [published(value, key.removesuffix("s")) for value in data]
    if not isinstance(data, str):
        return data
    if _STORED_MOMENT.fullmatch(data):
        return written(datetime.fromisoformat(data))
    prefix = next((prefix for end, prefix in _PREFIXES.items() if key.endswith(end)), None)
    return to_public(prefix, UUID(data)) if prefix and _is_uuid(data) else data


def written(moment: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_uuid(data: str) -> bool:
    try:
        return bool(UUID(data))
    except ValueError:
        return False
