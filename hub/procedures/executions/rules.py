"""Decisions about executions: which step is next, who it waits for, how it ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.procedures import quoting

STATUSES = ("awaiting_approval", "running", "succeeded", "failed", "cancelled")
OUTCOMES = ("done", "skipped", "failed")
URGENCIES = ("low", "normal", "high", "critical")
OVER = frozenset({"succeeded", "failed", "cancelled"})

Step = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Blank:
    """What the steps of an execution begin with, before anybody has done anything."""

    outcome: str | None = None
    output: str | None = None
    note: str | None = None
    user_id: str | None = None
    approved_by: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


def values_of(
    variables: Sequence[Mapping[str, Any]], given: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Each variable's value, given or by default; and what is wrong with those given, by their names."""
    known = {each["name"]: each for each in variables}
    problems = {name: ["The procedure has no such variable."] for name in given if name not in known}
    values = {}
    for name, variable in known.items():
        value = given.get(name, variable.get("default"))
        if value is not None:
            values[name] = value
        elif variable.get("required", True):
            problems[name] = ["Give a value: it is required and has no default."]
    return values, problems


def prepared(steps: Sequence[Step], title: str, values: Mapping[str, str]) -> list[dict[str, Any]]:
    """A copy of the steps with commands filled in; a procedure without steps is one step."""
    blank = {name: getattr(Blank(), name) for name in Blank.__slots__}
    wanted = steps or [{"title": title, "instructions": "", "command": None, "expected": None}]
    return [
        {"requires_approval": False, "estimated_minutes": None, **step, **blank}
        | {"number": number, "command": quoting.fill(step["command"], values) if step.get("command") else None}
        for number, step in enumerate(wanted, start=1)
    ]


def next_step(steps: Sequence[Step]) -> Step | None:
    """The first that has no outcome yet."""
    return next((step for step in steps if step["outcome"] is None), None)


def status_of(steps: Sequence[Step], *, is_approved: bool) -> str:
    """What an execution that nobody has cancelled waits for, or how it ended. `is_approved`: to be run at all."""
    if any(step["outcome"] == "failed" for step in steps):
        return "failed"
    following = next_step(steps)
    if following is None:
        return "succeeded"
    is_held = following["requires_approval"] and following["approved_by"] is None
    return "awaiting_approval" if is_held or not is_approved else "running"


def needs_approval(kind: str, settings: Mapping[str, Any]) -> bool:
    """Whether a run of a procedure of this kind has to be approved first."""
    return kind == "approval_required" and bool(settings["require_approval_for_procedures"])


def seconds(started_at: datetime | None, finished_at: datetime | None) -> float | None:
    """How long it took; None while it is not over."""
    return (finished_at - started_at).total_seconds() if started_at and finished_at else None
