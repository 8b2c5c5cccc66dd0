"""Google Cloud Monitoring: incidents of an alerting policy (webhook version 1.2, and 1.0 and 1.1 before it)."""

import base64
from collections.abc import Mapping
from datetime import datetime

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Link,
    Malformed,
    Payload,
    State,
    fingerprint,
    first_of,
    hookimpl,
    is_web_address,
    parse_json,
    service_of,
    severity_of,
)

STATES = {"open": State.FIRING, "closed": State.RESOLVED}

# Labels of the monitored resource that name what people call the service, for resources where it has none.
SERVICES = ("service_name", "module_id", "function_name", "database_id", "queue_id", "container_name", "cluster_name")
RESOURCES = ("resource_display_name", "resource_name", "resource_id")
OWN = {"project": "scoping_project_id", "policy": "policy_name", "condition": "condition_name"}
OWN |= {"resource_type": "resource.type", "metric_type": "metric.type"}
ANNOTATIONS = ("observed_value", "threshold_value")

NAMES = ("policy_name", "condition_name")  # which are also its key, should a relay have lost the id


class GoogleCloud(Connector):
    """An incident is open or closed and keeps its id; a severity is there only if the policy has one."""

    name = "google_cloud"
    title = "Google Cloud Monitoring"
    setup_guide = """In Google Cloud open Monitoring > Alerting > Edit notification channels > Webhooks > Add new
and set this endpoint URL:

{webhook_url}

Then choose the channel in your alerting policies, with a severity level, and leave "Notify on incident closure" on.
"""
    sample_body = """{"version": "1.2", "incident": {"incident_id": "0.nx1f2a3b4c5d", "state": "open",
 "scoping_project_id": "shop-prod", "policy_name": "Errors of checkout", "condition_name": "5xx above 5 %",
 "severity": "Critical", "summary": "5xx for shop-prod checkout is above the threshold of 5 with a value of 7.2.",
 "started_at": 1767322800, "ended_at": null, "resource_name": "shop-prod Cloud Run Revision labels {}",
 "resource": {"type": "cloud_run_revision", "labels": {"service_name": "checkout", "location": "europe-west1"}},
 "url": "https://console.cloud.google.com/monitoring/alerting/incidents/0.nx1f2a3b4c5d?project=shop-prod"}}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(_pulled(body).get("incident").expect_object()) for body in delivery.json().members()]

    def delivery_key(self, delivery: Delivery) -> str | None:
        """Of a push of Pub/Sub, which comes again until it is taken."""
        try:
            return delivery.json().text("message.messageId", "message.message_id") or None
        except Malformed:
            return None


def _pulled(body: Payload) -> Payload:
    """The notification; a subscription of Pub/Sub pushes it within a message, as base64."""
    if not body.has("message"):
        return body
    data = body.get("message.data")
    try:
        return Payload(parse_json(base64.b64decode(body.required_text("message.data")), data.path), data.path)
    except ValueError as error:
        raise Malformed(data.path, "is no base64") from error


def to_event(incident: Payload) -> Event:
    """One incident; `documentation` is an object, or in older and test messages a text."""
    word = incident.required_text("state").lower()
    if word not in STATES:
        raise Malformed(f"{incident.path}.state", f"{word[:40]!r} is neither open nor closed")
    state = STATES[word]
    policy = incident.mapping("policy_user_labels")
    resource = incident.mapping("resource.labels")
    labels = resource | incident.mapping("metric.labels") | incident.mapping("metadata.user_labels") | policy
    severity = incident.text("severity") or policy.get("severity", "")
    return Event(
        title=incident.required_text(*NAMES, "summary"),
        description="\n\n".join(filter(None, [incident.text("summary"), _documentation(incident)])),
        state=state,
        severity=severity_of(severity),
        raw_severity=severity,
        dedup_key=incident.text("incident_id") or fingerprint(*map(incident.text, NAMES), labels),
        service=service_of(policy) or first_of(resource, SERVICES) or service_of(labels),
        resource=incident.text(*RESOURCES),
        labels=labels | {label: text for label, field in OWN.items() if (text := incident.text(field))},
        annotations={name: text for name in ANNOTATIONS if (text := incident.text(name))},
        links=(*incident.links({"url": "Google Cloud"}), *_links(incident)),
        occurred_at=_occurred_at(incident, state),
        raw_kind=word,
    )


def _occurred_at(incident: Payload, state: State) -> datetime | None:
    """Nothing ends before it has begun."""
    begun, ended = incident.time("started_at"), incident.time("ended_at")
    return begun if state is State.FIRING else ended and max(ended, begun or ended)


def _documentation(incident: Payload) -> str:
    is_object = isinstance(incident.get("documentation").value, Mapping)
    return incident.text("documentation.content") if is_object else incident.text("documentation")


def _links(incident: Payload) -> list[Link]:
    """Those that the policy's documentation has."""
    documentation = incident.get("documentation")
    members = documentation.objects("links") if documentation.has("links") else []
    found = [(member.text("displayName") or "Documentation", member.text("url")) for member in members]
    return [Link(title, url) for title, url in found if is_web_address(url)]


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [GoogleCloud()]
