"""PagerDuty's APIs: our incidents become alerts there (Events v2); those from there are moved there (REST v2)."""

import re
from collections.abc import Mapping, Sequence
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
STATUSES = {"acknowledge": "acknowledged", "resolve": "resolved"}
INCIDENT_ID = re.compile(r"[0-9A-Z]+")  # keys of senders of the drop-in endpoints, which PagerDuty never saw, hold more
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
    "rest_key": {
        "type": "string",
        "format": "secret",
        "title": "REST API key",
        "description": "May write incidents; only needed to acknowledge and resolve PagerDuty's own.",
    },
    "rest_from": {
        "type": "string",
        "title": "Acting user",
        "description": "E-mail address of a user of the account, in whose name incidents are changed.",
    },
    "rest_url": {
        "type": "string",
        "title": "REST API",
        "description": "https://api.eu.pagerduty.com for accounts in the EU",
        "default": "https://api.pagerduty.com",
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
        own = [key for key in notice.alerts if INCIDENT_ID.fullmatch(key)]
        if own and config.get("rest_key"):
            return _move(notice, own, config, http)
        if not config.get("integration_key"):
            raise Misconfigured("integration_key: is needed to tell PagerDuty of incidents")
        incident = notice.incident
        event = {"event_action": ACTIONS.get(notice.kind, "trigger"), "dedup_key": incident["id"]}
        if event["event_action"] == "trigger":
            event |= {"payload": _payload(incident), "client": "Overwatch"}
        _send(config, http, event)
        return Receipt(reference=incident["id"], detail=event["event_action"])


def _move(notice: Notice, own: Sequence[str], config: Config, http: Http) -> Receipt:
    """What was done here to PagerDuty's own incidents is done there; of all else it knows already."""
    status = STATUSES.get(ACTIONS.get(notice.kind, ""))
    if status is None:
        return Receipt(detail="it knows")
    moved = [{"id": key, "type": "incident_reference", "status": status} for key in own]
    headers = {
        "Authorization": f"Token token={config['rest_key']}",
        "Accept": "application/vnd.pagerduty+json;version=2",
        "From": config.get("rest_from", ""),
    }
    send_json(http, f"{config['rest_url']}/incidents", {"incidents": moved}, headers=headers, method="PUT")
    return Receipt(detail=f"{status} {len(moved)} of its own")


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
