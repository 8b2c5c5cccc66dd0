"""Prometheus Alertmanager: one event per member of `alerts` (webhook version 4, and its older and bare forms)."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from hub.contracts import (
    SERVICE_LABELS,
    Config,
    Connector,
    Delivery,
    Event,
    Malformed,
    Payload,
    State,
    fingerprint,
    first_of,
    hookimpl,
    resource_of,
    service_of,
    severity_of,
)

STATES = {"firing": State.FIRING, "resolved": State.RESOLVED}
ANNOTATION_LINKS = {"runbook_url": "Runbook", "runbook": "Runbook", "dashboard_url": "Dashboard"}
NO_GROUP = Payload({})
TEXTS = ("summary", "description", "message")


class Alertmanager(Connector):
    """The state, the key and the times are those of each alert, never of the group it came in."""

    name = "alertmanager"
    title = "Prometheus Alertmanager"
    repeats_on_purpose = True  # the same body comes again every repeat_interval: it says "still firing"
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "service_label": {
                "type": "string",
                "title": "Label that names the service",
                "description": f"Empty: the first that is set of {', '.join(SERVICE_LABELS)}.",
                "default": "",
            }
        },
        "additionalProperties": False,
    }
    setup_guide = """Add a receiver to alertmanager.yml and route to it, then reload Alertmanager:

receivers:
  - name: overwatch
    webhook_configs:
      - url: "{webhook_url}"
        send_resolved: true
        max_alerts: 0
"""
    sample_body = """{"version": "4", "groupKey": "{}:{alertname=\\"HighErrorRate\\"}", "status": "firing",
 "receiver": "overwatch", "externalURL": "http://alertmanager.example:9093", "truncatedAlerts": 0,
 "groupLabels": {"alertname": "HighErrorRate"}, "commonLabels": {"alertname": "HighErrorRate"}, "commonAnnotations": {},
 "alerts": [{"status": "firing", "fingerprint": "5b1c0e6f3d2a9847",
   "labels": {"alertname": "HighErrorRate", "service": "checkout", "instance": "10.0.4.7:8080", "severity": "critical"},
   "annotations": {"summary": "5 % of requests fail", "runbook_url": "https://runbooks.example/checkout/errors"},
   "startsAt": "2026-01-02T03:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
   "generatorURL": "http://prometheus.example:9090/graph?g0.expr=job%3Aerrors%3Arate5m"}]}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        service_label = config.get("service_label", "")
        return [
            to_event(alert, group, service_label, delivery.received_at)
            for group, alert in _alerts_with_group(delivery.json())
        ]


def _alerts_with_group(body: Payload) -> Iterator[tuple[Payload, Payload]]:
    """Groups, or bare alerts in the form in which Prometheus posts them to Alertmanager's API."""
    for member in body.members():
        if member.has("alerts"):
            yield from ((member, alert) for alert in member.objects("alerts"))
        elif member.has("labels"):
            yield NO_GROUP, member
        else:
            raise Malformed(f"{member.path}.alerts", "is missing, as is labels")


def to_event(alert: Payload, group: Payload, service_label: str, received_at: datetime) -> Event:
    """One alert as an event. What is common to the group holds for each of its alerts, if the sender left it out."""
    own_labels = alert.mapping("labels")
    labels = group.mapping("commonLabels") | own_labels
    annotations = group.mapping("commonAnnotations") | alert.mapping("annotations")
    said = filter(None, map(annotations.get, TEXTS))
    state = _state(alert, group, received_at)
    return Event(
        title=_title(alert, labels, annotations),
        description="\n\n".join(dict.fromkeys(said)),
        state=state,
        severity=severity_of(labels.get("severity", "")),
        raw_severity=labels.get("severity", ""),
        dedup_key=alert.text("fingerprint") or fingerprint(own_labels or labels, alert.text("summary")),
        service=service_of(labels, service_label),
        resource=resource_of(labels),
        labels=labels,
        annotations=annotations,
        links=(
            *alert.links({"generatorURL": "Source"}),
            *Payload(annotations, f"{alert.path}.annotations").links(ANNOTATION_LINKS),
            *group.links({"externalURL": "Alertmanager"}),
        ),
        occurred_at=_occurred_at(alert, state),
        raw_kind=state.value,
    )


def _occurred_at(alert: Payload, state: State) -> datetime | None:
    """Nothing ends before it has begun: such an `endsAt` counts as `startsAt`, or the alert would fire for ever."""
    starts_at = alert.time("startsAt")
    if state is State.FIRING:  # a megabyte of alerts is read in a quarter second: no time is read for nothing
        return starts_at
    ends_at = alert.time("endsAt")
    return max(starts_at, ends_at) if starts_at and ends_at else ends_at


def _state(alert: Payload, group: Payload, received_at: datetime) -> State:
    """Its own status; else an end that has passed; else the group's status. The API's status is an object: no word."""
    if group.value.get("status") == "resolved":  # which a group is when all of its alerts are
        return State.RESOLVED
    if not isinstance(alert.get("status").value, dict) and (word := alert.text("status")):
        return _state_of(word, f"{alert.path}.status")
    if (ends_at := alert.time("endsAt")) and ends_at <= received_at:
        return State.RESOLVED
    return _state_of(group.text("status") or "firing", f"{group.path}.status")


def _state_of(word: str, field: str) -> State:
    if word.lower() not in STATES:
        raise Malformed(field, f"{word[:40]!r} is neither firing nor resolved")
    return STATES[word.lower()]


def _title(alert: Payload, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """`summary` beside the labels is no field of Alertmanager's, but is found in bodies made by hand."""
    title = labels.get("alertname") or alert.text("summary") or first_of(annotations, TEXTS)
    if not title and not labels:
        raise Malformed(f"{alert.path}.labels.alertname", "is missing")
    return title or ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Alertmanager()]
