"""Better Stack: one event per change of an incident, in today's form (a status) and the older one (an event)."""

from hub.contracts import Config, Connector, Delivery, Event, Malformed, Payload, State, Unsupported, hookimpl

# attributes.status, or `event` beside the data where there is none. An incident that is being validated still goes on.
STATES = {
    **dict.fromkeys(("started", "unconfirmed", "validating", "created", "reopened"), State.FIRING),
    "acknowledged": State.ACKNOWLEDGED,
    "resolved": State.RESOLVED,
}
IGNORED = {"monitor": "monitor_change", "heartbeat": "heartbeat_change", "user": "on_call_change"}  # data.type

# When the state began; what the older form leaves to be read from the times is read in this order.
WHEN = {State.RESOLVED: "resolved_at", State.ACKNOWLEDGED: "acknowledged_at", State.FIRING: "started_at"}

LABELS = {"team": "team_name", "method": "http_method", "policy": "escalation_policy_id"}
ANNOTATIONS = {"acknowledged_by": "acknowledged_by", "resolved_by": "resolved_by", "response": "response_content"}
LINKS = {
    "url": "Monitored page",
    "origin_url": "Origin",
    "screenshot_url": "Screenshot",
    "response_url": "Response",
}


class BetterStack(Connector):
    """An incident is an alert. Better Stack says no severity."""

    name = "better_stack"
    title = "Better Stack"
    setup_guide = """In Better Stack open Integrations > Exporting data > Webhook > Add webhook. Choose incidents,
switch on started, acknowledged and resolved, and set this URL:

{webhook_url}
"""
    sample_body = """{"data": {"id": "258338", "type": "incident", "attributes": {"name": "Shop", "status": "Started",
   "url": "https://shop.example/health", "http_method": "get", "cause": "Status 503", "team_name": "Web",
   "started_at": "2026-01-02T03:00:00.000Z", "acknowledged_at": null, "resolved_at": null, "regions": ["eu"]},
   "relationships": {"monitor": {"data": {"id": "2", "type": "monitor"}}}}}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [event for body in delivery.payload().members() for event in _of_body(body)]


def _of_body(body: Payload) -> list[Event]:
    """The incident, or the incidents when `data` is a list, as JSON:API allows."""
    if not body.has("data"):
        raise Malformed(f"{body.path}.data", "is missing")
    return [to_event(incident, body.text("event")) for incident in body.get("data").members()]


def to_event(incident: Payload, event_word: str) -> Event:
    """One incident of JSON:API."""
    if rule := IGNORED.get(incident.text("type").lower()):
        raise Unsupported(rule)
    attributes = incident.get("attributes")
    state, word = _state(attributes, event_word)
    name = attributes.text("name") or attributes.required_text("url", "cause")
    return Event(
        title=name,
        description=attributes.text("cause"),
        state=state,
        dedup_key=incident.required_text("id"),
        service=name,
        resource=attributes.text("url"),
        labels=_texts(attributes, LABELS) | attributes.mapping("metadata") | _monitor(incident),
        annotations=_texts(attributes, ANNOTATIONS),
        links=attributes.links(LINKS),
        occurred_at=attributes.time(WHEN[state]),
        raw_kind=word,
    )


def _state(attributes: Payload, event_word: str) -> tuple[State, str]:
    """By the status, else by the event, else by the latest of the times that are there."""
    word = (attributes.text("status") or event_word).lower()
    if word in STATES:
        return STATES[word], word
    if word:
        raise Malformed(f"{attributes.path}.status", f"{word[:40]!r} is no status of Better Stack's")
    found = next((state for state, field in WHEN.items() if attributes.text(field)), None)
    if found is None:
        raise Malformed(f"{attributes.path}.status", "is missing, as is started_at")
    return found, found.value


def _monitor(incident: Payload) -> dict[str, str]:
    monitor = incident.text("relationships.monitor.data.id")
    return {"monitor": monitor} if monitor else {}


def _texts(attributes: Payload, fields: dict[str, str]) -> dict[str, str]:
    return {name: text for name, field in fields.items() if (text := attributes.text(field))}


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [BetterStack()]
