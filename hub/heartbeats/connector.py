"""The built-in connector: what the watch over heartbeats saw, as events."""

from collections.abc import Mapping
from typing import ClassVar, TypeVar

from hub.contracts import Config, Connector, Delivery, Event, Malformed, Payload, Severity, State

PLATFORM = "heartbeat"

_Known = TypeVar("_Known")

_STATES = {"missing": State.FIRING, "alive": State.RESOLVED}
_SEVERITIES = {severity.value: severity for severity in Severity}


class HeartbeatWatch(Connector):
    """One event per turn: a heartbeat went missing, or came back."""

    name = PLATFORM
    title = "Heartbeats"
    setup_guide = """Nothing to set up: add a heartbeat with POST /api/v1/heartbeats, and call its ping_url regularly.
The hub makes this integration with the first heartbeat; what it sees missing arrives at {webhook_url}
"""
    sample_body: ClassVar[str] = """{"heartbeat_id": "hbt_01a2091ee9b97ac090e912f5c3896f9d", "name": "Nightly backup",
 "status": "missing", "at": "2026-01-05T03:00:00+00:00", "last_ping_at": "2026-01-04T02:00:00+00:00",
 "expected_every_seconds": 86400, "severity": "high", "service": "backup", "labels": {"team": "storage"}}"""

    def delivery_key(self, delivery: Delivery) -> str | None:
        try:
            body = delivery.json()
            return ":".join(body.required_text(name) for name in ("heartbeat_id", "status", "at"))
        except Malformed:
            return None

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.json()
        name = body.required_text("name")
        return [
            Event(
                title=f"Heartbeat missing: {name}",
                description=_description(body),
                state=_known(body, "status", _STATES),
                severity=_known(body, "severity", _SEVERITIES),
                raw_severity=body.text("severity"),
                dedup_key=body.required_text("heartbeat_id"),
                service=body.text("service"),
                labels={"heartbeat": name, **body.mapping("labels")},
                occurred_at=body.time("at"),
                raw_kind="heartbeat",
                no_data=True,
            )
        ]


def _description(body: Payload) -> str:
    heard = f"last heard from at {body.text('last_ping_at')}" if body.has("last_ping_at") else "never heard from"
    return f"Expected every {body.required_text('expected_every_seconds')} s, {heard}."


def _known(body: Payload, name: str, table: Mapping[str, _Known]) -> _Known:
    word = body.required_text(name)
    if word not in table:
        raise Malformed(f"{body.path}.{name}", f"is {word!r}; it is one of {', '.join(table)}")
    return table[word]
