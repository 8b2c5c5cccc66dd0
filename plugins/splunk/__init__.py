"""Splunk Enterprise and Cloud: the webhook action of a saved search. It fires; it never says that something is over."""

import re
from typing import ClassVar

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Payload,
    State,
    fingerprint,
    hookimpl,
    resource_of,
    service_of,
    severity_of,
)

SEVERITY = ("severity", "urgency", "priority", "log_level", "level")
TEXTS = ("message", "description", "_raw")
LABELS = ("app", "owner")
_RUN = re.compile(r"(?P<search>.+?)_at_(?P<epoch_seconds>[0-9]{10})_[0-9.]+(?:_.*)?")  # a search id names its run


class Splunk(Connector):
    """A run's id is new each time: the search's name joins the runs, and the fields of the setting tell rows apart."""

    name = "splunk"
    title = "Splunk"
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "key_fields": {
                "type": "string",
                "title": "Fields that make an alert",
                "description": "Result fields, separated by commas, such as host: one alert for each of their values.",
                "default": "",
            }
        },
        "additionalProperties": False,
    }
    setup_guide = """In Splunk open the saved search, Edit > Edit Alert > Add Actions > Webhook, and set this URL:

{webhook_url}

Let the search give a field "severity" (critical, high, medium, low, info) and, if you can, "service" and "host".
An alert of Splunk never resolves by itself: let Overwatch end it after a time without news.
"""
    sample_body = """{"sid": "scheduler__admin__search__RMD5b1c0e6f3d2a98470_at_1767322800_132",
 "search_name": "Errors in checkout", "app": "search", "owner": "admin",
 "results_link": "https://splunk.example:8000/app/search/@go?sid=scheduler__admin__search__RMD5_at_1767322800_132",
 "result": {"host": "web-1", "service": "checkout", "severity": "high", "count": "128"}}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        key_fields = [name.strip() for name in config.get("key_fields", "").split(",") if name.strip()]
        return [to_event(body, key_fields) for body in delivery.json().members()]


def to_event(alert: Payload, key_fields: list[str]) -> Event:
    """One run that found something, with its first row; or one row, where the search fires for each result."""
    sid = alert.text("sid")
    result = alert.mapping("result")
    run = _RUN.fullmatch(sid)
    name = alert.text("search_name") or (run["search"] if run else alert.required_text("sid"))
    own = {label: text for label in LABELS if (text := alert.text(label))}
    labels = own | {field: text for field, text in result.items() if not field.startswith("_")}
    severity = next((result[field] for field in SEVERITY if field in result), "")
    identity = {field: result.get(field, "") for field in key_fields}
    return Event(
        title=alert.text("search_name") or "Splunk search",
        description=next((result[field] for field in TEXTS if field in result), ""),
        state=State.FIRING,
        severity=severity_of(severity),
        raw_severity=severity,
        dedup_key=fingerprint(name, own, identity),
        service=service_of(result),
        resource=resource_of(result),
        labels=labels,
        links=alert.links({"results_link": "Splunk"}),
        occurred_at=Payload({"at": run["epoch_seconds"] if run else None}).time("at"),
        raw_kind="triggered",
        event_key=fingerprint(sid, result) if sid else None,
    )


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Splunk()]
