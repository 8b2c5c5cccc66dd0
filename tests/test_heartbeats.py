"""Heartbeats: silence opens an incident, the next ping resolves it, all by the way of every event."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from hub.contracts import Delivery, Malformed, State
from hub.heartbeats import service, watch
from hub.heartbeats.connector import HeartbeatWatch
from tests.factories import START, Person


@pytest.fixture(autouse=True)
def awake(owner: Person) -> None:
    """A hub that has not looked for a while has slept, and gives everybody their full time again."""
    owner.hub.work("bulk")


def expect(owner: Person, name: str = "Backup", **fields: Any) -> dict[str, Any]:
    return owner.post("/heartbeats", {"name": name, "interval_seconds": 60} | fields)


def ping(owner: Person, heartbeat: dict[str, Any], status: int = 200, **options: Any) -> None:
    parts = urlsplit(heartbeat["ping_url"])
    answer = owner.hub.http.get(f"{parts.path}?{parts.query}", **options)
    assert answer.status_code == status, answer.text


def pass_time(owner: Person, heartbeat: dict[str, Any], seconds: int) -> None:
    """Moves what is awaited into the past, and lets the workers look."""
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        session.execute(
            text("UPDATE expected_heartbeats SET due_at = due_at - make_interval(secs => :s) WHERE name = :name"),
            {"s": seconds, "name": heartbeat["name"]},
        )
    owner.hub.work("bulk", "ingest")


def test_silence_opens_an_incident_of_its_service_and_severity(owner: Person):
    heartbeat = expect(owner, severity="critical", service="backup", labels={"team": "storage"})
    pass_time(owner, heartbeat, 61)
    (incident,) = owner.get("/incidents")
    (alert,) = owner.get("/alerts")
    assert (incident["title"], incident["severity"]) == ("Heartbeat missing: Backup", "critical")
    assert (incident["service"], incident["source"]) == ("backup", heartbeat["integration_id"])
    assert alert["labels"] == {"heartbeat": "Backup", "team": "storage"}
    assert owner.get(f"/heartbeats/{heartbeat['id']}")["status"] == "missing"


def test_ping_resolves_what_silence_has_opened(owner: Person):
    heartbeat = expect(owner)
    pass_time(owner, heartbeat, 61)
    ping(owner, heartbeat)
    owner.hub.work("ingest")
    assert [each["status"] for each in owner.get("/incidents")] == ["resolved"]
    assert owner.get(f"/heartbeats/{heartbeat['id']}")["status"] == "alive"


def test_silence_is_told_once_however_long_it_lasts(owner: Person):
    heartbeat = expect(owner)
    pass_time(owner, heartbeat, 61)
    pass_time(owner, heartbeat, 3_600)
    assert len(owner.get("/deliveries")) == 1


def test_second_silence_is_a_new_episode_of_the_same_alert(owner: Person):
    heartbeat = expect(owner)
    for _ in range(2):
        pass_time(owner, heartbeat, 61)
        ping(owner, heartbeat)
        owner.hub.work("ingest")
    (alert,) = owner.get("/alerts")
    assert (alert["status"], alert["episode_count"], alert["occurrence_count"]) == ("resolved", 2, 4)


def test_ping_in_time_keeps_the_silence_away(owner: Person):
    heartbeat = expect(owner, grace_seconds=30)
    pass_time(owner, heartbeat, 80)
    ping(owner, heartbeat)
    pass_time(owner, heartbeat, 80)
    assert owner.get("/incidents") == []


def test_heartbeat_that_is_switched_off_is_not_missed(owner: Person):
    heartbeat = expect(owner)
    pass_time(owner, heartbeat, 61)
    owner.patch(f"/heartbeats/{heartbeat['id']}", {"enabled": False})
    pass_time(owner, heartbeat, 3_600)
    assert [each["status"] for each in owner.get("/incidents")] == ["resolved"]


def test_forgotten_heartbeat_leaves_no_open_incident(owner: Person):
    heartbeat = expect(owner)
    pass_time(owner, heartbeat, 61)
    owner.delete(f"/heartbeats/{heartbeat['id']}")
    owner.hub.work("ingest")
    assert [each["status"] for each in owner.get("/incidents")] == ["resolved"]
    ping(owner, heartbeat, status=404)


def test_hub_that_slept_itself_does_not_cry_that_others_are_silent(owner: Person):
    heartbeat = expect(owner)
    sleep = text("UPDATE heartbeat_watch SET looked_at = looked_at - make_interval(secs => :s)")
    with owner.hub.runtime.database.transaction() as session:
        session.execute(sleep, {"s": watch.ASLEEP_SECONDS + 1})
    pass_time(owner, heartbeat, 61)
    assert owner.get("/incidents") == []
    pass_time(owner, heartbeat, 61)
    assert len(owner.get("/incidents")) == 1


def test_token_is_shown_once_and_kept_as_a_hash(owner: Person):
    heartbeat = expect(owner)
    token = heartbeat["ping_url"].partition("token=")[2]
    assert token not in str(owner.get(f"/heartbeats/{heartbeat['id']}"))
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        assert token not in str(session.execute(text("SELECT * FROM expected_heartbeats")).all())


def test_wrong_token_and_unknown_heartbeat_look_alike(owner: Person):
    heartbeat = expect(owner)
    wrong = owner.hub.http.get(f"/api/v1/heartbeats/{heartbeat['id']}/ping?token=wrong")
    unknown = owner.hub.http.get(f"/api/v1/heartbeats/hbt_{'0' * 32}/ping?token=wrong")
    assert (
        (wrong.status_code, wrong.json["error"]) == (unknown.status_code, unknown.json["error"]) == (404, "Not found")
    )


def test_rotated_token_replaces_the_old_one(owner: Person):
    heartbeat = expect(owner)
    rotated = owner.post(f"/heartbeats/{heartbeat['id']}/rotate", status=200)
    ping(owner, heartbeat, status=404)
    ping(owner, rotated)


def test_ping_may_bring_a_body_and_its_token_in_a_header(owner: Person):
    heartbeat = expect(owner)
    path, _, token = heartbeat["ping_url"].removeprefix("http://localhost").partition("?token=")
    answer = owner.hub.http.post(path, data=b"done \xff\x00", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert owner.get(f"/heartbeats/{heartbeat['id']}")["last_ping_at"] is not None


@pytest.mark.parametrize("interval", [0, -1, 10**9, "60", 1.5, None])
def test_interval_that_makes_no_sense_is_refused(owner: Person, interval: Any):
    owner.post("/heartbeats", {"name": "Backup", "interval_seconds": interval}, status=422)


def test_name_is_taken_once(owner: Person):
    expect(owner)
    owner.post("/heartbeats", {"name": "Backup", "interval_seconds": 60}, status=409)


def test_more_heartbeats_than_there_may_be_are_refused(owner: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "MOST_HEARTBEATS", 1)
    expect(owner)
    owner.post("/heartbeats", {"name": "Second", "interval_seconds": 60}, status=409)


def test_heartbeats_of_another_organization_are_out_of_sight(owner: Person):
    heartbeat = expect(owner.hub.register())
    path = f"/heartbeats/{heartbeat['id']}"
    for answer in (owner.call("GET", path), owner.call("PATCH", path, json={}), owner.call("DELETE", path)):
        assert answer.status_code == 404


def test_connector_reads_its_sample_and_refuses_a_state_it_does_not_know():
    connector = HeartbeatWatch()
    sample = Delivery(body=connector.sample_body.encode(), headers={}, query={}, received_at=START)
    (event,) = connector.normalise(sample, {})
    assert (event.state, event.service, event.title) == (State.FIRING, "backup", "Heartbeat missing: Nightly backup")
    unknown = Delivery(body=sample.body.replace(b'"missing"', b'"tired"'), headers={}, query={}, received_at=START)
    with pytest.raises(Malformed, match="status"):
        connector.normalise(unknown, {})
