"""The post-incident report: what happened, whom it touched, what solved it, and how long it took; Markdown."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

MOST_ENTRIES_PER_END = 100

_SPACE = re.compile(r"\s+")
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")

# kind of timeline entry → what the report says of it; {…} are its data
_SENTENCES: Mapping[str, str] = {
    "opened": "Opened: {title}",
    "reopened": "Reopened: {because}",
    "resolved": "Resolved: {because}",
    "alerts_resolved": "Waiting for a person: {because}",
    "alert_joined": "Alert joined: {title}",
    "alert_left": "Alert moved to another incident: {title}",
    "alert_status": "Alert {title}: {from} → {to}",
    "status": "Status: {from} → {to}",
    "assigned": "Assigned to {assignee_id}",
    "changed": "Changed: {fields}",
    "comment": "Comment: {body}",
    "merged": "Merged with: {title}",
    "merged_into": "Merged into: {title}",
    "merge_undone": "Merge undone",
    "notified": "Told {user_ids}: {kind}",
    "execution": "Procedure {title}: {event}",
    "split": "Split off: {title}",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of the timeline, with the name of who did it and the names of people in its data."""

    at: datetime
    kind: str
    actor: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a report tells; durations run from `created_at`. `left_out` entries of the timeline are between ends."""

    title: str
    public_id: str
    description: str
    severity: str
    status: str
    service: str
    services: Sequence[str]
    environment: str
    assignee: str
    source: str
    resolution: Mapping[str, str]
    created_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    written_at: datetime
    alert_count: int
    firing_count: int
    occurrence_count: int
    comment_count: int
    reopen_count: int
    first: Sequence[Happening]
    left_out: int
    last: Sequence[Happening]


def write(facts: Facts) -> str:
    """The report as Markdown; what people and platforms wrote cannot become markup, except in the resolution."""
    sections = (_heading, _summary, _impact, _timeline, _resolution, _metrics)
    return "\n\n".join("\n".join(section(facts)) for section in sections) + "\n"


def _heading(facts: Facts) -> Iterable[str]:
    yield f"# Post-incident report: {_plain(facts.title)}"
    yield ""
    yield f"`{facts.public_id}`, written {_moment(facts.written_at)}. All times are UTC."


def _summary(facts: Facts) -> Iterable[str]:
    yield "## Summary"
    yield ""
    yield f"- Severity: {facts.severity}"
    yield f"- Status: {facts.status.replace('_', ' ')}"
    yield f"- Service: {_plain(facts.service) or '–'}"
    yield f"- Assignee: {_plain(facts.assignee) or 'nobody'}"
    yield f"- Source: {_plain(facts.source)}"
    if facts.description.strip():
        yield ""
        yield from (f"> {_plain(line)}" for line in facts.description.strip().splitlines())


def _impact(facts: Facts) -> Iterable[str]:
    until = facts.resolved_at or facts.written_at
    going_on = "" if facts.resolved_at else ", and it is not over"
    yield "## Impact"
    yield ""
    yield f"- Duration: {_duration(until - facts.created_at)}{going_on}"
    yield f"- Services: {', '.join(map(_plain, facts.services)) or '–'}"
    yield f"- Environment: {_plain(facts.environment) or '–'}"
    yield f"- Alerts: {facts.alert_count}, of which {facts.firing_count} still fire"


def _timeline(facts: Facts) -> Iterable[str]:
    yield "## Timeline"
    yield ""
    yield from map(_entry, facts.first)
    if facts.left_out:
        yield f"- … {facts.left_out} entries left out …"
    yield from map(_entry, facts.last)


def _resolution(facts: Facts) -> Iterable[str]:
    yield "## Resolution"
    yield ""
    yield facts.resolution.get("summary") or "Nobody has written down yet what solved it."
    if root_cause := facts.resolution.get("root_cause"):
        yield ""
        yield f"**Root cause.** {root_cause}"


def _metrics(facts: Facts) -> Iterable[str]:
    stamps = (
        ("Time to acknowledge", facts.acknowledged_at),
        ("Time to resolve", facts.resolved_at),
        ("Time to close", facts.closed_at),
    )
    yield "## Metrics"
    yield ""
    yield "| Metric | Value |"
    yield "|---|---|"
    for name, at in stamps:
        yield f"| {name} | {_duration(at - facts.created_at) if at else '–'} |"
    yield f"| Alerts | {facts.alert_count} |"
    yield f"| Occurrences | {facts.occurrence_count} |"
    yield f"| Comments | {facts.comment_count} |"
    yield f"| Reopened | {facts.reopen_count} |"


def _entry(happening: Happening) -> str:
    said = {name: _text(value) for name, value in happening.data.items()}
    sentence = _SENTENCES.get(happening.kind, happening.kind.replace("_", " ").capitalize())
    who = "" if happening.actor == "hub" else f" ({_plain(happening.actor)})"
    return f"- {_moment(happening.at)} – {sentence.format_map(_Said(said))}{who}"


class _Said(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "–"


def _text(value: Any) -> str:
    return _plain(", ".join(map(str, value)) if isinstance(value, list) else str("nobody" if value is None else value))


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", _SPACE.sub(" ", text).strip())


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _duration(length: timedelta) -> str:
    """Days, hours, minutes and seconds, without leading zeros: "2 h 5 min 0 s"."""
    seconds = max(int(length.total_seconds()), 0)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    significant = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[significant:])
