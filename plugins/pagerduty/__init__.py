"""PagerDuty: incidents of webhooks v3, and of the older v2 and v1, which carry several messages in one body."""

import re
from collections.abc import Iterator
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
    Unsupported,
    check_signature,
    fingerprint,
    hookimpl,
    severity_of,
)
from plugins.pagerduty.api import SETTINGS, EventsApi
from plugins.pagerduty.sent import sent_events

# The last word of an event's type; an event that changes something else leaves the state to the incident's `status`.
STATES = {
    **dict.fromkeys(("trigger", "triggered", "unacknowledge", "unacknowledged", "reopened"), State.FIRING),
    **dict.fromkeys(("acknowledge", "acknowledged"), State.ACKNOWLEDGED),
    **dict.fromkeys(("resolve", "resolved"), State.RESOLVED),
}
# Accounts name their priorities: "P1", "SEV-2 Major", "Critical". An urgency only says how loud PagerDuty is.
LEVELS = [Severity.CRITICAL, Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO]
_LEVEL = re.compile(r"(?:p|sev)[ -]?([0-5])\b", re.IGNORECASE)
TITLE = ("title", "summary", "trigger_summary_data.subject", "description", "incident_key")


class PagerDuty(EventsApi):
    """The incident's own id is the key: it is the same in all versions and in every state."""

    name = "pagerduty"
    title = "PagerDuty"
    signing_secret = "webhook_secret"  # noqa: S105  # the name of the setting
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "webhook_secret": {
                "type": "string",
                "format": "secret",
                "title": "Webhook secret",
                "description": "Shown once when the v3 subscription is made; empty: the URL's token is the proof.",
            },
            **SETTINGS,
        },
        "additionalProperties": False,
    }
    setup_guide = """In PagerDuty open Integrations > Generic Webhooks (v3) > New Webhook and set this Webhook URL:

{webhook_url}

Choose the scope, keep the incident events, save, and copy the secret that is shown once.
"""
    sample_body = """{"event": {"id": "01CH754SM17TWPE2V2H4VPBRO7", "event_type": "incident.triggered",
 "resource_type": "incident", "occurred_at": "2026-01-02T03:00:00.000Z", "data": {"id": "Q1ABCDEF2GHIJK",
 "type": "incident", "status": "triggered", "number": 1207, "title": "Payments fail", "urgency": "high",
 "html_url": "https://acme.pagerduty.com/incidents/Q1ABCDEF2GHIJK", "priority": {"summary": "P1"},
 "service": {"id": "PF9KMXH", "summary": "checkout"}}}}"""

    def verify(self, delivery: Delivery, config: Config) -> None:
        given = delivery.headers.get("x-pagerduty-signature", "")
        check_signature(given, delivery.body, config["webhook_secret"], prefix="v1=")

    def delivery_key(self, delivery: Delivery) -> str | None:
        """The event's id, which is signed; the header X-Webhook-Id is not."""
        try:
            event = delivery.json().get("event")
            return f"{identity} {event.text('event_type')}" if (identity := event.text("id")) else None
        except Malformed:
            return None

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        bodies = delivery.json().members()
        sent = [event for body in bodies for event in sent_events(body)]
        return sent or [to_event(*told) for body in bodies for told in _incidents(body)]


def _incidents(body: Payload) -> Iterator[tuple[Payload, Payload, str]]:
    """Each incident with the message around it and the type of the event."""
    if body.has("messages"):
        for message in body.objects("messages"):
            kind = message.required_text("event", "type")
            incident = message.get("incident") if message.has("incident") else message.get("data.incident")
            yield incident.expect_object(), message, kind
        return
    event = body.get("event").expect_object()
    kind = event.required_text("event_type")
    data = event.get("data").expect_object()
    if not kind.startswith("incident.") or data.text("type") not in {"incident", ""}:
        raise Unsupported(kind)  # a ping, a service, or a note, an update, a workflow of an incident
    yield data, event, kind


def to_event(incident: Payload, around: Payload, kind: str) -> Event:
    """One incident; whatever happened to it is an event, though only some events change its state."""
    word = kind.rpartition(".")[2]
    word = word if word in STATES else incident.required_text("status")
    if word not in STATES:
        raise Malformed(f"{incident.path}.status", f"{word[:40]!r} is no state of PagerDuty's")
    service, name = incident.text("service.summary", "service.name"), incident.text(*TITLE)
    identity = incident.text("id") or (fingerprint(name, service) if name else incident.required_text("id"))
    said = [incident.text("priority.summary", "priority.name"), incident.text("urgency")]
    raw_severity = next((word for word in said if _severity(word) is not Severity.UNKNOWN), said[0])
    labels = {"number": incident.text("number", "incident_number"), "urgency": said[1], "priority": said[0]}
    labels["teams"] = ", ".join(team.text("summary", "name") for team in incident.objects("teams"))
    return Event(
        title=name or f"PagerDuty incident {identity}",
        description=incident.text("trigger_summary_data.description"),
        state=STATES[word],
        severity=_severity(raw_severity),
        raw_severity=raw_severity,
        dedup_key=identity,
        service=service,
        labels={name: text for name, text in labels.items() if text},
        links=incident.links({"html_url": "PagerDuty"}),
        occurred_at=around.time("occurred_at", "created_on"),
        raw_kind=kind,
        event_key=f"{around.text('id')} {kind}" if around.has("id") else None,
    )


def _severity(word: str) -> Severity:
    numbered = _LEVEL.match(word)
    return LEVELS[int(numbered[1])] if numbered else severity_of(word)


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [PagerDuty()]
