"""What goes over the pipe between the hub and a plugin's child: JSON, and of errors only those of the contracts."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from hub.contracts.connector import CheckResult, Notice, PollResult, Receipt, Response
from hub.contracts.delivery import Delivery
from hub.contracts.errors import (
    Malformed,
    Misconfigured,
    OverwatchError,
    Unavailable,
    Unconfirmed,
    Unsupported,
    Untrusted,
)
from hub.contracts.event import Event, Link, Severity, State

MOST_EVENTS = 10_000

Json = Any


class ConnectorFailed(Exception):
    """A plugin broke: it raised what the contract does not know, took too long, or its process ended."""


# --- arguments --------------------------------------------------------------------------------------------------------


def from_delivery(delivery: Delivery) -> Json:
    """A delivery as JSON."""
    return {
        "body": base64.b64encode(delivery.body).decode(),
        "headers": dict(delivery.headers),
        "query": dict(delivery.query),
        "received_at": delivery.received_at.isoformat(),
    }


def to_delivery(told: Json) -> Delivery:
    """The delivery again."""
    received_at = datetime.fromisoformat(told["received_at"])
    return Delivery(
        body=base64.b64decode(told["body"]), headers=told["headers"], query=told["query"], received_at=received_at
    )


def from_notice(notice: Notice) -> Json:
    """A notice as JSON."""
    return asdict(notice)


def to_notice(told: Json) -> Notice:
    """The notice again."""
    return Notice(**told | {"alerts": tuple(told["alerts"])})


def from_response(response: Response) -> Json:
    """A platform's answer as JSON."""
    body = base64.b64encode(response.body).decode()
    return {"status": response.status, "headers": dict(response.headers), "body": body}


def to_response(told: Json) -> Response:
    """The platform's answer again."""
    return Response(told["status"], told["headers"], base64.b64decode(told["body"]))


# --- values -----------------------------------------------------------------------------------------------------------


def from_events(events: object) -> Json:
    """Events as JSON. Raises Malformed for what is no list of events, or too long a one."""
    if not isinstance(events, list):
        raise Malformed("events", f"the connector returned {type(events).__name__}, not a list")
    if len(events) > MOST_EVENTS:
        raise Malformed("events", f"{len(events)} events in one delivery; the most are {MOST_EVENTS}")
    for item, event in enumerate(events):
        if not isinstance(event, Event):
            raise Malformed(f"events[{item}]", f"is {type(event).__name__}, not an Event")
    return [_from_event(event) for event in events]


def to_events(told: Json) -> list[Event]:
    """The events again. Raises Malformed for what no child of ours would have sent."""
    try:
        return [_to_event(each) for each in told]
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise Malformed("events", f"the connector returned what is no event: {error}") from error


def from_poll(result: PollResult) -> Json:
    """A poll's result as JSON."""
    return {"events": from_events(result.events), "cursor": result.cursor}


def to_poll(told: Json) -> PollResult:
    """The poll's result again."""
    return PollResult(to_events(told["events"]), dict(told["cursor"]))


def to_check(told: Json) -> CheckResult:
    """The check's result again."""
    return CheckResult(bool(told["ok"]), str(told["detail"]), tuple(map(str, told["missing"])))


def to_receipt(told: Json) -> Receipt:
    """The receipt again."""
    return Receipt(str(told["reference"]), str(told["detail"]))


def _from_event(event: Event) -> Json:
    # not asdict, which cannot copy the read-only mapping of an event without labels
    fields = {name: getattr(event, name) for name in Event.__dataclass_fields__}
    return fields | {
        "labels": dict(event.labels),
        "annotations": dict(event.annotations),
        "links": [[link.title, link.url] for link in event.links],
        "occurred_at": event.occurred_at and event.occurred_at.isoformat(),
    }


def _to_event(told: Mapping[str, Any]) -> Event:
    at = told["occurred_at"]
    pairs = {name: {str(key): str(value) for key, value in told[name].items()} for name in ("labels", "annotations")}
    return Event(
        **dict(told)
        | pairs
        | {
            "state": State(told["state"]),
            "severity": Severity(told["severity"]),
            "links": tuple(Link(str(title), str(url)) for title, url in told["links"]),
            "occurred_at": datetime.fromisoformat(at) if at else None,
        }
    )


# --- errors -----------------------------------------------------------------------------------------------------------


def _malformed(told: Json) -> Malformed:
    field = str(told["field"])
    return Malformed(field, str(told["message"]).removeprefix(f"{field}: "))


_NAMED = {error.__name__: error for error in (Untrusted, Unsupported, Unconfirmed, Misconfigured)}
_MAKERS: Mapping[str, Callable[[Json], Exception]] = {
    **{name: lambda told, error=error: error(told["message"]) for name, error in _NAMED.items()},  # type: ignore[misc]  # binds the loop's variable
    "Malformed": _malformed,
    "Unavailable": lambda told: Unavailable(told["message"], int(told["retry_after_seconds"])),
}


def from_error(error: BaseException, *, is_whole: bool = False) -> Json:
    """An exception as JSON: the contracts' own by name; of others the type only, for a message may hold a secret."""
    if type(error).__name__ in _MAKERS and isinstance(error, OverwatchError):
        told = {"message": str(error), "retry_after_seconds": getattr(error, "retry_after_seconds", 5)}
        return {"name": type(error).__name__, "field": getattr(error, "field", ""), **told}
    return {"name": "", "message": f"{type(error).__name__}: {error}" if is_whole else type(error).__name__}


def to_error(told: Json) -> Exception:
    """The exception again; ConnectorFailed for what the contracts do not know."""
    make = _MAKERS.get(told["name"], lambda told: ConnectorFailed(str(told["message"])[:200]))
    return make(told)
