"""New Relic's APIs: missed issues are asked for and acknowledged by NerdGraph; incidents become events and metrics."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

from newrelic_telemetry_sdk import CountMetric, EventClient, GaugeMetric, MetricClient
from newrelic_telemetry_sdk import Event as CustomEvent
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
MUTATIONS = {
    "incident.acknowledged": "aiIssuesAckIssue",
    "incident.resolved": "aiIssuesResolveIssue",
    "incident.closed": "aiIssuesResolveIssue",
}
TAGS = ("severity", "service", "environment", "status")
SETTINGS: Mapping[str, Any] = {
    "user_key": {
        "type": "string",
        "format": "secret",
        "title": "User key",
        "description": "Begins with NRAK; only needed to ask for missed issues, to acknowledge and resolve.",
    },
    "account_id": {"type": "integer", "title": "Account", "minimum": 1, "description": "Needed with either key."},
    "license_key": {
        "type": "string",
        "format": "secret",
        "title": "Licence key",
        "description": "Only needed to send incidents to New Relic as events (OverwatchIncident) and metrics.",
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
    "metrics_url": {
        "type": "string",
        "title": "Metric API",
        "description": "https://metric-api.eu.newrelic.com for accounts in the EU",
        "default": "https://metric-api.newrelic.com",
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
        """Acknowledges or resolves our incident's issues there; tells the change as an event, and counts it."""
        can_change, can_send = bool(config.get("user_key")), bool(config.get("license_key"))
        if not config.get("account_id") or not (can_change or can_send):
            raise Misconfigured("account_id, and user_key or license_key: are needed to tell New Relic of incidents")
        said = (
            [_change(config, http, MUTATIONS[notice.kind], key) for key in notice.alerts]
            if (can_change and notice.kind in MUTATIONS)
            else []
        )
        if can_send:
            said += [_send_event(notice, config, http), _send_metrics(notice, config, http)]
        return Receipt(reference=notice.id, detail=", ".join(said))


def _change(config: Config, http: Http, mutation: str, issue_id: str) -> str:
    """What New Relic says. An issue that it refuses to change (it is closed, or gone) is no reason to try again."""
    query = f"mutation ($account: Int!, $issue: ID!) {{ {mutation}(accountId: $account, issueId: $issue) {{ error }} }}"
    told = _asked(config, http, query, {"account": config["account_id"], "issue": issue_id})
    errors = [each.get("message") for each in told.get("errors") or []]
    refused = errors or [((told.get("data") or {}).get(mutation) or {}).get("error")]
    return f"{mutation} {issue_id[:40]}" + "".join(f": {str(error)[:100]}" for error in refused if error)


def _send_event(notice: Notice, config: Config, http: Http) -> str:
    """One custom event per change, by newrelic-telemetry-sdk."""
    facts = {name: value for name, value in notice.incident.items() if isinstance(value, str | int | float)}
    client = EventClient(config["license_key"])
    client._pool = _Pool(http, config["events_url"], client._pool.headers)
    client.PATH = f"/v1/accounts/{config['account_id']}/events"
    response = client.send(CustomEvent("OverwatchIncident", facts | {"change": notice.kind, "noticeId": notice.id}))
    expect_success(Response(response.status, {}, response.data))
    return "OverwatchIncident"


def _send_metrics(notice: Notice, config: Config, http: Http) -> str:
    """A count of changes, and of a resolved incident how long it took, in seconds."""
    incident = notice.incident
    tags = {name: str(incident.get(name) or "") for name in TAGS} | {"change": notice.kind, "noticeId": notice.id}
    metrics: list[Any] = [CountMetric("overwatch.incident.changes", 1, interval_ms=1_000, tags=tags)]
    if notice.kind == "incident.resolved" and incident.get("resolved_at"):
        took = datetime.fromisoformat(incident["resolved_at"]) - datetime.fromisoformat(incident["created_at"])
        metrics.append(GaugeMetric("overwatch.incident.duration", took.total_seconds(), tags=tags))
    client = MetricClient(config["license_key"])
    client._pool = _Pool(http, config["metrics_url"], client._pool.headers)
    response = client.send_batch(metrics)
    expect_success(Response(response.status, {}, response.data))
    return "metrics"


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
    told = _asked(config, http, QUERY, {"account": config.get("account_id", 0)} | dict(window))
    if told.get("errors"):
        raise Misconfigured(f"NerdGraph: {str(told['errors'][0].get('message'))[:200]}")
    issues = told["data"]["actor"]["account"]["aiIssues"]["issues"]
    return cast(dict[str, Any], issues)


def _asked(config: Config, http: Http, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The answer, which tells its errors with status 200."""
    asked = {"query": query, "variables": dict(variables)}
    answer = send_json(http, f"{config['api_url']}/graphql", asked, headers={"API-Key": config["user_key"]})
    return cast(dict[str, Any], json.loads(answer.body))
