"""PagerDuty's Events API v2: incidents of the hub become alerts of a service there, joined by their id."""

from collections.abc import Mapping
from typing import Any, ClassVar

from hub.contracts import (
    CheckResult,
    Config,
    Connector,
    Direction,
    Http,
    Misconfigured,
    Notice,
    Receipt,
    send_json,
)

ACTIONS = {"incident.acknowledged": "acknowledge", "incident.resolved": "resolve", "incident.closed": "resolve"}
SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning"}
LONGEST_SUMMARY = 1_024
SETTINGS: Mapping[str, Any] = {
    "integration_key": {
        "type": "string",
        "format": "secret",
        "title": "Integration key",
        "description": "Of the service's integration Events API v2; only needed to tell PagerDuty of incidents.",
    },
    "api_url": {
        "type": "string",
        "title": "API",
        "description": "https://events.eu.pagerduty.com for accounts in the EU",
        "default": "https://events.pagerduty.com",
    },
}


class EventsApi(Connector):
    """`trigger` again with the same key updates the alert, so a repeat does no harm."""

    directions: ClassVar[frozenset[Direction]] = frozenset({"webhook", "notify"})

    def check(self, config: Config, http: Http) -> CheckResult:
        """Resolves an alert that is not there: it proves the key and wakes nobody."""
        if not config.get("integration_key"):
            return CheckResult(
                ok=True, detail="PagerDuty pushes to the hub; without an integration key it is told nothing."
            )
        try:
            _send(config, http, {"event_action": "resolve", "dedup_key": "overwatch-check"})
        except Misconfigured as error:
            return CheckResult(ok=False, detail=str(error), missing=("integration_key",))
        return CheckResult(ok=True, detail="PagerDuty accepts the integration key.")

    def notify(self, notice: Notice, config: Config, http: Http) -> Receipt:
        if not config.get("integration_key"):
            raise Misconfigured("integration_key: is needed to tell PagerDuty of incidents")
        incident = notice.incident
        event = {"event_action": ACTIONS.get(notice.kind, "trigger"), "dedup_key": incident["id"]}
        if event["event_action"] == "trigger":
            event |= {"payload": _payload(incident), "client": "Overwatch"}
        _send(config, http, event)
        return Receipt(reference=incident["id"], detail=event["event_action"])


def _payload(incident: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "summary": incident["title"][:LONGEST_SUMMARY],
        "severity": SEVERITIES.get(incident["severity"], "info"),
        "source": incident["service"] or "overwatch",
        "component": incident["service"],
        "custom_details": dict(incident),
    }


def _send(config: Config, http: Http, event: dict[str, Any]) -> None:
    send_json(http, f"{config['api_url']}/v2/enqueue", event | {"routing_key": config["integration_key"]})
