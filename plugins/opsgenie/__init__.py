"""Opsgenie and its successor in Jira Service Management: what was done to an alert, as an outgoing webhook tells it."""

from collections.abc import Mapping
from typing import ClassVar

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Payload,
    State,
    Unsupported,
    hookimpl,
    service_of,
    severity_of,
)
from plugins.opsgenie.api import SETTINGS, AlertApi

# Only these actions tell a state. A note or an escalation can happen in any, and the body does not say in which.
STATES = {
    "create": State.FIRING,
    "unacknowledge": State.FIRING,
    "acknowledge": State.ACKNOWLEDGED,
    "close": State.RESOLVED,
    "delete": State.RESOLVED,
}
LABELS = ("alias", "source", "team", "teams", "tags")  # texts, or lists of texts
ANNOTATIONS = {"user": "username", "note": "note", "tiny_id": "tinyId"}


class Opsgenie(AlertApi):
    """The alert's id is the key: an alias is used again by the next alert of its sender."""

    name = "opsgenie"
    title = "Opsgenie"
    config_schema: ClassVar = {"type": "object", "properties": {**SETTINGS}, "additionalProperties": False}
    setup_guide = """In Opsgenie open Settings > Integrations > Add integration > Webhook and set this Webhook URL:

{webhook_url}

Choose the alert actions Create, Acknowledge, UnAcknowledge, Close and Delete, let the payload have the alert's
description and details, and turn the integration on.
"""
    sample_body = """{"action": "Create", "alert": {"alertId": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0-1767322800000",
 "message": "Payments fail", "description": "5 % of requests fail", "priority": "P1", "alias": "checkout-errors",
 "tinyId": "1207", "entity": "web-1", "source": "prometheus", "tags": ["prod"], "details": {"service": "checkout"},
 "createdAt": 1767322800000, "updatedAt": 1767322800000000000}, "source": {"name": "", "type": "api"},
 "integrationName": "Overwatch"}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(body) for body in delivery.json().members()]


def to_event(body: Payload) -> Event:
    """One action. Every body has the moment of creation; that of the action is the last change."""
    word = body.required_text("action")
    if word.lower() not in STATES:
        raise Unsupported(f"action {word[:40]}")
    alert = body.get("alert").expect_object()
    identity, priority = alert.required_text("alertId", "id"), alert.text("priority")
    details = alert.mapping("details") if isinstance(alert.get("details").value, Mapping) else {}
    tagged = {name: value for name, value in alert.tags("tags").items() if value != "true"} | details
    own = {name: ", ".join(alert.texts(name)) for name in LABELS}
    return Event(
        title=alert.text("message") or f"Opsgenie alert {identity}",  # what is done to one need not say it again
        description=alert.text("description"),
        state=STATES[word.lower()],
        severity=severity_of(f"P{priority}" if priority.isdecimal() else priority),
        raw_severity=priority,
        dedup_key=identity,
        service=service_of(tagged),
        resource=alert.text("entity"),
        labels=tagged | {name: text for name, text in own.items() if text},
        annotations={name: text for name, field in ANNOTATIONS.items() if (text := alert.text(field))},
        occurred_at=alert.time("createdAt", "updatedAt") if word.lower() == "create" else alert.time("updatedAt"),
        raw_kind=word,
    )


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Opsgenie()]
