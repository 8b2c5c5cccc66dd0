"""Events as senders put them into PagerDuty's Events API, versions 2 and 1; the hub takes them in PagerDuty's place."""

from collections.abc import Iterator

from hub.contracts import (
    Event,
    Link,
    Malformed,
    Payload,
    State,
    Unsupported,
    is_web_address,
    resource_of,
    service_of,
    severity_of,
)

STATES = {"trigger": State.FIRING, "acknowledge": State.ACKNOWLEDGED, "resolve": State.RESOLVED}
LABELS = ("source", "component", "group", "class")
CLIENT = {"client_url": "Client"}


def sent_events(body: Payload) -> Iterator[Event]:
    """The event of a sender; nothing of a body that is PagerDuty's own."""
    if body.has("event_action"):
        yield _event(body, "event_action", "dedup_key", body.get("payload"), "custom_details", "links")
    elif body.has("event_type"):
        yield _event(body, "event_type", "incident_key", body, "details", "contexts")
    elif body.has("payload"):
        raise Unsupported("change event")


def _event(body: Payload, action_field: str, key_field: str, payload: Payload, details_field: str, links: str) -> Event:
    """Only a trigger says more than its key."""
    action, key = body.required_text(action_field), body.required_text(key_field)
    if action not in STATES:
        raise Malformed(f"{body.path}.{action_field}", f"{action[:40]!r} is none of trigger, acknowledge, resolve")
    details = _details(payload, details_field)
    said = payload.text("severity") or details.get("severity", "")
    return Event(
        title=payload.text("summary", "description") or f"Alert {key}",
        description=details.get("message") or details.get("description", ""),
        state=STATES[action],
        severity=severity_of(said),
        raw_severity=said,
        dedup_key=key,
        service=service_of(details) or payload.text("component", "group"),
        resource=payload.text("source") or resource_of(details),
        labels=details | {name: text for name in LABELS if (text := payload.text(name))},
        links=(*_links(body, links), *body.links(CLIENT)),
        occurred_at=payload.time("timestamp"),
        raw_kind=action,
    )


def _details(payload: Payload, field: str) -> dict[str, str]:
    """An object, or by the documentation just as well a text."""
    if isinstance(payload.get(field).value, dict):
        return payload.mapping(field)
    text = payload.text(field)
    return {"message": text} if text else {}


def _links(body: Payload, field: str) -> list[Link]:
    found = [(link.text("text") or "Link", link.text("href")) for link in body.objects(field)]
    return [Link(title, url) for title, url in found if is_web_address(url)]
