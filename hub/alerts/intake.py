"""What a plugin says, made fit to store: bounded, without characters that Postgres refuses, with a place in time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hub.contracts.errors import Malformed
from hub.contracts.event import Event, Severity, State
from hub.contracts.payload import storable

MOST_EVENTS = 10_000
LONGEST_TITLE = 500
LONGEST_DESCRIPTION = 20_000
LONGEST_NAME = 200
LONGEST_KEY = 512
LONGEST_VALUE = 2_000
LONGEST_ANNOTATION = 10_000
MOST_LABELS = 200
MOST_LINKS = 20
EXPIRY = "overwatch.expiry"
LARGEST_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One event at its place: (delivery, item) is its identity, (occurred_at, received_at, …) its order."""

    delivery_id: UUID
    item: int
    integration_id: UUID
    platform: str
    dedup_key: str
    event_key: str
    state: State
    severity: Severity
    occurred_at: datetime
    received_at: datetime
    content: Mapping[str, Any]
    seen_until: datetime | None = None  # when the last repeat of it was received; None: never repeated

    @property
    def is_expiry(self) -> bool:
        """Whether the hub said it by itself, because the platform had fallen silent."""
        return bool(self.content["kind"] == EXPIRY)

    @property
    def arrival(self) -> tuple[datetime, UUID, int]:
        """Of several events with one key, the first to arrive is the event and the others are repeats of it."""
        return (self.received_at, self.delivery_id, self.item)

    @property
    def position(self) -> tuple[datetime, datetime, UUID, int]:
        """Where the event stands among those of its alert."""
        return (self.occurred_at, self.received_at, self.delivery_id, self.item)


def occurrence(
    event: Event, *, delivery_id: UUID, item: int, integration_id: UUID, platform: str, received_at: datetime
) -> Occurrence:
    """The event at its place. Raises Malformed when a plugin returned something that is no event."""
    if not isinstance(event, Event):
        raise Malformed(f"events[{item}]", f"is {type(event).__name__}, not an Event")
    occurred_at = _moment(event.occurred_at, received_at)
    dedup_key = _key(event.dedup_key, f"events[{item}].dedup_key")
    state = State(event.state)
    own_key = event.event_key or f"{dedup_key}\n{state}\n{occurred_at.isoformat()}"
    return Occurrence(
        delivery_id=delivery_id,
        item=item,
        integration_id=integration_id,
        platform=platform,
        dedup_key=dedup_key,
        event_key=hashlib.sha256(_text(own_key, len(own_key)).encode()).hexdigest(),
        state=state,
        severity=Severity(event.severity),
        occurred_at=occurred_at,
        received_at=received_at,
        content=_content(event),
    )


def _content(event: Event) -> dict[str, Any]:
    return {
        "title": _text(event.title, LONGEST_TITLE) or "Untitled alert",
        "description": _text(event.description, LONGEST_DESCRIPTION),
        "raw_severity": _text(event.raw_severity, LONGEST_NAME),
        "no_data": bool(event.no_data),
        "service": _text(event.service, LONGEST_NAME),
        "resource": _text(event.resource, LONGEST_NAME),
        "labels": _pairs(event.labels, LONGEST_VALUE),
        "annotations": _pairs(event.annotations, LONGEST_ANNOTATION),
        "links": [
            {"title": _text(link.title, LONGEST_NAME), "url": _text(link.url, LONGEST_VALUE)}
            for link in event.links[:MOST_LINKS]
        ],
        "kind": _text(event.raw_kind, LONGEST_NAME),
    }


def _text(text: str, longest: int) -> str:
    """NUL and halves of surrogate pairs cannot be stored: they become visible replacements."""
    return storable(str(text)[:longest])


def _pairs(pairs: Mapping[str, str], longest: int) -> dict[str, str]:
    bounded = list(pairs.items())[:MOST_LABELS]
    return {_text(name, LONGEST_NAME): _text(value, longest) for name, value in bounded}


def _key(key: str, field: str) -> str:
    """Long keys are hashed, not cut: two keys with one beginning stay two."""
    if not key:
        raise Malformed(field, "is empty")
    text = _text(key, len(key))
    return text if len(text) <= LONGEST_KEY else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _moment(occurred_at: datetime | None, received_at: datetime) -> datetime:
    """A sender's clock may be ahead, but nothing has happened after it was received."""
    if occurred_at is None:
        return received_at
    aware = occurred_at if occurred_at.tzinfo else occurred_at.replace(tzinfo=UTC)
    return received_at if aware > received_at + LARGEST_CLOCK_SKEW else aware.astimezone(UTC)
