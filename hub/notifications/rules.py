"""Decisions about notifications: what people can be told of, where they hear it, and what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hub.accounts.rules import PERMISSIONS

CHANNELS = ("inbox", "mail")

# kind → where a person hears of it who has said nothing else
DEFAULTS: Mapping[str, Sequence[str]] = {"mentioned": CHANNELS, "assigned": CHANNELS, "critical": CHANNELS}
KINDS = tuple(DEFAULTS)

# whoever works on incidents hears of a new critical one; those who only read do not
RESPONDERS = frozenset(role for role, granted in PERMISSIONS.items() if "incidents:update" in granted)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to an incident, and whom it concerns. `transition` is unique within the incident."""

    incident_id: UUID
    kind: str
    transition: str
    user_ids: tuple[UUID, ...]
    data: Mapping[str, Any]


def channels_of(stored: Mapping[str, Sequence[str]], kind: str) -> Sequence[str]:
    """Where a person wants to hear of this kind."""
    return stored.get(kind, DEFAULTS[kind])


def preferences_of(stored: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """A person's preferences over the defaults."""
    return {kind: list(channels_of(stored, kind)) for kind in KINDS}


_SUBJECTS = {
    "mentioned": "You are mentioned: {title}",
    "assigned": "Assigned to you: {title}",
    "critical": "Critical: {title}",
}


def letter(
    kind: str,
    *,
    title: str,
    severity: str,
    service: str,
    said: str,
    address: str,
    suggestions: Sequence[Mapping[str, Any]] = (),
) -> tuple[str, str]:
    """Subject and text of the mail. The title is a sender's: it becomes one line, because a header has no more."""
    subject = _SUBJECTS[kind].format(title=" ".join(title.split())[:200])
    facts = f"{title}\n\nSeverity: {severity}\nService: {service or 'unknown'}\n"
    quoted = "".join(f"> {line}\n" for line in said.splitlines())
    helping = "".join(["May help:\n", *map(suggested, suggestions)]) if suggestions else ""
    return subject, "\n".join(part for part in (facts, quoted, helping, f"{address}\n") if part)


def suggested(suggestion: Mapping[str, Any]) -> str:
    """One line: what kind of thing it is, its name, why it is named, and what solved it then."""
    title = " ".join(suggestion["title"].split())[:200]
    solved = " ".join(suggestion.get("resolution", "").split())
    return f'- {suggestion["type"]} "{title}" ({suggestion["label"]}){solved and f": {solved}"}\n'
