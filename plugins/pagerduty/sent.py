"""Events as senders put them into PagerDuty's Events API v2; the hub takes them at /v2/enqueue in PagerDuty's place."""

from hub.contracts import Event, Link, Malformed, Payload, State, is_web_address, severity_of

STATES = {"trigger": State.FIRING, "acknowledge": State.ACKNOWLEDGED, "resolve": State.RESOLVED}
LABELS = ("source", "component", "group", "class")
CLIENT = {"client_url": "Client"}


def sent_event(body: Payload) -> Event:
    """One event; only a trigger has a payload."""
    action, key = body.required_text("event_action"), body.required_text("dedup_key")
    if action not in STATES:
        raise Malformed(f"{body.path}.event_action", f"{action[:40]!r} is none of trigger, acknowledge, resolve")
    payload = body.get("payload")
    said = payload.text("severity")
    details = _details(payload)
    return Event(
        title=payload.text("summary") or f"Alert {key}",
        description=details.get("message") or details.get("description", ""),
        state=STATES[action],
        severity=severity_of(said),
        raw_severity=said,
        dedup_key=key,
        service=details.get("service") or payload.text("component", "group"),
        resource=payload.text("source"),
        labels=details | {name: text for name in LABELS if (text := payload.text(name))},
        links=(*_links(body), *body.links(CLIENT)),
        occurred_at=payload.time("timestamp"),
        raw_kind=action,
    )


def _details(payload: Payload) -> dict[str, str]:
    """An object, or by the documentation just as well a text."""
    if isinstance(payload.get("custom_details").value, dict):
        return payload.mapping("custom_details")
    text = payload.text("custom_details")
    return {"message": text} if text else {}


def _links(body: Payload) -> list[Link]:
    found = [(link.text("text") or "Link", link.text("href")) for link in body.objects("links")]
    return [Link(title, url) for title, url in found if is_web_address(url)]
