"""Opsgenie's Alert API: incidents of the hub become alerts there, with the incident's id as alias."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from hub.contracts import (
    CheckResult,
    Config,
    Connector,
    Direction,
    Http,
    Misconfigured,
    Notice,
    Receipt,
    expect_success,
    send_json,
)

ACTIONS = {"incident.acknowledged": "acknowledge", "incident.resolved": "close", "incident.closed": "close"}
PRIORITIES = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4"}
LONGEST_MESSAGE = 130
LONGEST_DESCRIPTION = 15_000
SETTINGS: Mapping[str, Any] = {
    "api_key": {
        "type": "string",
        "format": "secret",
        "title": "API key",
        "description": "Of an API integration that may create and update alerts; only needed to tell Opsgenie.",
    },
    "api_url": {
        "type": "string",
        "title": "API",
        "description": "https://api.eu.opsgenie.com for accounts in the EU",
        "default": "https://api.opsgenie.com",
    },
}


class AlertApi(Connector):
    """A second alert with an open alias only counts up, so a repeat does no harm."""

    directions: ClassVar[frozenset[Direction]] = frozenset({"webhook", "notify"})

    def check(self, config: Config, http: Http) -> CheckResult:
        """Counts the alerts, which needs the key and its right to read."""
        if not config.get("api_key"):
            return CheckResult(ok=True, detail="Opsgenie pushes to the hub; without an API key it is told nothing.")
        try:
            expect_success(http.request("GET", f"{config['api_url']}/v2/alerts/count", headers=_headers(config)))
        except Misconfigured as error:
            return CheckResult(ok=False, detail=str(error), missing=("alert:read", "alert:create"))
        return CheckResult(ok=True, detail="Opsgenie accepts the API key.")

    def notify(self, notice: Notice, config: Config, http: Http) -> Receipt:
        if not config.get("api_key"):
            raise Misconfigured("api_key: is needed to tell Opsgenie of incidents")
        base, alias = f"{config['api_url']}/v2/alerts", notice.incident["id"]
        action = ACTIONS.get(notice.kind)
        if notice.alerts:  # they came from there: what is done to them here is done there, and none is made anew
            return _act(config, http, base, notice.alerts, action)
        if action:
            url, body = f"{base}/{quote(alias)}/{action}?identifierType=alias", {"source": "Overwatch"}
        else:
            url, body = base, _alert(notice.incident)
        send_json(http, url, body, headers=_headers(config))
        return Receipt(reference=alias, detail=action or "create")


def _act(config: Config, http: Http, base: str, alerts: Sequence[str], action: str | None) -> Receipt:
    for alert_id in alerts if action else ():
        url = f"{base}/{quote(alert_id, safe='')}/{action}?identifierType=id"
        send_json(http, url, {"source": "Overwatch"}, headers=_headers(config))
    return Receipt(detail=f"{action} {len(alerts)} of its own" if action else "it knows")


def _headers(config: Config) -> dict[str, str]:
    return {"Authorization": f"GenieKey {config['api_key']}"}


def _alert(incident: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "message": incident["title"][:LONGEST_MESSAGE],
        "alias": incident["id"],
        "description": incident["description"][:LONGEST_DESCRIPTION],
        "priority": PRIORITIES.get(incident["severity"], "P5"),
        "entity": incident["service"],
        "source": "Overwatch",
        "tags": list(incident["tags"]),
        "details": {"severity": incident["severity"], "environment": incident["environment"]},
    }
