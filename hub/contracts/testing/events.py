"""What makes an event fit to be stored, and how an event looks in a fixture."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from hub.contracts.event import Event, Link, Severity, State
from hub.contracts.payload import is_web_address

_TYPES: Mapping[str, type] = {
    "title": str,
    "state": State,
    "dedup_key": str,
    "description": str,
    "severity": Severity,
    "raw_severity": str,
    "no_data": bool,
    "service": str,
    "resource": str,
    "labels": Mapping,
    "annotations": Mapping,
    "links": tuple,
    "raw_kind": str,
}


def described(event: Event) -> dict[str, Any]:
    """The event as a fixture writes it: plain JSON, links as {title: url}, times as RFC 3339."""
    plain = {field.name: getattr(event, field.name) for field in fields(event)}
    return plain | {
        "labels": dict(event.labels),
        "annotations": dict(event.annotations),
        "links": {link.title: link.url for link in event.links},
        "occurred_at": event.occurred_at and event.occurred_at.isoformat(),
    }


def problems_of(event: Event) -> list[str]:
    """Why the hub could not store this event, one sentence each; [] when it can."""
    wrong_types = [name for name, kind in _TYPES.items() if not isinstance(getattr(event, name), kind)]
    if wrong_types:
        return [f"{name} is a {type(getattr(event, name)).__name__}" for name in wrong_types]
    return [*_missing(event), *_unstorable(event), *_bad_links(event), *_bad_time(event.occurred_at)]


def _missing(event: Event) -> Iterator[str]:
    yield from (f"{name} is empty" for name in ("title", "dedup_key") if not getattr(event, name).strip())


def _unstorable(event: Event) -> Iterator[str]:
    for name, text in _texts(event):
        if not isinstance(text, str):
            yield f"{name} holds a {type(text).__name__}"
        elif "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
            yield f"{name} holds a character that cannot be stored"


def _texts(event: Event) -> Iterator[tuple[str, Any]]:
    for name in ("title", "description", "raw_severity", "dedup_key", "service", "resource", "raw_kind"):
        yield name, getattr(event, name)
    for name in ("labels", "annotations"):
        yield from ((name, text) for pair in getattr(event, name).items() for text in pair)
    if event.event_key is not None:
        yield "event_key", event.event_key


def _bad_links(event: Event) -> Iterator[str]:
    for link in event.links:
        if not isinstance(link, Link) or not link.title or not is_web_address(link.url):
            yield f"links holds {link!r:.80}"


def _bad_time(time: object) -> Iterator[str]:
    if time is not None and not (isinstance(time, datetime) and time.utcoffset() == timedelta(0)):
        yield "occurred_at is not an aware UTC time"
