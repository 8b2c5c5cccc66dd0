"""Datadog's API by datadog-api-client: monitor events that a webhook has missed, and events of our incidents."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException
from datadog_api_client.rest import ClientRetry
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v1.api.events_api import EventsApi as SendingApi
from datadog_api_client.v1.api.monitors_api import MonitorsApi
from datadog_api_client.v1.model.event_create_request import EventCreateRequest
from datadog_api_client.v2.api.events_api import EventsApi

from hub.contracts import (
    CheckResult,
    Config,
    Connector,
    Direction,
    Event,
    Http,
    Misconfigured,
    Notice,
    PollResult,
    Receipt,
    Severity,
    State,
    Unavailable,
    Unsupported,
    fingerprint,
    parse_time,
)

OVERLAP = timedelta(minutes=2)  # an event may show up in the list a little after it happened
FIRST_LOOK = timedelta(days=1)
MOST_PAGES = 20
LONGEST_WAIT_SECONDS = 5
PAGE = 200
STATUSES = {"error": State.FIRING, "warn": State.FIRING, "success": State.RESOLVED, "ok": State.RESOLVED}
GROUP_STATES = {"Alert": State.FIRING, "Warn": State.FIRING, "No Data": State.FIRING}
ALERT_TYPES: Mapping[str, Any] = {"over": "success", "critical": "error", "high": "error", "medium": "warning"}
SETTINGS: Mapping[str, Any] = {
    "api_key": {
        "type": "string",
        "format": "secret",
        "title": "API key",
        "description": "Only needed to call Datadog.",
    },
    "app_key": {
        "type": "string",
        "format": "secret",
        "title": "Application key",
        "description": "With events_read and monitors_read; only needed to ask for what a webhook has missed.",
    },
    "api_url": {
        "type": "string",
        "title": "API",
        "description": "https://api.datadoghq.eu and others, by your site",
        "default": "https://api.datadoghq.com",
    },
}


class DatadogApi(Connector):
    """Events and webhooks of one monitor group share the aggregation key."""

    directions: ClassVar[frozenset[Direction]] = frozenset({"webhook", "poll", "notify"})

    def check(self, config: Config, http: Http) -> CheckResult:
        """Validates the API key, then what the application key may read."""
        if not config.get("api_key"):
            return CheckResult(ok=True, detail="Datadog pushes to the hub; without keys it is not called.")
        with _client(config, http) as client:
            missing = [name for name, ask in _NEEDED.items() if not _may(client, ask)]
        if missing:
            return CheckResult(ok=False, detail=f"Datadog refuses: {', '.join(missing)}.", missing=tuple(missing))
        return CheckResult(ok=True, detail="Datadog accepts both keys.")

    def poll(self, config: Config, cursor: dict[str, Any], http: Http) -> PollResult:
        """At first the groups that are in alert now, then the events since the last look, which overlap."""
        if not config.get("api_key") or not config.get("app_key"):
            raise Unsupported("no_keys")
        now = datetime.now(UTC)
        since = datetime.fromisoformat(cursor["until"]) - OVERLAP if cursor else now - FIRST_LOOK
        with _client(config, http) as client:
            events = [event for told in _events(client, since, now) if (event := to_event(told))]
            if not cursor:
                known = {event.labels.get("monitor_id") for event in events}
                events += [event for event in _groups(client) if event.labels["monitor_id"] not in known]
        return PollResult(events, {"until": now.isoformat()})

    def notify(self, notice: Notice, config: Config, http: Http) -> Receipt:
        """One event per change, joined by the incident's id."""
        if not config.get("api_key"):
            raise Misconfigured("api_key: is needed to send events to Datadog")
        incident = notice.incident
        is_over = incident["status"] in {"resolved", "closed"}
        request = EventCreateRequest(
            title=f"{notice.kind}: {incident['title']}"[:100],
            text=incident["description"] or incident["title"],
            aggregation_key=incident["id"],
            alert_type=ALERT_TYPES.get("over" if is_over else incident["severity"], "info"),
            tags=["source:overwatch", f"notice:{notice.id}", f"service:{incident['service']}"],
            source_type_name="overwatch",
        )
        with _client(config, http) as client:
            answer = _asked(lambda: SendingApi(client).create_event(body=request))
        return Receipt(reference=str(answer.get("event", {}).get("id", "")), detail="event")


class _Pool:
    """What the client asks of a connection pool, by the hub's way out; retried by the client's own policy."""

    def __init__(self, http: Http, configuration: Configuration) -> None:
        self._http = http
        self._policy = ClientRetry(total=configuration.max_retries, backoff_factor=configuration.retry_backoff_factor)

    def request(self, method: str, url: str, *, headers: Any, fields: Any = None, body: Any = None, **_: Any) -> Any:
        target = f"{url}?{urlencode(fields)}" if fields else url
        sent = {str(name): str(value) for name, value in headers.items()}
        raw = body.encode() if isinstance(body, str) else body or b""
        policy: Any = self._policy
        while True:
            answer = _Answer(self._http.request(method, target, headers=sent, body=raw))
            if not policy.total or not policy.is_retry(method, answer.status, has_retry_after=True):
                return answer
            if (policy.get_retry_after(answer) or 0) > LONGEST_WAIT_SECONDS:  # the next poll is soon enough
                return answer
            policy = policy.increment(method, url, response=answer)
            policy.sleep(answer)

    def clear(self) -> None:
        """There is nothing to close: every request has a connection of its own."""


class _Answer:
    """A response in the shape of urllib3's."""

    def __init__(self, response: Any) -> None:
        self.status = response.status
        self.reason = ""
        self.data = response.body
        self.headers = response.headers

    def getheaders(self) -> Any:
        return self.headers

    def get_redirect_location(self) -> bool:
        return False


def _client(config: Config, http: Http) -> ApiClient:
    configuration = Configuration(host=config["api_url"], enable_retry=True, max_retries=2)
    configuration.api_key = {"apiKeyAuth": config["api_key"], "appKeyAuth": config.get("app_key", "")}
    client = ApiClient(configuration)
    client.rest_client.pool_manager = _Pool(http, configuration)
    return client


def _asked(ask: Any) -> dict[str, Any]:
    """The answer as plain values. Raises Unavailable or Misconfigured."""
    try:
        answer: dict[str, Any] = ask().to_dict()
    except ApiException as error:
        if error.status in {408, 429} or error.status >= 500:
            raise Unavailable(f"Datadog answered {error.status}.") from error
        raise Misconfigured(f"Datadog answered {error.status}: it does not accept the keys.") from error
    return answer


_NEEDED: Mapping[str, Any] = {
    "api_key": lambda client: AuthenticationApi(client).validate(),
    "events_read": lambda client: EventsApi(client).list_events(page_limit=1),
    "monitors_read": lambda client: MonitorsApi(client).search_monitor_groups(per_page=1),
}


def _may(client: ApiClient, ask: Any) -> bool:
    try:
        _asked(lambda: ask(client))
    except Misconfigured:
        return False
    return True


def _events(client: ApiClient, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    window: dict[str, Any] = {"filter_from": since.isoformat(), "filter_to": until.isoformat(), "page_limit": PAGE}
    page: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        answer = _asked(lambda page=page: EventsApi(client).list_events(filter_query="source:alert", **window, **page))
        yield from answer.get("data", [])
        after = answer.get("meta", {}).get("page", {}).get("after")
        if not after:
            return
        page = {"page_cursor": after}
    raise Unavailable("Datadog has more pages than can be read at once; they are asked for again.")


def to_event(told: Mapping[str, Any]) -> Event | None:
    """An event of a monitor; None for one that says nothing of a state."""
    outer = told["attributes"]
    inner = outer.get("attributes", {})
    monitor = inner.get("monitor") or {}
    status = str(inner.get("status", "")).lower()
    if status not in STATUSES:
        return None
    groups = sorted(map(str, monitor.get("groups") or inner.get("monitor_groups") or []))
    monitor_id = str(inner.get("monitor_id") or monitor.get("id") or "")
    return Event(
        title=str(monitor.get("name") or inner.get("title") or f"Datadog monitor {monitor_id}"),
        description=str(outer.get("message") or ""),
        state=STATUSES[status],
        severity=Severity.UNKNOWN,
        dedup_key=str(inner.get("aggregation_key") or fingerprint(monitor_id, *groups)),
        service=str(inner.get("service") or ""),
        resource=str(inner.get("hostname") or ", ".join(groups)),
        labels={"monitor_id": monitor_id},
        occurred_at=parse_time(str(outer["timestamp"]), "attributes.timestamp"),
        raw_kind=status,
    )


def _groups(client: ApiClient) -> Iterator[Event]:
    for page in range(MOST_PAGES):
        answer = _asked(
            lambda page=page: MonitorsApi(client).search_monitor_groups(query="status:(alert OR warn)", page=page)
        )
        groups = answer.get("groups", [])
        yield from (_group(group) for group in groups if str(group.get("status")) in GROUP_STATES)
        if page + 1 >= int(answer.get("metadata", {}).get("page_count", 0)):
            return


def _group(group: Mapping[str, Any]) -> Event:
    scope = sorted(map(str, group.get("group_tags") or []))
    monitor_id = str(group["monitor_id"])
    at = group.get("last_triggered_ts")
    return Event(
        title=str(group.get("monitor_name") or f"Datadog monitor {monitor_id}"),
        state=GROUP_STATES[str(group["status"])],
        no_data=str(group["status"]) == "No Data",
        dedup_key=fingerprint(monitor_id, *scope),
        resource=", ".join(scope),
        labels={"monitor_id": monitor_id},
        occurred_at=datetime.fromtimestamp(int(at), UTC) if at else None,
        raw_kind="group",
    )
