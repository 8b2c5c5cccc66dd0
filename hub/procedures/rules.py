"""Decisions about procedures: which moves a status allows, what a version changed, what is stale."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.procedures import quoting

KINDS = ("manual", "approval_required", "template", "custom")
STATUSES = ("draft", "published", "archived")
OUTCOMES = ("created", "updated", "unchanged", "refused")  # of the import of one file

MOVES: Mapping[str, frozenset[str]] = {
    "draft": frozenset({"published", "archived"}),
    "published": frozenset({"draft", "archived"}),
    "archived": frozenset({"draft", "published"}),
}

# what a version is of: all that people read, and nothing that the hub counts
SAID = (
    "title",
    "description",
    "content",
    "category",
    "tags",
    "severities",
    "services",
    "kind",
    "variables",
    "steps",
    "source_url",
)


def success_rate(success_count: int, failure_count: int) -> float | None:
    """The share of finished executions that succeeded, 0 to 1; None before any has finished."""
    finished = success_count + failure_count
    return success_count / finished if finished else None


def declared(variables: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The variables as given, and after them, required, those that commands use and nobody declared."""
    known = {each["name"] for each in variables}
    used = [name for step in steps for name in quoting.names_in(step.get("command") or "")]
    missing = [name for name in dict.fromkeys(used) if name not in known]
    return [*map(dict, variables), *({"name": name, "description": "", "required": True} for name in missing)]


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, str]:
    """What a version changed: field → unified diff of its text; empty for the first."""
    if before is None:
        return {}
    changed = [name for name in SAID if before.get(name) != after.get(name)]
    return {name: _diff(_text(before.get(name)), _text(after.get(name))) for name in changed}


def _diff(before: str, after: str) -> str:
    return "\n".join(difflib.unified_diff(before.split("\n"), after.split("\n"), "before", "after", lineterm=""))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Stale:
    """A procedure that nobody has reviewed since one of its services changed."""

    service: str
    changed_at: datetime


def stale(services: Sequence[str], reviewed_at: datetime, service_changes: Mapping[str, datetime]) -> Stale | None:
    """The latest change of one of the services since the review; None when there was none."""
    since = [(service_changes[name], name) for name in services if name in service_changes]
    latest = max(((at, name) for at, name in since if at > reviewed_at), default=None)
    return Stale(latest[1], latest[0]) if latest else None
