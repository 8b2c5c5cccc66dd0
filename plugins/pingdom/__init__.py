"""Pingdom: one event per change of a check's state, of uptime checks and of transaction checks."""

from hub.contracts import Config, Connector, Delivery, Event, Malformed, Payload, Severity, State, Unsupported, hookimpl

# Uptime checks are UP or DOWN, transaction checks SUCCESS or FAILING.
STATES = {
    **dict.fromkeys(("down", "failing", "failure"), State.FIRING),
    **dict.fromkeys(("up", "success"), State.RESOLVED),
}
IGNORED = {"unconfirmed_down": "unconfirmed", "paused": "paused", "unknown": "not_checked_yet"}

SEVERITIES = {"high": Severity.HIGH, "low": Severity.LOW}  # the importance that somebody chose for the check

TEXT = ("description", "long_description", "custom_message")
RESOURCE = ("check_params.hostname", "check_params.full_url", "check_params.url")
WHEN = ("state_changed_timestamp", "state_changed_utc_time")
LABELS = {"type": "check_type", "probe": "first_probe.location"}
LINKS = {"full_url": "Monitored page"}


class Pingdom(Connector):
    """A check is an alert: its id is the same in both states."""

    name = "pingdom"
    title = "Pingdom"
    setup_guide = """In Pingdom open Integrations > Add integration, choose the type Webhook and set this URL:

{webhook_url}

Then edit each check and tick the integration under "Connect integrations".
"""
    sample_body = """{"check_id": 4711, "check_name": "Shop", "check_type": "HTTP", "importance_level": "HIGH",
 "check_params": {"hostname": "shop.example", "full_url": "https://shop.example/health", "port": 443},
 "tags": ["env:prod"], "previous_state": "UP", "current_state": "DOWN", "state_changed_timestamp": 1767322800,
 "state_changed_utc_time": "2026-01-02T03:00:00", "description": "HTTP Error 503",
 "long_description": "503 Service Unavailable", "custom_message": "",
 "first_probe": {"ip": "203.0.113.7", "location": "Stockholm, Sweden"}, "second_probe": {}, "version": 1}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(body) for body in delivery.payload().members()]


def to_event(check: Payload) -> Event:
    """One change of state."""
    key, importance = check.required_text("check_id", "check_name"), check.text("importance_level")
    name = check.text("check_name") or f"Pingdom check {key}"
    word, labels = check.required_text("current_state").lower(), _labels(check)
    return Event(
        title=name,
        description="\n".join(dict.fromkeys(filter(None, map(check.text, TEXT)))),
        state=_state(word, check.path),
        severity=SEVERITIES.get(importance.lower(), Severity.UNKNOWN),
        raw_severity=importance,
        dedup_key=key,
        service=labels.get("service") or name,
        resource=check.text(*RESOURCE),
        labels=labels,
        links=check.get("check_params").links(LINKS),
        occurred_at=check.time(*WHEN),
        raw_kind=word,
    )


def _state(word: str, path: str) -> State:
    if word in IGNORED:
        raise Unsupported(IGNORED[word])
    if word not in STATES:
        raise Malformed(f"{path}.current_state", f"{word[:40]!r} is no state of Pingdom's")
    return STATES[word]


def _labels(check: Payload) -> dict[str, str]:
    """`key:value` tags as pairs; a bare tag such as `canary` is true."""
    tags = (tag.partition(":") for tag in check.texts("tags"))
    pairs = {name: value or "true" for name, _, value in tags}
    return pairs | {name: text for name, field in LABELS.items() if (text := check.text(field))}


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Pingdom()]
