"""Datadog's API by datadog-api-client: what a webhook has missed, events of our incidents, and the webhook itself."""

import json
from collections.abc import Container, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, ClassVar

from datadog_api_client import ApiClient
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v1.api.events_api import EventsApi as SendingApi
from datadog_api_client.v1.api.monitors_api import MonitorsApi
from datadog_api_client.v1.api.webhooks_integration_api import WebhooksIntegrationApi
from datadog_api_client.v1.model.event_create_request import EventCreateRequest
from datadog_api_client.v1.model.webhooks_integration import WebhooksIntegration
from datadog_api_client.v1.model.webhooks_integration_encoding import WebhooksIntegrationEncoding
from datadog_api_client.v1.model.webhooks_integration_update_request import WebhooksIntegrationUpdateRequest
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
from plugins.datadog.client import asked, client_of, is_there

OVERLAP = timedelta(minutes=2)  # an event may show up in the list a little after it happened
FIRST_LOOK = timedelta(days=1)
MOST_PAGES = 20
PAGE = 200
STATUSES = {"error": State.FIRING, "warn": State.FIRING, "success": State.RESOLVED, "ok": State.RESOLVED}
GROUP_STATES = {"Alert": State.FIRING, "Warn": State.FIRING, "No Data": State.FIRING}
WEBHOOK = "overwatch"
# the payload of the README; without the cycle key, which the API's events do not have: webhook and poll must meet
PAYLOAD: Mapping[str, Any] = {
    "title": "$EVENT_TITLE",
    "body": "$EVENT_MSG",
    "alert_transition": "$ALERT_TRANSITION",
    "severity": "$ALERT_PRIORITY",
    "alert_type": "$ALERT_TYPE",
    "alert_query": "$ALERT_QUERY",
    "alert_metric": "$ALERT_METRIC",
    "monitor_id": "$ALERT_ID",
    "aggreg_key": "$AGGREG_KEY",
    "scopes": "$ALERT_SCOPE",
    "hostname": "$HOSTNAME",
    "tags": "$TAGS",
    "url": "$LINK",
    "snapshot": "$SNAPSHOT",
    "event_type": "$EVENT_TYPE",
    "org": {"id": "$ORG_ID", "name": "$ORG_NAME"},
    "id": "$ID",
    "date": "$DATE",
    "last_updated": "$LAST_UPDATED",
}
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
        "description": "events_read, monitors_read: to ask for what a webhook missed; create_webhooks: to make it.",
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
    installs = True

    def check(self, config: Config, http: Http) -> CheckResult:
        """Validates the API key, then what the application key may read."""
        if not config.get("api_key"):
            return CheckResult(ok=True, detail="Datadog pushes to the hub; without keys it is not called.")
        with client_of(config, http) as client:
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
        found = set(cursor.get("groups", []))
        with client_of(config, http) as client:
            events = [event for told in _events(client, since, now) if (event := to_event(told, found))]
            if not cursor:
                known = {event.annotations["group"] for event in events}
                groups = [event for event in _groups(client) if event.dedup_key not in known]
                events += groups
                found = {event.dedup_key for event in groups}
        found -= _over(events, now - OVERLAP)
        return PollResult(events, {"until": now.isoformat(), "groups": sorted(found)})

    def install(self, config: Config, webhook_url: str, http: Http) -> Receipt:
        """Makes the webhook `overwatch`, or changes the one that is there."""
        if not config.get("api_key") or not config.get("app_key"):
            raise Misconfigured("api_key and app_key: are needed to make the webhook")
        made: dict[str, Any] = {
            "url": webhook_url,
            "payload": json.dumps(PAYLOAD),
            "encode_as": WebhooksIntegrationEncoding.JSON,
        }
        with client_of(config, http) as client:
            webhooks = WebhooksIntegrationApi(client)
            if is_there(lambda: webhooks.get_webhooks_integration(WEBHOOK), "create_webhooks"):
                change = WebhooksIntegrationUpdateRequest(**made)
                asked(lambda: webhooks.update_webhooks_integration(WEBHOOK, body=change), "create_webhooks")
            else:
                new = WebhooksIntegration(name=WEBHOOK, **made)
                asked(lambda: webhooks.create_webhooks_integration(body=new), "create_webhooks")
        return Receipt(reference=WEBHOOK, detail=f"Write @webhook-{WEBHOOK} into the message of each monitor.")

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
        with client_of(config, http) as client:
            answer = asked(lambda: SendingApi(client).create_event(body=request))
        return Receipt(reference=str(answer.get("event", {}).get("id", "")), detail="event")


def _over(events: list[Event], before: datetime) -> set[str]:
    """Groups whose last event is a recovery that will not be listed again: they go on under the key of webhooks."""
    told = [event for event in events if event.occurred_at is not None]
    last = {event.annotations.get("group"): event for event in sorted(told, key=attrgetter("occurred_at"))}
    recovered = (event for event in last.values() if event.state is State.RESOLVED)
    return {event.annotations["group"] for event in recovered if event.occurred_at and event.occurred_at < before}


_NEEDED: Mapping[str, Any] = {
    "api_key": lambda client: AuthenticationApi(client).validate(),
    "events_read": lambda client: EventsApi(client).list_events(page_limit=1),
    "monitors_read": lambda client: MonitorsApi(client).search_monitor_groups(per_page=1),
}


def _may(client: ApiClient, ask: Any) -> bool:
    try:
        asked(lambda: ask(client))
    except Misconfigured:
        return False
    return True


def _events(client: ApiClient, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    window: dict[str, Any] = {"filter_from": since.isoformat(), "filter_to": until.isoformat(), "page_limit": PAGE}
    page: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        answer = asked(lambda page=page: EventsApi(client).list_events(filter_query="source:alert", **window, **page))
        yield from answer.get("data", [])
        after = answer.get("meta", {}).get("page", {}).get("after")
        if not after:
            return
        page = {"page_cursor": after}
    raise Unavailable("Datadog has more pages than can be read at once; they are asked for again.")


def to_event(told: Mapping[str, Any], found: Container[str] = ()) -> Event | None:
    """An event of a monitor; None for one that says nothing of a state.

    `found` are the groups that were in alert at the first look, under keys of their own because the search tells none.
    """
    outer = told["attributes"]
    inner = outer.get("attributes", {})
    monitor = inner.get("monitor") or {}
    status = str(inner.get("status", "")).lower()
    if status not in STATUSES:
        return None
    groups = sorted(map(str, monitor.get("groups") or inner.get("monitor_groups") or []))
    monitor_id = str(inner.get("monitor_id") or monitor.get("id") or "")
    group = fingerprint(monitor_id, *groups)
    return Event(
        title=str(monitor.get("name") or inner.get("title") or f"Datadog monitor {monitor_id}"),
        description=str(outer.get("message") or ""),
        state=STATUSES[status],
        severity=Severity.UNKNOWN,
        dedup_key=group if group in found else str(inner.get("aggregation_key") or group),
        service=str(inner.get("service") or ""),
        resource=str(inner.get("hostname") or ", ".join(groups)),
        labels={"monitor_id": monitor_id},
        annotations={"group": group},
        occurred_at=parse_time(str(outer["timestamp"]), "attributes.timestamp"),
        raw_kind=status,
    )


def _groups(client: ApiClient) -> Iterator[Event]:
    for page in range(MOST_PAGES):
        answer = asked(
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
