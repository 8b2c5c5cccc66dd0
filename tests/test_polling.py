"""What a webhook has missed is asked for: resumable, without gap or double, whatever the platform's API does."""

import gzip
import itertools
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.factories import Hub, Person
from tests.stand_in import Answer, Asked, StandIn

EGRESS_ALLOW = "127.0.0.0/8"  # the stand-ins
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own back-off, which is not ours to wait for."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


def connect(owner: Person, name: str, platform: StandIn, **config: Any) -> str:
    wanted = {"platform": name, "name": name, "config": config | {"api_url": platform.url}}
    return str(owner.post("/integrations", wanted)["id"])


def datadog(owner: Person, platform: StandIn) -> str:
    return connect(owner, "datadog", platform, api_key="a" * 32, app_key="b" * 40)


def newrelic(owner: Person, platform: StandIn) -> str:
    return connect(owner, "newrelic", platform, user_key="NRAK-1", account_id=1)


def poll(hub: Hub) -> None:
    hub.work("poll", "ingest")


# --- stand-ins --------------------------------------------------------------------------------------------------------


def monitor_event(key: str, status: str = "error", at: datetime = NOW) -> dict[str, Any]:
    """An event of a monitor as the v2 API lists it."""
    inner = {
        "title": f"Monitor {key}",
        "status": status,
        "aggregation_key": key,
        "monitor_id": 7,
        "monitor": {"id": 7, "name": f"Monitor {key}", "groups": [f"host:{key}"]},
        "service": "checkout",
    }
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"id": f"{key}-{status}", "type": "event", "attributes": {"attributes": inner, "timestamp": stamp}}


def of_datadog(*pages: list[dict[str, Any]], groups: tuple[dict[str, Any], ...] = ()) -> Callable[[Asked], Answer]:
    def answer(asked: Asked) -> Answer:
        if asked.path == "/api/v1/monitor/groups/search":
            meta = {"page": 0, "page_count": 1, "per_page": 30, "total_count": len(groups)}
            return Answer(200, {"groups": list(groups), "metadata": meta, "counts": {}})
        number = int(asked.query.get("page[cursor]", ["0"])[0])
        more = {"meta": {"page": {"after": str(number + 1)}}} if number + 1 < len(pages) else {}
        return Answer(200, {"data": pages[number] if pages else []} | more)

    return answer


def issue(number: str, state: str = "ACTIVATED", **changed: Any) -> dict[str, Any]:
    """An issue as NerdGraph lists it."""
    at = int(NOW.timestamp() * 1_000)
    told = {"issueId": number, "title": [f"Issue {number}"], "priority": "CRITICAL", "state": state}
    return told | {"createdAt": at, "activatedAt": at, "closedAt": at + 1_000 if state == "CLOSED" else None} | changed


def of_newrelic(*pages: list[dict[str, Any]]) -> Callable[[Asked], Answer]:
    def answer(asked: Asked) -> Answer:
        number = int(asked.json["variables"]["cursor"] or 0)
        following = str(number + 1) if number + 1 < len(pages) else None
        issues = {"issues": pages[number], "nextCursor": following}
        return Answer(200, {"data": {"actor": {"account": {"aiIssues": {"issues": issues}}}}})

    return answer


# --- both -------------------------------------------------------------------------------------------------------------

PLATFORMS = {
    "datadog": (datadog, lambda *keys: of_datadog(*([monitor_event(key)] for key in keys))),
    "newrelic": (newrelic, lambda *keys: of_newrelic(*([issue(key)] for key in keys))),
}


@pytest.fixture(params=PLATFORMS)
def polled(request: pytest.FixtureRequest, owner: Person, platform: StandIn) -> Callable[..., Any]:
    begin, answering = PLATFORMS[request.param]
    begin(owner, platform)
    return answering


def titles(owner: Person) -> list[str]:
    return sorted(alert["title"].split()[-1] for alert in owner.get("/alerts", limit=200))


def test_every_page_is_read(hub: Hub, owner: Person, platform: StandIn, polled: Callable[..., Any]):
    platform.answer = polled("a", "b", "c")
    poll(hub)
    assert titles(owner) == ["a", "b", "c"]


def test_health_tells_the_last_poll_and_its_cursor(
    hub: Hub, owner: Person, platform: StandIn, polled: Callable[..., Any]
):
    path = f"/integrations/{owner.get('/integrations')[0]['id']}/health"
    assert owner.get(path)["poll"] is None
    platform.answer = polled("a")
    poll(hub)
    told = owner.get(path)
    assert (told["status"], told["poll"]["problem"], told["poll"]["failure_count"]) == ("healthy", "", 0)
    assert told["poll"]["cursor"]
    assert told["poll"]["polled_at"] < told["poll"]["next_at"]


def test_what_is_told_again_is_one_event(hub: Hub, owner: Person, platform: StandIn, polled: Callable[..., Any]):
    platform.answer = polled("a")
    poll(hub)
    hub.later(seconds=61)
    poll(hub)
    assert [alert["occurrence_count"] for alert in owner.get("/alerts")] == [1]


def test_platform_is_asked_no_more_often_than_once_a_minute(
    hub: Hub, owner: Person, platform: StandIn, polled: Callable[..., Any]
):
    platform.answer = polled("a")
    poll(hub)
    count = len(platform.asked)
    poll(hub)
    assert len(platform.asked) == count


@pytest.mark.parametrize("fault", [Answer(500), Answer(503), Answer(401), Answer(403), Answer(200, b"<html>")])
def test_nothing_is_lost_when_the_platform_fails_in_the_middle(
    hub: Hub, owner: Person, platform: StandIn, polled: Callable[..., Any], fault: Answer
):
    answer, numbers = polled("a", "b", "c"), itertools.count()
    platform.answer = lambda asked: answer(asked) if next(numbers) == 0 else fault
    poll(hub)
    assert titles(owner) == []
    platform.answer = answer
    hub.later(minutes=16)
    poll(hub)
    assert titles(owner) == ["a", "b", "c"]


def test_failing_platform_is_asked_ever_more_seldom(
    hub: Hub, owner: Person, platform: StandIn, polled: Callable[..., Any]
):
    platform.answer = lambda _: Answer(403)
    poll(hub)
    hub.later(seconds=61)
    count = len(platform.asked)
    poll(hub)
    assert len(platform.asked) == count


# --- Datadog ----------------------------------------------------------------------------------------------------------


def test_rate_limit_of_datadog_is_waited_for_by_its_client(hub: Hub, owner: Person, platform: StandIn):
    datadog(owner, platform)
    answer, numbers = of_datadog([monitor_event("a")]), itertools.count()
    limited = Answer(429, {"errors": ["rate limited"]}, {"X-Ratelimit-Reset": "1"})
    platform.answer = lambda asked: limited if next(numbers) == 0 else answer(asked)
    poll(hub)
    assert titles(owner) == ["a"]


def test_group_that_alerts_since_long_is_found_at_the_first_look(hub: Hub, owner: Person, platform: StandIn):
    datadog(owner, platform)
    group = {"group": "host:z", "group_tags": ["host:z"], "monitor_id": 9, "monitor_name": "Old z", "status": "Alert"}
    platform.answer = of_datadog([monitor_event("a")], groups=(group | {"last_triggered_ts": 1_767_322_800},))
    poll(hub)
    assert titles(owner) == ["a", "z"]


def push_triggered(owner: Person, integration_id: str) -> None:
    """The webhook of the monitor's group `a`."""
    url = owner.post(f"/integrations/{integration_id}/rotate", status=200)["webhook_url"]
    body = {
        "title": "[Triggered] Monitor a",
        "alert_transition": "Triggered",
        "aggreg_key": "a",
        "date": str(int(NOW.timestamp() * 1_000)),
    }
    owner.push(body, url.removeprefix("http://localhost"))


def test_webhook_and_poll_of_one_alert_are_one_event(hub: Hub, owner: Person, platform: StandIn):
    push_triggered(owner, datadog(owner, platform))
    platform.answer = of_datadog([monitor_event("a")])
    poll(hub)
    assert [alert["occurrence_count"] for alert in owner.get("/alerts")] == [1]


def test_recovery_that_the_webhook_missed_resolves_the_alert(hub: Hub, owner: Person, platform: StandIn):
    datadog(owner, platform)
    platform.answer = of_datadog([monitor_event("a")])
    poll(hub)
    recovered = monitor_event("a", "success", NOW + timedelta(seconds=1))
    platform.answer = of_datadog([monitor_event("a"), recovered])
    hub.later(seconds=61)
    poll(hub)
    assert [alert["status"] for alert in owner.get("/alerts")] == ["resolved"]


def test_check_names_the_permission_that_datadog_refuses(owner: Person, platform: StandIn):
    integration_id = datadog(owner, platform)
    platform.answer = lambda asked: Answer(403) if "monitor" in asked.path else Answer(200, {"valid": True, "data": []})
    result = owner.post(f"/integrations/{integration_id}/test", status=200)
    assert (result["ok"], result["missing"]) == (False, ["monitors_read"])


def test_incident_is_told_to_datadog_as_an_event(hub: Hub, owner: Person, platform: StandIn):
    integration_id = datadog(owner, platform)
    owner.patch(f"/integrations/{integration_id}", {"events": ["incident.opened"]})
    platform.answer = lambda _: Answer(202, {"status": "ok", "event": {"id": 42}})
    incident = owner.post("/incidents", {"title": "Down", "severity": "high"})
    hub.work("index", "notify")
    (asked,) = platform.asked
    assert (asked.path, asked.json["aggregation_key"], asked.json["alert_type"]) == (
        "/api/v1/events",
        incident["id"],
        "error",
    )


def test_groups_of_one_monitor_are_alerts_of_their_own_and_meet_their_recovery(
    hub: Hub, owner: Person, platform: StandIn
):
    datadog(owner, platform)
    groups = tuple(
        {"monitor_id": 7, "monitor_name": "Monitor", "group_tags": [f"host:{host}"], "status": "Alert",
         "last_triggered_ts": int(NOW.timestamp()) - 200_000}
        for host in "ab"
    )  # fmt: skip
    platform.answer = of_datadog([], groups=groups)
    poll(hub)
    platform.answer = of_datadog([monitor_event("a", "success")])
    hub.later(seconds=61)
    poll(hub)
    assert sorted(alert["status"] for alert in owner.get("/alerts")) == ["firing", "resolved"]


def test_group_of_the_first_look_that_alerts_again_is_one_alert_by_webhook_and_poll(
    hub: Hub, owner: Person, platform: StandIn
):
    integration_id = datadog(owner, platform)
    group = {"monitor_id": 7, "monitor_name": "Monitor a", "group_tags": ["host:a"], "status": "Alert"}
    platform.answer = of_datadog([], groups=(group | {"last_triggered_ts": int(NOW.timestamp()) - 200_000},))
    poll(hub)
    for event in (monitor_event("a", "success", NOW - timedelta(minutes=10)), monitor_event("a")):
        platform.answer = of_datadog([event])
        hub.later(seconds=61)
        poll(hub)
    push_triggered(owner, integration_id)
    hub.work("ingest")
    assert sorted((each["status"], each["occurrence_count"]) for each in owner.get("/alerts")) == [
        ("firing", 1),
        ("resolved", 2),
    ]


@pytest.mark.parametrize(("found", "asked_last"), [(404, ("POST", "")), (200, ("PUT", "/overwatch"))])
def test_webhook_is_made_or_changed_by_datadogs_api(
    owner: Person, platform: StandIn, found: int, asked_last: tuple[str, str]
):
    integration_id = datadog(owner, platform)
    webhook = {"name": "overwatch", "url": "https://example.org"}
    platform.answer = lambda asked: Answer(found if asked.method == "GET" else 200, webhook)
    shown = owner.post(f"/integrations/{integration_id}/install", status=200)
    asked = platform.asked[-1]
    path = "/api/v1/integration/webhooks/configuration/webhooks"
    assert (asked.method, asked.path) == (asked_last[0], path + asked_last[1])
    assert asked.json["url"] == shown["webhook_url"]
    owner.push({"title": "[Triggered] Down"}, shown["webhook_url"].removeprefix("http://localhost"))


def test_install_that_datadog_refuses_names_the_permission_and_keeps_the_token(owner: Person, platform: StandIn):
    integration_id = datadog(owner, platform)
    token = owner.post(f"/integrations/{integration_id}/rotate", status=200)["webhook_url"]
    platform.answer = lambda _: Answer(403, {"errors": ["Forbidden"]})
    answer = owner.post(f"/integrations/{integration_id}/install", status=422)
    assert "create_webhooks" in str(answer)
    owner.post(f"/integrations/{integration_id}/install", status=422)
    owner.push({"title": "[Triggered] Down"}, token.removeprefix("http://localhost"))


# --- New Relic --------------------------------------------------------------------------------------------------------


def test_error_in_graphql_with_status_200_is_an_error(owner: Person, platform: StandIn):
    integration_id = newrelic(owner, platform)
    platform.answer = lambda _: Answer(200, {"errors": [{"message": "Not authorized"}]})
    result = owner.post(f"/integrations/{integration_id}/test", status=200)
    assert (result["ok"], result["detail"]) == (False, "NerdGraph: Not authorized")


def test_closed_issue_resolves_its_alert(hub: Hub, owner: Person, platform: StandIn):
    newrelic(owner, platform)
    platform.answer = of_newrelic([issue("a")])
    poll(hub)
    platform.answer = of_newrelic([issue("a", "CLOSED")])
    hub.later(seconds=61)
    poll(hub)
    assert [alert["status"] for alert in owner.get("/alerts")] == ["resolved"]


def test_incident_is_told_to_new_relic_as_event_and_metrics_by_its_sdk(hub: Hub, owner: Person, platform: StandIn):
    config = {"license_key": "l" * 40, "account_id": 1, "events_url": platform.url, "metrics_url": platform.url}
    wanted = {"platform": "newrelic", "name": "NR", "config": config, "events": ["incident.resolved"]}
    owner.post("/integrations", wanted)
    platform.answer = lambda _: Answer(202)
    incident = owner.post("/incidents", {"title": "Down", "severity": "high"})
    owner.patch(f"/incidents/{incident['id']}", {"status": "resolved"})
    hub.work("index", "notify")
    event, metrics = platform.asked
    assert (event.path, event.headers["api-key"], metrics.path) == ("/v1/accounts/1/events", "l" * 40, "/metric/v1")
    (sent,) = json.loads(gzip.decompress(metrics.body))
    names = [metric["name"] for metric in sent["metrics"]]
    assert names == ["overwatch.incident.changes", "overwatch.incident.duration"]
