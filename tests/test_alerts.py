"""Alerts as people use them: filters, occurrences, acknowledgements that stand."""

from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.colleagues import listed
from tests.factories import Person, alertmanager, firing, resolved


def push(owner: Person, *alerts: dict[str, Any]) -> None:
    owner.push(alertmanager(*alerts))
    owner.hub.work("ingest")


def again(name: str, starts_at: str, **labels: str) -> dict[str, Any]:
    return firing(name, **labels) | {"startsAt": starts_at}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "firing"}, {"DiskFull", "Slow"}),
        ({"status": "resolved,acknowledged"}, {"Expired"}),
        ({"severity": "critical,low"}, {"DiskFull", "Expired", "Slow"}),
        ({"platform": "datadog"}, set()),
        ({"service": "db,web"}, {"DiskFull", "Expired"}),
        ({"label": "env:prod"}, {"DiskFull", "Slow"}),
        ({"label": "env:prod,env:test"}, {"DiskFull", "Expired", "Slow"}),
        ({"label": "env:prod,service:db"}, {"DiskFull"}),
        ({"q": "disk"}, {"DiskFull"}),
        ({"created_before": "2000-01-01T00:00:00Z"}, set()),
    ],
)
def test_alerts_are_filtered(owner: Person, query: dict[str, str], found: set[str]):
    push(owner, firing("DiskFull", service="db", env="prod"), firing("Slow", service="api", env="prod"))
    push(owner, resolved("Expired", service="web", env="test"))
    assert {alert["title"] for alert in listed(owner, "/alerts", urlencode(query))} == found


@pytest.mark.parametrize(
    "query", ["label=env", "label=:x", "status=open", "severity=", "nothing=1", "integration_id=x"]
)
def test_filter_without_sense_is_refused(owner: Person, query: str):
    listed(owner, "/alerts", query, status=422)


def test_alerts_are_filtered_by_integration_and_incident(owner: Person):
    push(owner, firing("DiskFull"))
    (alert,) = owner.get("/alerts")
    for name in ("integration_id", "incident_id"):
        assert listed(owner, "/alerts", f"{name}={alert[name]}") == [alert]
    assert listed(owner, "/alerts", "integration_id=int_00000000000070008000000000000000") == []


def test_occurrences_come_with_their_deliveries_latest_first(owner: Person):
    push(owner, firing("DiskFull"))
    push(owner, resolved("DiskFull"))
    (alert,) = owner.get("/alerts")
    occurrences = owner.get(f"/alerts/{alert['id']}/events")
    assert [each["state"] for each in occurrences] == ["resolved", "firing"]
    delivery = owner.get(f"/deliveries/{occurrences[0]['delivery']['id']}")
    assert delivery["received_at"] == occurrences[0]["received_at"]


def test_acknowledgement_stands_against_reminders_and_ends_with_the_episode(owner: Person):
    push(owner, firing("DiskFull"))
    path = f"/alerts/{owner.get('/alerts')[0]['id']}"
    assert owner.patch(path, {"status": "acknowledged"})["acknowledged_at"]
    push(owner, again("DiskFull", "2200-01-01T00:00:00Z"))
    assert owner.get(path)["status"] == "acknowledged"
    push(owner, resolved("DiskFull") | {"startsAt": "2200-01-01T00:00:00Z", "endsAt": "2200-01-01T01:00:00Z"})
    ended = owner.get(path)
    assert (ended["status"], ended["acknowledged_at"]) == ("resolved", None)


def test_acknowledgement_can_be_taken_back(owner: Person):
    push(owner, firing("DiskFull"))
    path = f"/alerts/{owner.get('/alerts')[0]['id']}"
    owner.patch(path, {"status": "acknowledged"})
    taken_back = owner.patch(path, {"status": "firing"})
    assert (taken_back["status"], taken_back["acknowledged_at"]) == ("firing", None)


def test_alert_that_a_person_resolves_ends_its_incident_and_fires_in_a_new_episode(owner: Person):
    push(owner, firing("DiskFull"))
    path = f"/alerts/{owner.get('/alerts')[0]['id']}"
    owner.patch(path, {"status": "resolved"})
    (incident,) = owner.get("/incidents")
    assert incident["status"] == "resolved"
    push(owner, again("DiskFull", "2200-01-01T00:00:00Z"))
    fires = owner.get(path)
    assert (fires["status"], fires["episode_count"]) == ("firing", 2)
    assert owner.get(f"/incidents/{incident['id']}")["status"] == "active"


def test_late_event_does_not_undo_what_a_person_said(owner: Person):
    push(owner, again("DiskFull", "2026-01-05T10:30:00Z"))
    path = f"/alerts/{owner.get('/alerts')[0]['id']}"
    owner.patch(path, {"status": "acknowledged"})
    push(owner, again("DiskFull", "2026-01-05T10:00:00Z"))
    late = owner.get(path)
    assert (late["status"], late["occurrence_count"], late["episode_count"]) == ("acknowledged", 2, 1)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_state_does_not_depend_on_the_order_in_which_events_arrive_after_a_mark(owner: Person, order: Any):
    push(owner, firing("DiskFull"))
    path = f"/alerts/{owner.get('/alerts')[0]['id']}"
    owner.patch(path, {"status": "acknowledged"})
    events = [resolved("DiskFull", after_minutes=m) for m in (5, 6)] + [again("DiskFull", "2026-01-05T10:05:30Z")]
    for place in order:
        push(owner, events[place])
    found = owner.get(path)
    assert (found["status"], found["episode_count"], found["resolved_at"]) == (
        "resolved",
        2,
        "2026-01-05T10:06:00.000Z",
    )


def test_person_cannot_make_a_resolved_alert_fire(owner: Person):
    push(owner, resolved("DiskFull"))
    path = f"/alerts/{owner.get('/alerts')[0]['id']}"
    for status in ("firing", "acknowledged"):
        owner.patch(path, {"status": status}, status=409)


def test_what_a_person_said_is_in_the_incidents_timeline(owner: Person):
    push(owner, firing("DiskFull"))
    (alert,) = owner.get("/alerts")
    owner.patch(f"/alerts/{alert['id']}", {"status": "acknowledged"})
    told = owner.get(f"/incidents/{alert['incident_id']}/timeline")[-1]
    assert (told["kind"], told["data"]["alert_id"]) == ("alert_status", alert["id"])
    assert (told["data"]["from"], told["data"]["to"]) == ("firing", "acknowledged")


def test_silenced_alert_says_which_silence_hides_it(owner: Person):
    push(owner, firing("DiskFull"))
    assert owner.get("/alerts")[0]["suppressed_by"] is None
    matchers = [{"name": "title", "value": "DiskFull"}]
    silence = owner.post("/silences", {"matchers": matchers, "ends_at": "2027-01-01T00:00:00Z"})
    (alert,) = owner.get("/alerts")
    assert alert["suppressed_by"] == silence["id"]
    assert owner.get(f"/alerts/{alert['id']}")["suppressed_by"] == silence["id"]


def test_alerts_of_others_do_not_exist(owner: Person):
    push(owner, firing("DiskFull"))
    path = f"/alerts/{owner.get('/alerts')[0]['id']}"
    stranger = owner.hub.register()
    for rest in ("", "/events"):
        stranger.get(f"{path}{rest}", status=404)
    stranger.patch(path, {"status": "resolved"}, status=404)
    assert stranger.get("/alerts") == []
