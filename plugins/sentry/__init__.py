"""Sentry: issues, issue alerts and metric alerts of an internal integration, and the legacy WebHooks plugin."""

import re
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
    hookimpl,
    parse_time,
    severity_of,
)

# `action` of an issue or a metric alert, or else the issue's `status`. An issue that is assigned has been taken on.
STATES = {
    **dict.fromkeys(("created", "triggered", "unresolved", "critical", "warning"), State.FIRING),
    "assigned": State.ACKNOWLEDGED,
    **dict.fromkeys(("resolved", "archived", "ignored"), State.RESOLVED),
}
LEVELS = {"critical", "warning"}  # a metric alert's action is its state and its severity in one
KINDS = {"metric_alert": "", "issue": "unresolved", "event": "triggered", "error": "triggered"}  # and what none says
IDENTITY = ("issue_id", "id", "event_id", "web_url", "url")
TEXTS = ("description_text", "message", "culprit")
LABELS = ("environment", "release", "level", "platform", "triggered_rule")
PAGES = {"web_url": "Sentry", "permalink": "Sentry"}
_PROJECT = re.compile(r"/projects/[^/]+/([^/]+)/")  # in the API's address of an event, which has but a number else


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
    tags = _tags(subject)
    level = subject.text("level") or tags.get("level") or (word if word in LEVELS else "")
    told = subject.time("datetime", "timestamp") or sent_at
    dedup_key = ("metric_alert:" if kind == "metric_alert" else "") + subject.required_text(*IDENTITY)
    occurred_at = told or subject.time("date_closed" if state is State.RESOLVED else "date_started")
    return Event(
        title=subject.text("alert_rule.name", "title", "name", "message", "description_title") or f"Sentry {kind}",
        description="\n".join(dict.fromkeys(filter(None, map(subject.text, TEXTS)))),
        state=state,
        severity=severity_of(level),
        raw_severity=level,
        dedup_key=dedup_key,
        service=_project(subject),
        resource=tags.get("server_name", ""),
        labels=tags | {name: text for name in LABELS if (text := subject.text(name))},
        links=subject.links(PAGES) or subject.links({"url": "Sentry"}),
        occurred_at=occurred_at,
        raw_kind=f"{kind}.{word}",
        event_key=f"{dedup_key} {word} {occurred_at.isoformat()}" if occurred_at else None,
    )


def _tags(error: Payload) -> dict[str, str]:
    """Pairs of name and value, as lists or, in later versions, as objects; a relay may have one object of all."""
    if isinstance(error.get("tags").value, Mapping):
        return error.mapping("tags")
    tags = error.get("tags").value if isinstance(error.get("tags").value, list) else []
    named = [[tag.get("key"), tag.get("value")] if isinstance(tag, Mapping) else tag for tag in tags]
    pairs = {str(tag[0]): tag[1] for tag in named if isinstance(tag, list) and len(tag) == 2}
    return Payload({"tags": pairs}, error.path).mapping("tags")


def _project(subject: Payload) -> str:
    """Its slug, by which people know it: an event has it only within its address."""
    if isinstance(subject.get("project").value, Mapping):
        return subject.text("project.slug", "project.name")
    found = _PROJECT.search(subject.text("url"))
    return subject.text("project_slug") or (found[1] if found else ", ".join(subject.texts("projects")))


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Sentry()]
