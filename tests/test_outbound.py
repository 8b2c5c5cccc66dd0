"""Platforms are told of every change that they asked for, once, in order, again until they take it, and no other."""

import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from hub.notifications.outbound.mailing import letter
from tests.factories import Hub, Person, alertmanager, firing, resolved
from tests.stand_in import Answer, Asked, StandIn, standing_in

EGRESS_ALLOW = "127.0.0.0/8"  # the stand-ins
KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
ALL = ("opened", "acknowledged", "severity_changed", "reopened", "resolved", "closed")


def connect(owner: Person, platform: StandIn, **wanted: Any) -> str:
    config = {"url": f"{platform.url}/hook", "secret": SECRET}
    made = owner.post("/integrations", {"platform": "webhook", "name": "Ours", "config": config} | wanted)
    return str(made["id"])


def tell(hub: Hub) -> None:
    hub.work("ingest", "index", "notify")


def kinds(platform: StandIn) -> list[str]:
    return [asked.json["type"] for asked in platform.asked]


def dispatches(owner: Person, integration_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = owner.get(f"/integrations/{integration_id}/dispatches", sort="created_at", limit=200)
    return found


def unavailable(_: Asked) -> Answer:
    return Answer(503)


def test_life_of_an_incident_is_told_in_order_and_once(hub: Hub, owner: Person, platform: StandIn):
    connect(owner, platform)
    owner.push(alertmanager(firing()))
    tell(hub)
    (incident,) = owner.get("/incidents")
    owner.patch(f"/incidents/{incident['id']}", {"status": "in_progress"})
    owner.patch(f"/incidents/{incident['id']}", {"severity": "low"})
    owner.patch(f"/incidents/{incident['id']}", {"status": "resolved"})
    tell(hub)
    told = ["opened", "acknowledged", "severity_changed", "resolved"]
    assert kinds(platform) == [f"incident.{kind}" for kind in told]


def test_opening_is_told_with_what_may_help(hub: Hub, owner: Person, platform: StandIn):
    connect(owner, platform)
    owner.post("/procedures", {"title": "HighCpu", "content": "# HighCpu\n\nFind the process."})
    hub.work("index")
    owner.push(alertmanager(firing("HighCpu")))
    tell(hub)
    (suggestion,) = platform.asked[0].json["data"]["suggestions"]
    assert (suggestion["title"], suggestion["label"]) == ("HighCpu", "evidence")


def test_alerts_that_come_and_go_at_once_are_told_as_opened_and_resolved(hub: Hub, owner: Person, platform: StandIn):
    connect(owner, platform)
    owner.push(alertmanager(firing()))
    owner.push(alertmanager(resolved()))
    tell(hub)
    assert kinds(platform) == ["incident.opened", "incident.resolved"]


def test_totals_are_exact_over_many_incidents_and_a_platform_that_often_fails(
    hub: Hub, owner: Person, platform: StandIn
):
    connect(owner, platform, events=["incident.opened"])
    taken: Counter[str] = Counter()

    def take_every_third(asked: Asked) -> Answer:
        if len(platform.asked) % 3:
            return Answer(503)
        taken[asked.headers["webhook-id"]] += 1
        return Answer(204, b"")

    platform.answer = take_every_third
    for number in range(20):
        owner.post("/incidents", {"title": f"Incident {number}", "severity": "high"})
    while len(taken) < 20:
        tell(hub)
        hub.later(hours=25)
    tell(hub)
    assert (len(taken), set(taken.values())) == (20, {1})


def test_only_the_events_that_were_asked_for_are_told(hub: Hub, owner: Person, platform: StandIn):
    connect(owner, platform, events=["incident.resolved"])
    owner.push(alertmanager(firing()))
    owner.push(alertmanager(resolved()))
    tell(hub)
    assert kinds(platform) == ["incident.resolved"]


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({}, ["Critical", "Low"]),
        ({"severity": ["critical", "high"]}, ["Critical"]),
        ({"service": ["search"]}, ["Low"]),
        ({"severity": ["critical"], "service": ["search"]}, []),
    ],
)
def test_filters_choose_by_severity_and_service(
    hub: Hub, owner: Person, platform: StandIn, filters: dict[str, list[str]], titles: list[str]
):
    connect(owner, platform, filters=filters)
    owner.post("/incidents", {"title": "Critical", "severity": "critical", "service": "checkout"})
    owner.post("/incidents", {"title": "Low", "severity": "low", "service": "search"})
    tell(hub)
    assert sorted(asked.json["data"]["title"] for asked in platform.asked) == titles


def test_repeat_has_the_id_of_the_first_attempt(hub: Hub, owner: Person, platform: StandIn):
    connect(owner, platform, events=["incident.opened"])
    platform.answer = unavailable
    owner.post("/incidents", {"title": "Down", "severity": "high"})
    tell(hub)
    hub.later(seconds=6)
    tell(hub)
    assert len(platform.asked) == 2
    assert len({asked.headers["webhook-id"] for asked in platform.asked}) == 1


def test_later_change_waits_until_the_earlier_one_is_taken(hub: Hub, owner: Person, platform: StandIn):
    connect(owner, platform)
    platform.answer = unavailable
    incident = owner.post("/incidents", {"title": "Down", "severity": "high"})
    tell(hub)
    owner.patch(f"/incidents/{incident['id']}", {"status": "resolved"})
    tell(hub)
    platform.answer = lambda _: Answer()
    hub.later(seconds=6)
    tell(hub)
    assert kinds(platform) == ["incident.opened", "incident.opened", "incident.resolved"]


def test_change_that_is_never_taken_holds_up_no_other_incident(hub: Hub, owner: Person, platform: StandIn):
    connect(owner, platform, events=["incident.opened"])
    platform.answer = lambda asked: Answer(503 if asked.json["data"]["title"] == "Poison" else 200)
    owner.post("/incidents", {"title": "Poison", "severity": "high"})
    for seconds in (6, 301):
        tell(hub)
        hub.later(seconds=seconds)
    owner.post("/incidents", {"title": "Fine", "severity": "high"})
    tell(hub)  # the third attempt: the next one is half an hour away
    hub.later(seconds=6)
    tell(hub)
    assert [asked.json["data"]["title"] for asked in platform.asked] == ["Poison"] * 3 + ["Fine"]


@pytest.mark.parametrize(
    ("name", "config"),
    [("slack", {"webhook_url": "{url}/T/B/x"}), ("webhook", {"url": "{url}/hook", "secret": SECRET})],
)
def test_platform_that_asks_for_patience_gets_it(
    hub: Hub, owner: Person, platform: StandIn, name: str, config: dict[str, str]
):
    filled = {key: value.replace("{url}", platform.url) for key, value in config.items()}
    made = owner.post("/integrations", {"platform": name, "name": "Ops", "config": filled})
    platform.answer = lambda _: Answer(429, {}, {"Retry-After": "120"})
    owner.post("/incidents", {"title": "Down", "severity": "high"})
    tell(hub)
    hub.later(seconds=60)
    tell(hub)
    assert [each["attempts"] for each in dispatches(owner, made["id"])] == [1]


def test_platform_that_never_takes_is_told_no_more_and_begins_anew_when_somebody_has_looked(
    hub: Hub, owner: Person, platform: StandIn
):
    integration_id = connect(owner, platform, events=["incident.opened"])
    platform.answer = lambda _: Answer(410)
    for number in range(7):
        owner.post("/incidents", {"title": f"Down {number}", "severity": "high"})
    tell(hub)
    shown = owner.get(f"/integrations/{integration_id}")
    assert (len(platform.asked), shown["notify_problem"]) == (5, "The receiver answered 410: it is gone.")
    assert shown["notify_disabled_at"]

    platform.answer = lambda _: Answer()
    owner.patch(f"/integrations/{integration_id}", {"enabled": True})
    tell(hub)
    assert Counter(each["status"] for each in dispatches(owner, integration_id)) == {"failed": 5, "sent": 2}


def test_one_that_hangs_holds_up_no_other(hub: Hub, owner: Person, platform: StandIn):
    connect(owner, platform)
    platform.answer = unavailable
    with standing_in() as healthy:
        connect(owner, healthy)
        owner.post("/incidents", {"title": "Down", "severity": "high"})
        tell(hub)
        assert kinds(healthy) == ["incident.opened"]


def test_delivery_log_tells_every_attempt(hub: Hub, owner: Person, platform: StandIn):
    integration_id = connect(owner, platform)
    platform.answer = unavailable
    owner.post("/incidents", {"title": "Down", "severity": "high"})
    tell(hub)
    platform.answer = lambda _: Answer()
    hub.later(seconds=6)
    tell(hub)
    (dispatch,) = dispatches(owner, integration_id)
    assert dispatch["status"] == "sent"
    assert [attempt["outcome"] for attempt in dispatch["log"]] == ["The platform answered 503.", "answered 200"]


def test_webhook_is_signed_as_the_specification_says(hub: Hub, owner: Person, platform: StandIn):
    connect(owner, platform)
    owner.post("/incidents", {"title": "Down", "severity": "high"})
    tell(hub)
    (asked,) = platform.asked
    assert asked.headers["webhook-signature"] == sign(KEY, asked)


def test_while_the_secret_is_rotated_both_signatures_are_sent(hub: Hub, owner: Person, platform: StandIn):
    integration_id = connect(owner, platform)
    new = bytes(reversed(KEY))
    secret = f"whsec_{base64.b64encode(new).decode()}"
    owner.post(f"/integrations/{integration_id}/rotate", {"secret": secret}, status=200)
    owner.post("/incidents", {"title": "Down", "severity": "high"})
    tell(hub)
    (asked,) = platform.asked
    assert asked.headers["webhook-signature"].split() == [sign(new, asked), sign(KEY, asked)]


def sign(key: bytes, asked: Asked) -> str:
    signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


def test_private_address_is_never_told(owner: Person, hub: Hub):
    config = {"url": "http://10.0.0.1/hook", "secret": SECRET}
    made = owner.post("/integrations", {"platform": "webhook", "name": "Ours", "config": config})
    owner.post("/incidents", {"title": "Down", "severity": "high"})
    tell(hub)
    (dispatch,) = dispatches(owner, made["id"])
    assert (dispatch["status"], "not a public address" in dispatch["reason"]) == ("failed", True)


def test_check_really_calls_the_platform(owner: Person, platform: StandIn):
    integration_id = connect(owner, platform)
    result = owner.post(f"/integrations/{integration_id}/test", status=200)
    assert (result["ok"], [asked.path for asked in platform.asked]) == (True, ["/hook"])


def test_another_organization_hears_nothing(hub: Hub, owner: Person, platform: StandIn):
    connect(owner, platform)
    hub.register().post("/incidents", {"title": "Theirs", "severity": "high"})
    tell(hub)
    assert platform.asked == []


# --- what each platform is told of opened, acknowledged and resolved -------------------------------------------------

Told = Callable[[Asked], tuple[str, str]]
PLATFORMS: dict[str, tuple[dict[str, str], Told, list[tuple[str, str]]]] = {
    "pagerduty": (
        {"integration_key": "k" * 32},
        lambda asked: (asked.path, asked.json["event_action"]),
        [("/v2/enqueue", "trigger"), ("/v2/enqueue", "acknowledge"), ("/v2/enqueue", "resolve")],
    ),
    "opsgenie": (
        {"api_key": "k" * 36},
        lambda asked: (asked.path.rpartition("/")[2], asked.headers["authorization"]),
        [(action, f"GenieKey {'k' * 36}") for action in ("alerts", "acknowledge", "close")],
    ),
}


@pytest.mark.parametrize("name", PLATFORMS)
def test_platform_is_told_of_the_incident_in_its_own_words(hub: Hub, owner: Person, platform: StandIn, name: str):
    config, told, expected = PLATFORMS[name]
    events = [f"incident.{kind}" for kind in ALL]
    wanted = {"platform": name, "name": name, "config": config | {"api_url": platform.url}, "events": events}
    owner.post("/integrations", wanted)
    incident = owner.post("/incidents", {"title": "Down", "severity": "high"})
    owner.patch(f"/incidents/{incident['id']}", {"status": "in_progress"})
    owner.patch(f"/incidents/{incident['id']}", {"status": "resolved"})
    tell(hub)
    assert [told(asked) for asked in platform.asked] == expected


# --- two ways: what is done here to a platform's own alerts is done there ---------------------------------------------

AT = 1_767_322_800_000
BOTH_WAYS: dict[str, tuple[dict[str, Any], dict[str, Any], Callable[[Asked], object], list[object]]] = {
    "pagerduty": (
        {"rest_key": "r" * 20, "rest_from": "hub@example.org"},
        {"event": {"id": "E1", "event_type": "incident.triggered", "data": {"id": "Q1", "type": "incident",
         "status": "triggered", "title": "Down"}}},
        lambda asked: (asked.method, asked.path, *(asked.json["incidents"][0][name] for name in ("id", "status"))),
        [("PUT", "/incidents", "Q1", "acknowledged"), ("PUT", "/incidents", "Q1", "resolved")],
    ),
    "opsgenie": (
        {"api_key": "k" * 36},
        {"action": "Create", "alert": {"alertId": "a-1", "message": "Down", "priority": "P1", "createdAt": AT}},
        lambda asked: asked.path,
        ["/v2/alerts/a-1/acknowledge", "/v2/alerts/a-1/close"],
    ),
    "newrelic": (
        {"user_key": "NRAK-1", "account_id": 1},
        {"id": "i-1", "state": "ACTIVATED", "title": "Down", "priority": "CRITICAL", "createdAt": AT},
        lambda asked: (asked.json["query"].split("{ ")[1].split("(")[0], asked.json["variables"]["issue"]),
        [("aiIssuesAckIssue", "i-1"), ("aiIssuesResolveIssue", "i-1")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_what_is_done_here_is_done_there_to_the_platforms_own_alert(
    hub: Hub, owner: Person, platform: StandIn, name: str
):
    config, body, told, expected = BOTH_WAYS[name]
    urls = {"rest_url": platform.url} if name == "pagerduty" else {"api_url": platform.url}
    events = ["incident.opened", "incident.acknowledged", "incident.resolved"]
    made = owner.post("/integrations", {"platform": name, "name": name, "config": config | urls, "events": events})
    owner.push(body, made["webhook_url"].removeprefix("http://localhost"))
    tell(hub)
    (incident,) = owner.get("/incidents")
    owner.patch(f"/incidents/{incident['id']}", {"status": "in_progress"})
    owner.patch(f"/incidents/{incident['id']}", {"status": "resolved"})
    tell(hub)
    assert [told(asked) for asked in platform.asked] == expected


def test_alert_that_was_sent_in_pagerdutys_place_is_raised_there_like_any_other(
    hub: Hub, owner: Person, platform: StandIn
):
    config = {"rest_key": "r" * 20, "rest_url": platform.url, "api_url": platform.url, "integration_key": "i" * 32}
    wanted = {"platform": "pagerduty", "name": "Both", "config": config, "events": ["incident.opened"]}
    token = owner.post("/integrations", wanted)["webhook_url"].partition("token=")[2]
    event = {"routing_key": token, "event_action": "trigger", "dedup_key": "web-1/disk"}
    hub.http.post("/v2/enqueue", json=event | {"payload": {"summary": "Full", "source": "a", "severity": "error"}})
    tell(hub)
    assert [(asked.path, asked.json["event_action"]) for asked in platform.asked] == [("/v2/enqueue", "trigger")]


def test_mail_is_told_with_the_id_of_the_first_attempt(hub: Hub, owner: Person):
    config = {"to": ["ops@example.org", "boss@example.org"]}
    made = owner.post("/integrations", {"platform": "email", "name": "Mail", "config": config})
    owner.post("/incidents", {"title": "Down\nBcc: all@example.org", "severity": "high"})
    tell(hub)
    (dispatch,) = dispatches(owner, made["id"])
    written = list(hub.runtime.mailer.outbox.glob(f"{dispatch['id']}.*.eml"))
    letters = [message_from_bytes(path.read_bytes(), policy=default) for path in written]
    assert {each["To"] for each in letters} == set(config["to"])
    assert {each["Subject"] for each in letters} == {"[high] Down Bcc: all@example.org (opened)"}


def test_mail_says_where_the_incident_is_and_what_may_help():
    helping = {"type": "procedure", "title": "Free the disk", "label": "about disks"}
    text = letter({"id": "inc_1", "title": "Disk full", "suggestions": [helping]}, "https://hub.example/api/v1")
    assert '\nMay help:\n- procedure "Free the disk" (about disks)\n' in text
    assert text.endswith("\nhttps://hub.example/api/v1/incidents/inc_1\n")


@pytest.mark.parametrize("to", [[], ["nobody"], ["a@b\nBcc: c@d"], ["a@example.org"] * 2, ["a@b, c@d"]])
def test_mail_to_what_is_no_address_is_refused(owner: Person, to: list[str]):
    owner.post("/integrations", {"platform": "email", "name": "Mail", "config": {"to": to}}, status=422)
