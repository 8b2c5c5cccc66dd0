"""Sentry: issues, issue alerts and metric alerts of an internal integration, and the legacy WebHooks plugin."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Malformed,
    Payload,
    State,
    Unsupported,
    check_signature,
    fingerprint,
    hookimpl,
    parse_time,
    severity_of,
)
from plugins.sentry.fields import project_of, tags_of

# `action` of an issue or a metric alert, or else the issue's `status`. An issue that is assigned has been taken on.
STATES = {
    **dict.fromkeys(("created", "triggered", "unresolved", "critical", "warning"), State.FIRING),
    "assigned": State.ACKNOWLEDGED,
    **dict.fromkeys(("resolved", "archived", "ignored"), State.RESOLVED),
}
LEVELS = {"critical", "warning"}  # a metric alert's action is its state and its severity in one
KINDS = {"metric_alert": "", "issue": "unresolved", "event": "triggered", "error": "triggered"}  # and what none says
IDENTITY = ("issue_id", "id", "event_id", "web_url", "permalink", "url")
TEXTS = ("description_text", "message", "culprit")
LABELS = ("environment", "release", "level", "platform", "triggered_rule")
PAGES = {"web_url": "Sentry", "permalink": "Sentry"}


class Sentry(Connector):
    """An event is a part of its issue: both have the issue's key, so that resolving the issue ends the alert."""

    name = "sentry"
    title = "Sentry"
    signing_secret = "client_secret"  # noqa: S105  # the name of the setting
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "client_secret": {
                "type": "string",
                "format": "secret",
                "title": "Client secret",
                "description": "Of the internal integration, under Credentials; empty: the URL's token is the proof.",
            }
        },
        "additionalProperties": False,
    }
    setup_guide = """In Sentry open Settings > Custom Integrations > Create New Integration > Internal; Webhook URL:

{webhook_url}

Switch on Alert Rule Action, give Issue & Event the permission Read, tick the webhook "issue", and save. Then let your
alert rules send a notification via the integration.
"""
    sample_body = """{"action": "triggered", "data": {"event": {"issue_id": "4012345678", "title": "TimeoutError: pay",
 "level": "error", "culprit": "checkout.pay", "datetime": "2026-01-02T03:00:00.000000Z", "environment": "production",
 "url": "https://sentry.io/api/0/projects/acme/checkout/events/5c0ffee5c0ffee5c0ffee5c0ffee5c0f/",
 "web_url": "https://sentry.io/organizations/acme/issues/4012345678/", "tags": [["server_name", "web-1"]]},
 "triggered_rule": "Errors in production"}}"""

    def verify(self, delivery: Delivery, config: Config) -> None:
        given = delivery.headers.get("sentry-hook-signature") or delivery.headers.get("sentry-app-signature", "")
        check_signature(given, delivery.body, config["client_secret"])

    def delivery_key(self, delivery: Delivery) -> str | None:
        return delivery.headers.get("request-id") or None

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        sent = delivery.headers.get("sentry-hook-timestamp", "")
        sent_at = parse_time(sent, "sentry-hook-timestamp") if sent.isdecimal() else None
        return [to_event(*_subject(body), sent_at) for body in delivery.json().members()]


def _subject(body: Payload) -> tuple[Payload, str, str]:
    """What it is about, with what stands around it; the word for its state; its kind. The header's is not signed."""
    data, action = body.get("data"), body.text("action")
    if data.value is None:
        return Payload({**_event_in(body), **body.value}, body.path), "created", "plugin"
    kind = next((kind for kind in KINDS if data.has(kind)), None)
    if kind is None:
        raise Unsupported("not_an_alert")
    subject = data.get(kind).expect_object()
    status = subject.text("status")
    is_state = action in STATES and (action, status) != ("assigned", "resolved")
    word = action if is_state else status or KINDS[kind]
    around = {**_event_in(data), **data.value}  # an alert's body has the event beside its issue
    return Payload({**around, **subject.value}, subject.path), word, kind


def _event_in(data: Payload) -> Mapping[str, object]:
    return event if isinstance(event := data.get("event").value, Mapping) else {}


def to_event(subject: Payload, word: str, kind: str, sent_at: datetime | None) -> Event:
    """One error, issue or metric alert. Only an error has a time of its own; the others have that of the header."""
    if (state := STATES.get(word)) is None:
        raise Malformed(f"{subject.path}.status", f"{word[:40]!r} is no state of Sentry's")
    tags = tags_of(subject)
    level = subject.text("level") or tags.get("level") or (word if word in LEVELS else "")
    told = subject.time("datetime", "timestamp") or sent_at
    title = subject.text("alert_rule.name", "title", "name", "message", "description_title") or f"Sentry {kind}"
    identity = subject.text(*IDENTITY) or fingerprint(title, project_of(subject), subject.text("culprit"))
    dedup_key = ("metric_alert:" if kind == "metric_alert" else "") + identity
    occurred_at = told or subject.time("date_closed" if state is State.RESOLVED else "date_started")
    return Event(
        title=title,
        description="\n".join(dict.fromkeys(filter(None, map(subject.text, TEXTS)))),
        state=state,
        severity=severity_of(level),
        raw_severity=level,
        dedup_key=dedup_key,
        service=project_of(subject),
        resource=tags.get("server_name") or subject.text("server_name"),
        labels=tags | {name: text for name in LABELS if (text := subject.text(name))},
        links=subject.links(PAGES) or subject.links({"url": "Sentry"}),
        occurred_at=occurred_at,
        raw_kind=f"{kind}.{word}",
        event_key=f"{dedup_key} {word} {occurred_at.isoformat()}" if occurred_at else None,
    )


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Sentry()]
