"""Splunk Observability Cloud (once SignalFx): incidents of a detector's rule, in the default payload."""

from collections.abc import Mapping
from typing import ClassVar

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Malformed,
    Payload,
    Severity,
    State,
    check_signature,
    hookimpl,
    resource_of,
    service_of,
)

# `statusExtended`, or the coarser `status`, which says "ok" for everything that is over.
STATES = {
    "anomalous": State.FIRING,
    **dict.fromkeys(("ok", "manually resolved", "auto resolved", "stopped"), State.RESOLVED),
}
# Splunk ranks Minor above Warning, most others the reverse: here neither outranks the other.
SEVERITIES = {
    "critical": Severity.CRITICAL,
    "major": Severity.HIGH,
    "minor": Severity.MEDIUM,
    "warning": Severity.MEDIUM,
    "info": Severity.INFO,
}
TITLE = ("rule", "detector", "messageTitle", "originatingMetric")
LABELS = {"detector": "detector", "rule": "rule", "metric": "originatingMetric", "detector_id": "detectorId"}
ANNOTATIONS = {"tip": "tip", "condition": "detectOnCondition", "muted": "triggeredWhileMuted"}
LINKS = {"detectorUrl": "Splunk", "runbookUrl": "Runbook", "imageUrl": "Graph"}


class SplunkObservability(Connector):
    """The title is the rule's: the message's own title begins with the state, and changes with it."""

    name = "splunk_observability"
    title = "Splunk Observability Cloud"
    signing_secret = "shared_secret"  # noqa: S105  # the name of the setting
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "shared_secret": {
                "type": "string",
                "format": "secret",
                "title": "Shared secret",
                "description": "As in the webhook integration at Splunk; empty: the URL's token is the proof.",
            }
        },
        "additionalProperties": False,
    }
    setup_guide = """In Splunk Observability Cloud open Data Management > Available integrations > Webhook and set this
URL:

{webhook_url}

Leave the payload as it is. Then add the integration as a recipient of each rule of your detectors.
"""
    sample_body = """{"incidentId": "GXvPq1AAcAA", "status": "anomalous", "statusExtended": "anomalous",
 "severity": "Critical", "rule": "Latency is high", "detector": "checkout", "detectorId": "GXvKm4bAgAA",
 "messageTitle": "Critical Alert: Latency is high (checkout)", "messageBody": "p95 is 1.2 s",
 "detectorUrl": "https://app.eu0.signalfx.com/#/detector/GXvKm4bAgAA/edit?incidentId=GXvPq1AAcAA",
 "originatingMetric": "latency.p95", "dimensions": {"service": "checkout", "host": "web-1"},
 "timestamp": "2026-01-02T03:00:00Z"}"""

    def verify(self, delivery: Delivery, config: Config) -> None:
        given = delivery.headers.get("x-sfx-signature", "")
        check_signature(given, delivery.body, config["shared_secret"], encoding="base64")

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(body) for body in delivery.json().members()]


def to_event(incident: Payload) -> Event:
    """One change of an incident."""
    word = incident.required_text("statusExtended", "status").lower()
    if word not in STATES:
        raise Malformed(f"{incident.path}.statusExtended", f"{word[:40]!r} is no status of an incident")
    dimensions = _dimensions(incident)
    own = {label: text for label, field in LABELS.items() if (text := incident.text(field))}
    severity = incident.text("severity")
    return Event(
        title=incident.text(*TITLE) or f"Incident {incident.text('incidentId')}",
        description="\n\n".join(filter(None, map(incident.text, ("messageBody", "description")))),
        state=STATES[word],
        severity=SEVERITIES.get(severity.lower(), Severity.UNKNOWN),
        raw_severity=severity,
        dedup_key=incident.required_text("incidentId"),
        service=service_of(dimensions),
        resource=resource_of(dimensions),
        labels=dimensions | own,
        annotations={name: text for name, field in ANNOTATIONS.items() if (text := incident.text(field))},
        links=incident.links(LINKS),
        occurred_at=incident.time("timestamp"),
        raw_kind=word,
    )


def _dimensions(incident: Payload) -> dict[str, str]:
    """Those of the alert, or else of the signals that it was computed from."""
    if isinstance(incident.get("dimensions").value, Mapping):
        return incident.mapping("dimensions")
    inputs = incident.get("inputs").value
    signals = (
        [Payload(each) for each in inputs.values() if isinstance(each, Mapping)] if isinstance(inputs, Mapping) else []
    )
    shown = [each for each in signals if isinstance(each.get("dimensions").value, Mapping)]
    return {name: text for each in shown for name, text in each.mapping("dimensions").items()}


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [SplunkObservability()]
