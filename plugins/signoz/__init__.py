"""SigNoz: one event per member of `alerts`, in the form of Alertmanager with what SigNoz puts into labels."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from hub.contracts import (
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
NO_GROUP = Payload({})

TEXTS = ("summary", "description", "message")
NO_DATA = "nodata"  # a label of SigNoz's own, beside "[No data] " before the name of the rule
RESOURCE = ("k8s_pod_name", "k8s.pod.name", "host_name", "container_name")  # attributes of OpenTelemetry, undotted too

LABEL_LINKS = {"ruleSource": "Rule"}
ANNOTATION_LINKS = {"related_logs": "Logs", "related_traces": "Traces", "runbook_url": "Runbook", "runbook": "Runbook"}


class SigNoz(Connector):
    """The state, the key and the times are those of each alert, never of the group it came in."""

    name = "signoz"
    title = "SigNoz"
    repeats_on_purpose = True  # the same body comes again: it says "still firing"
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "service_label": {
                "type": "string",
                "title": "Label that names the service",
                "description": "Empty: the first that is set of service.name and the usual labels.",
                "default": "",
            }
        },
        "additionalProperties": False,
    }
    setup_guide = """In SigNoz open Settings > Alert Channels > New Alert Channel, choose Webhook and set this URL:

{webhook_url}

Leave "Send resolved alerts" on, press Test, save, and choose the channel in your alert rules.
"""
    sample_body = """{"receiver": "overwatch", "status": "firing", "version": "4", "groupKey": "{}:{ruleId=\\"12\\"}",
 "externalURL": "http://signoz.example:8080", "truncatedAlerts": 0, "groupLabels": {"alertname": "Errors"},
 "commonLabels": {"alertname": "Errors", "severity": "critical"}, "commonAnnotations": {},
 "alerts": [{"status": "firing", "fingerprint": "9f2b61ce04d7a358",
   "labels": {"alertname": "Errors", "ruleId": "12", "ruleSource": "http://signoz.example:8080/alerts/overview?ruleId=12",
     "severity": "critical", "service_name": "checkout"},
   "annotations": {"summary": "5 % of requests fail", "description": "The rate of errors is 5 %, the threshold is 1 %"},
   "startsAt": "2026-01-02T03:00:00.123456789Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": ""}]}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        label = config.get("service_label", "")
        return [to_event(alert, group, label) for group, alert in _alerts_with_group(delivery.json())]


def _alerts_with_group(body: Payload) -> Iterator[tuple[Payload, Payload]]:
    """Groups, or bare alerts as the API lists them; a relay may wrap either in `data`."""
    for member in (each for outer in body.members() for each in _unwrapped(outer).members()):
        if member.has("alerts"):
            yield from ((member, alert) for alert in member.objects("alerts"))
        elif member.mapping("labels"):
            yield NO_GROUP, member
        else:
            raise Malformed(f"{member.path}.alerts", "is missing")


def _unwrapped(body: Payload) -> Payload:
    is_wrapped = body.has("data") and not body.has("alerts") and not body.has("labels")
    return body.get("data") if is_wrapped else body


def to_event(alert: Payload, group: Payload, service_label: str) -> Event:
    """One alert. What is common to the group holds for each of its alerts, if the sender left it out."""
    own_labels = alert.mapping("labels")
    labels = group.mapping("commonLabels") | own_labels
    annotations = group.mapping("commonAnnotations") | alert.mapping("annotations")
    state = _state(alert, group)
    return Event(
        title=labels.get("alertname") or first_of(annotations, TEXTS) or alert.required_text("fingerprint"),
        description="\n\n".join(dict.fromkeys(annotations[name] for name in TEXTS if name in annotations)),
        state=state,
        no_data=labels.get(NO_DATA, "").lower() == "true",
        severity=severity_of(labels.get("severity", "")),
        raw_severity=labels.get("severity", ""),
        dedup_key=alert.text("fingerprint") or fingerprint(own_labels or labels),
        service=first_of(labels, (service_label, "serviceName")) or service_of(labels),
        resource=resource_of(labels) or first_of(labels, RESOURCE),
        labels=labels,
        annotations=annotations,
        links=(
            *alert.links({"generatorURL": "Source"}),
            *Payload(labels, f"{alert.path}.labels").links(LABEL_LINKS),
            *Payload(annotations, f"{alert.path}.annotations").links(ANNOTATION_LINKS),
            *group.links({"externalURL": "SigNoz"}),
        ),
        occurred_at=alert.time("startsAt" if state is State.FIRING else "endsAt"),
        raw_kind=state.value,
    )


def _state(alert: Payload, group: Payload) -> State:
    """Its own status; without one that of the group. The API's status is an object: no word.

    A group is resolved when all of its alerts are; one that says so is believed.
    """
    if group.value.get("status") == "resolved":
        return State.RESOLVED
    own = "" if isinstance(alert.get("status").value, Mapping) else alert.text("status")
    word = (own or group.text("status") or "firing").lower()
    if word not in STATES:
        raise Malformed(f"{alert.path}.status", f"{word[:40]!r} is neither firing nor resolved")
    return STATES[word]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [SigNoz()]
