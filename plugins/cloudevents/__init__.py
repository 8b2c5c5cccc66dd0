"""CloudEvents 1.0 over HTTP: structured, in batches, and in binary mode with the attributes in `ce-` headers."""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Malformed,
    Payload,
    Severity,
    State,
    hookimpl,
    parse_json,
    service_of,
    severity_of,
    state_of,
)

# The specification says nothing of states: a word for one is looked for in fields of these names, and at the end of
# the type ("com.example.alert.resolved"). Without one an event tells that something is up.
STATE = ("state", "status", "alertstate")
SEVERITY = ("severity", "priority", "level", "severitytext")  # the last is the extension of the CloudEvents project
NUMBER = "severitynumber"  # the same on OpenTelemetry's scale from 1 to 24
NUMBERS = {21: Severity.CRITICAL, 17: Severity.HIGH, 13: Severity.MEDIUM, 9: Severity.INFO, 1: Severity.INFO}
TITLE = ("title", "summary", "name", "alertname")
TEXT = ("description", "message", "text", "reason", "details")
KEY = ("dedup_key", "dedupkey", "fingerprint", "alert_id", "alertid", "incident_id", "incidentid")
RESOURCE = ("resource", "host", "hostname", "instance")
LINKS = {"url": "Source", "link": "Source", "runbook_url": "Runbook", "dashboard_url": "Dashboard"}

CONTEXT = ("id", "source", "specversion", "type", "time", "subject", "dataschema", "datacontenttype", "data")
_ATTRIBUTE = re.compile(rf"(?!(?:{'|'.join(CONTEXT)})$)[a-z0-9]+")  # how the specification has names of extensions


class CloudEvents(Connector):
    """Source and id name an occurrence. Which alert it is of the data say, else the subject."""

    name = "cloudevents"
    title = "CloudEvents"
    setup_guide = """Give this URL to whatever sends the events, as the sink of a subscription, trigger or broker:

{webhook_url}
"""
    sample_body = """{"specversion": "1.0", "id": "a-1", "source": "/shop/checkout", "type": "com.example.alert",
 "subject": "disk/web-1", "time": "2026-01-02T03:00:00Z", "datacontenttype": "application/json",
 "data": {"title": "Disk is almost full", "severity": "warning", "state": "firing", "service": "checkout",
   "host": "web-1", "message": "91 % used", "url": "https://shop.example/disks/web-1"}}"""

    def delivery_key(self, delivery: Delivery) -> str | None:
        """Source and id of a single event; a batch has none."""
        try:
            (event,) = _events_of(delivery)
            return f"{event.required_text('source')}|{event.required_text('id')}"
        except (Malformed, ValueError):
            return None

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(event) for event in _events_of(delivery)]


def _events_of(delivery: Delivery) -> Iterator[Payload]:
    """Each as in structured mode. In binary mode the body is the data, of whatever type."""
    if "ce-id" not in delivery.headers:
        yield from delivery.json().members()
        return
    attributes = {
        name.removeprefix("ce-"): unquote(value) for name, value in delivery.headers.items() if name.startswith("ce-")
    }
    yield Payload({**attributes, "data_base64": base64.b64encode(delivery.body).decode()}, "headers")


def _data_of(raw: bytes) -> Any:
    """The JSON or the text that it is; other bytes say nothing that can be read. Raises UnicodeDecodeError for them."""
    try:
        return parse_json(raw, "body")
    except Malformed:
        return raw.decode()


def to_event(event: Payload) -> Event:
    """One occurrence; its data and its extensions may say the same things."""
    source, occurrence, kind = (event.required_text(name) for name in ("source", "id", "type"))
    data, subject = _data(event), event.text("subject")
    extensions = {name: value for name, value in event.value.items() if _ATTRIBUTE.fullmatch(name)}
    said = _scalars(extensions | (data if isinstance(data, dict) else {}), event.path)
    severity = said.text(*SEVERITY)
    labels = _labels(extensions) | (_labels(data.get("labels")) if isinstance(data, dict) else {})
    return Event(
        title=said.text(*TITLE) or (f"{kind}: {subject}" if subject else kind),
        description=said.text(*TEXT) or Payload({"text": data if isinstance(data, str) else ""}).text("text"),
        state=_state(said, kind),
        severity=severity_of(severity) if severity else _of_number(said.text(NUMBER)),
        raw_severity=severity or said.text(NUMBER),
        dedup_key=said.text(*KEY) or f"{source}|{subject or occurrence}",
        service=said.text("service") or service_of(labels),
        resource=said.text(*RESOURCE) or subject,
        labels=labels | {"source": source, "type": kind},
        links=said.links(LINKS),
        occurred_at=event.time("time"),
        raw_kind=kind,
        event_key=f"{source}|{occurrence}",
    )


def _data(event: Payload) -> Any:
    """Of any type; what is base64 only if it is JSON or text."""
    if not event.has("data_base64"):
        return event.get("data").value
    try:
        return _data_of(base64.b64decode(event.text("data_base64"), validate=True))
    except ValueError:  # no base64, or bytes that are no text
        return None


def _scalars(fields: Mapping[str, Any], path: str) -> Payload:
    """The fields with one value, by names without case: `status` may be an object here and a word there."""
    plain = {name.lower(): value for name, value in fields.items() if not isinstance(value, dict | list)}
    return Payload(plain, path)


def _labels(fields: Any) -> dict[str, str]:
    plain = _scalars(fields, "labels").value if isinstance(fields, dict) else {}
    return Payload({"labels": plain}).mapping("labels")


def _state(said: Payload, kind: str) -> State:
    """The first word that is one for a state; a status such as 200 is none."""
    words = (*(said.text(name) for name in STATE), kind.rpartition(".")[2])
    return next((state for word in words if (state := state_of(word))), State.FIRING)


def _of_number(text: str) -> Severity:
    number = int(text) if text.isdecimal() and len(text) <= 2 else 0
    return next((severity for least, severity in NUMBERS.items() if number >= least), Severity.UNKNOWN)


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [CloudEvents()]
