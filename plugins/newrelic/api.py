"""New Relic's NerdGraph: issues that were missed are asked for; and custom events of our incidents are sent there."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

from newrelic_telemetry_sdk import Event as CustomEvent
from newrelic_telemetry_sdk import EventClient
from urllib3 import HTTPResponse

from hub.contracts import (
    CheckResult,
    Config,
    Connector,
    Direction,
    Event,
    Http,
    Link,
    Misconfigured,
    Notice,
    PollResult,
    Receipt,
    Response,
    Severity,
    State,
    Unavailable,
    Unsupported,
    expect_success,
    send_json,
)

OVERLAP_MILLISECONDS = 120_000  # an issue may show up in the list a little after it has changed
MOST_PAGES = 20
STATES = {
    "CREATED": State.FIRING,
    "ACTIVATED": State.FIRING,
    "DEACTIVATED": State.FIRING,
    "CLOSED": State.RESOLVED,
}
PRIORITIES = {"CRITICAL": Severity.CRITICAL, "HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM, "LOW": Severity.LOW}
QUERY = """query ($account: Int!, $cursor: String, $from: EpochMilliseconds!, $to: EpochMilliseconds!) { actor {
 account(id: $account) { aiIssues { issues(cursor: $cursor, timeWindow: {startTime: $from, endTime: $to}) {
 issues { issueId title priority state activatedAt closedAt createdAt updatedAt acknowledgedAt entityNames sources
 deepLinkUrl } nextCursor } } } } }"""
SETTINGS: Mapping[str, Any] = {
    "user_key": {
        "type": "string",
        "format": "secret",
        "title": "User key",
        "description": "Begins with NRAK; only needed to ask New Relic for issues that a webhook has missed.",
    },
    "account_id": {"type": "integer", "title": "Account", "minimum": 1, "description": "Needed with either key."},
    "license_key": {
        "type": "string",
        "format": "secret",
        "title": "Licence key",
        "description": "Only needed to send incidents to New Relic as custom events (OverwatchIncident).",
    },
    "api_url": {
        "type": "string",
        "title": "NerdGraph",
        "description": "https://api.eu.newrelic.com for accounts in the EU",
        "default": "https://api.newrelic.com",
    },
    "events_url": {
        "type": "string",
        "title": "Event API",
        "description": "https://insights-collector.eu01.nr-data.net for accounts in the EU",
        "default": "https://insights-collector.newrelic.com",
    },
}


class NerdGraph(Connector):
    """An issue's id is the key that the webhook has too."""

    directions: ClassVar[frozenset[Direction]] = frozenset({"webhook", "poll", "notify"})

    def check(self, config: Config, http: Http) -> CheckResult:
        """Asks for one page of issues."""
        if not config.get("user_key"):
            return CheckResult(ok=True, detail="New Relic pushes to the hub; without a user key it is not asked.")
        try:
            _page(config, http, {"cursor": None, "from": 0, "to": 1})
        except Misconfigured as error:
            return CheckResult(ok=False, detail=str(error), missing=("NerdGraph: aiIssues",))
        return CheckResult(ok=True, detail="NerdGraph answers with this key.")

    def poll(self, config: Config, cursor: dict[str, Any], http: Http) -> PollResult:
        """What has changed since; the windows overlap, because what is told twice is known."""
        if not config.get("user_key"):
            raise Unsupported("no_user_key")
        now = int(datetime.now(UTC).timestamp() * 1_000)
        window = {"from": max(cursor.get("until", now - 86_400_000) - OVERLAP_MILLISECONDS, 0), "to": now}
        events: list[Event] = []
        page: str | None = None
        for _ in range(MOST_PAGES):
            found = _page(config, http, window | {"cursor": page})
            events += [to_event(issue) for issue in found["issues"] if issue.get("state") in STATES]
            page = found.get("nextCursor")
            if not page:
                return PollResult(events, {"until": now})
        raise Unavailable("NerdGraph has more pages than can be read at once; they are asked for again.")

    def notify(self, notice: Notice, config: Config, http: Http) -> Receipt:
        """One custom event per change, by newrelic-telemetry-sdk."""
        if not config.get("license_key") or not config.get("account_id"):
            raise Misconfigured("license_key and account_id: are needed to send events to New Relic")
        facts = {name: value for name, value in notice.incident.items() if isinstance(value, str | int | float)}
        client = EventClient(config["license_key"])
        client._pool = _Pool(http, config["events_url"], client._pool.headers)
        client.PATH = f"/v1/accounts/{config['account_id']}/events"
        response = client.send(CustomEvent("OverwatchIncident", facts | {"change": notice.kind, "noticeId": notice.id}))
        expect_success(Response(response.status, {}, response.data))
        return Receipt(reference=notice.id, detail="OverwatchIncident")


class _Pool:
    """What the SDK's client asks of a connection pool, by the hub's way out."""

    def __init__(self, http: Http, base: str, headers: Mapping[str, str]) -> None:
        self._http = http
        self._base = base
        self.headers = headers

    def urlopen(self, method: str, path: str, body: bytes = b"", headers: Any = None, **_: Any) -> HTTPResponse:
        sent = {str(name): str(value) for name, value in dict(headers or self.headers).items()}
        response = self._http.request(method, f"{self._base}{path}", headers=sent, body=body)
        return HTTPResponse(response.body, status=response.status)


def to_event(issue: Mapping[str, Any]) -> Event:
    """One issue as NerdGraph tells it; many of its values are lists."""
    is_acknowledged = bool(issue.get("acknowledgedAt")) and issue["state"] != "CLOSED"
    at = (
        issue.get("closedAt") if issue["state"] == "CLOSED" else issue.get("acknowledgedAt") or issue.get("activatedAt")
    )
    priority = str(issue.get("priority") or "")
    names = [str(name) for name in issue.get("entityNames") or []]
    return Event(
        title=_first(issue.get("title")) or "New Relic issue",
        state=State.ACKNOWLEDGED if is_acknowledged else STATES[issue["state"]],
        severity=PRIORITIES.get(priority.upper(), Severity.UNKNOWN),
        raw_severity=priority,
        dedup_key=str(issue["issueId"]),
        service=_first(names),
        resource=", ".join(names),
        links=tuple(Link("New Relic", url) for url in [_first(issue.get("deepLinkUrl"))] if url),
        occurred_at=datetime.fromtimestamp((at or issue["createdAt"]) / 1_000, UTC),
        raw_kind=str(issue["state"]),
    )


def _first(value: Any) -> str:
    found = value[0] if isinstance(value, list) and value else value
    return str(found or "")


def _page(config: Config, http: Http, window: Mapping[str, Any]) -> dict[str, Any]:
    """GraphQL tells its errors with status 200."""
    asked = {"query": QUERY, "variables": {"account": config.get("account_id", 0)} | dict(window)}
    answer = send_json(http, f"{config['api_url']}/graphql", asked, headers={"API-Key": config["user_key"]})
    told = json.loads(answer.body)
    if told.get("errors"):
        raise Misconfigured(f"NerdGraph: {str(told['errors'][0].get('message'))[:200]}")
    issues = told["data"]["actor"]["account"]["aiIssues"]["issues"]
    return cast(dict[str, Any], issues)
