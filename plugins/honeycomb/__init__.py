"""Honeycomb: one event per notification of a trigger or of a burn alert of an SLO."""

import hmac
from typing import ClassVar

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Malformed,
    Payload,
    State,
    Untrusted,
    fingerprint,
    hookimpl,
    service_of,
    severity_of,
)

TOKEN_HEADER = "x-honeycomb-webhook-token"  # noqa: S105  # a header's name
DELIVERY_HEADER = "x-honeycomb-webhook-delivery-id"

STATES = {
    **dict.fromkeys(("triggered", "firing"), State.FIRING),
    **dict.fromkeys(("ok", "resolved"), State.RESOLVED),
}

# The default body, and the fields that custom payloads are given after the variables they hold: compared without case
# and punctuation, also inside GROUPS. Of an alert with several instances each has an id of its own.
GROUPS = ("alert", "trigger")
IDENTITY = ("instanceid", "id", "triggerid", "triggerurl", "slourl")
NAME = ("name", "title", "triggername")
TEXT = ("description", "triggerdescription", "summary")
SEVERITY = ("severity", "alertseverity", "priority")
ANNOTATIONS = {"summary": "summary", "operator": "operator", "threshold": "threshold", "alert_type": "alerttype"}
ANNOTATIONS |= {"trigger_description": "triggerdescription"}
LABELS = {"environment": ("environment",), "dataset": ("dataset", "datasetname")}
LINKS = {"triggerurl": "Trigger", "resulturl": "Query result", "slourl": "SLO", "sliurl": "SLI"}
WHEN = ("timestamp", "triggeredat")


class Honeycomb(Connector):
    """A trigger has one id in both states. What proves the sender is a token that the body has no part in."""

    name = "honeycomb"
    title = "Honeycomb"
    signing_secret = "shared_secret"  # noqa: S105  # a setting's name
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "shared_secret": {
                "type": "string",
                "format": "secret",
                "title": "Shared secret",
                "description": "The same text as in the integration in Honeycomb; empty if it has none.",
            }
        },
        "additionalProperties": False,
    }
    setup_guide = """In Honeycomb open Team Settings > Integrations > Add integration, choose Webhook and set this URL:

{webhook_url}

Set the same shared secret there and here. Then add the webhook as a recipient to your triggers and burn alerts.
"""
    sample_body = """{"version": "v0.1.0", "id": "HpPzqZtCNA5", "name": "Checkout is slow", "status": "TRIGGERED",
 "trigger_description": "See the runbook", "summary": "Triggered: Checkout is slow", "alert_type": "on_change",
 "description": "Currently greater than threshold value (2000) for service.name:checkout (value 2400)",
 "operator": "greater than", "threshold": 2000,
 "trigger_url": "https://ui.honeycomb.io/shop/environments/prod/triggers/HpPzqZtCNA5",
 "result_url": "https://ui.honeycomb.io/shop/environments/prod/result/g8Pwij7UvK7",
 "result_groups_triggered": [{"Group": {"service.name": "checkout"}, "Result": 2400}]}"""

    def verify(self, delivery: Delivery, config: Config) -> None:
        expected, given = str(config["shared_secret"]).encode(), delivery.headers.get(TOKEN_HEADER, "").encode()
        if not expected or not hmac.compare_digest(expected, given):
            raise Untrusted("The shared secret is missing or wrong.")

    def delivery_key(self, delivery: Delivery) -> str | None:
        return delivery.headers.get(DELIVERY_HEADER) or None

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(body.loose(*GROUPS)) for body in delivery.json().members()]


def to_event(alert: Payload) -> Event:
    """One notification. A press of the Test button sends a trigger's own id, and has a key of its own."""
    identity, word = alert.text(*IDENTITY), alert.required_text("status").lower()
    name = alert.text(*NAME) or (f"Trigger {identity}" if identity else alert.required_text(*NAME))
    if word not in STATES:
        raise Malformed(f"{alert.path}.status", f"{word[:40]!r} is neither TRIGGERED nor OK")
    groups = _groups(alert)
    severity = alert.text(*SEVERITY)
    key = identity or fingerprint(name)
    is_test = alert.text("istest") == "true"
    fields = {label: text for label, names in LABELS.items() if (text := alert.text(*names))}
    return Event(
        title=name,
        description=alert.text(*TEXT),
        state=STATES[word],
        severity=severity_of(severity),
        raw_severity=severity,
        dedup_key=f"{key}:test" if is_test else key,
        service=service_of(groups).partition(", ")[0] or fields.get("dataset", ""),
        resource=", ".join(f"{column}:{value}" for column, value in groups.items()),
        labels=fields | groups | ({"is_test": "true"} if is_test else {}),
        annotations={name: text for name, field in ANNOTATIONS.items() if (text := alert.text(field))},
        links=alert.links(LINKS),
        occurred_at=alert.time(*WHEN),
        raw_kind=word,
    )


def _groups(alert: Payload) -> dict[str, str]:
    """The columns of the groups that crossed the threshold; several values of one column are joined."""
    values: dict[str, dict[str, None]] = {}
    for group in alert.objects("resultgroupstriggered"):
        for column, value in group.mapping("Group").items():
            values.setdefault(column, {})[value] = None
    return {column: ", ".join(found) for column, found in sorted(values.items())}


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Honeycomb()]
